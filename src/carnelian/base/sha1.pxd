"""SHA-1, for names of scripts and for DEBUG DIGEST. Not for what must resist an attacker."""

from libc.stdint cimport uint32_t, uint64_t


cdef struct Chain:
    uint32_t a, b, c, d, e

cdef struct Sha1:
    Chain state
    unsigned char[64] block        # the last `length` % 64 bytes, not yet in `state`
    uint64_t length

cdef void sha1_begin(Sha1 *sha) noexcept nogil
cdef void sha1_update(Sha1 *sha, const char *p, size_t n) noexcept nogil
cdef void sha1_end(Sha1 *sha, unsigned char *out20) noexcept nogil
cdef void sha1_digest(const char *p, size_t n, unsigned char *out20) noexcept nogil
