"""Redis's own packed forms as they stand in RDB files: listpack, ziplist, zipmap, intset.

Only read (and listpacks written, for streams). A `ForeignIter` walks untrusted bytes: every step
checks its bounds, and nothing outside the block is ever touched. Formats: Redis's listpack.c,
ziplist.c, zipmap.c, intset.c.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from carnelian.base.slice cimport Slice


cdef enum:
    FOREIGN_LISTPACK = 1
    FOREIGN_ZIPLIST = 2
    FOREIGN_ZIPMAP = 3         # yields field, value, field, value ...
    FOREIGN_INTSET = 4

cdef struct ForeignIter:
    int kind
    const uint8_t *at
    const uint8_t *end
    uint32_t expected          # elements by the header; 0xFFFFFFFF: not told
    uint32_t seen
    uint32_t previous_len      # ziplist: size of the entry before
    int width                  # intset
    bint field_next            # zipmap
    bint bad
    bint is_integer            # of the last element
    int64_t integer
    char text[24]              # the last element when it is an integer

cdef bint foreign_init(ForeignIter *it, int kind, const char *p, size_t n) noexcept nogil
# The next element. False at the end, or with `bad` set when the block is damaged. Integers are
# formatted into the iterator.
cdef bint foreign_next(ForeignIter *it, Slice *out) noexcept nogil

cdef struct ListpackOut:
    uint8_t *data
    size_t used
    size_t capacity
    uint32_t count

cdef void listpack_begin(ListpackOut *lp) noexcept nogil
cdef void listpack_put(ListpackOut *lp, const char *p, size_t n) noexcept nogil
cdef void listpack_put_int(ListpackOut *lp, int64_t value) noexcept nogil
cdef void listpack_end(ListpackOut *lp) noexcept nogil
cdef void listpack_free(ListpackOut *lp) noexcept nogil
