"""The ranges, and the numbers of the spans that nobody has; see spans.pxd.

A span that comes back keeps its addresses and loses its pages at once.
"""

from libc.stdint cimport uint32_t, uintptr_t
from libc.stdlib cimport realloc

from carnelian.base.native cimport ASAN


cdef extern from "sys/mman.h" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)
    int mprotect(void *address, size_t length, int protection)
    int madvise(void *address, size_t length, int advice)
    int munmap(void *address, size_t length)
    const int PROT_NONE, PROT_READ, PROT_WRITE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    const int MADV_DONTNEED
    void *MAP_FAILED

cdef extern from * nogil:
    """
    #include <pthread.h>
    static pthread_mutex_t cn_pool_mutex = PTHREAD_MUTEX_INITIALIZER;
    static void cn_pool_lock(void) { pthread_mutex_lock(&cn_pool_mutex); }
    static void cn_pool_unlock(void) { pthread_mutex_unlock(&cn_pool_mutex); }
    /* A child forked while another thread held the lock would wait for it for ever. */
    static int cn_pool_survive_fork(void)
    {
        return pthread_atfork(cn_pool_lock, cn_pool_unlock, cn_pool_unlock);
    }
    """
    void pool_lock "cn_pool_lock"()
    void pool_unlock "cn_pool_unlock"()
    int pool_survive_fork "cn_pool_survive_fork"()

cdef enum:
    COMMIT_SIZE = 4 << 20
    RESERVE_SHIFT_MAX = 42
    RESERVE_SHIFT_MIN = 32

cdef struct Range:
    char *base
    size_t reserved
    size_t committed               # bytes from base that are readable and writable
    size_t fresh                   # bytes from base ever handed out
    int shift
    uint32_t *idle                 # numbers of spans that came back
    size_t idle_count
    size_t idle_capacity

cdef Range ranges[KIND_COUNT]


cdef void reserve(Range *r, int shift) noexcept:
    """As large a range as the system allows."""
    cdef size_t span_size = <size_t>1 << shift
    cdef size_t size = <size_t>1 << RESERVE_SHIFT_MAX
    r.shift = shift
    while size >= <size_t>1 << RESERVE_SHIFT_MIN:
        r.base = <char *>mmap(
            NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if r.base != <char *>MAP_FAILED:
            r.base += (span_size - (<uintptr_t>r.base & (span_size - 1))) & (span_size - 1)
            r.reserved = size - span_size
            return
        size >>= 1
    r.base = NULL


cdef void set_up():
    pool_survive_fork()
    if ASAN:
        return                     # every block is to come from malloc, which is watched
    reserve(&ranges[SMALL], SMALL_SHIFT)
    reserve(&ranges[MEDIUM], MEDIUM_SHIFT)
    if ranges[SMALL].base != NULL and ranges[MEDIUM].base == NULL:
        ranges[SMALL].base = NULL
        ranges[SMALL].reserved = 0


cdef char *spans_base(int kind) noexcept nogil:
    return ranges[kind].base


cdef size_t spans_reserved(int kind) noexcept nogil:
    return ranges[kind].reserved


cdef void *take_fresh(Range *r) noexcept nogil:
    cdef size_t span_size = <size_t>1 << r.shift
    cdef void *span
    if r.fresh + span_size > r.committed:
        if r.committed + COMMIT_SIZE > r.reserved or mprotect(
                r.base + r.committed, COMMIT_SIZE, PROT_READ | PROT_WRITE):
            return NULL
        r.committed += COMMIT_SIZE
    span = r.base + r.fresh
    r.fresh += span_size
    return span


cdef void *span_take(int kind) noexcept nogil:
    cdef Range *r = &ranges[kind]
    cdef void *span
    pool_lock()
    if r.idle_count:
        r.idle_count -= 1
        span = r.base + (<size_t>r.idle[r.idle_count] << r.shift)
    else:
        span = take_fresh(r)
    pool_unlock()
    return span


cdef void span_give(int kind, void *span, size_t touched) noexcept nogil:
    cdef Range *r = &ranges[kind]
    cdef uint32_t *idle
    madvise(span, touched, MADV_DONTNEED)
    pool_lock()
    if r.idle_count == r.idle_capacity:
        idle = <uint32_t *>realloc(r.idle, (r.idle_capacity * 2 + 64) * sizeof(uint32_t))
        if idle == NULL:           # its addresses are lost, no memory is
            pool_unlock()
            return
        r.idle = idle
        r.idle_capacity = r.idle_capacity * 2 + 64
    r.idle[r.idle_count] = <uint32_t>(<size_t>(<char *>span - r.base) >> r.shift)
    r.idle_count += 1
    pool_unlock()


set_up()
