"""What all packed regions share: the element codec, the count word and the splice.

A packed region is a small collection as one run of bytes, kept inside its key's own allocation.
The modules packed_set, packed_hash, packed_list and intset are pure functions over `(data, size)`:
they own no memory and never allocate. `size` is exact: a region ends where its last element ends.
A change is made in three steps:

    splice = packed_set_plan_add(size, member)        which bytes go, how many come
    (the caller makes room and moves the bytes behind the splice)
    packed_set_write_add(data, splice, member)        fills the hole, sets the count

Element bytes given to a plan or a write never lie in the region itself.

    element of up to 253 bytes                 longer element
    +-----------+-------- ... --+              +------+---------------+-------- ... --+
    | length u8 | bytes         |              | 0xFE | length u32 le | bytes         |
    +-----------+-------- ... --+              +------+---------------+-------- ... --+

    count word, the first two bytes of sets and hashes
     15      14                                     0
    +------+-----------------------------------------+
    | flag | count, or 0x7FFF: so many or more, walk |
    +------+-----------------------------------------+
"""

from libc.stdint cimport uint8_t, uint16_t
from libc.string cimport memcpy

from carnelian.base.native cimport likely, load16, load32, store16, store32
from carnelian.base.slice cimport Slice

cdef enum:
    PACKED_LONG = 0xFE              # prefix of an element that does not fit one length byte
    PACKED_HEADER = 2               # the count word
    PACKED_MANY = 0x7FFF
    PACKED_FLAG = 0x8000
    PACKED_REGION_MAX = 1 << 30     # bytes; Redis's listpack stops there too

cdef struct Splice:
    size_t offset
    size_t remove
    size_t insert


cdef const uint8_t *packed_find(
    const uint8_t *p, const uint8_t *end, Slice needle, size_t lead, bint paired
) noexcept nogil
# The entry whose first element is `needle`, or NULL. An entry is `lead` bytes, an element and, if
# paired, a second element.

cdef size_t packed_check(const uint8_t *p, const uint8_t *end) noexcept nogil
# Bytes of the element at p if it is well-formed and ends by `end`, else 0. For bytes nobody
# vouches for.

cdef size_t packed_count(const uint8_t *data, size_t size, size_t lead, bint paired) noexcept nogil
cdef void packed_count_less(uint8_t *data, size_t size, size_t lead, bint paired) noexcept nogil
# Of a region whose entries are as in packed_find; `less` follows the removal of one entry.

cdef bint packed_verify(const uint8_t *data, size_t size, size_t lead, bint paired) noexcept nogil


cdef inline bint packed_fits(size_t size, size_t length) noexcept nogil:
    """Whether `length` more bytes may come into a region of `size`: to be asked before any plan."""
    return size <= PACKED_REGION_MAX - 32 and length <= PACKED_REGION_MAX - 32 - size


cdef inline size_t packed_size(size_t length) noexcept nogil:
    return length + (1 if likely(length < PACKED_LONG) else 5)


cdef inline const uint8_t *packed_read(const uint8_t *p, Slice *element) noexcept nogil:
    """Read the element at p; the address behind it."""
    if likely(p[0] < PACKED_LONG):
        element.ptr = <const char *>p + 1
        element.len = p[0]
    else:
        element.ptr = <const char *>p + 5
        element.len = load32(p + 1)
    return <const uint8_t *>element.ptr + element.len


cdef inline const uint8_t *packed_skip(const uint8_t *p) noexcept nogil:
    if likely(p[0] < PACKED_LONG):
        return p + 1 + p[0]
    return p + 5 + load32(p + 1)


cdef inline uint8_t *packed_write(uint8_t *p, Slice element) noexcept nogil:
    """Write an element; the address behind it."""
    if likely(element.len < PACKED_LONG):
        p[0] = <uint8_t>element.len
        p += 1
    else:
        p[0] = PACKED_LONG
        store32(p + 1, element.len)
        p += 5
    memcpy(p, element.ptr, element.len)
    return p + element.len


cdef inline Splice splice_of(size_t offset, size_t remove, size_t insert) noexcept nogil:
    cdef Splice s
    s.offset = offset
    s.remove = remove
    s.insert = insert
    return s


cdef inline void packed_count_more(uint8_t *data) noexcept nogil:
    cdef uint16_t word = load16(data)
    if likely((word & PACKED_MANY) != PACKED_MANY):
        store16(data, word + 1)
