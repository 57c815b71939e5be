"""Replies for who is no network client: the bytes a handler wrote, told to a sink value by value.

Handlers write RESP, whoever asked; a `ReplyReader` decodes RESP2 and RESP3 straight from the
reply's chunks, and a `ReplySink` makes of it what its side wants: Python objects (`PythonReplies`),
nothing (`ReplySink` itself). A bulk string that lies in one chunk, as any blob does, is handed on
where it lies.

    sink = PythonReplies()
    reader.read(&session.reply, mark, sink)        # everything behind `mark`
    sink.values

Rolling back and lengths known only afterwards are the reply's own (`reply_rollback`,
`reply_defer`): a sink sees what is final. Nothing recurses; DEPTH_MAX levels are read. The bytes
may come from anywhere: what is no RESP is a ReplyFormatError.
"""

from libc.stdint cimport int64_t

from carnelian.resp.reply cimport Chunk, Reply, ReplyMark


cdef enum:
    DEPTH_MAX = 128

cdef enum:                     # what holds values
    HOLDS_ARRAY = 1
    HOLDS_MAP = 2              # its values are keys and values in turn; count: of pairs
    HOLDS_SET = 3
    HOLDS_PUSH = 4
    HOLDS_ATTRIBUTE = 5        # as a map; it belongs to the value behind it


cdef class ReplySink:
    """Ignores everything. Bytes handed over are valid during the call."""
    cdef int status(self, const char *p, size_t n) except -1
    cdef int error(self, const char *p, size_t n) except -1
    cdef int integer(self, int64_t value) except -1
    cdef int bulk(self, const char *p, size_t n) except -1
    cdef int null(self) except -1
    cdef int boolean(self, bint value) except -1
    cdef int double(self, double value) except -1
    cdef int bignum(self, const char *p, size_t n) except -1      # digits
    cdef int verbatim(self, const char *format, const char *p, size_t n) except -1
    cdef int begin(self, int holds, int64_t count) except -1
    cdef int end(self, int holds) except -1


cdef struct Level:
    int holds
    int64_t left               # values still to come


cdef class ReplyReader:
    cdef Reply *reply
    cdef Chunk *chunk
    cdef const char *at
    cdef const char *stop              # of the chunk's bytes
    cdef size_t left                   # bytes to the end of the reply
    cdef char *scratch                 # a line or bulk string that lies in two chunks
    cdef size_t scratch_capacity
    cdef bint owes_value               # an attribute has been read, not what it belongs to
    cdef int depth
    cdef Level levels[DEPTH_MAX]

    cdef int64_t read(self, Reply *reply, ReplyMark since, ReplySink sink) except -1
    cdef void start(self, Reply *reply, ReplyMark since) noexcept
    cdef void enter(self, Chunk *chunk, size_t skip) noexcept
    cdef bint is_at_end(self) noexcept
    cdef int line(self, const char **p, size_t *n) except -1
    cdef int split_line(self, const char **p, size_t *n) except -1
    cdef int take(self, size_t n, const char **p) except -1
    cdef int read_item(self, ReplySink sink) except -1
    cdef int read_simple(self, ReplySink sink, char kind, const char *p, size_t n) except -1
    cdef int read_string(self, ReplySink sink, char kind, int64_t length) except -1
    cdef int begin(self, ReplySink sink, int holds, int64_t count) except -1
    cdef int finish_levels(self, ReplySink sink) except -1


cdef class PythonReplies(ReplySink):
    """Replies as redis-py shows them: bytes (statuses, too), int, list, dict, set, float, None,
    bool; a push as a list of class Push, an error as an ErrorReply object in its place. Keys and
    members that cannot be hashed become tuples; attributes are dropped."""
    cdef readonly list values
    cdef list open                     # of lists, outer ones first

    cdef int put(self, value) except -1
