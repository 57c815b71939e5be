"""SHA-1 (FIPS 180-4). The caller owns the `Sha1` it works on; nothing needs to be freed."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset

from carnelian.base.native cimport load32, store32


cdef extern from *:
    """
    #define cn_bswap32 __builtin_bswap32
    #define cn_sha1_bswap64 __builtin_bswap64
    """
    uint32_t bswap32 "cn_bswap32"(uint32_t v) nogil
    uint64_t bswap64 "cn_sha1_bswap64"(uint64_t v) nogil


cdef inline uint32_t rotate(uint32_t x, int bits) noexcept nogil:
    return x << bits | x >> (32 - bits)


cdef inline uint32_t mix(int quarter, uint32_t b, uint32_t c, uint32_t d) noexcept nogil:
    """The round function and the constant of a quarter of the 80 rounds."""
    if quarter == 0:
        return (d ^ (b & (c ^ d))) + <uint32_t>0x5A827999
    if quarter == 1:
        return (b ^ c ^ d) + <uint32_t>0x6ED9EBA1
    if quarter == 2:
        return ((b & c) | (d & (b | c))) + <uint32_t>0x8F1BBCDC
    return (b ^ c ^ d) + <uint32_t>0xCA62C1D6


cdef inline void step(uint32_t a, uint32_t *b, uint32_t mixed, uint32_t *e,
                      uint32_t word) noexcept nogil:
    e[0] += rotate(a, 5) + mixed + word
    b[0] = rotate(b[0], 30)


cdef inline void twenty_rounds(Chain *v, const uint32_t *words, int quarter) noexcept nogil:
    """The five words change places every round; after five rounds they are where they were."""
    cdef int i
    for i in range(0, 20, 5):
        step(v.a, &v.b, mix(quarter, v.b, v.c, v.d), &v.e, words[i])
        step(v.e, &v.a, mix(quarter, v.a, v.b, v.c), &v.d, words[i + 1])
        step(v.d, &v.e, mix(quarter, v.e, v.a, v.b), &v.c, words[i + 2])
        step(v.c, &v.d, mix(quarter, v.d, v.e, v.a), &v.b, words[i + 3])
        step(v.b, &v.c, mix(quarter, v.c, v.d, v.e), &v.a, words[i + 4])


cdef void absorb(Chain *state, const char *block) noexcept nogil:
    cdef uint32_t[80] words
    cdef Chain v = state[0]
    cdef int i
    for i in range(16):
        words[i] = bswap32(load32(block + 4 * i))
    for i in range(16, 80):
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1)
    twenty_rounds(&v, words, 0)
    twenty_rounds(&v, words + 20, 1)
    twenty_rounds(&v, words + 40, 2)
    twenty_rounds(&v, words + 60, 3)
    state.a += v.a
    state.b += v.b
    state.c += v.c
    state.d += v.d
    state.e += v.e


cdef void sha1_begin(Sha1 *sha) noexcept nogil:
    sha.state.a = 0x67452301
    sha.state.b = <uint32_t>0xEFCDAB89
    sha.state.c = <uint32_t>0x98BADCFE
    sha.state.d = 0x10325476
    sha.state.e = <uint32_t>0xC3D2E1F0
    sha.length = 0


cdef void sha1_update(Sha1 *sha, const char *p, size_t n) noexcept nogil:
    cdef size_t held = sha.length & 63
    cdef size_t part
    sha.length += n
    if held:
        part = n if n < 64 - held else 64 - held
        memcpy(sha.block + held, p, part)
        if held + part < 64:
            return
        absorb(&sha.state, <const char *>sha.block)
        p += part
        n -= part
    while n >= 64:
        absorb(&sha.state, p)
        p += 64
        n -= 64
    if n:
        memcpy(sha.block, p, n)


cdef void sha1_end(Sha1 *sha, unsigned char *out20) noexcept nogil:
    cdef size_t held = sha.length & 63
    cdef uint64_t bits = bswap64(sha.length << 3)
    sha.block[held] = 0x80
    held += 1
    memset(sha.block + held, 0, 64 - held)
    if held > 56:
        absorb(&sha.state, <const char *>sha.block)
        memset(sha.block, 0, 64)
    memcpy(sha.block + 56, &bits, 8)
    absorb(&sha.state, <const char *>sha.block)
    store32(out20, bswap32(sha.state.a))
    store32(out20 + 4, bswap32(sha.state.b))
    store32(out20 + 8, bswap32(sha.state.c))
    store32(out20 + 12, bswap32(sha.state.d))
    store32(out20 + 16, bswap32(sha.state.e))


cdef void sha1_digest(const char *p, size_t n, unsigned char *out20) noexcept nogil:
    cdef Sha1 sha
    sha1_begin(&sha)
    sha1_update(&sha, p, n)
    sha1_end(&sha, out20)
