"""Who may refuse writes: snapshots that fail, an append-only file that does, too few replicas.

One Refusals per engine, owned by it; services set and end their own.
"""

from libc.stdint cimport uint32_t


cdef class Refusals:
    cdef uint32_t *gate            # the engine's
    cdef dict by_source            # source -> callable(writes, saves) -> CommandError or None

    # The error that refuses such a command, or None.
    cdef object ask(self, bint writes, bint saves)
    # Whether one who refuses does so because a disk fails.
    cdef bint disk_fails(self)
