"""The tick rate, measured against the monotonic clock: roughly at import, better the longer the
process runs."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.clock cimport monotonic_ns
from carnelian.base.native cimport ticks


cdef enum:
    FIRST_MEASURE_NS = 200_000

cdef uint64_t first_ticks = ticks()
cdef int64_t first_ns = monotonic_ns()


cpdef void calibrate():
    """Measure again over the whole time since import."""
    global ticks_per_us
    cdef int64_t elapsed = monotonic_ns() - first_ns
    if elapsed >= FIRST_MEASURE_NS:
        ticks_per_us = <double>(ticks() - first_ticks) * 1000.0 / <double>elapsed


cdef int64_t ticks_to_us(int64_t count) noexcept:
    return <int64_t>(<double>count / ticks_per_us)


def to_us(int64_t count):
    return ticks_to_us(count)


while monotonic_ns() - first_ns < FIRST_MEASURE_NS:
    pass
ticks_per_us = 1.0
calibrate()
