"""Freeing what is big off the thread that runs commands."""

from libc.stdint cimport int64_t

from carnelian.keyspace.database cimport Database
from carnelian.keyspace.entry cimport Entry


cdef class LazyFree:
    cdef object queue
    cdef object running            # lock, held while there is a thread
    cdef object thread             # its identity and process, or None
    cdef int64_t queued            # values handed over, ever
    cdef int64_t freed             # values done, ever; written by the background thread
    cdef int64_t freed_before_reset

    cdef void start(self)
    cpdef void end(self)
    cdef void free_value(self, int kind, void *value)
    cdef void free_database(self, Database *db)
    # Free an unlinked entry, or a value: here, or in the background where that would take long.
    cdef void discard(self, Entry *e) noexcept
    cdef void discard_value(self, int kind, void *value) noexcept
    cdef int64_t pending(self)
