"""One thread's input and output: poller, who waits for which descriptor, turn frames, figures.

Today there is one such thread, the engine's. All that another one would need to read, parse and
send lies here and in the connection, so that it would have a context of its own; the engine is
asked for nothing but by commands (docs/ARCHITECTURE.md, "Who owns what of a connection").
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.channel cimport Channel
from carnelian.engine.engine cimport Engine
from carnelian.net.frame cimport Frame
from carnelian.net.poller cimport Poller


cdef enum:                     # classes of client-output-buffer-limit
    LIMIT_NORMAL = 0
    LIMIT_REPLICA = 1
    LIMIT_PUBSUB = 2

cdef enum:
    OUTPUT_SLICE_MAX = 1 << 20     # bytes of replies of one client and turn

cdef struct OutputLimit:
    int64_t hard_bytes
    int64_t soft_bytes
    int64_t soft_seconds

cdef struct IoFigures:         # since the engine took them into its statistics
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t query_limit_disconnections
    uint64_t output_limit_disconnections


cdef class NetContext:
    cdef Engine engine
    cdef Poller poller
    cdef list by_fd            # Channel by descriptor
    cdef list due              # (Channel, mask): to be called next turn without an event
    cdef list frames           # Frame by depth
    cdef Frame frame           # of the turn that runs, or ran last
    cdef int depth             # of turns that run
    cdef uint64_t turns        # begun so far
    cdef IoFigures figures
    cdef uint64_t reads        # system calls that brought or took bytes, for INFO
    cdef uint64_t writes
    cdef int64_t bulk_bytes_max
    cdef int64_t query_bytes_max
    cdef OutputLimit output_limits[3]
    cdef size_t output_slice   # bytes of new replies from which on limits are looked at

    cdef void put(self, int fd, Channel channel)
    cdef void take(self, int fd)
    cdef void call_again(self, Channel channel, int mask)
    cdef Frame enter(self)
    cdef void leave(self)
    cdef void give_back(self)
    cdef void collect(self) noexcept
    cdef void reset_figures(self) noexcept
    cdef void lower_slice(self, int64_t limit_bytes) noexcept
