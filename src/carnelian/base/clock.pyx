"""Reads the system's clocks; anyone may, on any thread. The only state is what tests set."""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from carnelian.base.native cimport unlikely

cdef int64_t shifted_us = 0        # the wall clock jumped by so much
cdef bint held = False
cdef int64_t held_us = 0
cdef int64_t held_monotonic_us = 0


cdef int64_t clock_ms() noexcept nogil:
    return clock_us() // 1000


cdef int64_t clock_us() noexcept nogil:
    cdef timespec now
    if unlikely(held):
        return held_us
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000 + shifted_us


cdef int64_t monotonic_us() noexcept nogil:
    if unlikely(held):
        return held_monotonic_us
    return monotonic_ns() // 1000


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000000 + now.tv_nsec


cpdef double monotonic_s() noexcept:
    return monotonic_us() / 1e6


def shift_ms(int64_t by):
    """Let the wall clock jump, as if somebody had set it."""
    global shifted_us
    shifted_us += by * 1000


def hold(int64_t us, int64_t steady_us):
    """From now on the clocks show this until they are held anew: a simulation moves them."""
    global held, held_us, held_monotonic_us
    held = True
    held_us = us
    held_monotonic_us = steady_us
