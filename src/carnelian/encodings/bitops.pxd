"""Bits of a string: BITCOUNT, BITPOS, BITOP and BITFIELD. Bit 0 is the top bit of byte 0.

Nothing here owns or allocates memory; any thread may call it on bytes that hold still.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.slice cimport Slice


cdef enum BitOperation:
    BIT_AND
    BIT_OR
    BIT_XOR
    BIT_NOT         # of the first source
    BIT_DIFF        # in the first source and in no other
    BIT_DIFF1       # in another source but not in the first
    BIT_ANDOR       # in the first source and in at least one other
    BIT_ONE         # in exactly one source

cdef enum BitOverflow:
    OVERFLOW_WRAP
    OVERFLOW_SATURATE
    OVERFLOW_FAIL


# Turns BITCOUNT's and BITPOS's indexes, negative ones from the end, into [first, last] within
# `total` units; 0 if the range is empty. BITCOUNT (not BITPOS) must answer 0 before calling when
# both are negative and first > last: clamping would make such a range begin at 0.
cdef bint bit_clamp_range(int64_t *first, int64_t *last, int64_t total) noexcept nogil

cdef uint64_t bit_count(const uint8_t *p, size_t n) noexcept nogil
cdef uint64_t bit_count_range(const uint8_t *p, uint64_t first, uint64_t last) noexcept nogil

# Position of the first bit equal to `bit`, or -1. The rule that a string is followed by zeros
# (BITPOS 0 without an end) is the caller's: it answers 8 * n instead of -1.
cdef int64_t bit_position(const uint8_t *p, size_t n, bint bit) noexcept nogil
cdef int64_t bit_position_range(
    const uint8_t *p, uint64_t first, uint64_t last, bint bit
) noexcept nogil

# Writes out_len bytes, the length of the longest source; shorter sources count as zero-padded.
# count >= 1; `out` overlaps no source.
cdef void bit_operation(
    BitOperation operation, uint8_t *out, size_t out_len, const Slice *sources, size_t count
) noexcept nogil


cdef inline uint64_t bitfield_end(uint64_t offset, int width) noexcept nogil:
    """Bytes a string must have to hold the field."""
    return (offset + <uint64_t>width + 7) >> 3


cdef inline int64_t bitfield_signed(uint64_t value, int width) noexcept nogil:
    return <int64_t>(value << (64 - width)) >> (64 - width)


# 1 <= width <= 64. Bytes past the end read as zero.
cdef uint64_t bitfield_get(const uint8_t *p, size_t n, uint64_t offset, int width) noexcept nogil
# Stores the low `width` bits; p has bitfield_end(offset, width) bytes.
cdef void bitfield_set(uint8_t *p, uint64_t offset, int width, uint64_t value) noexcept nogil

# value + increment as a field of that width: 1 with *result, or 0 if it does not fit and the policy
# is FAIL. SET checks its argument with increment 0. Unsigned fields are at most 63 bits wide.
cdef bint bitfield_fit_unsigned(
    uint64_t value, int64_t increment, int width, BitOverflow policy, uint64_t *result
) noexcept nogil
cdef bint bitfield_fit_signed(
    int64_t value, int64_t increment, int width, BitOverflow policy, int64_t *result
) noexcept nogil
