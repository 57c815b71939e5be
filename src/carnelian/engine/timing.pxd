"""CPU ticks to microseconds: what commands cost, without a system call per command."""

from libc.stdint cimport int64_t

cdef double ticks_per_us

# Measure the rate again: more exact the longer ago the import was.
cpdef void calibrate()
cdef int64_t ticks_to_us(int64_t ticks) noexcept
