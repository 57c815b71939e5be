"""The tail of the replication stream in native memory, in blocks of one size.

    offset    base            first                         end
               |                |                            |
    blocks    [#################|######][####################|....]
               given up with its whole block                  room

An offset is the number of stream bytes before a place; Redis numbers bytes from 1, so byte n lies
at offset n - 1. All blocks but the last are full: a reader is just an offset, and everybody reads
the same bytes. Owner: ReplicationState. Belongs to the thread that runs the engine.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.resp.reply cimport iovec


cdef enum:
    BACKLOG_BLOCK_SIZE = 65536


cdef struct Backlog:
    char **blocks              # a ring of `capacity` (a power of two) pointers
    size_t capacity
    size_t head                # index in the ring of the first block
    size_t count
    int64_t base               # offset of the first block's first byte
    int64_t first              # offset of the first byte kept
    int64_t end                # offset behind the last byte
    char *spare                # a block given up, for the next to come


# Empty; the stream goes on there.
cdef void backlog_init(Backlog *b, int64_t offset) noexcept nogil
cdef void backlog_free(Backlog *b) noexcept nogil
cdef void backlog_append(Backlog *b, const char *p, size_t n) noexcept nogil
# A command as RESP; where it lies, NULL when that is not in one piece.
cdef Slice backlog_put_command(Backlog *b, const Slice *argv, int argc) noexcept nogil
# Give up whole blocks before `offset`.
cdef void backlog_trim(Backlog *b, int64_t offset) noexcept nogil
# The bytes from `offset` (first <= offset <= end) on; how many parts were filled.
cdef int backlog_iovec(Backlog *b, int64_t offset, iovec *out, int count_max) noexcept nogil
cdef int64_t backlog_memory(Backlog *b) noexcept nogil
# How many blocks hold what lies at `offset` (first <= offset < end) and behind.
cdef size_t backlog_blocks_from(Backlog *b, int64_t offset) noexcept nogil
# Whether every invariant holds.
cdef bint backlog_verify(Backlog *b) noexcept nogil
