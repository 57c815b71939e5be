"""Packed set ("listpack" to OBJECT ENCODING): members in the order they came, in one region.

    +------------+----------+----------+-- ... --+
    | count word | member 0 | member 1 |         |     as in packed.pxd, flag 0
    +------------+----------+----------+-- ... --+

Pure functions over the caller's region; see packed.pxd for how a change is made.
"""

from libc.stdint cimport uint8_t

from carnelian.base.native cimport store16
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport (
    PACKED_HEADER, Splice, packed_count, packed_count_less, packed_count_more, packed_read,
    packed_size, packed_skip, packed_write, splice_of,
)


cdef bint packed_set_find(
    const uint8_t *data, size_t size, Slice member, size_t *offset) noexcept nogil
cdef size_t packed_set_at(const uint8_t *data, size_t size, size_t index) noexcept nogil
# Offset of a member by number (below the count): for SPOP and SRANDMEMBER.
cdef bint packed_set_verify(const uint8_t *data, size_t size) noexcept nogil


cdef inline size_t packed_set_init(uint8_t *data) noexcept nogil:
    """An empty set in PACKED_HEADER bytes, its size."""
    store16(data, 0)
    return PACKED_HEADER


cdef inline size_t packed_set_count(const uint8_t *data, size_t size) noexcept nogil:
    return packed_count(data, size, 0, False)


cdef inline bint packed_set_next(
    const uint8_t *data, size_t size, size_t *offset, Slice *member
) noexcept nogil:
    """The member at *offset, which moves on: start at PACKED_HEADER. False at the end."""
    if offset[0] >= size:
        return False
    offset[0] = <size_t>(packed_read(data + offset[0], member) - data)
    return True


cdef inline Splice packed_set_plan_add(size_t size, Slice member) noexcept nogil:
    return splice_of(size, 0, packed_size(member.len))


cdef inline void packed_set_write_add(uint8_t *data, Splice splice, Slice member) noexcept nogil:
    packed_write(data + splice.offset, member)
    packed_count_more(data)


cdef inline Splice packed_set_plan_remove(const uint8_t *data, size_t offset) noexcept nogil:
    return splice_of(offset, <size_t>(packed_skip(data + offset) - data) - offset, 0)


cdef inline void packed_set_write_remove(uint8_t *data, size_t size) noexcept nogil:
    """`size` is the one after the splice."""
    packed_count_less(data, size, 0, False)
