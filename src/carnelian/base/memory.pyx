"""Blocks, whoever frees them, and the heaps they belong to; see memory.pxd.

Up to 64 KiB they lie in slabs (`base/slab`), above each is a mapping of its own (`base/large`).

`live` and `remote_blocks` decide when a heap ends: a block and a holder count one each in `live`;
what other threads free, and every holder's leaving, count in `remote_blocks`; who makes both equal
was the last to touch the heap.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free
from libc.string cimport memcpy, memset

from carnelian.base.large cimport large_free, large_header, large_new, large_resize
from carnelian.base.native cimport DEBUG, atomic_add64, atomic_load64, likely, unlikely
from carnelian.base.slab cimport (
    ALL_SPANS, CACHE_LINE, CLASS_COUNT, KEPT_COUNT, MEDIUM_SIZE_MAX, SMALL_CLASS_COUNT,
    SMALL_SIZE_MAX, Heap, Span, class_bytes, heap_init, slab_drain, slab_end, slab_free_remote,
    slab_give, slab_give_back, slab_let_go, slab_take, slab_verify,
)
from carnelian.base.spans cimport (
    MEDIUM, MEDIUM_SHIFT, SMALL, SMALL_SHIFT, spans_base, spans_reserved,
)


cdef extern from * nogil:
    """
    #include <pthread.h>
    #include <stdlib.h>
    /* glibc keeps room for thread-locals of loaded libraries: one instruction instead of a call */
    #if defined(__GLIBC__) && defined(__ELF__)
    #define CN_THREAD static __thread __attribute__((tls_model("initial-exec")))
    #else
    #define CN_THREAD static __thread
    #endif
    CN_THREAD void *cn_slab_heap;
    CN_THREAD void *cn_current_heap;

    static pthread_mutex_t cn_process_mutex = PTHREAD_MUTEX_INITIALIZER;
    static void cn_process_lock(void) { pthread_mutex_lock(&cn_process_mutex); }
    static int cn_process_try_lock(void) { return !pthread_mutex_trylock(&cn_process_mutex); }
    static void cn_process_unlock(void) { pthread_mutex_unlock(&cn_process_mutex); }
    static int cn_process_survive_fork(void)
    {
        return pthread_atfork(cn_process_lock, cn_process_unlock, cn_process_unlock);
    }
    """
    void *slab_heap_slot "cn_slab_heap"       # the heap of this thread, if it has slabs
    void *current_heap_slot "cn_current_heap"
    void process_lock "cn_process_lock"()
    bint process_try_lock "cn_process_try_lock"()
    void process_unlock "cn_process_unlock"()
    int process_survive_fork "cn_process_survive_fork"()
    void *aligned_alloc(size_t alignment, size_t size)

cdef enum:
    SMALL_UNIT_COUNT = 401         # SMALL_SIZE_MAX / 8 + 1
    MEDIUM_UNIT_COUNT = 1025       # MEDIUM_SIZE_MAX / 64 + 1
    DRAIN_SPANS = 1024             # visited by a tidying, each a cache miss or two
    PROCESS_DRAIN_SPANS = 64       # ... of the process's heap
    TIDY_INTERVAL_MS = 100
    TIDY_WORK_MAX = 256            # 16 MiB, well below a millisecond
    WORK_LEAST = 16                # a MiB at a time is always worth giving back, ...
    WORK_SHARE = 16                # ... or this part of what nobody uses: it may be wanted again
    CLASSES_PER_TIDYING = 32
    KEPT_SIZE_MAX = 1 << 20        # of mappings kept for reuse

cdef Heap process_heap
cdef Heap *heaps                   # all but the process's, under its lock
cdef uint8_t small_class[SMALL_UNIT_COUNT]      # by (size + 7) / 8
cdef uint16_t medium_class[MEDIUM_UNIT_COUNT]   # by (size + 63) / 64
cdef char *small_base
cdef size_t small_reserved
cdef char *medium_base
cdef size_t medium_reserved
cdef bint has_slabs


cdef void die(const char *what, size_t size) noexcept nogil:
    fprintf(stderr, b"carnelian: out of memory: %s of %zu bytes\n", what, size)
    abort()


cdef void damaged(const char *what) noexcept nogil:
    fprintf(stderr, b"carnelian: heap damaged: %s\n", what)
    abort()


cdef void set_up() noexcept:
    global small_base, small_reserved, medium_base, medium_reserved, has_slabs
    cdef size_t small_units = SMALL_UNIT_COUNT
    cdef size_t medium_units = MEDIUM_UNIT_COUNT
    cdef size_t unit
    cdef int klass = 0
    for unit in range(small_units):
        if unit * 8 > class_bytes(klass):
            klass += 1
        small_class[unit] = <uint8_t>klass
    klass = SMALL_CLASS_COUNT
    for unit in range(medium_units):
        if unit * 64 > class_bytes(klass):
            klass += 1
        medium_class[unit] = <uint16_t>klass
    heap_init(&process_heap)
    process_survive_fork()
    small_base, small_reserved = spans_base(SMALL), spans_reserved(SMALL)
    medium_base, medium_reserved = spans_base(MEDIUM), spans_reserved(MEDIUM)
    has_slabs = small_base != NULL


cdef inline bint is_small(void *p) noexcept nogil:
    return <size_t>(<char *>p - small_base) < small_reserved


cdef inline bint is_medium(void *p) noexcept nogil:
    return <size_t>(<char *>p - medium_base) < medium_reserved


cdef inline Span *small_span(void *p) noexcept nogil:
    return <Span *>(<uintptr_t>p & ~(((<uintptr_t>1) << SMALL_SHIFT) - 1))


cdef inline Span *medium_span(void *p) noexcept nogil:
    return <Span *>(<uintptr_t>p & ~(((<uintptr_t>1) << MEDIUM_SHIFT) - 1))


cdef inline int class_for(size_t size) noexcept nogil:
    """Of a size that a slab has room for."""
    if size <= SMALL_SIZE_MAX:
        return small_class[(size + 7) >> 3]
    return medium_class[(size + 63) >> 6]


# --- blocks ---

cdef void count_remote(Heap *heap, int64_t size) noexcept nogil:
    """The last one to touch a heap ends it."""
    atomic_add64(&heap.remote_freed, size)
    if unlikely(atomic_add64(&heap.remote_blocks, 1) == atomic_load64(&heap.live)):
        if heap != &process_heap:
            destroy(heap)


cdef void free_remote(Span *span, void *p) noexcept nogil:
    cdef Heap *heap = span.heap
    cdef int64_t size = span.size
    slab_free_remote(span, p)
    count_remote(heap, size)


cdef void *take_large(Heap *heap, size_t size, bint zeroed) noexcept nogil:
    cdef void *p = NULL
    cdef size_t usable
    cdef int i
    if size <= KEPT_SIZE_MAX:
        for i in range(KEPT_COUNT):
            if heap.kept[i] != NULL:
                usable = large_header(heap.kept[i]).size
                if size <= usable <= size + (size >> 2):
                    p = heap.kept[i]
                    heap.kept[i] = NULL
                    if zeroed:
                        memset(p, 0, size)
                    break
    if p == NULL:
        p = large_new(size, has_slabs)
    if p == NULL:
        die(b"block", size)
    large_header(p).heap = heap
    heap.live += 1
    heap.used += <int64_t>large_header(p).size
    heap.peak = max(heap.peak, heap.used - atomic_load64(&heap.remote_freed))
    return p


cdef void give_large(Heap *heap, void *p) noexcept nogil:
    """By the heap's thread."""
    cdef int i
    heap.live -= 1
    heap.used -= <int64_t>large_header(p).size
    if has_slabs and large_header(p).mapped and large_header(p).size <= KEPT_SIZE_MAX:
        for i in range(KEPT_COUNT):
            if heap.kept[i] == NULL:
                heap.kept[i] = p
                return
    large_free(p)


cdef void *resize_large(Heap *heap, void *p, size_t size) noexcept nogil:
    cdef size_t old = large_header(p).size
    p = large_resize(p, size)
    if p == NULL:
        die(b"block", size)
    heap.used += <int64_t>large_header(p).size - <int64_t>old
    heap.peak = max(heap.peak, heap.used - atomic_load64(&heap.remote_freed))
    return p


cdef void *take(Heap *heap, size_t size, bint zeroed) noexcept nogil:
    cdef void *p
    if not has_slabs or size > MEDIUM_SIZE_MAX:
        return take_large(heap, size if size else 1, zeroed)
    p = slab_take(heap, class_for(size))
    if zeroed:
        memset(p, 0, size)
    return p


cdef void *take_anywhere(size_t size, bint zeroed) noexcept nogil:
    cdef Heap *heap = <Heap *>current_heap_slot
    cdef void *p
    if likely(heap != NULL):
        return take(heap, size, zeroed)
    process_lock()
    p = take(&process_heap, size, zeroed)
    process_unlock()
    return p


cdef void *mem_alloc(size_t size) noexcept nogil:
    cdef Heap *heap = <Heap *>slab_heap_slot
    if unlikely(size > SMALL_SIZE_MAX or heap == NULL):
        return take_anywhere(size, False)
    return slab_take(heap, small_class[(size + 7) >> 3])


cdef void *mem_alloc_zeroed(size_t size) noexcept nogil:
    return take_anywhere(size, True)


cdef void free_elsewhere(Span *span, void *p) noexcept nogil:
    """A block of a heap this thread is not in."""
    if span.heap != &process_heap or current_heap_slot != NULL:
        free_remote(span, p)
        return
    process_lock()
    slab_give(&process_heap, span, p)
    process_unlock()


cdef void free_other(void *p) noexcept nogil:
    """One that is not small."""
    cdef Heap *current = <Heap *>current_heap_slot
    cdef Heap *heap
    cdef Span *span
    cdef int64_t size
    if is_medium(p):
        span = medium_span(p)
        if likely(span.heap == current):
            slab_give(current, span, p)
        else:
            free_elsewhere(span, p)
        return
    heap = <Heap *>large_header(p).heap
    if likely(heap == current):
        give_large(heap, p)
    elif heap == &process_heap and current == NULL:
        process_lock()
        give_large(heap, p)
        process_unlock()
    else:
        size = <int64_t>large_header(p).size
        large_free(p)
        count_remote(heap, size)


cdef void mem_free(void *p) noexcept nogil:
    cdef Span *span
    if p == NULL:
        return
    if unlikely(not is_small(p)):
        free_other(p)
        return
    span = small_span(p)
    if likely(span.heap == slab_heap_slot):
        slab_give(span.heap, span, p)
    else:
        free_elsewhere(span, p)


cdef void *mem_realloc(void *p, size_t size) noexcept nogil:
    cdef size_t old
    cdef void *fresh
    cdef Heap *heap
    if p == NULL:
        return mem_alloc(size)
    old = mem_usable(p)
    if is_small(p) or is_medium(p):
        if size <= old and class_bytes(class_for(size)) == old:
            return p
    elif size > MEDIUM_SIZE_MAX or not has_slabs:
        heap = <Heap *>large_header(p).heap
        if heap == <Heap *>current_heap_slot:
            return resize_large(heap, p, size if size else 1)
        if heap == &process_heap and current_heap_slot == NULL:
            process_lock()
            fresh = resize_large(heap, p, size if size else 1)
            process_unlock()
            return fresh
    fresh = mem_alloc(size)
    memcpy(fresh, p, old if old < size else size)
    mem_free(p)
    return fresh


cdef size_t mem_usable(void *p) noexcept nogil:
    if is_small(p):
        return small_span(p).size
    if is_medium(p):
        return medium_span(p).size
    return large_header(p).size


# --- heaps ---

cdef Heap *heap_new() noexcept nogil:
    global heaps
    cdef Heap *heap = <Heap *>aligned_alloc(
        CACHE_LINE, (sizeof(Heap) + CACHE_LINE - 1) & ~<size_t>(CACHE_LINE - 1))
    if heap == NULL:
        die(b"heap", sizeof(Heap))
    heap_init(heap)
    heap.live = heap.holders = 1
    process_lock()
    heap.next = heaps
    if heaps != NULL:
        heaps.previous = heap
    heaps = heap
    process_unlock()
    return heap


cdef void heap_hold(Heap *heap) noexcept nogil:
    atomic_add64(&heap.holders, 1)
    atomic_add64(&heap.remote_blocks, -1)


cdef void heap_drop(Heap *heap) noexcept nogil:
    atomic_add64(&heap.holders, -1)
    count_remote(heap, 0)


cdef Heap *heap_enter(Heap *heap) noexcept nogil:
    global slab_heap_slot, current_heap_slot
    cdef Heap *before = <Heap *>current_heap_slot
    if DEBUG and before != heap:
        if before != NULL:
            before.inside = 0
        if heap != NULL:
            if heap.inside:
                damaged(b"two threads are in one heap")
            heap.inside = 1
    current_heap_slot = heap
    slab_heap_slot = heap if has_slabs else NULL
    return before


cdef Heap *heap_enter_sole(Heap *heap) noexcept nogil:
    if atomic_load64(&heap.holders) == 1:
        return heap_enter(heap)
    return <Heap *>current_heap_slot


cdef void drop_kept(Heap *heap) noexcept nogil:
    cdef int i
    for i in range(KEPT_COUNT):
        if heap.kept[i] != NULL:
            large_free(heap.kept[i])
            heap.kept[i] = NULL


cdef void destroy(Heap *heap) noexcept nogil:
    """Nobody holds it and none of its blocks lives."""
    global heaps
    if not slab_end(heap):
        damaged(b"a block outlives its heap")
    drop_kept(heap)
    process_lock()
    if heap.next != NULL:
        heap.next.previous = heap.previous
    if heap.previous != NULL:
        heap.previous.next = heap.next
    else:
        heaps = heap.next
    process_unlock()
    free(heap)


cdef int heap_tidy(Heap *heap, int work_max) noexcept nogil:
    cdef int64_t spare
    heap_used(heap)
    slab_drain(heap, DRAIN_SPANS)
    slab_let_go(heap, CLASSES_PER_TIDYING)
    spare = heap.warm_count[SMALL] + (heap.warm_count[MEDIUM] << (MEDIUM_SHIFT - SMALL_SHIFT))
    drop_kept(heap)
    if process_try_lock():
        slab_drain(&process_heap, PROCESS_DRAIN_SPANS)
        slab_let_go(&process_heap, CLASSES_PER_TIDYING)
        slab_give_back(&process_heap, WORK_LEAST, True)
        drop_kept(&process_heap)
        process_unlock()
    return slab_give_back(
        heap, <int>min(<int64_t>work_max, max(spare // WORK_SHARE, <int64_t>WORK_LEAST)), True)


cdef void heap_tidy_at(Heap *heap, int64_t now_ms) noexcept nogil:
    if now_ms >= heap.next_tidy_ms:
        heap.next_tidy_ms = now_ms + TIDY_INTERVAL_MS
        heap_tidy(heap, TIDY_WORK_MAX)


cdef void heap_tidy_all(Heap *heap) noexcept nogil:
    slab_drain(heap, ALL_SPANS)
    slab_let_go(heap, CLASS_COUNT)
    drop_kept(heap)
    slab_give_back(heap, ALL_SPANS, False)


cdef int64_t heap_used(Heap *heap) noexcept nogil:
    cdef int64_t used = heap.used - atomic_load64(&heap.remote_freed)
    heap.peak = max(heap.peak, used)
    return used


cdef int64_t heap_peak(Heap *heap) noexcept nogil:
    heap_used(heap)
    return heap.peak


cdef int64_t heap_live(Heap *heap) noexcept nogil:
    return (heap.live - atomic_load64(&heap.remote_blocks)
            - atomic_load64(&heap.holders))


cdef int64_t heap_committed(Heap *heap) noexcept nogil:
    return heap.committed


cdef bint heap_verify(Heap *heap) noexcept nogil:
    """By the heap's thread; others may free meanwhile."""
    return slab_verify(heap) and heap_live(heap) >= 0 and heap_used(heap) >= 0


def stats():
    """Counters of all heaps together: live blocks, bytes used, committed and peak."""
    cdef Heap *heap = &process_heap
    cdef int64_t live = 0, used = 0, committed = 0, peak = 0
    process_lock()
    while heap != NULL:
        live += heap_live(heap)
        used += heap_used(heap)
        committed += heap_committed(heap)
        peak += heap_peak(heap)
        heap = heap.next if heap != &process_heap else heaps
    process_unlock()
    return {"live": live, "used": used, "committed": committed, "peak": peak}


set_up()
