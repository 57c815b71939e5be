"""Bits of a string: BITCOUNT, BITPOS, BITOP and BITFIELD. Contracts are in the .pxd.

The C below is what the compiler must see as C: kernels it can vectorize, and a population count
with AVX2 (a table of 16 nibble counts looked up 32 at a time) or the POPCNT instruction, chosen at
run time.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, UINT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from carnelian.base.native cimport clz64, ctz64, load64, sub_overflow
from carnelian.base.slice cimport Slice


cdef extern from *:
    """
    #if defined(__GNUC__) && !defined(__clang__)
    #define CN_VECTORIZE __attribute__((optimize("O3")))
    #else
    #define CN_VECTORIZE
    #endif

    #define CN_FOLD(name, value) \\
    CN_VECTORIZE static void name(uint8_t *restrict d, const uint8_t *restrict s, size_t n) { \\
        for (size_t i = 0; i < n; i++) d[i] = value; \\
    }
    CN_FOLD(cn_fold_and, d[i] & s[i])
    CN_FOLD(cn_fold_or, d[i] | s[i])
    CN_FOLD(cn_fold_xor, d[i] ^ s[i])
    CN_FOLD(cn_fold_only, d[i] & ~s[i])
    CN_FOLD(cn_fold_not, ~s[i])

    CN_VECTORIZE static void cn_fold_one(uint8_t *restrict once, uint8_t *restrict twice,
                                         const uint8_t *restrict s, size_t n) {
        for (size_t i = 0; i < n; i++) {
            twice[i] |= once[i] & s[i];
            once[i] |= s[i];
        }
    }

    __attribute__((always_inline))
    static inline uint64_t cn_count_words(const uint8_t *p, size_t n) {
        uint64_t a = 0, b = 0, c = 0, d = 0, tail = 0;
        for (; n >= 32; p += 32, n -= 32) {
            a += __builtin_popcountll(cn_load64(p));
            b += __builtin_popcountll(cn_load64(p + 8));
            c += __builtin_popcountll(cn_load64(p + 16));
            d += __builtin_popcountll(cn_load64(p + 24));
        }
        for (; n >= 8; p += 8, n -= 8) a += __builtin_popcountll(cn_load64(p));
        memcpy(&tail, p, n);
        return a + b + c + d + __builtin_popcountll(tail);
    }

    #if defined(__x86_64__)
    #include <immintrin.h>

    __attribute__((target("popcnt")))
    static uint64_t cn_count_popcnt(const uint8_t *p, size_t n) {
        return cn_count_words(p, n);
    }

    __attribute__((target("avx2,popcnt")))
    static uint64_t cn_count_avx2(const uint8_t *p, size_t n) {
        const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
                                                0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
        const __m256i low = _mm256_set1_epi8(15);
        __m256i total = _mm256_setzero_si256();
        uint64_t lanes[4];
        for (; n >= 256; p += 256, n -= 256) {
            __m256i bytes = _mm256_setzero_si256();
            for (int i = 0; i < 8; i++) {
                __m256i v = _mm256_loadu_si256((const __m256i *)(p + 32 * i));
                __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low);
                v = _mm256_shuffle_epi8(counts, _mm256_and_si256(v, low));
                bytes = _mm256_add_epi8(bytes, v);
                bytes = _mm256_add_epi8(bytes, _mm256_shuffle_epi8(counts, high));
            }
            total = _mm256_add_epi64(total, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
        }
        _mm256_storeu_si256((__m256i *)lanes, total);
        return lanes[0] + lanes[1] + lanes[2] + lanes[3] + cn_count_words(p, n);
    }

    static uint64_t cn_count(const uint8_t *p, size_t n) {
        if (n >= 256 && __builtin_cpu_supports("avx2")) return cn_count_avx2(p, n);
        if (__builtin_cpu_supports("popcnt")) return cn_count_popcnt(p, n);
        return cn_count_words(p, n);
    }
    #else
    #define cn_count cn_count_words
    #endif
    """
    void fold_and "cn_fold_and"(uint8_t *d, const uint8_t *s, size_t n) nogil
    void fold_or "cn_fold_or"(uint8_t *d, const uint8_t *s, size_t n) nogil
    void fold_xor "cn_fold_xor"(uint8_t *d, const uint8_t *s, size_t n) nogil
    void fold_only "cn_fold_only"(uint8_t *d, const uint8_t *s, size_t n) nogil
    void fold_not "cn_fold_not"(uint8_t *d, const uint8_t *s, size_t n) nogil
    void fold_one "cn_fold_one"(
        uint8_t *once, uint8_t *twice, const uint8_t *s, size_t n) nogil
    uint64_t count_bits "cn_count"(const uint8_t *p, size_t n) nogil

cdef enum:
    BLOCK = 4096


cdef bint bit_clamp_range(int64_t *first, int64_t *last, int64_t total) noexcept nogil:
    # `total + x` cannot overflow: x is negative and total is not
    if first[0] < 0:
        first[0] += total
    if last[0] < 0:
        last[0] += total
    if first[0] < 0:
        first[0] = 0
    if last[0] < 0:
        last[0] = 0
    if last[0] >= total:
        last[0] = total - 1
    return first[0] <= last[0]


cdef uint64_t bit_count(const uint8_t *p, size_t n) noexcept nogil:
    return count_bits(p, n)


cdef uint64_t bit_count_range(const uint8_t *p, uint64_t first, uint64_t last) noexcept nogil:
    cdef uint64_t left = first >> 3
    cdef uint64_t right = last >> 3
    cdef uint8_t edges[2]
    edges[0] = p[left] & <uint8_t>~(0xFF >> (first & 7))        # bits before the range ...
    edges[1] = p[right] & <uint8_t>((1 << (7 - (last & 7))) - 1)     # ... and after it
    return count_bits(p + left, right - left + 1) - count_bits(edges, 2)


cdef int64_t bit_position(const uint8_t *p, size_t n, bint bit) noexcept nogil:
    cdef uint64_t skip = 0 if bit else UINT64_MAX
    cdef uint64_t word
    cdef uint8_t byte
    cdef size_t i = 0
    while i + 8 <= n:
        word = load64(p + i) ^ skip
        if word:
            i += <size_t>ctz64(word) >> 3
            break
        i += 8
    while i < n:
        byte = p[i] ^ <uint8_t>skip
        if byte:
            return <int64_t>(i * 8) + clz64(<uint64_t>byte << 56)
        i += 1
    return -1


cdef int64_t position_in_byte(uint8_t byte, uint64_t at, uint64_t first, uint64_t last,
                              bint bit) noexcept nogil:
    """The answer for the part of [first, last] in the byte whose first bit is number `at`."""
    if not bit:
        byte = ~byte
    if first > at:
        byte &= 0xFF >> (first - at)
    if last < at + 7:
        byte &= <uint8_t>(0xFF << (at + 7 - last))
    if byte == 0:
        return -1
    return <int64_t>at + clz64(<uint64_t>byte << 56)


cdef int64_t bit_position_range(
    const uint8_t *p, uint64_t first, uint64_t last, bint bit
) noexcept nogil:
    cdef uint64_t left = first >> 3
    cdef uint64_t right = last >> 3
    cdef int64_t found = position_in_byte(p[left], left * 8, first, last, bit)
    if found >= 0 or left == right:
        return found
    left += 1
    found = bit_position(p + left, right - left, bit)
    if found >= 0:
        return found + <int64_t>(left * 8)
    return position_in_byte(p[right], right * 8, first, last, bit)


cdef const uint8_t *window(Slice source, size_t start, size_t n, uint8_t *padded) noexcept nogil:
    """n bytes of `source` from `start` on, zero-padded (in `padded`) where it ends earlier."""
    cdef size_t have = source.len - start if source.len > start else 0
    if have >= n:
        return <const uint8_t *>source.ptr + start
    if have:
        memcpy(padded, source.ptr + start, have)
    memset(padded + have, 0, n - have)
    return padded


cdef void fold_rest(uint8_t *any_other, size_t start, size_t n, const Slice *sources,
                    size_t count, uint8_t *padded) noexcept nogil:
    """The OR of all sources but the first."""
    cdef size_t i
    memset(any_other, 0, n)
    for i in range(1, count):
        fold_or(any_other, window(sources[i], start, n, padded), n)


cdef void operate_on_block(BitOperation operation, uint8_t *out, size_t start, size_t n,
                           const Slice *sources, size_t count) noexcept nogil:
    cdef uint8_t padded[BLOCK]
    cdef uint8_t other[BLOCK]
    cdef const uint8_t *source
    cdef size_t i
    memcpy(out, window(sources[0], start, n, padded), n)
    if operation == BIT_NOT:
        memcpy(other, out, n)
        fold_not(out, other, n)
    elif operation == BIT_ONE:
        memset(other, 0, n)
        for i in range(1, count):
            fold_one(out, other, window(sources[i], start, n, padded), n)
        fold_only(out, other, n)
    elif operation == BIT_DIFF:
        fold_rest(other, start, n, sources, count, padded)
        fold_only(out, other, n)
    elif operation == BIT_DIFF1:
        fold_rest(other, start, n, sources, count, padded)
        fold_only(other, out, n)
        memcpy(out, other, n)
    elif operation == BIT_ANDOR:
        fold_rest(other, start, n, sources, count, padded)
        fold_and(out, other, n)
    else:
        for i in range(1, count):
            source = window(sources[i], start, n, padded)
            if operation == BIT_AND:
                fold_and(out, source, n)
            elif operation == BIT_OR:
                fold_or(out, source, n)
            else:
                fold_xor(out, source, n)


cdef void bit_operation(
    BitOperation operation, uint8_t *out, size_t out_len, const Slice *sources, size_t count
) noexcept nogil:
    cdef size_t start = 0
    cdef size_t n
    while start < out_len:      # block by block, so that the accumulator stays in the first cache
        n = min(<size_t>BLOCK, out_len - start)
        operate_on_block(operation, out + start, start, n, sources, count)
        start += n


cdef uint64_t bitfield_get(const uint8_t *p, size_t n, uint64_t offset, int width) noexcept nogil:
    cdef uint64_t at = offset >> 3
    cdef int skipped = <int>(offset & 7)
    cdef int bits = 8 - skipped         # gathered so far
    cdef uint64_t value = (p[at] if at < n else 0) & (0xFF >> skipped)
    cdef uint64_t byte
    while bits < width:
        at += 1
        byte = p[at] if at < n else 0
        if width - bits < 8:            # the last byte: the field may have begun 64 bits before
            return value << (width - bits) | byte >> (8 - (width - bits))
        value = value << 8 | byte
        bits += 8
    return value >> (bits - width)


cdef void bitfield_set(uint8_t *p, uint64_t offset, int width, uint64_t value) noexcept nogil:
    cdef uint64_t at = offset >> 3
    cdef int begin = <int>(offset & 7)
    cdef int take
    cdef int shift
    cdef uint8_t mask
    while width > 0:
        take = min(8 - begin, width)
        shift = 8 - begin - take
        mask = <uint8_t>((0xFF >> (8 - take)) << shift)
        width -= take
        p[at] = (p[at] & ~mask) | (<uint8_t>((value >> width) << shift) & mask)
        begin = 0
        at += 1


cdef bint bitfield_fit_unsigned(
    uint64_t value, int64_t increment, int width, BitOverflow policy, uint64_t *result
) noexcept nogil:
    cdef uint64_t top = UINT64_MAX >> (64 - width)
    cdef bint above = value > top or (increment > 0 and <uint64_t>increment > top - value)
    cdef bint below = not above and increment < 0 and <uint64_t>0 - <uint64_t>increment > value
    result[0] = (value + <uint64_t>increment) & top
    if (above or below) and policy == OVERFLOW_SATURATE:
        result[0] = top if above else 0
    return not (above or below) or policy != OVERFLOW_FAIL


cdef bint bitfield_fit_signed(
    int64_t value, int64_t increment, int width, BitOverflow policy, int64_t *result
) noexcept nogil:
    cdef int64_t top = INT64_MAX >> (64 - width)
    cdef int64_t bottom = INT64_MIN >> (64 - width)
    cdef int64_t room
    cdef bint above = value > top or (value >= 0 and increment > top - value)
    cdef bint below = value < bottom or (value < 0 and increment < bottom - value)
    if not above and not below and width < 64:      # of opposite signs, in a narrow field
        above = value < 0 and increment > top - value
        below = value >= 0 and increment < bottom - value
    if below and width < 64 and sub_overflow(top, value, &room):
        above = True        # a Redis quirk: a number this low, given to SET, saturates to the top
    result[0] = bitfield_signed(<uint64_t>value + <uint64_t>increment, width)
    if (above or below) and policy == OVERFLOW_SATURATE:
        result[0] = top if above else bottom
    return not (above or below) or policy != OVERFLOW_FAIL
