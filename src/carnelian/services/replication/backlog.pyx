"""The tail of the replication stream; see backlog.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice, slice_of
from carnelian.resp.command_writer cimport (
    COMMAND_HEAD_MAX, command_head, command_size_max, command_write,
)
from carnelian.resp.reply cimport iovec


cdef enum:
    CAPACITY_MIN = 16


cdef void backlog_init(Backlog *b, int64_t offset) noexcept nogil:
    memset(b, 0, sizeof(Backlog))
    b.base = b.first = b.end = offset


cdef void backlog_free(Backlog *b) noexcept nogil:
    cdef size_t i
    for i in range(b.count):
        mem_free(b.blocks[(b.head + i) & (b.capacity - 1)])
    mem_free(b.blocks)
    mem_free(b.spare)
    b.blocks = NULL
    b.spare = NULL
    b.count = b.capacity = b.head = 0
    b.base = b.first = b.end


cdef inline char *block_at(Backlog *b, size_t i) noexcept nogil:
    return b.blocks[(b.head + i) & (b.capacity - 1)]


cdef inline size_t room(Backlog *b) noexcept nogil:
    """Bytes free in the last block."""
    return <size_t>(b.base + <int64_t>(b.count * BACKLOG_BLOCK_SIZE) - b.end)


cdef void grow_ring(Backlog *b) noexcept nogil:
    cdef size_t capacity = b.capacity * 2 if b.capacity else CAPACITY_MIN
    cdef char **wider = <char **>mem_alloc(capacity * sizeof(char *))
    cdef size_t i
    for i in range(b.count):
        wider[i] = block_at(b, i)
    mem_free(b.blocks)
    b.blocks = wider
    b.capacity = capacity
    b.head = 0


cdef void add_block(Backlog *b) noexcept nogil:
    cdef char *block = b.spare
    b.spare = NULL
    if block == NULL:
        block = <char *>mem_alloc(BACKLOG_BLOCK_SIZE)
    if b.count == b.capacity:
        grow_ring(b)
    b.blocks[(b.head + b.count) & (b.capacity - 1)] = block
    b.count += 1


cdef inline char *tail(Backlog *b) noexcept nogil:
    """Where the next byte goes; there must be room."""
    return block_at(b, b.count - 1) + (BACKLOG_BLOCK_SIZE - room(b))


cdef void backlog_append(Backlog *b, const char *p, size_t n) noexcept nogil:
    cdef size_t part
    while n:
        if room(b) == 0:
            add_block(b)
        part = min(n, room(b))
        memcpy(tail(b), p, part)
        b.end += <int64_t>part
        p += part
        n -= part


cdef void put_in_parts(Backlog *b, const Slice *argv, int argc) noexcept nogil:
    """For commands that may cross blocks."""
    cdef char head[COMMAND_HEAD_MAX]
    cdef int i
    backlog_append(b, head, <size_t>(command_head(head, b"*", <size_t>argc) - head))
    for i in range(argc):
        backlog_append(b, head, <size_t>(command_head(head, b"$", argv[i].len) - head))
        backlog_append(b, argv[i].ptr, argv[i].len)
        backlog_append(b, b"\r\n", 2)


cdef Slice backlog_put_command(Backlog *b, const Slice *argv, int argc) noexcept nogil:
    cdef char *start
    cdef size_t size
    if unlikely(command_size_max(argv, argc) > room(b)):
        put_in_parts(b, argv, argc)
        return slice_of(NULL, 0)
    start = tail(b)
    size = <size_t>(command_write(start, argv, argc) - start)
    b.end += <int64_t>size
    return slice_of(start, size)


cdef void backlog_trim(Backlog *b, int64_t offset) noexcept nogil:
    while b.count > 1 and b.base + BACKLOG_BLOCK_SIZE <= offset:
        if b.spare == NULL:
            b.spare = block_at(b, 0)
        else:
            mem_free(block_at(b, 0))
        b.head = (b.head + 1) & (b.capacity - 1)
        b.count -= 1
        b.base += BACKLOG_BLOCK_SIZE
        b.first = max(b.first, b.base)


cdef int backlog_iovec(Backlog *b, int64_t offset, iovec *out, int count_max) noexcept nogil:
    cdef size_t i = <size_t>(offset - b.base) // BACKLOG_BLOCK_SIZE
    cdef size_t skipped = <size_t>(offset - b.base) % BACKLOG_BLOCK_SIZE
    cdef int64_t left = b.end - offset
    cdef int64_t part
    cdef int count = 0
    while left > 0 and count < count_max:
        part = min(left, <int64_t>(BACKLOG_BLOCK_SIZE - skipped))
        out[count].iov_base = block_at(b, i) + skipped
        out[count].iov_len = <size_t>part
        left -= part
        skipped = 0
        i += 1
        count += 1
    return count


cdef int64_t backlog_memory(Backlog *b) noexcept nogil:
    cdef size_t blocks = b.count + (b.spare != NULL)
    return <int64_t>(blocks * BACKLOG_BLOCK_SIZE + b.capacity * sizeof(char *))


cdef size_t backlog_blocks_from(Backlog *b, int64_t offset) noexcept nogil:
    return b.count - <size_t>(offset - b.base) // BACKLOG_BLOCK_SIZE


cdef bint backlog_verify(Backlog *b) noexcept nogil:
    cdef int64_t held = <int64_t>(b.count * BACKLOG_BLOCK_SIZE)
    cdef size_t i
    if not b.base <= b.first <= b.end or b.end > b.base + held:
        return False
    if b.count and b.end - b.base <= held - BACKLOG_BLOCK_SIZE:
        return False               # a last block without a byte
    if b.capacity & (b.capacity - 1) or b.count > b.capacity:
        return False
    for i in range(b.count):
        if block_at(b, i) == NULL:
            return False
    return True
