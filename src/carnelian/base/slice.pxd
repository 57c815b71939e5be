"""A run of bytes that belongs to somebody else.

Such as an argument in the query buffer, or a value in a packed block.
"""

from libc.string cimport memcmp


cdef struct Slice:
    const char *ptr
    size_t len


cdef inline Slice slice_of(const char *ptr, size_t length) noexcept nogil:
    cdef Slice s
    s.ptr = ptr
    s.len = length
    return s


# Slices of a list of bytes, which must outlive them; free with mem_free. TypeError.
cdef Slice *slices_of(list words) except NULL


cdef inline bint slice_equal(Slice a, Slice b) noexcept nogil:
    return a.len == b.len and (a.len == 0 or memcmp(a.ptr, b.ptr, a.len) == 0)


cdef inline bint slice_is(Slice a, const char *lower) noexcept nogil:
    """Whether `a` spells the lower-case ASCII word `lower`, whatever its case."""
    cdef size_t i
    cdef unsigned char c
    for i in range(a.len):
        c = <unsigned char>a.ptr[i]
        if 65 <= c <= 90:
            c |= 32
        if c != <unsigned char>lower[i] or lower[i] == 0:
            return False
    return lower[a.len] == 0
