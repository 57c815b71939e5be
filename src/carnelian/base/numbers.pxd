"""Numbers to and from text, with Redis's strictness and Redis's spelling.

Nothing here keeps memory or needs a terminating NUL, and no formatter writes one. A parser returns
False and leaves `out` alone when the whole run of bytes is not such a number.
"""

from libc.stdint cimport int64_t, uint64_t


cdef enum:
    INT64_CHARS_MAX = 20                # "-9223372036854775808" and "18446744073709551615"
    DOUBLE_CHARS_MAX = 32               # the longest really written is 25
    LONG_DOUBLE_CHARS_MAX = 5 * 1024    # 1e4932 has 4933 digits, then a sign, a dot and 17 decimals

# The only spelling of a number counts: no '+', no spaces, no leading zeros, no "-0", no overflow.
cdef bint parse_int64(const char *p, size_t n, int64_t *out) noexcept nogil
cdef bint parse_uint64(const char *p, size_t n, uint64_t *out) noexcept nogil
# As the parts of a stream ID: leading zeros and a '+' are fine too.
cdef bint parse_uint64_lenient(const char *p, size_t n, uint64_t *out) noexcept nogil

# What strtod and strtold take in the C locale, but no leading space, NaN, overflow, underflow to 0.
cdef bint parse_double(const char *p, size_t n, double *out) noexcept nogil
cdef bint parse_long_double(const char *p, size_t n, long double *out) noexcept nogil

cdef int digits10(uint64_t v) noexcept nogil                               # decimal digits, 1 to 20
cdef int format_int64(char *buffer, int64_t v) noexcept nogil              # INT64_CHARS_MAX
cdef int format_uint64(char *buffer, uint64_t v) noexcept nogil            # INT64_CHARS_MAX
# Scores, RESP3 doubles: an integer if it is one within 2^62, else the shortest that reads back.
cdef int format_double(char *buffer, double v) noexcept nogil              # DOUBLE_CHARS_MAX
# INCRBYFLOAT's spelling: 17 decimals, trailing zeros cut, never an exponent, never "-0".
cdef int format_long_double(char *buffer, long double v) noexcept nogil    # LONG_DOUBLE_CHARS_MAX
