"""Intset ("intset"): a set of integers as one sorted array, in a region of its key's allocation.

    +----------+----------+----------+-- ... --+
    | width u8 | number 0 | number 1 |         |     ascending, little endian, width 2, 4 or 8
    +----------+----------+----------+-- ... --+

The count follows from the size, which is exact. The width grows with the first number that needs
it and never shrinks. Pure functions over the caller's region; a change is made as packed.pxd says.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from carnelian.base.native cimport load16, load32, load64
from carnelian.encodings.packed cimport Splice, splice_of

cdef enum:
    INTSET_HEADER = 1


cdef bint intset_find(
    const uint8_t *data, size_t size, int64_t number, size_t *position) noexcept nogil
# Where the number is or, if it is not there, belongs.
cdef Splice intset_plan_add(
    const uint8_t *data, size_t size, int64_t number, size_t position) noexcept nogil
cdef void intset_write_add(
    uint8_t *data, size_t size, int64_t number, size_t position) noexcept nogil
# `size` is the one before the splice.
cdef bint intset_verify(const uint8_t *data, size_t size) noexcept nogil


cdef inline size_t intset_init(uint8_t *data) noexcept nogil:
    """An empty set in INTSET_HEADER bytes, its size."""
    data[0] = sizeof(int16_t)
    return INTSET_HEADER


cdef inline size_t intset_count(const uint8_t *data, size_t size) noexcept nogil:
    # a shift, not a division: the width is 2, 4 or 8
    return (size - INTSET_HEADER) >> (3 if data[0] == 8 else data[0] >> 1)


cdef inline int64_t intset_at(const uint8_t *data, size_t position) noexcept nogil:
    cdef const uint8_t *p = data + INTSET_HEADER + position * data[0]
    if data[0] == sizeof(int16_t):
        return <int16_t>load16(p)
    if data[0] == sizeof(int32_t):
        return <int32_t>load32(p)
    return <int64_t>load64(p)


cdef inline Splice intset_plan_remove(const uint8_t *data, size_t position) noexcept nogil:
    """The splice is all there is to do."""
    return splice_of(INTSET_HEADER + position * data[0], data[0], 0)
