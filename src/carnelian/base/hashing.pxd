"""The seeded hash of keys, fields and members.

Nobody may store or send it: the seed differs per process.
"""

from libc.stdint cimport uint64_t

from carnelian.base.native cimport fold_mul, load32, load64

cdef uint64_t seed_a
cdef uint64_t seed_b

cdef uint64_t hash_long(const char *p, size_t n) noexcept nogil


cdef inline uint64_t hash_bytes(const char *p, size_t n) noexcept nogil:
    """64 bits of which every one depends on every input bit (multiply-and-fold, secret seeds)."""
    cdef uint64_t a
    cdef uint64_t b
    if n > 16:
        return hash_long(p, n)
    if n >= 8:
        a = load64(p)
        b = load64(p + n - 8)
    elif n >= 4:
        a = load32(p)
        b = load32(p + n - 4)
    elif n:
        a = (<uint64_t>(<unsigned char>p[0]) << 16 | <uint64_t>(<unsigned char>p[n >> 1]) << 8
             | <unsigned char>p[n - 1])
        b = 0
    else:
        a = b = 0
    return fold_mul(fold_mul(a ^ seed_a, b ^ seed_b) ^ seed_b, n ^ seed_a)
