"""A clock that stands still until a test sets it."""

from libc.stdint cimport int64_t

from carnelian.base.clock cimport Clock


cdef class HeldClock(Clock):
    cdef public int64_t shown_wall_us
    cdef public int64_t shown_steady_us

    cdef int64_t wall_us(self) noexcept nogil:
        return self.shown_wall_us

    cdef int64_t steady_us(self) noexcept nogil:
        return self.shown_steady_us


def read(Clock clock):
    """What it shows: wall clock in us, monotonic in us."""
    return clock.wall_us(), clock.steady_us()
