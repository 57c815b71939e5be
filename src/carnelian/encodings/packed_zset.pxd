"""Packed sorted set ("listpack" to OBJECT ENCODING): members with scores, in order, in one region.

    +------------+----------+---------+----------+---------+-- ... --+
    | count word | member 0 | score 0 | member 1 | score 1 |         |   as in packed.pxd, flag 0
    +------------+----------+---------+----------+---------+-- ... --+

    score: a tag, then what it announces
    +------------+                  +----------+-- 1 to 7 bytes --+
    | 16 + value |  0 to 239        | n, 1..7  | integer, le      |  any other integer of 55 bits
    +------------+                  +----------+------------------+
    +---+-- 4 bytes --+             +---+-- 8 bytes --+
    | 9 | float       |             | 8 | double      |
    +---+-------------+             +---+-------------+

The form used is the first of these that is exact: small value, integer of at most 4 bytes, float,
longer integer, double.

Order and cuts are those of member.pxd. Pure functions over the caller's region; see packed.pxd for
how a change is made.
"""

from libc.stdint cimport uint8_t, uint32_t

from carnelian.base.native cimport store16
from carnelian.base.slice cimport Slice
from carnelian.encodings.member cimport Cut
from carnelian.encodings.packed cimport PACKED_HEADER, Splice, splice_of
from carnelian.encodings.sorted_set cimport SortedSet

cdef enum:
    PACKED_ZSET_INDEX = 128

cdef struct PackedMember:
    size_t offset           # in the region
    size_t size             # bytes up to the next member
    size_t rank             # not set by packed_zset_read
    double score
    Slice member

# Where each member starts, by rank: for going backward and for many random accesses.
cdef struct PackedZsetIndex:
    size_t count
    uint32_t *offsets       # `nearby`, or a block of its own for more members
    uint32_t nearby[PACKED_ZSET_INDEX]


cdef size_t packed_zset_count(const uint8_t *data, size_t size) noexcept nogil
cdef void packed_zset_read(const uint8_t *data, PackedMember *item) noexcept nogil
# Fills in the member that starts at item.offset.
cdef bint packed_zset_find(
    const uint8_t *data, size_t size, Slice member, PackedMember *item) noexcept nogil
cdef bint packed_zset_at(
    const uint8_t *data, size_t size, size_t rank, PackedMember *item) noexcept nogil
cdef size_t packed_zset_cut(const uint8_t *data, size_t size, const Cut *cut) noexcept nogil
# How many members lie before the cut, like sorted_set_cut.
cdef void packed_zset_index(
    const uint8_t *data, size_t size, PackedZsetIndex *index) noexcept nogil
cdef void packed_zset_index_free(PackedZsetIndex *index) noexcept nogil

cdef size_t packed_zset_item_size(double score, Slice member) noexcept nogil
# What a member takes in a region: for packed_fits.

cdef Splice packed_zset_plan_add(
    const uint8_t *data, size_t size, double score, Slice member) noexcept nogil
cdef void packed_zset_write_add(
    uint8_t *data, Splice splice, double score, Slice member) noexcept nogil
# The caller knows that the member is not there; the score is not NaN.

cdef Splice packed_zset_plan_score(const PackedMember *item, double score) noexcept nogil
cdef void packed_zset_write_score(
    uint8_t *data, size_t size, Splice splice, double score, Slice member) noexcept nogil
# Another score for a member that was found. The write also moves it to its new place; `size` is
# the one after the splice, `member` the same bytes as the item's, but outside the region.

cdef Splice packed_zset_plan_remove_range(
    const uint8_t *data, size_t size, size_t first, size_t end) noexcept nogil
# Ranks first <= rank < end; end may lie beyond the last.
cdef void packed_zset_write_remove(uint8_t *data, size_t size, size_t removed) noexcept nogil
# `size` is the one after the splice, `removed` how many members went with it.

cdef SortedSet *packed_zset_unpack(const uint8_t *data, size_t size) noexcept nogil
cdef size_t packed_zset_packed_size(SortedSet *z) noexcept nogil
cdef void packed_zset_pack(SortedSet *z, uint8_t *data) noexcept nogil
# Both ways between the encodings; pack needs packed_zset_packed_size(z) bytes.

cdef bint packed_zset_verify(const uint8_t *data, size_t size) noexcept nogil
# Whether the bytes, which nobody vouches for, are a sound region: bounds, order, no member twice.


cdef inline size_t packed_zset_init(uint8_t *data) noexcept nogil:
    """An empty sorted set in PACKED_HEADER bytes, its size."""
    store16(data, 0)
    return PACKED_HEADER


cdef inline void packed_zset_begin(PackedMember *item) noexcept nogil:
    """Before the first packed_zset_next."""
    item.offset = PACKED_HEADER
    item.size = 0
    item.rank = <size_t>-1


cdef inline bint packed_zset_next(
    const uint8_t *data, size_t size, PackedMember *item
) noexcept nogil:
    item.offset += item.size
    item.rank += 1
    if item.offset >= size:
        return False
    packed_zset_read(data, item)
    return True


cdef inline Splice packed_zset_plan_remove(const PackedMember *item) noexcept nogil:
    """Of a member that was found; then packed_zset_write_remove."""
    return splice_of(item.offset, item.size, 0)
