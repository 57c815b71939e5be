"""Seeds and the long-input half of `hash_bytes`."""

import os

from libc.stdint cimport uint64_t

from carnelian.base.native cimport fold_mul, load64


cdef uint64_t hash_long(const char *p, size_t n) noexcept nogil:
    cdef uint64_t h = seed_a ^ n
    cdef uint64_t g = seed_b
    cdef size_t left = n
    while left > 32:
        h = fold_mul(load64(p) ^ seed_a, load64(p + 8) ^ h)
        g = fold_mul(load64(p + 16) ^ seed_b, load64(p + 24) ^ g)
        p += 32
        left -= 32
    if left > 16:
        h = fold_mul(load64(p) ^ seed_b, load64(p + 8) ^ h)
        p += left - 16
        left = 16
    else:
        p += left
        p -= 16
    g = fold_mul(load64(p) ^ seed_a, load64(p + 8) ^ g)
    return fold_mul(h ^ g ^ seed_b, n ^ seed_a)


def _draw_seed():
    # Odd and with many bits set, so that no product with it degenerates.
    return int.from_bytes(os.urandom(8), "little") | 1 | 1 << 62


seed_a = _draw_seed()
seed_b = _draw_seed()
