"""The allocator all native structures use: no per-object header, sizes in steps of 8 bytes.

Owner: the process. Callers: anything native. `mem_alloc`, `mem_realloc` and `mem_free` belong to
whoever runs the engine (one thread at a time, under the GIL); a background thread calls
`mem_enter_background` once and may then only `mem_free`. Out of memory ends the process, as in
Redis: sizes that come from outside are checked against a limit before they get here.
"""

from libc.stdint cimport int64_t


cdef void *mem_alloc(size_t size) noexcept nogil
cdef void *mem_alloc_zeroed(size_t size) noexcept nogil
cdef void *mem_realloc(void *p, size_t size) noexcept nogil   # p may be NULL
cdef void mem_free(void *p) noexcept nogil            # p may be NULL
cdef size_t mem_usable(void *p) noexcept nogil        # bytes the block really has, >= size asked

cdef void mem_enter_background() noexcept nogil
cdef int mem_release(int spans_max) noexcept nogil    # give empty spans back; how many it gave
cdef int64_t mem_used() noexcept nogil                # bytes in live blocks, rounding included
cdef int64_t mem_peak() noexcept nogil
cdef int64_t mem_live() noexcept nogil                # number of live blocks
cdef int64_t mem_committed() noexcept nogil           # bytes of spans in use or kept for reuse
