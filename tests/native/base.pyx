"""The native leaf functions of `carnelian.base` as Python ones.

Input is copied into a block of exactly its size, so that AddressSanitizer sees a read too far.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.crc64 cimport crc64
from carnelian.base.glob cimport glob_match
from carnelian.base.lzf cimport lzf_compress, lzf_decompress
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.numbers cimport (
    DOUBLE_CHARS_MAX, INT64_CHARS_MAX, LONG_DOUBLE_CHARS_MAX, digits10, format_double, format_int64,
    format_long_double, format_uint64, parse_double, parse_int64, parse_long_double, parse_uint64,
    parse_uint64_lenient,
)
from carnelian.base.random cimport random64, random_below
from carnelian.base.sha1 cimport Sha1, sha1_begin, sha1_digest, sha1_end, sha1_update
from carnelian.base.xxh3 cimport xxh3_64


cdef class Exact:
    """A native copy of some bytes, or room for as many."""
    cdef char *p
    cdef size_t n

    def __cinit__(self, bytes content):
        self.n = len(content)
        self.p = <char *>mem_alloc(self.n or 1)
        memcpy(self.p, <const char *>content, self.n)

    def __dealloc__(self):
        mem_free(self.p)


# --- numbers ---


def int64_from(bytes text):
    cdef Exact copy = Exact(text)
    cdef int64_t value = 0
    return value if parse_int64(copy.p, copy.n, &value) else None


def uint64_from(bytes text):
    cdef Exact copy = Exact(text)
    cdef uint64_t value = 0
    return value if parse_uint64(copy.p, copy.n, &value) else None


def uint64_lenient_from(bytes text):
    cdef Exact copy = Exact(text)
    cdef uint64_t value = 0
    return value if parse_uint64_lenient(copy.p, copy.n, &value) else None


def double_from(bytes text):
    cdef Exact copy = Exact(text)
    cdef double value = 0
    return value if parse_double(copy.p, copy.n, &value) else None


def int64_text(int64_t value):
    cdef char[INT64_CHARS_MAX] buffer
    return buffer[:format_int64(buffer, value)]


def uint64_text(uint64_t value):
    cdef char[INT64_CHARS_MAX] buffer
    return buffer[:format_uint64(buffer, value)]


def double_text(double value):
    cdef char[DOUBLE_CHARS_MAX] buffer
    return buffer[:format_double(buffer, value)]


def long_double_sum(bytes first, bytes second):
    """What INCRBYFLOAT makes of two numbers; None if one of them is not a number."""
    cdef Exact left = Exact(first)
    cdef Exact right = Exact(second)
    cdef char[LONG_DOUBLE_CHARS_MAX] buffer
    cdef long double a = 0
    cdef long double b = 0
    if not parse_long_double(left.p, left.n, &a) or not parse_long_double(right.p, right.n, &b):
        return None
    return buffer[:format_long_double(buffer, a + b)]


def digit_count(uint64_t value):
    return digits10(value)


# --- glob ---


def glob(bytes pattern, bytes text, bint nocase=False):
    cdef Exact p = Exact(pattern)
    cdef Exact t = Exact(text)
    return glob_match(p.p, p.n, t.p, t.n, nocase) != 0


# --- random ---


def draw():
    return random64()


def draw_below(uint64_t n):
    return random_below(n)


# --- checksums and digests ---


def crc64_of(bytes content, uint64_t crc=0):
    cdef Exact copy = Exact(content)
    return crc64(crc, copy.p, copy.n)


def xxh3_of(bytes content):
    cdef Exact copy = Exact(content)
    return xxh3_64(copy.p, copy.n)


def sha1_of(*parts):
    """The digest of the parts together, in one go if there is only one."""
    cdef unsigned char[20] out
    cdef Sha1 sha
    cdef Exact copy
    if len(parts) == 1:
        copy = Exact(parts[0])
        sha1_digest(copy.p, copy.n, out)
        return out[:20]
    sha1_begin(&sha)
    for part in parts:
        copy = Exact(part)
        sha1_update(&sha, copy.p, copy.n)
    sha1_end(&sha, out)
    return out[:20]


# --- lzf ---


def compress(bytes content, size_t capacity):
    """The LZF stream, None if it does not fit."""
    cdef Exact copy = Exact(content)
    cdef Exact out = Exact(bytes(capacity))
    cdef size_t size = lzf_compress(copy.p, copy.n, out.p, capacity)
    return out.p[:size] if size else None


def decompress(bytes stream, size_t expected):
    cdef Exact copy = Exact(stream)
    cdef Exact out = Exact(bytes(expected))
    cdef size_t size = lzf_decompress(copy.p, copy.n, out.p, expected)
    return out.p[:size] if size else None
