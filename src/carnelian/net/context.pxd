"""What all connections of one event loop share: engine, poller, read buffer, parser, limits."""

from libc.stdint cimport int64_t

from carnelian.engine.engine cimport Engine
from carnelian.net.poller cimport Poller
from carnelian.resp.parser cimport Parser


cdef enum:
    READ_SIZE = 65536

cdef enum:                     # classes of client-output-buffer-limit
    LIMIT_NORMAL = 0
    LIMIT_REPLICA = 1
    LIMIT_PUBSUB = 2

cdef struct OutputLimit:
    int64_t hard_bytes
    int64_t soft_bytes
    int64_t soft_seconds


cdef class NetContext:
    cdef Engine engine
    cdef Poller poller
    cdef Parser parser
    cdef list by_fd            # Connection, Listener or Watcher by descriptor
    cdef char *read_buffer     # READ_SIZE bytes, used only within one read
    cdef int64_t query_limit_bytes
    cdef OutputLimit output_limits[3]

    cdef void put(self, int fd, object what)
    cdef void take(self, int fd)
