"""The loops behind packed_hash.pxd."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memmove

from carnelian.base.native cimport load16, load64, store16, store64
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport (
    PACKED_FLAG, PACKED_HEADER, packed_find, packed_skip, packed_verify,
)


cdef bint packed_hash_find(
    const uint8_t *data, size_t size, Slice field, PackedPair *pair
) noexcept nogil:
    cdef const uint8_t *p = packed_find(
        data + PACKED_HEADER, data + size, field, packed_hash_lead(data), True)
    if p == NULL:
        return False
    pair.offset = <size_t>(p - data)
    packed_hash_read(data, pair)
    return True


cdef void packed_hash_at(
    const uint8_t *data, size_t size, size_t index, PackedPair *pair
) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef size_t lead = packed_hash_lead(data)
    while index and p < data + size:
        p = packed_skip(packed_skip(p + lead))
        index -= 1
    pair.offset = <size_t>(p - data)
    packed_hash_read(data, pair)


cdef int64_t packed_hash_expiry_min_ms(const uint8_t *data, size_t size) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef int64_t least = 0
    cdef int64_t expires_ms
    if not packed_hash_has_expiries(data):
        return 0
    while p < data + size:
        expires_ms = <int64_t>load64(p)
        if expires_ms and (least == 0 or expires_ms < least):
            least = expires_ms
        p = packed_skip(packed_skip(p + sizeof(int64_t)))
    return least


cdef void packed_hash_write_expiries(uint8_t *data, size_t size) noexcept nogil:
    """All pairs go to the end of the grown region and come back, each behind its expiry."""
    cdef size_t grown = packed_hash_count(data, size) * sizeof(int64_t)
    cdef uint8_t *to = data + PACKED_HEADER
    cdef uint8_t *source = to + grown
    cdef uint8_t *end = data + size + grown
    cdef size_t length
    memmove(source, to, size - PACKED_HEADER)
    while source < end:
        length = <size_t>(packed_skip(packed_skip(source)) - source)
        store64(to, 0)
        to += sizeof(int64_t)
        memmove(to, source, length)
        to += length
        source += length
    store16(data, load16(data) | PACKED_FLAG)


cdef bint packed_hash_verify(const uint8_t *data, size_t size) noexcept nogil:
    return size >= PACKED_HEADER and packed_verify(data, size, packed_hash_lead(data), True)
