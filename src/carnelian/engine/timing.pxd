"""CPU ticks to microseconds: what commands cost, without a system call per command."""

from libc.stdint cimport int64_t

cdef double ticks_per_us() noexcept
cdef int64_t ticks_to_us(int64_t count) noexcept
cdef int64_t ticks_of_us(int64_t us) noexcept      # the greatest number where it would not fit
