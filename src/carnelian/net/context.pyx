"""What connections share; see context.pxd."""

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.resp.parser cimport parser_free, parser_init


cdef class NetContext:
    def __cinit__(self, engine, poller):
        self.engine = engine
        self.poller = poller
        self.by_fd = []
        self.read_buffer = <char *>mem_alloc(READ_SIZE)
        self.query_limit_bytes = 1 << 30
        parser_init(&self.parser)

    def __dealloc__(self):
        parser_free(&self.parser)
        mem_free(self.read_buffer)

    cdef void put(self, int fd, object what):
        if fd >= len(self.by_fd):
            self.by_fd.extend([None] * (fd + 64 - len(self.by_fd)))
        self.by_fd[fd] = what

    cdef void take(self, int fd):
        self.by_fd[fd] = None

    def set_limits(self, *, query_bytes, bulk_bytes):
        self.query_limit_bytes = query_bytes
        self.parser.bulk_max = bulk_bytes

    def set_output_limit(self, int kind, hard_bytes, soft_bytes, soft_seconds):
        self.output_limits[kind].hard_bytes = hard_bytes
        self.output_limits[kind].soft_bytes = soft_bytes
        self.output_limits[kind].soft_seconds = soft_seconds
