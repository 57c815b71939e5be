"""Timers of values that expire in parts; see inner_timers.pxd."""

from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free
from carnelian.base.native cimport load32, store32
from carnelian.encodings.expiry_heap cimport (
    EXPIRY_RECORD, expiry_heap_add, expiry_heap_clear, expiry_heap_first, expiry_heap_remove,
    expiry_heap_verify,
)
from carnelian.encodings.table cimport (
    TableIter, table_add, table_find, table_free, table_iter_init, table_new, table_next,
    table_remove_at, table_verify,
)


cdef enum:
    KEY_OFFSET = EXPIRY_RECORD + 4


cdef Slice timer_key(void *timer) noexcept nogil:
    cdef Slice s
    s.ptr = <char *>timer + KEY_OFFSET
    s.len = load32(<char *>timer + EXPIRY_RECORD)
    return s


cdef void add(InnerTimers **timers, Slice key, uint64_t hash, int64_t when_ms) noexcept nogil:
    cdef char *timer
    if timers[0] == NULL:
        timers[0] = <InnerTimers *>mem_alloc_zeroed(sizeof(InnerTimers))
        timers[0].by_key = table_new(timer_key)
    timer = <char *>mem_alloc(KEY_OFFSET + key.len)
    store32(timer + EXPIRY_RECORD, <uint32_t>key.len)
    memcpy(timer + KEY_OFFSET, key.ptr, key.len)
    table_add(timers[0].by_key, hash, timer)
    expiry_heap_add(&timers[0].heap, timer, when_ms)


cdef void inner_timers_set(
    InnerTimers **timers, Slice key, uint64_t hash, int64_t when_ms
) noexcept nogil:
    cdef void **slot = NULL
    cdef void *timer
    if timers[0] != NULL:
        slot = table_find(timers[0].by_key, hash, key.ptr, key.len)
    if slot == NULL:
        if when_ms:
            add(timers, key, hash, when_ms)
        return
    timer = slot[0]
    if record_when(timer) == when_ms:
        return
    expiry_heap_remove(&timers[0].heap, timer)
    if when_ms:
        expiry_heap_add(&timers[0].heap, timer, when_ms)
        return
    table_remove_at(timers[0].by_key, hash, slot)
    mem_free(timer)
    if timers[0].heap.count == 0:
        inner_timers_free(timers)


cdef void inner_timers_free(InnerTimers **timers) noexcept nogil:
    cdef TableIter it
    cdef void *timer
    if timers[0] == NULL:
        return
    table_iter_init(&it, timers[0].by_key)
    timer = table_next(&it)
    while timer != NULL:
        mem_free(timer)
        timer = table_next(&it)
    table_free(timers[0].by_key)
    expiry_heap_clear(&timers[0].heap)
    mem_free(timers[0])
    timers[0] = NULL


cdef Slice inner_timers_first(InnerTimers *timers) noexcept nogil:
    return timer_key(expiry_heap_first(&timers.heap))


cdef bint inner_timers_verify(InnerTimers *timers) noexcept nogil:
    if timers == NULL:
        return True
    return (
        timers.heap.count > 0 and timers.by_key.count == timers.heap.count
        and table_verify(timers.by_key) and expiry_heap_verify(&timers.heap))
