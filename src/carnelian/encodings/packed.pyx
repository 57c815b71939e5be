"""The loops behind packed.pxd. Owns no memory; called by the packed encodings only."""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcmp

from carnelian.base.native cimport load16, load32, store16
from carnelian.base.slice cimport Slice, slice_equal


cdef const uint8_t *find_long(
    const uint8_t *p, const uint8_t *end, Slice needle, size_t lead, bint paired
) noexcept nogil:
    cdef Slice element
    cdef const uint8_t *after
    while p < end:
        after = packed_read(p + lead, &element)
        if slice_equal(element, needle):
            return p
        p = packed_skip(after) if paired else after
    return NULL


cdef const uint8_t *packed_find(
    const uint8_t *p, const uint8_t *end, Slice needle, size_t lead, bint paired
) noexcept nogil:
    """Length first, then the last byte (the one that differs in field:1, field:2 ...), then all."""
    cdef size_t length = needle.len
    cdef uint8_t last
    if length >= PACKED_LONG:
        return find_long(p, end, needle, lead, paired)
    last = <uint8_t>needle.ptr[length - 1] if length else 0
    while p < end:
        p += lead
        if p[0] == length and p[length] == last and (
            length == 0 or memcmp(p + 1, needle.ptr, length) == 0
        ):
            return p - lead
        p = packed_skip(p)
        if paired:
            p = packed_skip(p)
    return NULL


cdef size_t packed_check(const uint8_t *p, const uint8_t *end) noexcept nogil:
    cdef size_t room = end - p
    cdef size_t length
    if room == 0 or p[0] > PACKED_LONG:
        return 0
    if p[0] < PACKED_LONG:
        return 1 + <size_t>p[0] if p[0] < room else 0
    if room < 5:
        return 0
    length = load32(p + 1)
    return 5 + length if length >= PACKED_LONG and length <= room - 5 else 0


cdef size_t walk_count(
    const uint8_t *p, const uint8_t *end, size_t lead, bint paired
) noexcept nogil:
    cdef size_t n = 0
    while p < end:
        p = packed_skip(p + lead)
        if paired:
            p = packed_skip(p)
        n += 1
    return n


cdef size_t packed_count(
    const uint8_t *data, size_t size, size_t lead, bint paired
) noexcept nogil:
    cdef size_t n = load16(data) & PACKED_MANY
    if n == PACKED_MANY:
        n = walk_count(data + PACKED_HEADER, data + size, lead, paired)
    return n


cdef void packed_count_less(uint8_t *data, size_t size, size_t lead, bint paired) noexcept nogil:
    cdef uint16_t word = load16(data)
    cdef size_t n
    if (word & PACKED_MANY) != PACKED_MANY:
        store16(data, word - 1)
        return
    n = walk_count(data + PACKED_HEADER, data + size, lead, paired)
    if n < PACKED_MANY:
        store16(data, (word & PACKED_FLAG) | n)


cdef bint packed_verify(const uint8_t *data, size_t size, size_t lead, bint paired) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef const uint8_t *end = data + size
    cdef size_t n = 0
    cdef size_t step
    cdef int _part
    if size < PACKED_HEADER:
        return False
    while p < end:
        if <size_t>(end - p) < lead:
            return False
        p += lead
        for _part in range(2 if paired else 1):
            step = packed_check(p, end)
            if step == 0:
                return False
            p += step
        n += 1
    return (load16(data) & PACKED_MANY) == (n if n < PACKED_MANY else PACKED_MANY)
