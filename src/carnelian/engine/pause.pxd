"""What holds clients back: CLIENT PAUSE, until a time, and those who hold only writes, without one.

One Pause per engine, owned by it. It decides; the sessions held back are parked like all that wait
(engine/blocking), and dispatch runs their commands when the pause is over.
"""

from libc.stdint cimport int64_t, uint32_t


cdef class Pause:
    cdef uint32_t *gate            # the engine's
    cdef int64_t until_ms          # by the monotonic clock; 0: no CLIENT PAUSE
    cdef bint all_commands         # not only writes
    cdef readonly set holders      # of writes: a failover, a shutdown

    cdef void start(self, int64_t until_ms, bint all_commands) noexcept
    cdef void cut_short(self) noexcept
    cdef bint in_force(self) noexcept
    cdef bint is_over(self, int64_t steady_ms) noexcept
    cdef void end(self)
    cdef bint holds(self, bint writes) noexcept
