"""The reply buffer: what a session writes into and the network sends from.

A `Reply` is a queue of chunks. An empty one owns nothing; the first chunk is small, later ones are
16 KiB. A `Blob` is queued by
reference; writing then goes on behind it in the rest of the chunk before it, under a new
descriptor:

    head                                                            tail
    +-------------+     +-----------+     +-------------+     +-------------+
    | bytes       | --> | blob ref  | --> | bytes       | --> | bytes       |
    | home: self  |     |           |     | home: first |     | home: self  |
    +-------------+     +-----------+     +-------------+     +-------------+
                                                               data .. pos .. end

Owner: the session. All functions belong to the thread that runs the engine. Writing never fails.
Typed functions choose RESP2 or RESP3 by `resp`.
"""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, strlen

from carnelian.base.blob cimport Blob
from carnelian.base.slice cimport Slice


cdef struct Chunk:
    Chunk *next
    char *data
    size_t used              # bytes to send; of the tail chunk: see reply_sync
    Chunk *home              # whose memory `data` lies in; NULL: in `blob`
    Blob *blob
    size_t capacity          # bytes after this descriptor; 0: a descriptor only
    uint32_t refs            # chunks whose home this is, itself included while queued

cdef struct Reply:
    char *pos                # where the next byte goes
    char *end                # of the room in the tail chunk
    Chunk *head
    Chunk *tail
    size_t queued            # bytes in all chunks but the tail
    size_t sent              # bytes of head that are already sent
    size_t memory            # bytes of chunk memory and of blobs held
    uint32_t chunks          # how many are queued
    int resp                 # 2 or 3

cdef struct ReplyMark:       # a place in the reply; void once the bytes before it are sent
    Chunk *chunk
    size_t offset            # from chunk.data

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len


cdef void reply_init(Reply *r) noexcept nogil           # empty, RESP2
cdef void reply_clear(Reply *r) noexcept nogil          # drops all bytes and memory, keeps `resp`
cdef void reply_free(Reply *r) noexcept nogil

# --- bytes as they are ---
cdef void reply_raw_slow(Reply *r, const char *p, size_t n) noexcept nogil
cdef void reply_share(Reply *r, Blob *blob) noexcept nogil       # its bytes; takes a reference
cdef void reply_splice(Reply *r, Reply *source) noexcept nogil   # moves all of source to r's end

# --- typed ---
cdef void reply_status(Reply *r, const char *p, size_t n) noexcept nogil
cdef void reply_error(Reply *r, const char *p, size_t n) noexcept nogil  # code first; CR, LF to ' '
cdef void reply_int(Reply *r, int64_t value) noexcept nogil
cdef void reply_bulk(Reply *r, const char *p, size_t n) noexcept nogil
cdef void reply_bulk_int(Reply *r, int64_t value) noexcept nogil
cdef void reply_blob(Reply *r, Blob *blob) noexcept nogil           # as bulk; takes a reference
cdef void reply_array(Reply *r, int64_t n) noexcept nogil
cdef void reply_map(Reply *r, int64_t n) noexcept nogil             # RESP2: array of 2n
cdef void reply_set(Reply *r, int64_t n) noexcept nogil             # RESP2: array
cdef void reply_push(Reply *r, int64_t n) noexcept nogil            # RESP2: array
cdef bint reply_attribute(Reply *r, int64_t n) noexcept nogil       # RESP2: False, skip the pairs
cdef void reply_bool(Reply *r, bint value) noexcept nogil           # RESP2: :1 or :0
cdef void reply_double(Reply *r, double value) noexcept nogil       # RESP2: bulk
cdef void reply_bignum(Reply *r, const char *p, size_t n) noexcept nogil   # RESP2: bulk
cdef void reply_verbatim(
    Reply *r, const char *format, const char *p, size_t n    # format: "txt" or "mkd"; RESP2: bulk
) noexcept nogil

# --- places: lengths known only afterwards, taking back ---
# Deferred lengths may nest; set the inner ones first. Each must be set or rolled back before
# anything is sent.
cdef ReplyMark reply_defer(Reply *r) noexcept nogil
cdef void reply_set_array(Reply *r, ReplyMark mark, int64_t n) noexcept nogil
cdef void reply_set_map(Reply *r, ReplyMark mark, int64_t n) noexcept nogil
cdef void reply_set_set(Reply *r, ReplyMark mark, int64_t n) noexcept nogil
cdef void reply_set_header(Reply *r, ReplyMark mark, char prefix, int64_t n) noexcept nogil
cdef ReplyMark reply_mark(Reply *r) noexcept nogil
cdef void reply_rollback(Reply *r, ReplyMark mark) noexcept nogil   # drops all written since

# --- sending ---
cdef int reply_iovec(Reply *r, iovec *out, int count_max) noexcept nogil   # how many it filled
cdef void reply_consume(Reply *r, size_t sent) noexcept nogil
cdef bytes reply_copy(Reply *r)                                     # all unsent bytes
cdef bytes reply_copy_since(Reply *r, ReplyMark mark)
cdef bint reply_verify(Reply *r) noexcept nogil                     # whether every invariant holds


cdef inline size_t reply_tail_used(Reply *r) noexcept nogil:
    return <size_t>(r.pos - r.tail.data) if r.tail != NULL else 0


cdef inline size_t reply_total_bytes(Reply *r) noexcept nogil:
    """Bytes written since it was last empty."""
    return r.queued + reply_tail_used(r)


cdef inline bint reply_is_empty(Reply *r) noexcept nogil:
    return r.queued + reply_tail_used(r) == r.sent


cdef inline size_t reply_pending_bytes(Reply *r) noexcept nogil:
    """Bytes written and not sent."""
    return r.queued + reply_tail_used(r) - r.sent


cdef inline void reply_raw(Reply *r, const char *p, size_t n) noexcept nogil:
    if <size_t>(r.end - r.pos) >= n:
        memcpy(r.pos, p, n)
        r.pos += n
    else:
        reply_raw_slow(r, p, n)


cdef inline void reply_literal(Reply *r, const char *text) noexcept nogil:
    """A constant protocol text: the compiler knows its length."""
    reply_raw(r, text, strlen(text))


cdef inline void reply_ok(Reply *r) noexcept nogil:
    reply_raw(r, b"+OK\r\n", 5)


cdef inline void reply_queued(Reply *r) noexcept nogil:
    reply_raw(r, b"+QUEUED\r\n", 9)


cdef inline void reply_null(Reply *r) noexcept nogil:
    if r.resp == 2:
        reply_raw(r, b"$-1\r\n", 5)
    else:
        reply_raw(r, b"_\r\n", 3)


cdef inline void reply_null_array(Reply *r) noexcept nogil:
    if r.resp == 2:
        reply_raw(r, b"*-1\r\n", 5)
    else:
        reply_raw(r, b"_\r\n", 3)


cdef inline void reply_empty_bulk(Reply *r) noexcept nogil:
    reply_raw(r, b"$0\r\n\r\n", 6)


cdef inline void reply_empty_array(Reply *r) noexcept nogil:
    reply_raw(r, b"*0\r\n", 4)


cdef inline void reply_slice(Reply *r, Slice s) noexcept nogil:
    reply_bulk(r, s.ptr, s.len)


cdef inline void reply_bulk_text(Reply *r, const char *text) noexcept nogil:
    reply_bulk(r, text, strlen(text))
