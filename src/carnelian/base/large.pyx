"""Mappings, and malloc where there can be none; see large.pxd."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy


cdef extern from * nogil:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <sys/mman.h>
    static void *cn_remap(void *p, size_t old, size_t size)
    {
    #ifdef MREMAP_MAYMOVE
        return mremap(p, old, size, MREMAP_MAYMOVE);
    #else
        (void)p; (void)old; (void)size;
        return MAP_FAILED;
    #endif
    }
    """
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int munmap(void *address, size_t length)
    int madvise(void *address, size_t length, int advice)
    void *remap "cn_remap"(void *p, size_t old, size_t size)
    const int PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MADV_DONTNEED
    void *MAP_FAILED

cdef enum:
    PAGE_SIZE = 4096
    HEADER = sizeof(LargeHeader)


cdef inline size_t mapping_size(size_t size) noexcept nogil:
    return (size + HEADER + PAGE_SIZE - 1) & ~<size_t>(PAGE_SIZE - 1)


cdef void *begin(void *memory, size_t size, size_t mapped) noexcept nogil:
    cdef LargeHeader *header = <LargeHeader *>memory
    header.size = size
    header.mapped = mapped
    return header + 1


cdef void *large_new(size_t size, bint mapped) noexcept nogil:
    cdef size_t length = mapping_size(size)
    cdef void *memory
    if mapped:
        memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if memory != MAP_FAILED:
            return begin(memory, length - HEADER, length)
    memory = calloc(1, HEADER + size)         # also when there are too many mappings
    return NULL if memory == NULL else begin(memory, size, 0)


cdef void *large_resize(void *block, size_t size) noexcept nogil:
    cdef LargeHeader *header = large_header(block)
    cdef size_t length = mapping_size(size)
    cdef void *memory
    if not header.mapped:
        memory = realloc(header, HEADER + size)
        return NULL if memory == NULL else begin(memory, size, 0)
    if length == header.mapped:
        return block
    memory = remap(header, header.mapped, length)
    if memory != MAP_FAILED:
        return begin(memory, length - HEADER, length)
    memory = large_new(size, True)
    if memory == NULL:
        return NULL
    large_header(memory).heap = header.heap
    memcpy(memory, block, min(size, header.size))
    large_free(block)
    return memory


cdef void large_free(void *block) noexcept nogil:
    cdef LargeHeader *header = large_header(block)
    cdef size_t length = header.mapped
    if not length:
        free(header)
        return
    # The pages first: that holds up nobody, while unmapping keeps other threads from theirs.
    madvise(header, length, MADV_DONTNEED)
    munmap(header, length)
