"""LZF streams as liblzf reads and writes them. Keeps no state; anyone may call it, on any thread.

A stream is a sequence of literal runs and of references to bytes already produced:

    000LLLLL  <L + 1 bytes>                  literals, 1 to 32
    LLLooooo  oooooooo                       L + 2 bytes (3 to 8) from `o` + 1 bytes back
    111ooooo  LLLLLLLL  oooooooo             L + 9 bytes (9 to 264) from `o` + 1 bytes back
"""

from libc.stdint cimport UINT32_MAX, uint32_t
from libc.string cimport memcpy, memset

from carnelian.base.native cimport ctz64, load32, load64, store64

cdef enum:
    LITERALS_MAX = 32
    MATCH_MAX = 264
    WINDOW = 8192
    HASH_BITS_MIN = 8
    HASH_BITS_MAX = 14
    MISS_SHIFT = 6             # after 64 literals look at every second position, and so on ...
    STRIDE_MAX = 16            # ... but not so rarely that a compressible part is overlooked


cdef inline uint32_t hash_of(uint32_t three_bytes, int bits) noexcept nogil:
    return three_bytes * <uint32_t>2654435761 >> (32 - bits)


cdef inline size_t match_length(const char *a, const char *b, size_t limit) noexcept nogil:
    """How many of the first `limit` bytes agree."""
    cdef size_t i = 0
    cdef unsigned long long difference
    while i + 8 <= limit:
        difference = load64(a + i) ^ load64(b + i)
        if difference:
            return i + (ctz64(difference) >> 3)
        i += 8
    while i < limit and a[i] == b[i]:
        i += 1
    return i


cdef inline char *write_literals(char *out, const char *p, size_t n) noexcept nogil:
    cdef size_t run
    while n:
        run = n if n < LITERALS_MAX else LITERALS_MAX
        out[0] = <char>(run - 1)
        memcpy(out + 1, p, run)
        out += run + 1
        p += run
        n -= run
    return out


cdef inline char *write_match(char *out, size_t length, size_t back) noexcept nogil:
    length -= 2
    back -= 1
    if length < 7:
        out[0] = <char>(length << 5 | back >> 8)
        out[1] = <char>back
        return out + 2
    out[0] = <char>(7 << 5 | back >> 8)
    out[1] = <char>(length - 7)
    out[2] = <char>back
    return out + 3


cdef inline size_t literals_size(size_t n) noexcept nogil:
    return n + (n + LITERALS_MAX - 1) // LITERALS_MAX


cdef size_t lzf_compress(const char *p, size_t n, char *out, size_t out_capacity) noexcept nogil:
    cdef uint32_t[1 << HASH_BITS_MAX] positions
    cdef char *o = out
    cdef size_t i = 0
    cdef size_t candidate
    cdef size_t length
    cdef size_t limit
    cdef size_t stride
    cdef size_t literals = 0           # where the literals not written yet begin
    cdef uint32_t word
    cdef uint32_t slot
    cdef int bits = HASH_BITS_MIN
    if n < 4 or n > UINT32_MAX:
        return 0
    while bits < HASH_BITS_MAX and <size_t>1 << bits < n:
        bits += 1
    memset(positions, 0, sizeof(uint32_t) << bits)
    while i + 4 <= n:
        word = load32(p + i) & 0xFFFFFF
        slot = hash_of(word, bits)
        candidate = positions[slot]
        positions[slot] = <uint32_t>i
        if (candidate >= i or i - candidate > WINDOW
                or load32(p + candidate) & 0xFFFFFF != word):
            stride = 1 + (i - literals >> MISS_SHIFT)
            i += stride if stride < STRIDE_MAX else STRIDE_MAX
            continue
        limit = n - i if n - i < MATCH_MAX else MATCH_MAX
        length = match_length(p + candidate, p + i, limit)
        if <size_t>(o - out) + literals_size(i - literals) + 2 + (length > 8) > out_capacity:
            return 0
        o = write_literals(o, p + literals, i - literals)
        o = write_match(o, length, i - candidate)
        i += length
        literals = i
        if i + 2 <= n:                 # the bytes just behind a match often begin the next one
            positions[hash_of(load32(p + i - 2) & 0xFFFFFF, bits)] = <uint32_t>(i - 2)
    if <size_t>(o - out) + literals_size(n - literals) > out_capacity:
        return 0
    return write_literals(o, p + literals, n - literals) - out


cdef inline void copy_back(char *out, size_t back, size_t length, size_t room) noexcept nogil:
    """`length` bytes from `back` bytes before `out`; the two may overlap and then repeat."""
    cdef const char *source = out - back
    cdef size_t i = 0
    if back >= 8 and length + 8 <= room:
        while i < length:              # writes up to 7 bytes more, which later ones replace
            store64(out + i, load64(source + i))
            i += 8
    elif back == 1:
        memset(out, source[0], length)
    else:
        for i in range(length):
            out[i] = source[i]


cdef size_t lzf_decompress(const char *p, size_t n, char *out, size_t expected) noexcept nogil:
    cdef const char *end = p + n
    cdef size_t done = 0
    cdef size_t length
    cdef size_t back
    while p < end:
        length = <unsigned char>p[0]
        p += 1
        if length < LITERALS_MAX:
            length += 1
            if length > <size_t>(end - p) or length > expected - done:
                return 0
            if end - p >= LITERALS_MAX and expected - done >= LITERALS_MAX:
                memcpy(out + done, p, LITERALS_MAX)    # a fixed size needs no call
            else:
                memcpy(out + done, p, length)
            p += length
        else:
            back = (length & 31) << 8
            length >>= 5
            if end - p < 1 + (length == 7):
                return 0
            if length == 7:
                length += <unsigned char>p[0]
                p += 1
            back += <size_t>(<unsigned char>p[0]) + 1
            p += 1
            length += 2
            if back > done or length > expected - done:
                return 0
            copy_back(out + done, back, length, expected - done)
        done += length
    return done if done == expected else 0
