"""What BITFIELD shares with the other bit commands."""

from libc.stdint cimport int64_t, uint8_t

from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef


cdef int64_t bit_offset(Call call, int i, int width) except -1
cdef uint8_t *writable_bits(Call call, KeyRef *ref, size_t size, bint *grown) except NULL
