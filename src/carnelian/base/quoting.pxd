"""Bytes in double quotes with escapes, as Redis shows arguments in MONITOR."""


cdef inline size_t quoted_max(size_t n) noexcept nogil:
    """Bytes that n bytes take at most."""
    return 4 * n + 2


# Write p[0:n] in quotes; how many bytes that took.
cdef size_t put_quoted(char *out, const char *p, size_t n) noexcept nogil
