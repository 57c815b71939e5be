"""LZF, the compression of long strings in RDB files and quicklist nodes."""


# Bytes written to `out`, 0 if `out_capacity` is too little (give less than n to insist on a gain).
cdef size_t lzf_compress(const char *p, size_t n, char *out, size_t out_capacity) noexcept nogil
# `expected` if that is exactly how many bytes come out, else 0: the input is corrupt.
cdef size_t lzf_decompress(const char *p, size_t n, char *out, size_t expected) noexcept nogil
