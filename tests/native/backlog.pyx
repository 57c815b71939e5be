"""The backlog: a thin wrapper without rules of its own."""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slices_of
from carnelian.resp.reply cimport iovec
from carnelian.services.replication.backlog cimport (
    BACKLOG_BLOCK_SIZE, Backlog, backlog_append, backlog_free, backlog_init, backlog_iovec,
    backlog_memory, backlog_put_command, backlog_trim, backlog_verify,
)

BLOCK_SIZE = BACKLOG_BLOCK_SIZE


cdef class NativeBacklog:
    cdef Backlog backlog

    def __cinit__(self, int64_t offset):
        backlog_init(&self.backlog, offset)

    def __dealloc__(self):
        backlog_free(&self.backlog)

    def append(self, bytes data):
        backlog_append(&self.backlog, data, len(data))

    def put_command(self, list words):
        cdef Slice *slices = slices_of(words)
        backlog_put_command(&self.backlog, slices, <int>len(words))
        mem_free(slices)

    def trim(self, int64_t offset):
        backlog_trim(&self.backlog, offset)

    def read(self, int64_t offset, int parts_max):
        cdef iovec parts[8]
        cdef int count = backlog_iovec(&self.backlog, offset, parts, min(parts_max, 8))
        return b"".join([(<char *>parts[i].iov_base)[:parts[i].iov_len] for i in range(count)])

    @property
    def first(self):
        return self.backlog.first

    @property
    def end(self):
        return self.backlog.end

    def memory(self):
        return backlog_memory(&self.backlog)

    def verify(self):
        return backlog_verify(&self.backlog)
