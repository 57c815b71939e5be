"""What all connections of one event loop share: engine, poller, read buffer, parser, limits."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.engine cimport Engine
from carnelian.net.poller cimport Poller
from carnelian.resp.parser cimport Parser


cdef enum:
    READ_SIZE = 65536

cdef enum:                     # classes of client-output-buffer-limit
    LIMIT_NORMAL = 0
    LIMIT_REPLICA = 1
    LIMIT_PUBSUB = 2

cdef enum:
    BATCH_MAX = 16             # commands parsed ahead of their execution
    BATCH_ARGS_MAX = 256

# A command parsed ahead, its arguments in `args`. While a few are parsed, the memory their keys lie
# in is fetched: waiting for it would be half the cost of a command.
cdef struct Planned:
    int first                  # index in args
    int argc
    size_t end                 # offset behind the command
    uint64_t hash              # of its first argument

cdef struct Batch:
    Planned commands[BATCH_MAX]
    Slice args[BATCH_ARGS_MAX]
    int count
    int used                   # of args

cdef struct OutputLimit:
    int64_t hard_bytes
    int64_t soft_bytes
    int64_t soft_seconds


cdef class NetContext:
    cdef Engine engine
    cdef Poller poller
    cdef Parser parser
    cdef Batch batch
    cdef list by_fd            # Connection, Listener or Watcher by descriptor
    cdef char *read_buffer     # READ_SIZE bytes, used only within one read
    cdef int64_t query_limit_bytes
    cdef uint64_t reads        # system calls that brought or took bytes
    cdef uint64_t writes
    cdef OutputLimit output_limits[3]

    cdef void put(self, int fd, object what)
    cdef void take(self, int fd)
