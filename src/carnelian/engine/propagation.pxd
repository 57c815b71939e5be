"""What a write tells the append-only file and the replicas."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice


cdef enum:                     # in place of a database's number
    ANY_DATABASE = -1
    REPLICAS_ONLY = -2         # any too; not for the append-only file, since nothing of it lasts


cdef inline int for_replicas_only(int db_id) noexcept:
    """What a sink is given in place of the number; the same again turns it back."""
    return REPLICAS_ONLY - 1 - db_id


cdef enum:                     # who is fed first; the others copy what the first has encoded
    SINK_LOG = 0
    SINK_STREAM = 1
    SINK_OBSERVER = 2


cdef class Sink:
    """Receives commands to log or to send on, in order; a unit of several arrives within MULTI and
    EXEC, which belong to no database: their db_id is one of those above.

    A write is turned into RESP once: `encoded` is those bytes, valid during the call. The first
    sink that keeps them as one piece says where they are (until then its ptr is NULL)."""
    cdef int rank
    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1


cdef class Propagation:
    cdef list sinks                # by rank
    cdef bint active               # whether there is any sink
    cdef list unit                 # of (db id, [bytes, ...]) waiting for the end of the unit
    # Where the replication stream is: bytes while there is one, else the number of commands fed.
    cdef public int64_t offset
    cdef public bint counts_commands

    cdef void add_sink(self, Sink sink)
    cdef void remove_sink(self, Sink sink)
    cdef void add(self, int db_id, list argv)
    cdef void add_slices(self, int db_id, const Slice *argv, int argc)
    cdef int feed(self, int db_id, const Slice *argv, int argc) except -1
    cdef int feed_list(self, int db_id, list argv) except -1
    cdef int end_unit(self) except -1
