"""Slabs: how a heap keeps blocks of one size class in spans.

Spans come from two ranges of addresses (`base/spans`): 64 KiB for blocks up to 3,200 bytes, 1 MiB
for those up to 64 KiB. Masking a block's address finds its span:

    span (aligned to its size)
    +--------+---------+---------+-- ... --+---------+
    | header | block 0 | block 1 |         | block n |     header: 64 bytes, blocks: one size class
    +--------+---------+---------+-- ... --+---------+

A free block holds the address of the next free one. A block freed by a thread that is not in the
span's heap goes to the span's `remote` word, one atomic:

    31               18  17     16             0
    +------------------+--------+---------------+
    | blocks on list   | queued | head offset/8 |
    +------------------+--------+---------------+

Whoever finds `queued` unset sets it and pushes the span on the heap's `remote_spans`. The heap's
thread takes that stack as a whole and visits its spans a few at a time: one whose blocks are all
free by count is empty, whatever its lists; another is put where allocation finds it. The blocks
themselves are touched by nobody until they are handed out again.

Owner: the heap. Callers: `base/memory` only; all but `slab_free_remote` by the one thread that is
in the heap (or holds the lock of the process's heap).
"""

from libc.stdint cimport int64_t, uint16_t, uint32_t

from carnelian.base.native cimport atomic_load32, likely, unlikely


cdef enum:
    SMALL_CLASS_COUNT = 51
    SMALL_SIZE_MAX = 3200
    MEDIUM_SIZE_MAX = 65536
    CLASS_COUNT = 321
    KEPT_COUNT = 8                 # mappings kept for reuse until the next tidying
    CACHE_LINE = 64
    QUEUED = 1 << 17
    COUNT_SHIFT = 18
    ALL_SPANS = 1 << 30

cdef struct Span:
    uint32_t remote                # see the module's docstring
    uint32_t size                  # of a block
    Heap *heap
    void *free                     # blocks freed by the heap's thread
    uint16_t klass
    uint16_t listed                # 1 while on its class's partial list
    uint32_t used                  # live blocks and those on the remote list
    uint32_t bump                  # offset of the first block never handed out
    uint32_t limit                 # ... and the end of what may be: a large span grows by steps
    Span *next
    Span *previous
    Span *next_remote

cdef struct Heap:
    Span *current[CLASS_COUNT]     # a class without one has a span that is always full
    Span *partial[CLASS_COUNT]
    Span *warm[2]                  # empty spans by kind, linked by `next`
    int64_t warm_count[2]
    int64_t spans[2]               # owned, warm ones included
    int64_t committed              # bytes of them up to their limits
    void *kept[KEPT_COUNT]         # large blocks nobody uses
    Span *draining                 # taken from remote_spans, not yet visited
    int asked                      # class whose current span slab_let_go looked at last
    int64_t next_tidy_ms
    int64_t used
    int64_t peak
    int64_t live                   # blocks handed out, and the first holder
    Heap *next                     # of all heaps but the process's
    Heap *previous
    bint inside                    # debug builds: a thread is
    char padding[CACHE_LINE]       # what other threads write is on lines of its own
    void *remote_spans             # Span*, atomic
    int64_t remote_freed           # bytes, atomic
    int64_t remote_blocks          # ... and blocks and holders that left, atomic
    int64_t holders                # atomic
    char padding_after[CACHE_LINE]


cdef void heap_init(Heap *heap) noexcept nogil
cdef uint32_t class_bytes(int klass) noexcept nogil      # of a block
cdef void *slab_take_slow(Heap *heap, int klass) noexcept nogil
cdef void slab_give_last(Heap *heap, Span *span) noexcept nogil
cdef void slab_list_partial(Heap *heap, Span *span) noexcept nogil
cdef void slab_free_remote(Span *span, void *p) noexcept nogil
cdef int slab_drain(Heap *heap, int spans_max) noexcept nogil       # how many it visited
# Empty spans cease to be current ones, for the next `count` classes.
cdef void slab_let_go(Heap *heap, int count) noexcept nogil
# Hand empty spans back to the system; how much, in units of 64 KiB.
cdef int slab_give_back(Heap *heap, int work, bint keep_some) noexcept nogil
cdef bint slab_end(Heap *heap) noexcept nogil      # no block lives: all spans go; False: damaged
cdef bint slab_verify(Heap *heap) noexcept nogil


cdef inline uint32_t remote_count(Span *span) noexcept nogil:
    return atomic_load32(&span.remote) >> COUNT_SHIFT


cdef inline void *slab_take(Heap *heap, int klass) noexcept nogil:
    cdef Span *span = heap.current[klass]
    cdef void *block = span.free
    heap.live += 1
    heap.used += span.size
    if likely(block != NULL):
        span.free = (<void **>block)[0]
        span.used += 1
        return block
    if likely(span.bump + span.size <= span.limit):
        block = <char *>span + span.bump
        span.bump += span.size
        span.used += 1
        return block
    return slab_take_slow(heap, klass)


cdef inline void slab_give(Heap *heap, Span *span, void *p) noexcept nogil:
    heap.live -= 1
    heap.used -= span.size
    (<void **>p)[0] = span.free
    span.free = p
    span.used -= 1
    if span == heap.current[span.klass]:
        return
    if unlikely(span.used == remote_count(span)):
        slab_give_last(heap, span)
    elif not span.listed:
        slab_list_partial(heap, span)
