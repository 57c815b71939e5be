"""A client connected by a stream: reads, parses, executes, sends.

Owner: the context's `by_fd` and the engine's `sessions`, until `close`. An idle connection holds no
buffer: bytes are read into the turn's frame and only what is not executed yet is copied into
`query`:

    query   [ executed | unfinished command, or all while blocked | room ]
            0          query_at                              query_len    query_capacity
"""

from libc.stdint cimport int64_t

from carnelian.engine.session cimport Session
from carnelian.net.context cimport NetContext
from carnelian.net.frame cimport Frame
from carnelian.net.output_source cimport OutputSource
from carnelian.net.stream cimport Stream
from carnelian.resp.parser cimport ParseState


cdef class Connection(Session):
    cdef NetContext context
    cdef readonly Stream stream
    cdef int watched               # events asked of the poller
    cdef bint wants_write          # has output that the stream did not take
    cdef bint half_closed          # the client sends no more, but is owed replies
    # a command of this connection runs: a turn inside it leaves the connection alone
    cdef bint executing
    cdef bint has_slice_left       # complete commands are left to the next turn
    cdef char *query
    cdef size_t query_at
    cdef size_t query_len
    cdef size_t query_capacity
    cdef ParseState parse
    cdef size_t memory_sent        # reply.memory after the last flush
    cdef int64_t soft_limit_since_ms
    cdef str peer
    cdef str local
    cdef public OutputSource source        # sends behind the replies; None for most

    cdef int watch(self) except -1
    cdef bint is_ready(self, int mask) except -1
    cdef bint shake_hands(self) except -1
    cdef int read(self) except -1
    cdef ssize_t receive(self, char **into) noexcept
    cdef int reading_ended(self, ssize_t why) except -1
    cdef bint over_query_limit(self, size_t size)
    cdef int take_in(self, const char *p, size_t n) except -1
    cdef size_t consume(self, const char *p, size_t n)
    cdef bint execute_batch(self, Frame frame, size_t *at)
    cdef bint ends_turn(self, size_t consumed)
    cdef int process_unless_ending(self) except -1
    cdef int process_kept(self) except -1
    cdef void keep(self, const char *p, size_t n) noexcept
    cdef void drop_query(self) noexcept
    cdef bint send(self, size_t *total, bint *drained) except -1
    cdef bint after_flush(self, bint drained) except -1
    cdef bint over_limit(self)
    cpdef void close(self)
