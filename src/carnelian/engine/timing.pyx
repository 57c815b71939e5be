"""The tick rate, measured against the monotonic clock since the import: the more exact, the longer
ago that was."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.clock cimport monotonic_ns
from carnelian.base.native cimport ticks


cdef enum:
    MEASURE_NS_MIN = 200_000

cdef int64_t TICKS_MAX = 0x7FFFFFFFFFFFFFFF
cdef uint64_t first_ticks = ticks()
cdef int64_t first_ns = monotonic_ns()


cdef double ticks_per_us() noexcept:
    cdef int64_t elapsed = monotonic_ns() - first_ns
    while elapsed < MEASURE_NS_MIN:
        elapsed = monotonic_ns() - first_ns
    return <double>(ticks() - first_ticks) * 1000.0 / <double>elapsed


cdef int64_t ticks_to_us(int64_t count) noexcept:
    return <int64_t>(<double>count / ticks_per_us())


cdef int64_t ticks_of_us(int64_t us) noexcept:
    cdef double wanted = <double>us * ticks_per_us()
    return <int64_t>wanted if wanted < <double>TICKS_MAX / 2 else TICKS_MAX


def to_us(int64_t count):
    return ticks_to_us(count)
