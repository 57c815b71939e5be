"""Blocks of more than 64 KiB: each a mapping of its own, which goes back to the system when freed.

Owner: the heap named in the header. Callers: `base/memory` only, from any thread.

    +--------------------+-----------------------+
    | LargeHeader, 64 B  | `size` usable bytes   |
    +--------------------+-----------------------+

Without address ranges for spans (AddressSanitizer, a limited address space) every block is one.
"""


cdef struct LargeHeader:
    void *heap
    size_t size
    size_t mapped                  # bytes of the mapping; 0: from malloc
    size_t padding[5]


cdef inline LargeHeader *large_header(void *block) noexcept nogil:
    return <LargeHeader *>block - 1


cdef void *large_new(size_t size, bint mapped) noexcept nogil    # zeroed; NULL: out of memory
cdef void *large_resize(void *block, size_t size) noexcept nogil   # may move it; NULL: as it was
cdef void large_free(void *block) noexcept nogil
