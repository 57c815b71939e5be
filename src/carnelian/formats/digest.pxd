"""The steps of DEBUG DIGEST: a SHA-1 that depends on nothing but what is in a value, as Redis's.

What has an order is mixed (the digest so far goes into the next one), what has none is xored.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from carnelian.base.sha1 cimport sha1_digest


cdef enum:
    DIGEST_SIZE = 20


cdef inline void digest_xor(uint8_t *digest, const char *p, size_t n) noexcept nogil:
    cdef uint8_t own[DIGEST_SIZE]
    cdef int i
    sha1_digest(p, n, own)
    for i in range(DIGEST_SIZE):
        digest[i] ^= own[i]


cdef inline void digest_mix(uint8_t *digest, const char *p, size_t n) noexcept nogil:
    cdef uint8_t before[DIGEST_SIZE]
    digest_xor(digest, p, n)
    memcpy(before, digest, DIGEST_SIZE)
    sha1_digest(<char *>before, DIGEST_SIZE, digest)


cdef inline void digest_mix_number(uint8_t *digest, int number) noexcept nogil:
    """As four bytes, the highest first."""
    cdef char text[4]
    text[0] = <char>(number >> 24)
    text[1] = <char>(number >> 16)
    text[2] = <char>(number >> 8)
    text[3] = <char>number
    digest_mix(digest, text, 4)
