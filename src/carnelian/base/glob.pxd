"""Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACLs understand them."""


# Whether the whole text matches. At worst plen * tlen steps, no recursion.
cdef bint glob_match(const char *pattern, size_t plen, const char *text, size_t tlen,
                     bint nocase) noexcept nogil
