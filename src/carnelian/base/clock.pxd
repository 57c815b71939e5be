"""Time as 64-bit integers: an engine's clock.

`wall_*` is since 1970 and may jump, `steady_*` never goes back and starts anywhere. Each engine has
a Clock of its own, from which everything that belongs to it takes the time; a test may give it one
that it moves itself.
"""

from libc.stdint cimport int64_t


cdef class Clock:
    cdef int64_t jumped_us             # by so much somebody has set the wall clock

    cdef int64_t wall_us(self) noexcept nogil
    cdef int64_t steady_us(self) noexcept nogil
    cpdef int64_t wall_s(self) noexcept
    cpdef double steady_s(self) noexcept


cdef int64_t monotonic_ns() noexcept nogil      # the system's, for what costs CPU time
