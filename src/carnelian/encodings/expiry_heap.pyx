"""The loops behind expiry_heap.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport store32, store64


cdef enum:
    CAPACITY_MIN = 4


cdef inline void put(ExpiryHeap *h, uint32_t place, void *record) noexcept nogil:
    h.records[place] = record
    store32(<char *>record + 8, place)


cdef void sift_up(ExpiryHeap *h, uint32_t place, void *record) noexcept nogil:
    cdef int64_t when_ms = record_when(record)
    cdef uint32_t parent
    while place:
        parent = (place - 1) >> 1
        if record_when(h.records[parent]) <= when_ms:
            break
        put(h, place, h.records[parent])
        place = parent
    put(h, place, record)


cdef void sift_down(ExpiryHeap *h, uint32_t place, void *record) noexcept nogil:
    cdef int64_t when_ms = record_when(record)
    cdef uint64_t child = 2 * <uint64_t>place + 1
    while child < h.count:
        if child + 1 < h.count and (
            record_when(h.records[child + 1]) < record_when(h.records[child])
        ):
            child += 1
        if when_ms <= record_when(h.records[child]):
            break
        put(h, place, h.records[child])
        place = <uint32_t>child
        child = 2 * child + 1
    put(h, place, record)


cdef void resize(ExpiryHeap *h, uint32_t capacity) noexcept nogil:
    h.capacity = capacity
    h.records = <void **>mem_realloc(h.records, capacity * sizeof(void *))


cdef void expiry_heap_clear(ExpiryHeap *h) noexcept nogil:
    mem_free(h.records)
    h.records = NULL
    h.count = h.capacity = 0


cdef void expiry_heap_add(ExpiryHeap *h, void *record, int64_t when_ms) noexcept nogil:
    if h.count == h.capacity:
        resize(h, h.capacity * 2 if h.capacity else CAPACITY_MIN)
    store64(record, <uint64_t>when_ms)
    h.count += 1
    sift_up(h, h.count - 1, record)


cdef void expiry_heap_remove(ExpiryHeap *h, void *record) noexcept nogil:
    cdef uint32_t place = record_place(record)
    cdef void *last
    h.count -= 1
    last = h.records[h.count]
    if last != record:
        if place and record_when(last) < record_when(h.records[(place - 1) >> 1]):
            sift_up(h, place, last)
        else:
            sift_down(h, place, last)
    if h.count == 0:
        expiry_heap_clear(h)
    elif h.capacity > CAPACITY_MIN and h.count < h.capacity >> 2:
        resize(h, h.capacity >> 1)


cdef void expiry_heap_moved(ExpiryHeap *h, void *record) noexcept nogil:
    h.records[record_place(record)] = record


cdef bint expiry_heap_verify(ExpiryHeap *h) noexcept nogil:
    cdef uint32_t i
    if h.count > h.capacity or (h.capacity == 0) != (h.records == NULL):
        return False
    for i in range(h.count):
        if record_place(h.records[i]) != i:
            return False
        if i and record_when(h.records[(i - 1) >> 1]) > record_when(h.records[i]):
            return False
    return True
