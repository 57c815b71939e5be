"""CRC-64 as at the end of RDB files and DUMP payloads: Jones's polynomial, reflected."""

from libc.stdint cimport uint64_t


# The checksum so far, 0 to begin with, extended by n bytes.
cdef uint64_t crc64(uint64_t crc, const char *p, size_t n) noexcept nogil
