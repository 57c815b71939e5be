"""xoshiro256** by Blackman and Vigna, seeded from the system.

Every thread has a state of its own, seeded when it first draws.
"""

import os

from libc.stdint cimport uint64_t

from carnelian.base.native cimport mul_high, unlikely

cdef extern from *:
    """
    static __thread uint64_t cn_random_state[4];    /* all zero: not seeded yet */
    """
    uint64_t state "cn_random_state"[4]

cdef uint64_t process_seed = int.from_bytes(os.urandom(8), "little")


cdef inline uint64_t rotate(uint64_t x, int bits) noexcept nogil:
    return x << bits | x >> (64 - bits)


cdef uint64_t random64() noexcept nogil:
    cdef uint64_t result
    cdef uint64_t shifted
    if unlikely(state[0] == 0 and state[1] == 0 and state[2] == 0 and state[3] == 0):
        random_seed(process_seed ^ <uint64_t>&state[0])
    result = rotate(state[1] * 5, 7) * 9
    shifted = state[1] << 17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotate(state[3], 45)
    return result


cdef uint64_t random_below(uint64_t n) noexcept nogil:
    # Lemire 2019: the upper half of the product is the answer, the lower half tells of bias.
    cdef uint64_t x = random64()
    cdef uint64_t floor
    if x * n < n:
        floor = (0 - n) % n
        while x * n < floor:
            x = random64()
    return mul_high(x, n)


cdef void random_seed(uint64_t x) noexcept nogil:
    """splitmix64 spreads the seed and never leaves all four words zero."""
    cdef uint64_t z
    cdef int i
    for i in range(4):
        x += <uint64_t>0x9E3779B97F4A7C15
        z = (x ^ x >> 30) * <uint64_t>0xBF58476D1CE4E5B9
        z = (z ^ z >> 27) * <uint64_t>0x94D049BB133111EB
        state[i] = z ^ z >> 31
