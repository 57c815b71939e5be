"""XXH3 after Y. Collet's specification. Keeps no state; anyone may call it.

Each range of lengths has a mixer of its own (0, 1-3, 4-8, 9-16, 17-128, 129-240). Longer input goes
in stripes of 64 bytes into eight lanes, with a window of the secret that moves 8 bytes a stripe:

    block of 16 stripes            secret (192 bytes)
    +----------+----------+- ..    +--------------------------------+
    | stripe 0 | stripe 1 |        | 64 bytes for stripe 0          |
    +----------+----------+- ..    |  8 | 64 bytes for stripe 1     |  ...
"""

from libc.stdint cimport uint32_t, uint64_t

from carnelian.base.native cimport fold_mul, load32, load64


cdef extern from *:
    """
    #define cn_bswap64 __builtin_bswap64

    static const char cn_xxh3_secret[193] =
        "\\xb8\\xfe\\x6c\\x39\\x23\\xa4\\x4b\\xbe\\x7c\\x01\\x81\\x2c\\xf7\\x21\\xad\\x1c"
        "\\xde\\xd4\\x6d\\xe9\\x83\\x90\\x97\\xdb\\x72\\x40\\xa4\\xa4\\xb7\\xb3\\x67\\x1f"
        "\\xcb\\x79\\xe6\\x4e\\xcc\\xc0\\xe5\\x78\\x82\\x5a\\xd0\\x7d\\xcc\\xff\\x72\\x21"
        "\\xb8\\x08\\x46\\x74\\xf7\\x43\\x24\\x8e\\xe0\\x35\\x90\\xe6\\x81\\x3a\\x26\\x4c"
        "\\x3c\\x28\\x52\\xbb\\x91\\xc3\\x00\\xcb\\x88\\xd0\\x65\\x8b\\x1b\\x53\\x2e\\xa3"
        "\\x71\\x64\\x48\\x97\\xa2\\x0d\\xf9\\x4e\\x38\\x19\\xef\\x46\\xa9\\xde\\xac\\xd8"
        "\\xa8\\xfa\\x76\\x3f\\xe3\\x9c\\x34\\x3f\\xf9\\xdc\\xbb\\xc7\\xc7\\x0b\\x4f\\x1d"
        "\\x8a\\x51\\xe0\\x4b\\xcd\\xb4\\x59\\x31\\xc8\\x9f\\x7e\\xc9\\xd9\\x78\\x73\\x64"
        "\\xea\\xc5\\xac\\x83\\x34\\xd3\\xeb\\xc3\\xc5\\x81\\xa0\\xff\\xfa\\x13\\x63\\xeb"
        "\\x17\\x0d\\xdd\\x51\\xb7\\xf0\\xda\\x49\\xd3\\x16\\x55\\x26\\x29\\xd4\\x68\\x9e"
        "\\x2b\\x16\\xbe\\x58\\x7d\\x47\\xa1\\xfc\\x8f\\xf8\\xb8\\xd1\\x7a\\xd0\\x31\\xce"
        "\\x45\\xcb\\x3a\\x8f\\x95\\x16\\x04\\x28\\xaf\\xd7\\xfb\\xca\\xbb\\x4b\\x40\\x7e";

    static const uint64_t CN_PRIME32_1 = UINT64_C(0x9E3779B1);
    static const uint64_t CN_PRIME32_2 = UINT64_C(0x85EBCA77);
    static const uint64_t CN_PRIME32_3 = UINT64_C(0xC2B2AE3D);
    static const uint64_t CN_PRIME64_1 = UINT64_C(0x9E3779B185EBCA87);
    static const uint64_t CN_PRIME64_2 = UINT64_C(0xC2B2AE3D27D4EB4F);
    static const uint64_t CN_PRIME64_3 = UINT64_C(0x165667B19E3779F9);
    static const uint64_t CN_PRIME64_4 = UINT64_C(0x85EBCA77C2B2AE63);
    static const uint64_t CN_PRIME64_5 = UINT64_C(0x27D4EB2F165667C5);
    static const uint64_t CN_PRIME_MIX_1 = UINT64_C(0x165667919E3779F9);
    static const uint64_t CN_PRIME_MIX_2 = UINT64_C(0x9FB21C651E98DF25);
    """
    const char *SECRET "cn_xxh3_secret"
    const uint64_t PRIME32_1 "CN_PRIME32_1"
    const uint64_t PRIME32_2 "CN_PRIME32_2"
    const uint64_t PRIME32_3 "CN_PRIME32_3"
    const uint64_t PRIME64_1 "CN_PRIME64_1"
    const uint64_t PRIME64_2 "CN_PRIME64_2"
    const uint64_t PRIME64_3 "CN_PRIME64_3"
    const uint64_t PRIME64_4 "CN_PRIME64_4"
    const uint64_t PRIME64_5 "CN_PRIME64_5"
    const uint64_t PRIME_MIX_1 "CN_PRIME_MIX_1"
    const uint64_t PRIME_MIX_2 "CN_PRIME_MIX_2"
    uint64_t bswap64 "cn_bswap64"(uint64_t v) nogil

cdef enum:
    STRIPE = 64
    STRIPES_PER_BLOCK = 16     # (192 - 64) / 8
    BLOCK = STRIPE * STRIPES_PER_BLOCK
    SECRET_LAST = 192 - 64     # where the secret's last full window starts


cdef inline uint64_t rotate(uint64_t x, int bits) noexcept nogil:
    return x << bits | x >> (64 - bits)


cdef inline uint64_t avalanche(uint64_t h) noexcept nogil:
    h = (h ^ h >> 37) * PRIME_MIX_1
    return h ^ h >> 32


cdef inline uint64_t avalanche_short(uint64_t h) noexcept nogil:
    h = (h ^ h >> 33) * PRIME64_2
    h = (h ^ h >> 29) * PRIME64_3
    return h ^ h >> 32


cdef inline uint64_t secret_pair(int offset) noexcept nogil:
    return load64(SECRET + offset) ^ load64(SECRET + offset + 8)


cdef inline uint64_t mix16(const char *p, int offset) noexcept nogil:
    return fold_mul(load64(p) ^ load64(SECRET + offset),
                    load64(p + 8) ^ load64(SECRET + offset + 8))


cdef uint64_t hash_to_16(const char *p, size_t n) noexcept nogil:
    cdef uint64_t a
    cdef uint64_t b
    if n > 8:
        a = load64(p) ^ secret_pair(24)
        b = load64(p + n - 8) ^ secret_pair(40)
        return avalanche(n + bswap64(a) + b + fold_mul(a, b))
    if n >= 4:
        a = (<uint64_t>load32(p) << 32) + load32(p + n - 4) ^ secret_pair(8)
        a ^= rotate(a, 49) ^ rotate(a, 24)
        a *= PRIME_MIX_2
        a = (a ^ (a >> 35) + n) * PRIME_MIX_2
        return a ^ a >> 28
    if n:
        a = (<uint64_t>(<unsigned char>p[0]) << 16 | <uint64_t>(<unsigned char>p[n >> 1]) << 24
             | <unsigned char>p[n - 1] | n << 8)
        return avalanche_short(a ^ load32(SECRET) ^ load32(SECRET + 4))
    return avalanche_short(secret_pair(56))


cdef uint64_t hash_to_128(const char *p, size_t n) noexcept nogil:
    """From both ends towards the middle, 16 bytes at a time."""
    cdef uint64_t h = n * PRIME64_1
    cdef int i
    for i in range(<int>((n - 1) // 32), -1, -1):
        h += mix16(p + 16 * i, 32 * i) + mix16(p + n - 16 * (i + 1), 32 * i + 16)
    return avalanche(h)


cdef uint64_t hash_to_240(const char *p, size_t n) noexcept nogil:
    cdef uint64_t h = n * PRIME64_1
    cdef int i
    for i in range(8):
        h += mix16(p + 16 * i, 16 * i)
    h = avalanche(h)
    for i in range(8, <int>(n // 16)):
        h += mix16(p + 16 * i, 16 * (i - 8) + 3)
    return avalanche(h + mix16(p + n - 16, 136 - 17))


cdef inline void accumulate(uint64_t *lanes, const char *p, const char *secret) noexcept nogil:
    cdef uint64_t data
    cdef uint64_t keyed
    cdef int i
    for i in range(8):
        data = load64(p + 8 * i)
        keyed = data ^ load64(secret + 8 * i)
        lanes[i ^ 1] += data
        lanes[i] += <uint64_t>(<uint32_t>keyed) * (keyed >> 32)


cdef uint64_t hash_long(const char *p, size_t n) noexcept nogil:
    cdef uint64_t[8] lanes
    cdef size_t left = n
    cdef uint64_t h = n * PRIME64_1
    cdef int i
    lanes[0] = PRIME32_3
    lanes[1] = PRIME64_1
    lanes[2] = PRIME64_2
    lanes[3] = PRIME64_3
    lanes[4] = PRIME64_4
    lanes[5] = PRIME32_2
    lanes[6] = PRIME64_5
    lanes[7] = PRIME32_1
    # The last stripe overlaps the one before, so a block is full only if something follows it.
    while left > BLOCK:
        for i in range(STRIPES_PER_BLOCK):
            accumulate(lanes, p + STRIPE * i, SECRET + 8 * i)
        for i in range(8):
            lanes[i] ^= lanes[i] >> 47 ^ load64(SECRET + SECRET_LAST + 8 * i)
            lanes[i] *= PRIME32_1
        p += BLOCK
        left -= BLOCK
    for i in range(<int>((left - 1) // STRIPE)):
        accumulate(lanes, p + STRIPE * i, SECRET + 8 * i)
    accumulate(lanes, p + left - STRIPE, SECRET + SECRET_LAST - 7)
    for i in range(4):
        h += fold_mul(lanes[2 * i] ^ load64(SECRET + 11 + 16 * i),
                      lanes[2 * i + 1] ^ load64(SECRET + 19 + 16 * i))
    return avalanche(h)


cdef uint64_t xxh3_64(const char *p, size_t n) noexcept nogil:
    if n <= 16:
        return hash_to_16(p, n)
    if n <= 128:
        return hash_to_128(p, n)
    if n <= 240:
        return hash_to_240(p, n)
    return hash_long(p, n)
