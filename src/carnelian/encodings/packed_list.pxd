"""Packed list ("listpack"): elements that can be read from both ends, in one region.

    +-----------+---------+---------+-- ... --+
    | count u16 | entry 0 | entry 1 |         |
    +-----------+---------+---------+-- ... --+

    entry of up to 253 bytes of element          longer one
    +---------+----------------+                 +---------+-----------------+------+
    | element | its size, u8   |                 | element | its size u32 le | 0xFE |
    +---------+----------------+                 +---------+-----------------+------+

The element is as in packed.pxd, and its size counts its prefix. Nodes of a quicklist hold the same
entries without the count. Pure functions over the caller's region; a change is made as packed.pxd
says. The caller asks `list_exceeds` before every insertion, which also keeps the count within its
16 bits.
"""

from libc.stdint cimport uint8_t

from carnelian.base.native cimport likely, load16, load32, store16, store32
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport (
    PACKED_HEADER, PACKED_LONG, Splice, packed_read, packed_size, packed_skip, packed_write,
    splice_of,
)

cdef enum:
    PACKED_LIST_COUNT_MAX = 0xFFFF


cdef size_t list_limit_bytes(long fill) noexcept nogil
cdef size_t list_limit_count(long fill) noexcept nogil
cdef bint list_exceeds(size_t size, size_t count, long fill) noexcept nogil
# `fill` is list-max-listpack-size: -1 to -5 for 4 to 64 KiB, n > 0 for n elements (and 8 KiB).
cdef const uint8_t *list_entry_seek(
    const uint8_t *p, const uint8_t *end, size_t count, size_t index) noexcept nogil
# Entry `index` of `count`, from the nearer end; `end` for index == count.
cdef size_t list_entry_check(const uint8_t *p, const uint8_t *end) noexcept nogil
# Bytes of the entry at p if it is well-formed and ends by `end`, else 0.
cdef Splice packed_list_plan_remove(
    const uint8_t *data, size_t offset, size_t count) noexcept nogil
# `count` entries from `offset` on.
cdef bint packed_list_verify(const uint8_t *data, size_t size) noexcept nogil


cdef inline size_t list_entry_size(size_t length) noexcept nogil:
    cdef size_t size = packed_size(length)
    return size + (1 if likely(size < PACKED_LONG) else 5)


cdef inline const uint8_t *list_entry_after(const uint8_t *p) noexcept nogil:
    cdef const uint8_t *back = packed_skip(p)
    return back + (1 if likely(back - p < PACKED_LONG) else 5)


cdef inline const uint8_t *list_entry_before(const uint8_t *p) noexcept nogil:
    """The entry that ends where p is."""
    if likely((p - 1)[0] < PACKED_LONG):
        return p - 1 - (p - 1)[0]
    return p - 5 - load32(p - 5)


cdef inline const uint8_t *list_entry_read(const uint8_t *p, Slice *element) noexcept nogil:
    """Read the entry at p; the address behind it."""
    cdef const uint8_t *back = packed_read(p, element)
    return back + (1 if likely(back - p < PACKED_LONG) else 5)


cdef inline void list_entry_write(uint8_t *p, Slice element) noexcept nogil:
    cdef uint8_t *back = packed_write(p, element)
    cdef size_t size = <size_t>(back - p)
    if likely(size < PACKED_LONG):
        back[0] = <uint8_t>size
    else:
        store32(back, size)
        back[4] = PACKED_LONG


cdef inline size_t packed_list_init(uint8_t *data) noexcept nogil:
    """An empty list in PACKED_HEADER bytes, its size."""
    store16(data, 0)
    return PACKED_HEADER


cdef inline size_t packed_list_count(const uint8_t *data) noexcept nogil:
    return load16(data)


cdef inline size_t packed_list_seek(
    const uint8_t *data, size_t size, size_t index
) noexcept nogil:
    """Offset of an element by number, or the size for index == count."""
    return <size_t>(list_entry_seek(data + PACKED_HEADER, data + size, load16(data), index) - data)


cdef inline bint packed_list_next(
    const uint8_t *data, size_t size, size_t *offset, Slice *element
) noexcept nogil:
    """The element at *offset, which moves on: start at PACKED_HEADER. False at the end."""
    if offset[0] >= size:
        return False
    offset[0] = <size_t>(list_entry_read(data + offset[0], element) - data)
    return True


cdef inline Splice packed_list_plan_insert(size_t offset, Slice element) noexcept nogil:
    """Before the entry at `offset`: PACKED_HEADER to push at the front, the size at the back."""
    return splice_of(offset, 0, list_entry_size(element.len))


cdef inline void packed_list_write_insert(
    uint8_t *data, Splice splice, Slice element
) noexcept nogil:
    list_entry_write(data + splice.offset, element)
    store16(data, load16(data) + 1)


cdef inline void packed_list_write_remove(uint8_t *data, size_t count) noexcept nogil:
    store16(data, load16(data) - count)


cdef inline Splice packed_list_plan_replace(
    const uint8_t *data, size_t offset, Slice element
) noexcept nogil:
    cdef const uint8_t *p = data + offset
    return splice_of(
        offset, <size_t>(list_entry_after(p) - p), list_entry_size(element.len))


cdef inline void packed_list_write_replace(
    uint8_t *data, Splice splice, Slice element
) noexcept nogil:
    list_entry_write(data + splice.offset, element)
