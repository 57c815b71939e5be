"""Time as 64-bit integers: `clock_*` is since 1970 and may jump, `monotonic_*` never goes back.

Tests can put both elsewhere (`shift_ms`, `hold`), for the whole process.
"""

from libc.stdint cimport int64_t


cdef int64_t clock_ms() noexcept nogil
cdef int64_t clock_us() noexcept nogil
cdef int64_t monotonic_us() noexcept nogil
cdef int64_t monotonic_ns() noexcept nogil      # for what costs CPU time: it is never held
cpdef double monotonic_s() noexcept
