"""A binary heap of things that expire, earliest first: the fields of a big hash, the hashes of a
database by their earliest field.

The heap holds addresses of records that lie unaligned inside blocks of its caller, and writes each
record's place in the heap into it:

    0         8       12
    +---------+-------+
    | when_ms | place |
    +---------+-------+

It owns its array only. Adding, removing and changing take O(log n), looking at the first O(1).
"""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.native cimport load32, load64

cdef enum:
    EXPIRY_RECORD = 12         # bytes of a record

cdef struct ExpiryHeap:
    void **records
    uint32_t count
    uint32_t capacity


cdef void expiry_heap_clear(ExpiryHeap *h) noexcept nogil             # frees the array
cdef void expiry_heap_add(ExpiryHeap *h, void *record, int64_t when_ms) noexcept nogil
cdef void expiry_heap_remove(ExpiryHeap *h, void *record) noexcept nogil
cdef void expiry_heap_moved(ExpiryHeap *h, void *record) noexcept nogil   # it now lives there
cdef bint expiry_heap_verify(ExpiryHeap *h) noexcept nogil


cdef inline int64_t record_when(const void *record) noexcept nogil:
    return <int64_t>load64(record)


cdef inline uint32_t record_place(const void *record) noexcept nogil:
    return load32(<const char *>record + 8)


cdef inline void *expiry_heap_first(ExpiryHeap *h) noexcept nogil:
    return h.records[0] if h.count else NULL
