"""Keeps what commands propagate, for tests of their effects."""

from carnelian.base.slice cimport Slice
from carnelian.engine.propagation cimport Sink


cdef class RecordingSink(Sink):
    cdef readonly list fed

    def __cinit__(self):
        self.fed = []

    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1:
        cdef int i
        self.fed.append((db_id, [argv[i].ptr[:argv[i].len] for i in range(argc)]))
        return 0
