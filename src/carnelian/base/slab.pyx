"""Slabs: spans found, filled and emptied; see slab.pxd."""

from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort
from libc.string cimport memset

from carnelian.base.native cimport (
    DEBUG, atomic_cas32, atomic_cas_ptr, atomic_load32, atomic_load_ptr, atomic_swap_ptr,
)
from carnelian.base.spans cimport (
    KIND_COUNT, MEDIUM, MEDIUM_SHIFT, SMALL, SMALL_SHIFT, span_give, span_take,
)


cdef enum:
    SPAN_HEADER = 64
    LIMIT_STEP = 65536
    WARM_SMALL_MAX = 32            # empty spans kept for reuse
    WARM_MEDIUM_MAX = 2
    DRAIN_SPANS = 16               # looked at by an allocation that finds no room
    HEAD_MASK = (1 << 17) - 1

cdef Span no_span                  # stands for the current span where there is none: always full
cdef uint32_t class_size[CLASS_COUNT]


cdef void set_up_classes() noexcept:
    """Steps of 8 bytes at first, then eight to each doubling, above 3,200 bytes
    sixty-four."""
    cdef size_t size = 0
    cdef size_t step = 8
    cdef int n = 0
    while size < 2048:
        step = 8 if size < 128 else 16 if size < 256 else 32 if size < 512 else (
            64 if size < 1024 else 128)
        size += step
        class_size[n] = <uint32_t>size
        n += 1
    class_size[n] = 2112           # 31 fill a span: table segments of 32 buckets, wheel chunks
    class_size[n + 1] = 2560
    class_size[n + 2] = SMALL_SIZE_MAX
    n += 3
    assert n == SMALL_CLASS_COUNT
    size = SMALL_SIZE_MAX
    while size < MEDIUM_SIZE_MAX:
        step = 64
        while size >= step * 128:
            step *= 2
        size += step
        class_size[n] = <uint32_t>size
        n += 1
    assert n == CLASS_COUNT
    no_span.bump = 1


cdef uint32_t class_bytes(int klass) noexcept nogil:
    return class_size[klass]


cdef void heap_init(Heap *heap) noexcept nogil:
    cdef int i
    memset(heap, 0, sizeof(Heap))
    for i in range(CLASS_COUNT):
        heap.current[i] = &no_span


cdef inline int kind_of(Span *span) noexcept nogil:
    return SMALL if span.klass < SMALL_CLASS_COUNT else MEDIUM


# --- spans of a heap ---

cdef void slab_list_partial(Heap *heap, Span *span) noexcept nogil:
    span.previous = NULL
    span.next = heap.partial[span.klass]
    if span.next != NULL:
        span.next.previous = span
    heap.partial[span.klass] = span
    span.listed = 1


cdef void unlist_partial(Heap *heap, Span *span) noexcept nogil:
    if span.previous != NULL:
        span.previous.next = span.next
    else:
        heap.partial[span.klass] = span.next
    if span.next != NULL:
        span.next.previous = span.previous
    span.listed = 0


cdef void retire(Heap *heap, Span *span) noexcept nogil:
    """An empty span that is neither current nor queued waits for another use."""
    cdef int kind = kind_of(span)
    if span.listed:
        unlist_partial(heap, span)
    span.remote = 0                # nobody has a block of it any more
    span.used = 0
    span.next = heap.warm[kind]
    heap.warm[kind] = span
    heap.warm_count[kind] += 1


cdef Span *take_warm(Heap *heap, int kind) noexcept nogil:
    cdef Span *span = heap.warm[kind]
    if span != NULL:
        heap.warm[kind] = span.next
        heap.warm_count[kind] -= 1
    return span


cdef Span *new_span(Heap *heap, int klass) noexcept nogil:
    cdef int kind = SMALL if klass < SMALL_CLASS_COUNT else MEDIUM
    cdef Span *span = take_warm(heap, kind)
    cdef uint32_t limit = LIMIT_STEP
    if span != NULL:
        limit = span.limit
    else:
        span = <Span *>span_take(kind)
        if span == NULL:
            fprintf(stderr, b"carnelian: out of memory: a span\n")
            abort()
        heap.spans[kind] += 1
        heap.committed += limit
    memset(span, 0, sizeof(Span))
    span.heap = heap
    span.klass = <uint16_t>klass
    span.size = class_size[klass]
    span.bump = SPAN_HEADER
    span.limit = limit
    widen(heap, span)              # for a block as large as a step
    return span


cdef bint widen(Heap *heap, Span *span) noexcept nogil:
    """Whether there is more of the span to hand out."""
    if kind_of(span) == SMALL:
        return False
    while span.bump + span.size > span.limit and not span.limit >> MEDIUM_SHIFT:
        span.limit += LIMIT_STEP
        heap.committed += LIMIT_STEP
    return span.bump + span.size <= span.limit


# --- what other threads freed ---

cdef void *take_remote(Span *span) noexcept nogil:
    """The list of what other threads freed in this span; NULL: nothing."""
    cdef uint32_t seen = atomic_load32(&span.remote)
    while seen >> COUNT_SHIFT:
        if atomic_cas32(&span.remote, &seen, seen & QUEUED):
            span.used -= seen >> COUNT_SHIFT
            return <char *>span + <size_t>(seen & HEAD_MASK) * 8
    return NULL


cdef void visit(Heap *heap, Span *span) noexcept nogil:
    """A span that was queued: it is empty, or allocation may have what is free in it."""
    cdef uint32_t seen = atomic_load32(&span.remote)
    cdef bint current = span == heap.current[span.klass]
    while True:
        if seen >> COUNT_SHIFT == span.used and not current:
            retire(heap, span)
            return
        if atomic_cas32(&span.remote, &seen, seen & ~<uint32_t>QUEUED):
            break
    if (seen >> COUNT_SHIFT or span.free != NULL) and not current and not span.listed:
        slab_list_partial(heap, span)


cdef int slab_drain(Heap *heap, int spans_max) noexcept nogil:
    """Visit queued spans; how many."""
    cdef int count = 0
    cdef Span *span
    while count < spans_max:
        span = heap.draining
        if span == NULL:
            if atomic_load_ptr(&heap.remote_spans) == NULL:
                break
            span = <Span *>atomic_swap_ptr(&heap.remote_spans, NULL)
        heap.draining = span.next_remote
        visit(heap, span)
        count += 1
    return count


cdef void slab_free_remote(Span *span, void *p) noexcept nogil:
    cdef Heap *heap = span.heap
    cdef uint32_t head = <uint32_t>((<char *>p - <char *>span) >> 3)
    cdef uint32_t seen = atomic_load32(&span.remote)
    cdef void *top
    while True:
        (<void **>p)[0] = NULL
        if seen >> COUNT_SHIFT:
            (<void **>p)[0] = <char *>span + <size_t>(seen & HEAD_MASK) * 8
        if atomic_cas32(
                &span.remote, &seen, ((seen >> COUNT_SHIFT) + 1) << COUNT_SHIFT | QUEUED | head):
            break
    if not seen & QUEUED:
        top = atomic_load_ptr(&heap.remote_spans)
        while True:
            span.next_remote = <Span *>top
            if atomic_cas_ptr(&heap.remote_spans, &top, span):
                break


# --- blocks ---

cdef void *slab_take_slow(Heap *heap, int klass) noexcept nogil:
    """The current span has no free block: find or make one that has."""
    cdef Span *span = heap.current[klass]
    cdef void *block = NULL
    if span == &no_span:
        heap.used += class_size[klass]
    else:
        block = take_remote(span)
    if block == NULL and (span == &no_span or not widen(heap, span)):
        if heap.partial[klass] == NULL:
            slab_drain(heap, DRAIN_SPANS)
        if span != &no_span and remote_count(span) and not span.listed:
            slab_list_partial(heap, span)
        span = heap.partial[klass]
        if span != NULL:
            unlist_partial(heap, span)
        else:
            span = new_span(heap, klass)
        heap.current[klass] = span
        block = span.free
        if block == NULL:
            block = take_remote(span)
    if block != NULL:
        span.free = (<void **>block)[0]
    else:
        if DEBUG and span.bump + span.size > span.limit and not widen(heap, span):
            abort()
        block = <char *>span + span.bump
        span.bump += span.size
    span.used += 1
    return block


cdef void slab_give_last(Heap *heap, Span *span) noexcept nogil:
    """All its blocks are free; while it is queued its visit finds that."""
    if not atomic_load32(&span.remote) & QUEUED:
        retire(heap, span)


cdef void give_warm(Heap *heap, int kind) noexcept nogil:
    cdef Span *span = take_warm(heap, kind)
    heap.spans[kind] -= 1
    heap.committed -= span.limit
    span_give(kind, span, span.limit)


cdef void slab_let_go(Heap *heap, int count) noexcept nogil:
    cdef Span *span
    cdef int _i
    for _i in range(count):
        heap.asked = (heap.asked + 1) % CLASS_COUNT
        span = heap.current[heap.asked]
        if span.used == remote_count(span) and span != &no_span and not (
                atomic_load32(&span.remote) & QUEUED):
            heap.current[heap.asked] = &no_span
            retire(heap, span)


cdef int slab_give_back(Heap *heap, int work, bint keep_some) noexcept nogil:
    """Hand empty spans back; the work that was, in units of 64 KiB."""
    cdef int done = 0
    while done < work and heap.warm_count[MEDIUM] > (WARM_MEDIUM_MAX if keep_some else 0):
        done += <int>(heap.warm[MEDIUM].limit >> SMALL_SHIFT)
        give_warm(heap, MEDIUM)
    while done < work and heap.warm_count[SMALL] > (WARM_SMALL_MAX if keep_some else 0):
        done += 1
        give_warm(heap, SMALL)
    return done


cdef bint slab_end(Heap *heap) noexcept nogil:
    cdef Span *span
    cdef int klass, kind
    cdef bint sound = True
    slab_drain(heap, ALL_SPANS)
    for klass in range(CLASS_COUNT):
        span = heap.current[klass]
        if span != &no_span:
            slab_list_partial(heap, span)
        while heap.partial[klass] != NULL:
            span = heap.partial[klass]
            sound = sound and span.used == remote_count(span)
            retire(heap, span)
    for kind in range(KIND_COUNT):
        while heap.warm[kind] != NULL:
            give_warm(heap, kind)
        sound = sound and not heap.spans[kind]
    return sound


# --- for tests and debug builds ---

cdef bint span_verify(Heap *heap, Span *span) noexcept nogil:
    """Blocks handed out and not in use are on its lists, once each."""
    cdef uint32_t word = atomic_load32(&span.remote)
    cdef uint32_t handed_out = (span.bump - SPAN_HEADER) // span.size
    cdef uint32_t count = 0
    cdef uint32_t left = word >> COUNT_SHIFT
    cdef char *block = <char *>span.free
    if span.heap != heap or span.size != class_size[span.klass] or span.used > handed_out:
        return False
    while block != NULL:
        if (block - <char *>span - SPAN_HEADER) % span.size or count >= handed_out:
            return False
        count += 1
        block = (<char **>block)[0]
    if count + span.used != handed_out or left > span.used:
        return False
    block = <char *>span + <size_t>(word & HEAD_MASK) * 8
    while left:
        if (block - <char *>span - SPAN_HEADER) % span.size:
            return False
        left -= 1
        block = (<char **>block)[0]
        if (block == NULL) != (left == 0):
            return False
    return True


cdef bint slab_verify(Heap *heap) noexcept nogil:
    """By the heap's thread; others may free meanwhile."""
    cdef Span *span
    cdef int64_t count
    cdef int klass, kind
    for klass in range(CLASS_COUNT):
        span = heap.current[klass]
        if span != &no_span and (span.listed or not span_verify(heap, span)):
            return False
        span = heap.partial[klass]
        while span != NULL:
            if not span.listed or span.klass != klass or not span_verify(heap, span):
                return False
            if span.next != NULL and span.next.previous != span:
                return False
            span = span.next
    for kind in range(KIND_COUNT):
        count = 0
        span = heap.warm[kind]
        while span != NULL:
            count += 1
            span = span.next
        if count != heap.warm_count[kind] or count > heap.spans[kind]:
            return False
    return True


set_up_classes()
