"""The allocator all native structures use: no per-object header, sizes in steps of 8 bytes.

Each engine has a `Heap`; a thread enters it before it runs the engine and leaves it afterwards, so
that one thread at a time is inside. Blocks come from the heap the thread is in. Any thread may free
any block: one of another heap goes back to its owner through an atomic list. Threads in no heap
share the process's, under a lock. A heap lives until its last holder has dropped it and its last
block is freed. Out of memory ends the process, as in Redis: sizes that come from outside are
checked against a limit before they get here.

Owner: heaps belong to their engines, the process's heap to nobody. Callers: anything native.
"""

from libc.stdint cimport int64_t

from carnelian.base.slab cimport Heap


cdef void *mem_alloc(size_t size) noexcept nogil
cdef void *mem_alloc_zeroed(size_t size) noexcept nogil
cdef void *mem_realloc(void *p, size_t size) noexcept nogil   # p may be NULL
cdef void mem_free(void *p) noexcept nogil            # p may be NULL
cdef size_t mem_usable(void *p) noexcept nogil        # bytes the block really has, >= size asked

cdef Heap *heap_new() noexcept nogil                  # held once
cdef void heap_hold(Heap *heap) noexcept nogil
cdef void heap_drop(Heap *heap) noexcept nogil        # from no thread that is inside
cdef Heap *heap_enter(Heap *heap) noexcept nogil      # NULL: none; the one before, to return to
cdef Heap *heap_enter_sole(Heap *heap) noexcept nogil   # by its only holder, else stay where it is

# From a timer: take in some of what other threads freed, give some empty spans back to the system,
# more of them the more there are. Giving back 64 KiB is one of `work_max`; how much was done.
cdef int heap_tidy(Heap *heap, int work_max) noexcept nogil
cdef void heap_tidy_at(Heap *heap, int64_t now_ms) noexcept nogil   # ten times a second at most
cdef void heap_tidy_all(Heap *heap) noexcept nogil    # all that can be given back, at once

cdef int64_t heap_used(Heap *heap) noexcept nogil     # bytes in live blocks, rounding included
cdef int64_t heap_peak(Heap *heap) noexcept nogil
cdef int64_t heap_live(Heap *heap) noexcept nogil     # number of live blocks
cdef int64_t heap_committed(Heap *heap) noexcept nogil  # bytes of spans in use or kept for reuse
cdef bint heap_verify(Heap *heap) noexcept nogil      # whether every list and count is right
