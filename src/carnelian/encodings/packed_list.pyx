"""The loops behind packed_list.pxd."""

from libc.stdint cimport uint8_t

from carnelian.base.native cimport load16, load32
from carnelian.encodings.packed cimport (
    PACKED_HEADER, PACKED_LONG, Splice, packed_check, splice_of,
)


cdef size_t list_limit_bytes(long fill) noexcept nogil:
    if fill >= 0:
        return 8192
    return <size_t>2048 << (5 if fill < -5 else -fill)


cdef size_t list_limit_count(long fill) noexcept nogil:
    if fill < 0:
        return PACKED_LIST_COUNT_MAX
    if fill == 0:
        return 1
    return 0x7FFF if fill > 0x7FFF else <size_t>fill     # Redis keeps the setting in 16 signed bits


cdef bint list_exceeds(size_t size, size_t count, long fill) noexcept nogil:
    return size > list_limit_bytes(fill) or count > list_limit_count(fill)


cdef const uint8_t *list_entry_seek(
    const uint8_t *p, const uint8_t *end, size_t count, size_t index
) noexcept nogil:
    if index <= count >> 1:
        while index:
            p = list_entry_after(p)
            index -= 1
        return p
    while index < count:
        end = list_entry_before(end)
        index += 1
    return end


cdef size_t list_entry_check(const uint8_t *p, const uint8_t *end) noexcept nogil:
    cdef size_t size = packed_check(p, end)
    cdef size_t room = <size_t>(end - p) - size
    if size == 0 or room == 0:
        return 0
    if size < PACKED_LONG:
        return size + 1 if p[size] == size else 0
    if room < 5 or load32(p + size) != size or p[size + 4] != PACKED_LONG:
        return 0
    return size + 5


cdef Splice packed_list_plan_remove(
    const uint8_t *data, size_t offset, size_t count
) noexcept nogil:
    cdef const uint8_t *p = data + offset
    while count:
        p = list_entry_after(p)
        count -= 1
    return splice_of(offset, <size_t>(p - data) - offset, 0)


cdef bint packed_list_verify(const uint8_t *data, size_t size) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef const uint8_t *end = data + size
    cdef size_t count = 0
    cdef size_t step
    if size < PACKED_HEADER:
        return False
    while p < end:
        step = list_entry_check(p, end)
        if step == 0:
            return False
        p += step
        count += 1
    return count == load16(data)
