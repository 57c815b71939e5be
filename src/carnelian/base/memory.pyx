"""Slab allocator: 64 KiB spans of equal blocks below 4 KiB, the C library's malloc above.

One large range of addresses is reserved at start and committed in steps, so that one comparison
tells a slab block from a malloc block and masking an address finds its span:

    span (64 KiB, aligned)
    +--------+---------+---------+-- ... --+---------+
    | header | block 0 | block 1 |         | block n |     header: 64 bytes, blocks: one size class
    +--------+---------+---------+-- ... --+---------+

A free block holds the address of the next free one. Blocks freed by a background thread go to the
span's `remote` word, one 32-bit atomic that packs the list head (in units of 8 bytes from the span)
and a count:

    31            16 15             0
    +---------------+---------------+
    | blocks freed  | head offset/8 |
    +---------------+---------------+

The thread that makes a span's remote list non-empty also pushes the span on `remote_spans`; the
owner takes that stack as a whole, so a span is on it at most once and nothing is ever waited for.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from carnelian.base.native cimport (
    ASAN, atomic_add64, atomic_cas32, atomic_cas_ptr, atomic_load32, atomic_load64, atomic_load_ptr,
    atomic_swap32, atomic_swap_ptr, likely, unlikely,
)


cdef extern from "sys/mman.h" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int mprotect(void *address, size_t length, int protection)
    int madvise(void *address, size_t length, int advice)
    const int PROT_NONE, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    const int MADV_DONTNEED
    void *MAP_FAILED

cdef extern from "malloc.h" nogil:
    size_t malloc_usable_size(void *p)

cdef extern from *:
    """
    static __thread int cn_in_background = 0;
    """
    int in_background "cn_in_background"

cdef enum:
    SPAN_SHIFT = 16
    SPAN_SIZE = 1 << SPAN_SHIFT
    SPAN_HEADER = 64
    CLASS_COUNT = 51
    SLAB_SIZE_MAX = 3200
    UNIT_COUNT = 401           # SLAB_SIZE_MAX / 8 + 1
    COMMIT_SIZE = 4 << 20
    WARM_SPANS_MAX = 32

cdef struct Span:
    uint32_t remote            # see the module's docstring
    uint16_t klass
    uint16_t listed            # 1 while on its class's partial list
    void *free                 # blocks freed by the owner
    void *spare                # blocks taken over from `remote`, used when `free` runs out
    uint32_t used              # live blocks
    uint32_t bump              # offset of the first block never handed out
    uint32_t size              # of a block
    uint32_t pad
    Span *next
    Span *previous
    Span *next_remote

cdef struct Heap:
    char *base
    size_t reserved
    size_t committed           # bytes from base that are readable and writable
    size_t fresh               # bytes from base ever handed out as spans
    Span *current[CLASS_COUNT]
    Span *partial[CLASS_COUNT]
    uint32_t *empty            # numbers of empty spans: the first `cold` hold no memory
    size_t empty_count
    size_t empty_capacity
    size_t cold
    void *remote_spans         # Span*, atomic
    int64_t used
    int64_t peak
    int64_t live
    int64_t background_freed   # atomic
    int64_t background_blocks  # atomic

cdef Heap heap
cdef uint16_t class_size[CLASS_COUNT]
cdef uint8_t class_of[UNIT_COUNT]      # by (size + 7) / 8


cdef void die(const char *what, size_t size) noexcept nogil:
    fprintf(stderr, b"carnelian: out of memory: %s of %zu bytes\n", what, size)
    abort()


cdef void set_up() noexcept:
    cdef int i
    cdef int n = 0
    cdef size_t size = 0
    cdef size_t unit
    cdef size_t units = UNIT_COUNT
    while size < 2048:
        if size < 128:
            size += 8
        elif size < 256:
            size += 16
        elif size < 512:
            size += 32
        elif size < 1024:
            size += 64
        else:
            size += 128
        class_size[n] = <uint16_t>size
        n += 1
    class_size[n] = 2112            # 31 fill a span: table segments of 32 buckets, wheel chunks
    class_size[n + 1] = 2560
    class_size[n + 2] = 3200        # of what is larger a span would waste too much of its end
    assert n + 3 == CLASS_COUNT
    i = 0
    for unit in range(units):
        if unit * 8 > class_size[i]:
            i += 1
        class_of[unit] = <uint8_t>i
    if ASAN:
        return
    size = <size_t>1 << 42
    while size >= <size_t>1 << 32:
        heap.base = <char *>mmap(
            NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if heap.base != <char *>MAP_FAILED:
            break
        size >>= 1
    else:
        heap.base = NULL            # no range to be had: every block comes from malloc
        return
    unit = (SPAN_SIZE - (<uintptr_t>heap.base & (SPAN_SIZE - 1))) & (SPAN_SIZE - 1)
    heap.base += unit
    heap.reserved = size - SPAN_SIZE


cdef inline bint is_slab(void *p) noexcept nogil:
    return <size_t>(<char *>p - heap.base) < heap.fresh


cdef inline Span *span_of(void *p) noexcept nogil:
    return <Span *>(<uintptr_t>p & ~<uintptr_t>(SPAN_SIZE - 1))


cdef void list_partial(Span *span) noexcept nogil:
    span.previous = NULL
    span.next = heap.partial[span.klass]
    if span.next != NULL:
        span.next.previous = span
    heap.partial[span.klass] = span
    span.listed = 1


cdef void unlist_partial(Span *span) noexcept nogil:
    if span.previous != NULL:
        span.previous.next = span.next
    else:
        heap.partial[span.klass] = span.next
    if span.next != NULL:
        span.next.previous = span.previous
    span.listed = 0


cdef void retire(Span *span) noexcept nogil:
    """An empty span that is nobody's current one goes to the pool."""
    if span.listed:
        unlist_partial(span)
    if heap.empty_count == heap.empty_capacity:
        heap.empty_capacity = heap.empty_capacity * 2 + 64
        heap.empty = <uint32_t *>realloc(heap.empty, heap.empty_capacity * sizeof(uint32_t))
        if heap.empty == NULL:
            die(b"span pool", heap.empty_capacity * sizeof(uint32_t))
    heap.empty[heap.empty_count] = <uint32_t>((<char *>span - heap.base) >> SPAN_SHIFT)
    heap.empty_count += 1


cdef Span *new_span(int klass) noexcept nogil:
    cdef Span *span
    if heap.empty_count:
        heap.empty_count -= 1
        if heap.cold > heap.empty_count:
            heap.cold = heap.empty_count
        span = <Span *>(heap.base + (<size_t>heap.empty[heap.empty_count] << SPAN_SHIFT))
    else:
        if heap.fresh + SPAN_SIZE > heap.committed:
            if heap.committed + COMMIT_SIZE > heap.reserved or mprotect(
                heap.base + heap.committed, COMMIT_SIZE, PROT_READ | PROT_WRITE
            ):
                die(b"span", SPAN_SIZE)
            heap.committed += COMMIT_SIZE
        span = <Span *>(heap.base + heap.fresh)
        heap.fresh += SPAN_SIZE
    memset(span, 0, sizeof(Span))
    span.klass = <uint16_t>klass
    span.size = class_size[klass]
    span.bump = SPAN_HEADER
    return span


cdef void take_remote(Span *span) noexcept nogil:
    """Take over what background threads freed in this span; needs an empty spare list."""
    cdef uint32_t word
    if span.spare != NULL:
        return
    word = atomic_swap32(&span.remote, 0)
    if word:
        span.spare = <char *>span + <size_t>(word & 0xFFFF) * 8
        span.used -= word >> 16


cdef void drain_remote() noexcept nogil:
    cdef Span *span = <Span *>atomic_swap_ptr(&heap.remote_spans, NULL)
    cdef Span *following
    cdef void *block
    while span != NULL:
        following = span.next_remote
        if span.spare != NULL:      # rare: two batches before the first was used
            while span.spare != NULL:
                block = span.spare
                span.spare = (<void **>block)[0]
                (<void **>block)[0] = span.free
                span.free = block
        take_remote(span)
        if span != heap.current[span.klass]:
            if span.used == 0:
                retire(span)
            elif not span.listed:
                list_partial(span)
        span = following


cdef void *alloc_slow(int klass) noexcept nogil:
    """The current span has no free block: find or make one that has."""
    cdef Span *span = heap.current[klass]
    cdef void *block
    if heap.remote_spans != NULL:
        drain_remote()
    if span == NULL or (span.free == NULL and span.spare == NULL):
        span = heap.partial[klass]
        if span != NULL:
            unlist_partial(span)
        else:
            span = new_span(klass)
        heap.current[klass] = span
    if span.free == NULL:
        span.free = span.spare
        span.spare = NULL
    block = span.free
    if block != NULL:
        span.free = (<void **>block)[0]
    else:
        block = <char *>span + span.bump
        span.bump += span.size
    span.used += 1
    return block


cdef void *alloc_large(size_t size) noexcept nogil:
    cdef void *p = malloc(size)
    if p == NULL:
        die(b"block", size)
    heap.used += <int64_t>malloc_usable_size(p)
    heap.live += 1
    if heap.used > heap.peak:
        heap.peak = heap.used
    return p


cdef void *mem_alloc(size_t size) noexcept nogil:
    cdef Span *span
    cdef void *block
    cdef int klass
    if unlikely(size > SLAB_SIZE_MAX or heap.base == NULL):
        return alloc_large(size if size else 1)
    klass = class_of[(size + 7) >> 3]
    span = heap.current[klass]
    heap.live += 1
    heap.used += class_size[klass]
    if likely(span != NULL):
        block = span.free
        if block != NULL:
            span.free = (<void **>block)[0]
            span.used += 1
            return block
        if span.bump + span.size <= SPAN_SIZE:
            block = <char *>span + span.bump
            span.bump += span.size
            span.used += 1
            return block
    return alloc_slow(klass)


cdef void *mem_alloc_zeroed(size_t size) noexcept nogil:
    cdef void *p
    if size <= SLAB_SIZE_MAX:
        p = mem_alloc(size)
        memset(p, 0, size)
        return p
    p = calloc(1, size)
    if p == NULL:
        die(b"block", size)
    heap.used += <int64_t>malloc_usable_size(p)
    heap.live += 1
    return p


cdef void free_in_background(void *p) noexcept nogil:
    cdef Span *span
    cdef uint32_t seen
    cdef uint32_t head
    cdef void *top
    if not is_slab(p):
        atomic_add64(&heap.background_freed, <int64_t>malloc_usable_size(p))
        atomic_add64(&heap.background_blocks, 1)
        free(p)
        return
    span = span_of(p)
    atomic_add64(&heap.background_freed, span.size)
    atomic_add64(&heap.background_blocks, 1)
    head = <uint32_t>((<char *>p - <char *>span) >> 3)
    seen = atomic_load32(&span.remote)
    while True:
        (<void **>p)[0] = <char *>span + <size_t>(seen & 0xFFFF) * 8 if seen else NULL
        if atomic_cas32(&span.remote, &seen, ((seen >> 16) + 1) << 16 | head):
            break
    if seen == 0:
        top = atomic_load_ptr(&heap.remote_spans)
        while True:
            span.next_remote = <Span *>top
            if atomic_cas_ptr(&heap.remote_spans, &top, span):
                break


cdef void mem_free(void *p) noexcept nogil:
    cdef Span *span
    if p == NULL:
        return
    if unlikely(in_background):
        free_in_background(p)
        return
    heap.live -= 1
    if unlikely(not is_slab(p)):
        heap.used -= <int64_t>malloc_usable_size(p)
        free(p)
        return
    span = span_of(p)
    heap.used -= span.size
    (<void **>p)[0] = span.free
    span.free = p
    span.used -= 1
    if span == heap.current[span.klass]:
        return
    if unlikely(span.used == 0):
        retire(span)
    elif not span.listed:
        list_partial(span)


cdef void *mem_realloc(void *p, size_t size) noexcept nogil:
    cdef size_t old
    cdef void *fresh
    if p == NULL:
        return mem_alloc(size)
    old = mem_usable(p)
    if is_slab(p):
        if size <= old and class_size[class_of[(size + 7) >> 3]] == old:
            return p
    elif size > SLAB_SIZE_MAX or heap.base == NULL:
        fresh = realloc(p, size if size else 1)
        if fresh == NULL:
            die(b"block", size)
        heap.used += <int64_t>malloc_usable_size(fresh) - <int64_t>old
        if heap.used > heap.peak:
            heap.peak = heap.used
        return fresh
    fresh = mem_alloc(size)
    memcpy(fresh, p, old if old < size else size)
    mem_free(p)
    return fresh


cdef size_t mem_usable(void *p) noexcept nogil:
    if is_slab(p):
        return span_of(p).size
    return malloc_usable_size(p)


cdef void mem_enter_background() noexcept nogil:
    global in_background
    in_background = 1


cdef int mem_release(int spans_max) noexcept nogil:
    """Called from a timer: takes in remote frees and returns spans that stay empty."""
    cdef int given = 0
    if heap.remote_spans != NULL:
        drain_remote()
    mem_used()
    while given < spans_max and heap.empty_count > heap.cold + WARM_SPANS_MAX:
        madvise(heap.base + (<size_t>heap.empty[heap.cold] << SPAN_SHIFT), SPAN_SIZE, MADV_DONTNEED)
        heap.cold += 1
        given += 1
    return given


cdef int64_t mem_used() noexcept nogil:
    cdef int64_t used = heap.used - atomic_load64(&heap.background_freed)
    if used > heap.peak:
        heap.peak = used
    return used


cdef int64_t mem_peak() noexcept nogil:
    mem_used()
    return heap.peak


cdef int64_t mem_live() noexcept nogil:
    return heap.live - atomic_load64(&heap.background_blocks)


cdef int64_t mem_committed() noexcept nogil:
    return <int64_t>(heap.fresh - (heap.cold << SPAN_SHIFT))


def stats():
    """Allocation counters for tests and INFO: live blocks, bytes used, committed and peak."""
    return {
        "live": mem_live(), "used": mem_used(), "committed": mem_committed(), "peak": mem_peak(),
    }


set_up()
