"""Fast random numbers for sampling and eviction. Not for secrets: use os.urandom there."""

from libc.stdint cimport uint64_t


cdef uint64_t random64() noexcept nogil
cdef void random_seed(uint64_t x) noexcept nogil         # of this thread: its sequence repeats
cdef uint64_t random_below(uint64_t n) noexcept nogil    # uniform in 0 .. n-1; 0 for n == 0
