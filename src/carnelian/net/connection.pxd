"""A client connected by a stream socket: reads, parses, executes, sends.

Owner: the loop's `by_fd` and the engine's `sessions`, until `close`. An idle connection holds no
buffer: bytes are read into the context's buffer and only an unfinished command is copied into
`query`.
"""

from libc.stdint cimport int64_t

from carnelian.encodings.table cimport Table
from carnelian.engine.session cimport Session
from carnelian.net.context cimport Batch, NetContext
from carnelian.net.output_source cimport OutputSource
from carnelian.resp.parser cimport ParseState, Parser


# Parse a batch of commands from p[at:n] and start fetching their keys from `keys`; moves `at`. An
# inline command, or one with more arguments than fit, ends a batch or is one by itself, left in the
# parser's own argv (first is -1). The result is the parser's.
cdef int plan_batch(
    Batch *batch, Parser *parser, ParseState *parse, Table *keys, const char *p, size_t n,
    size_t *at
) noexcept nogil


cdef class Connection(Session):
    cdef NetContext context
    cdef readonly int fd
    cdef bint wants_write          # registered for WRITABLE
    # bytes not yet executed: an unfinished command, or all while blocked
    cdef char *query
    cdef size_t query_len
    cdef size_t query_capacity
    cdef ParseState parse
    cdef int64_t soft_limit_since_ms
    cdef str peer
    cdef str local
    cdef object authenticate_hook
    cdef public OutputSource source        # sends behind the replies; None for most

    cdef int handle(self, int mask) except -1
    cdef int read(self) except -1
    cdef int finish_half_closed(self) except -1
    cdef int take_in(self, const char *p, size_t n) except -1
    cdef size_t consume(self, const char *p, size_t n)
    cdef int plan(self, const char *p, size_t n, size_t *at)
    cdef bint execute_batch(self, size_t *at)
    cdef int process_kept(self) except -1
    cdef void refuse_query(self)
    cdef str name_of_end(self, bint peer)
    cdef void keep(self, const char *p, size_t n) noexcept
    cdef int flush(self) except -1
    cdef bint after_flush(self, bint drained)
    cdef bint over_limit(self)
    cpdef void close(self)
