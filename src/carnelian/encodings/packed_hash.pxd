"""Packed hash: fields and values in the order they came, in one region.

    "listpack"
    +------------+---------+---------+---------+---------+-- ... --+
    | count word | field 0 | value 0 | field 1 | value 1 |         |
    +------------+---------+---------+---------+---------+-- ... --+

    "listpackex": the count word's flag is set and some field may expire
    +------------+--------------+---------+---------+--------------+---------+-- ... --+
    | count word | expiry 0 i64 | field 0 | value 0 | expiry 1 i64 | field 1 |         |
    +------------+--------------+---------+---------+--------------+---------+-- ... --+

An expiry is in milliseconds of Unix time, 0 for a field that stays. As in Redis a hash that once
had a field with an expiry keeps the second form. Pure functions over the caller's region; see
packed.pxd for how a change is made.
"""

from libc.stdint cimport int64_t, uint8_t

from carnelian.base.native cimport load16, load64, store16, store64
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport (
    PACKED_FLAG, PACKED_HEADER, Splice, packed_count, packed_count_less, packed_count_more,
    packed_read, packed_size, packed_write, splice_of,
)

cdef struct PackedPair:
    size_t offset           # of the pair (its expiry, if there are expiries) in the region
    size_t size             # bytes up to the next pair
    Slice field
    Slice value
    int64_t expires_ms


cdef bint packed_hash_find(
    const uint8_t *data, size_t size, Slice field, PackedPair *pair) noexcept nogil
cdef void packed_hash_at(
    const uint8_t *data, size_t size, size_t index, PackedPair *pair) noexcept nogil
# A pair by number (below the count): for HRANDFIELD.
cdef int64_t packed_hash_expiry_min_ms(const uint8_t *data, size_t size) noexcept nogil
# 0: no field expires.
cdef void packed_hash_write_expiries(uint8_t *data, size_t size) noexcept nogil
# Second half of the conversion to "listpackex"; `size` is the one before the splice.
cdef bint packed_hash_verify(const uint8_t *data, size_t size) noexcept nogil


cdef inline size_t packed_hash_init(uint8_t *data) noexcept nogil:
    """An empty hash in PACKED_HEADER bytes, its size."""
    store16(data, 0)
    return PACKED_HEADER


cdef inline bint packed_hash_has_expiries(const uint8_t *data) noexcept nogil:
    return load16(data) & PACKED_FLAG != 0


cdef inline size_t packed_hash_lead(const uint8_t *data) noexcept nogil:
    return sizeof(int64_t) if packed_hash_has_expiries(data) else 0


cdef inline size_t packed_hash_count(const uint8_t *data, size_t size) noexcept nogil:
    return packed_count(data, size, packed_hash_lead(data), True)


cdef inline void packed_hash_begin(PackedPair *pair) noexcept nogil:
    """Before the first packed_hash_next."""
    pair.offset = PACKED_HEADER
    pair.size = 0


cdef inline void packed_hash_read(const uint8_t *data, PackedPair *pair) noexcept nogil:
    """Fill in the pair that starts at pair.offset."""
    cdef const uint8_t *p = data + pair.offset
    pair.expires_ms = 0
    if packed_hash_has_expiries(data):
        pair.expires_ms = <int64_t>load64(p)
        p += sizeof(int64_t)
    p = packed_read(packed_read(p, &pair.field), &pair.value)
    pair.size = <size_t>(p - data) - pair.offset


cdef inline bint packed_hash_next(
    const uint8_t *data, size_t size, PackedPair *pair
) noexcept nogil:
    pair.offset += pair.size
    if pair.offset >= size:
        return False
    packed_hash_read(data, pair)
    return True


cdef inline Splice packed_hash_plan_add(
    const uint8_t *data, size_t size, Slice field, Slice value
) noexcept nogil:
    """A new pair at the end; the caller knows that the field is not there."""
    return splice_of(
        size, 0, packed_hash_lead(data) + packed_size(field.len) + packed_size(value.len))


cdef inline void packed_hash_write_add(
    uint8_t *data, Splice splice, Slice field, Slice value
) noexcept nogil:
    cdef uint8_t *p = data + splice.offset
    if packed_hash_has_expiries(data):
        store64(p, 0)
        p += sizeof(int64_t)
    packed_write(packed_write(p, field), value)
    packed_count_more(data)


cdef inline Splice packed_hash_plan_value(PackedPair *pair, Slice value) noexcept nogil:
    """Another value for a pair that was found; the pair's expiry stays."""
    cdef size_t old = packed_size(pair.value.len)
    return splice_of(pair.offset + pair.size - old, old, packed_size(value.len))


cdef inline void packed_hash_write_value(uint8_t *data, Splice splice, Slice value) noexcept nogil:
    packed_write(data + splice.offset, value)


cdef inline Splice packed_hash_plan_remove(PackedPair *pair) noexcept nogil:
    return splice_of(pair.offset, pair.size, 0)


cdef inline void packed_hash_write_remove(uint8_t *data, size_t size) noexcept nogil:
    """`size` is the one after the splice."""
    packed_count_less(data, size, packed_hash_lead(data), True)


cdef inline Splice packed_hash_plan_expiries(const uint8_t *data, size_t size) noexcept nogil:
    """Room for an expiry in every pair of a hash that has none; then packed_hash_write_expiries."""
    return splice_of(size, 0, packed_hash_count(data, size) * sizeof(int64_t))


cdef inline void packed_hash_set_expiry(
    uint8_t *data, size_t offset, int64_t expires_ms
) noexcept nogil:
    """Of the pair at `offset`, in a hash that has expiries; 0 takes it away."""
    store64(data + offset, <unsigned long long>expires_ms)
