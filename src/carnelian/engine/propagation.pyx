"""Collects the effects of one unit of execution (a command, an EXEC, a script) and feeds them to
the sinks.

Expired and evicted keys become DELs ahead of the command that met them. A unit with more than one
command goes out as a transaction, so that no reader of the stream sees half of it.
"""

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slice_of, slices_of


cdef class Sink:
    def __cinit__(self):
        self.rank = SINK_OBSERVER

    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1:
        raise NotImplementedError


cdef class Propagation:
    def __cinit__(self):
        self.sinks = []
        self.unit = []
        self.counts_commands = True

    cdef void add_sink(self, Sink sink):
        cdef Py_ssize_t place = 0
        while place < len(self.sinks) and (<Sink>self.sinks[place]).rank <= sink.rank:
            place += 1
        self.sinks.insert(place, sink)
        self.active = True

    cdef void remove_sink(self, Sink sink):
        self.sinks.remove(sink)
        self.active = len(self.sinks) > 0

    def attach(self, Sink sink):
        self.add_sink(sink)

    def detach(self, Sink sink):
        self.remove_sink(sink)

    def suspend(self):
        """What is replayed is in the log already."""
        self.active = False

    def resume(self):
        self.active = len(self.sinks) > 0

    cdef void add(self, int db_id, list argv):
        if self.active:
            self.unit.append((db_id, argv))

    cdef void add_slices(self, int db_id, const Slice *argv, int argc):
        cdef int i
        if self.active:
            self.unit.append((db_id, [argv[i].ptr[:argv[i].len] for i in range(argc)]))

    cdef int feed(self, int db_id, const Slice *argv, int argc) except -1:
        cdef Slice encoded = slice_of(NULL, 0)
        self.offset += self.counts_commands
        for sink in self.sinks:
            (<Sink>sink).feed(db_id, argv, argc, &encoded)
        return 0

    cdef int feed_list(self, int db_id, list argv) except -1:
        cdef Slice *slices = slices_of(argv)
        try:
            return self.feed(db_id, slices, <int>len(argv))
        finally:
            mem_free(slices)

    cdef int end_unit(self) except -1:
        cdef list unit = self.unit
        cdef int around = REPLICAS_ONLY
        if not unit:
            return 0
        self.unit = []
        if len(unit) == 1:
            return self.feed_list(unit[0][0], unit[0][1])
        for db_id, _ in unit:
            if db_id > REPLICAS_ONLY:
                around = ANY_DATABASE
        self.feed_list(around, [b"MULTI"])
        for db_id, argv in unit:
            self.feed_list(db_id, argv)
        return self.feed_list(around, [b"EXEC"])
