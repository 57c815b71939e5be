"""Reads the system's clocks; on any thread."""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec


cdef class Clock:
    cdef int64_t wall_us(self) noexcept nogil:
        cdef timespec now
        clock_gettime(CLOCK_REALTIME, &now)
        return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000 + self.jumped_us

    cdef int64_t steady_us(self) noexcept nogil:
        return monotonic_ns() // 1000

    cpdef int64_t wall_s(self) noexcept:
        return self.wall_us() // 1000000

    cpdef double steady_s(self) noexcept:
        return self.steady_us() / 1e6

    def jump_ms(self, int64_t by):
        """Let the wall clock jump, as if somebody had set it."""
        self.jumped_us += by * 1000


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec
