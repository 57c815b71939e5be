"""XXH3, the 64-bit variant with seed 0 and the default secret: what DIGEST and IFDEQ compare."""

from libc.stdint cimport uint64_t


cdef uint64_t xxh3_64(const char *p, size_t n) noexcept nogil
