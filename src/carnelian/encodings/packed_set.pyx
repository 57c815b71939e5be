"""The loops behind packed_set.pxd."""

from libc.stdint cimport uint8_t

from carnelian.base.native cimport load16
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport (
    PACKED_FLAG, PACKED_HEADER, packed_find, packed_skip, packed_verify,
)


cdef bint packed_set_find(
    const uint8_t *data, size_t size, Slice member, size_t *offset
) noexcept nogil:
    cdef const uint8_t *p = packed_find(data + PACKED_HEADER, data + size, member, 0, False)
    if p == NULL:
        return False
    offset[0] = <size_t>(p - data)
    return True


cdef size_t packed_set_at(const uint8_t *data, size_t size, size_t index) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    while index and p < data + size:
        p = packed_skip(p)
        index -= 1
    return <size_t>(p - data)


cdef bint packed_set_verify(const uint8_t *data, size_t size) noexcept nogil:
    return packed_verify(data, size, 0, False) and not load16(data) & PACKED_FLAG
