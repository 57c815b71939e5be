"""Chunks, typed replies, deferred lengths and the way out."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memmove, memset

from carnelian.base.blob cimport Blob, blob_data, blob_release, blob_retain
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport likely, load32, load64, store32, store64, unlikely
from carnelian.base.numbers cimport DOUBLE_CHARS_MAX, format_double, format_uint64


cdef extern from "Python.h":
    bytes PyBytes_FromStringAndSize(const char *p, Py_ssize_t n)
    char *PyBytes_AS_STRING(object o)

cdef extern from *:
    """
    static const char cn_digit_pairs[] =
        "00010203040506070809" "10111213141516171819" "20212223242526272829" "30313233343536373839"
        "40414243444546474849" "50515253545556575859" "60616263646566676869" "70717273747576777879"
        "80818283848586878889" "90919293949596979899";
    """
    const char *DIGIT_PAIRS "cn_digit_pairs"

cdef enum:
    CHUNK_SIZE = 16384            # with its descriptor
    FIRST_CHUNK_SIZE = 1024       # hot in the cache again for the next client of a turn
    ROOM_MIN = 64                 # less is not worth a descriptor after a blob
    HEADER_MAX = 24               # prefix, 20 digits, CRLF
    BLOB_COPY_MAX = 1024          # shorter ones are cheaper copied than queued by reference
    SPLICE_COPY_MAX = 1024


# --- chunks ---

cdef inline char *chunk_memory(Chunk *chunk) noexcept nogil:
    return <char *>(chunk + 1)


cdef void release_home(Reply *r, Chunk *home) noexcept nogil:
    home.refs -= 1
    if home.refs:
        return
    r.memory -= home.capacity + sizeof(Chunk)
    mem_free(home)


cdef void drop_chunk(Reply *r, Chunk *chunk) noexcept nogil:
    """A chunk that is off the queue gives up what it holds."""
    cdef Chunk *home = chunk.home
    r.chunks -= 1
    if home == NULL:
        r.memory -= sizeof(Chunk) + chunk.blob.len
        blob_release(chunk.blob)
    if home != chunk:
        mem_free(chunk)
    if home != NULL:
        release_home(r, home)


cdef void drop_from(Reply *r, Chunk *chunk) noexcept nogil:
    cdef Chunk *following
    while chunk != NULL:
        following = chunk.next
        drop_chunk(r, chunk)
        chunk = following


cdef void link_chunk(Reply *r, Chunk *chunk) noexcept nogil:
    """Make `chunk` the tail; the caller sets pos and end."""
    if r.tail == NULL:
        r.head = chunk
    else:
        r.tail.used = r.pos - r.tail.data
        r.queued += r.tail.used
        r.tail.next = chunk
    chunk.next = NULL
    r.tail = chunk
    r.chunks += 1


cdef void add_chunk(Reply *r, size_t room) noexcept nogil:
    """A new tail with at least `room` bytes."""
    cdef Chunk *chunk
    cdef size_t capacity = CHUNK_SIZE - sizeof(Chunk)
    if r.tail == NULL and room <= FIRST_CHUNK_SIZE - sizeof(Chunk):
        capacity = FIRST_CHUNK_SIZE - sizeof(Chunk)
    elif room > capacity:
        capacity = room
    chunk = <Chunk *>mem_alloc(sizeof(Chunk) + capacity)
    chunk.capacity = capacity
    chunk.home = chunk
    chunk.blob = NULL
    chunk.refs = 1
    chunk.used = 0
    chunk.data = chunk_memory(chunk)
    link_chunk(r, chunk)
    r.memory += sizeof(Chunk) + chunk.capacity
    r.pos = chunk.data
    r.end = chunk.data + chunk.capacity


cdef void continue_home(Reply *r, Chunk *home, char *pos) noexcept nogil:
    """Go on writing at `pos` in `home`'s memory, behind a blob."""
    cdef Chunk *chunk = <Chunk *>mem_alloc(sizeof(Chunk))
    memset(chunk, 0, sizeof(Chunk))
    chunk.data = pos
    chunk.home = home
    home.refs += 1
    link_chunk(r, chunk)
    r.pos = pos
    r.end = chunk_memory(home) + home.capacity


cdef inline void need(Reply *r, size_t room) noexcept nogil:
    if unlikely(<size_t>(r.end - r.pos) < room):
        add_chunk(r, room)


cdef inline size_t chunk_used(Reply *r, Chunk *chunk) noexcept nogil:
    return <size_t>(r.pos - chunk.data) if chunk == r.tail else chunk.used


cdef void reply_init(Reply *r) noexcept nogil:
    memset(r, 0, sizeof(Reply))
    r.resp = 2


cdef void reply_clear(Reply *r) noexcept nogil:
    drop_from(r, r.head)
    r.head = r.tail = NULL
    r.pos = r.end = NULL
    r.queued = r.sent = 0


cdef void reply_free(Reply *r) noexcept nogil:
    reply_clear(r)


# --- bytes as they are ---

cdef void reply_raw_slow(Reply *r, const char *p, size_t n) noexcept nogil:
    cdef size_t room = r.end - r.pos
    if n > room:
        if room:
            memcpy(r.pos, p, room)
        r.pos += room
        p += room
        n -= room
        add_chunk(r, n)
    memcpy(r.pos, p, n)
    r.pos += n


cdef void reply_share(Reply *r, Blob *blob) noexcept nogil:
    cdef Chunk *chunk
    cdef Chunk *home
    cdef char *pos = r.pos
    cdef size_t room = r.end - r.pos
    if blob.len <= BLOB_COPY_MAX:
        reply_raw(r, blob_data(blob), blob.len)
        return
    home = r.tail.home if r.tail != NULL else NULL
    chunk = <Chunk *>mem_alloc(sizeof(Chunk))
    memset(chunk, 0, sizeof(Chunk))
    chunk.blob = blob_retain(blob)
    chunk.data = blob_data(blob)
    chunk.used = blob.len
    link_chunk(r, chunk)
    r.memory += sizeof(Chunk) + blob.len
    r.pos = r.end = chunk.data + blob.len
    if home != NULL and room >= ROOM_MIN:
        continue_home(r, home, pos)


cdef void reply_splice(Reply *r, Reply *source) noexcept nogil:
    cdef size_t skip = source.sent
    cdef size_t used
    cdef Chunk *chunk = source.head
    cdef Chunk *following
    if chunk == NULL:
        return
    if skip or reply_pending_bytes(source) <= SPLICE_COPY_MAX:
        while chunk != NULL:
            used = chunk_used(source, chunk)
            reply_raw(r, chunk.data + skip, used - skip)
            skip = 0
            chunk = chunk.next
        reply_clear(source)
        return
    following = chunk.next
    link_chunk(r, chunk)
    chunk.next = following
    r.queued += source.queued
    r.chunks += source.chunks - 1
    r.memory += source.memory
    r.tail = source.tail
    r.pos = source.pos
    r.end = source.end
    source.head = source.tail = NULL
    source.chunks = 0
    source.memory = 0
    reply_clear(source)


# --- numbers and headers ---

cdef inline char *put_pair(char *p, unsigned int pair) noexcept nogil:
    p[0] = DIGIT_PAIRS[pair * 2]
    p[1] = DIGIT_PAIRS[pair * 2 + 1]
    return p + 2


cdef inline char *put_uint(char *p, uint64_t n) noexcept nogil:
    """Write `n` in decimal, at most 20 bytes; the end of it."""
    if n < 10:
        p[0] = <char>(48 + n)
        return p + 1
    if n < 100:
        return put_pair(p, <unsigned int>n)
    if n < 1000:
        p[0] = <char>(48 + n // 100)
        return put_pair(p + 1, <unsigned int>(n % 100))
    if n < 10000:
        return put_pair(put_pair(p, <unsigned int>(n // 100)), <unsigned int>(n % 100))
    return p + format_uint64(p, n)


cdef inline char *put_int(char *p, int64_t value) noexcept nogil:
    if value >= 0:
        return put_uint(p, <uint64_t>value)
    p[0] = 45
    return put_uint(p + 1, 0 - <uint64_t>value)


cdef inline char *put_crlf(char *p) noexcept nogil:
    p[0] = 13
    p[1] = 10
    return p + 2


cdef inline char *put_header(char *p, char prefix, int64_t n) noexcept nogil:
    p[0] = prefix
    return put_crlf(put_int(p + 1, n))


cdef inline void header(Reply *r, char prefix, int64_t n) noexcept nogil:
    need(r, HEADER_MAX)
    r.pos = put_header(r.pos, prefix, n)


# --- typed ---

cdef void line(Reply *r, char prefix, const char *p, size_t n) noexcept nogil:
    need(r, n + 3)
    r.pos[0] = prefix
    memcpy(r.pos + 1, p, n)
    r.pos = put_crlf(r.pos + 1 + n)


cdef void reply_status(Reply *r, const char *p, size_t n) noexcept nogil:
    line(r, 43, p, n)


cdef void reply_error(Reply *r, const char *p, size_t n) noexcept nogil:
    cdef char *text
    cdef size_t i
    line(r, 45, p, n)
    text = r.pos - n - 2
    for i in range(n):
        if text[i] == 13 or text[i] == 10:
            text[i] = 32


cdef void reply_int(Reply *r, int64_t value) noexcept nogil:
    header(r, 58, value)


cdef inline char *put_bytes(char *out, const char *p, size_t n) noexcept nogil:
    if n > 16:
        memcpy(out, p, n)
    elif n >= 8:
        store64(out, load64(p))
        store64(out + n - 8, load64(p + n - 8))
    elif n >= 4:
        store32(out, load32(p))
        store32(out + n - 4, load32(p + n - 4))
    elif n:
        out[0] = p[0]
        out[n >> 1] = p[n >> 1]
        out[n - 1] = p[n - 1]
    return out + n


cdef void reply_bulk(Reply *r, const char *p, size_t n) noexcept nogil:
    cdef char *pos
    if likely(<size_t>(r.end - r.pos) >= n + HEADER_MAX + 2):
        pos = put_header(r.pos, 36, <int64_t>n)
        r.pos = put_crlf(put_bytes(pos, p, n))
        return
    header(r, 36, <int64_t>n)
    reply_raw(r, p, n)
    reply_raw(r, b"\r\n", 2)


cdef void reply_bulk_int(Reply *r, int64_t value) noexcept nogil:
    cdef char digits[24]
    reply_bulk(r, digits, put_int(digits, value) - digits)


cdef void reply_blob(Reply *r, Blob *blob) noexcept nogil:
    header(r, 36, <int64_t>blob.len)
    reply_share(r, blob)
    reply_raw(r, b"\r\n", 2)


cdef void reply_array(Reply *r, int64_t n) noexcept nogil:
    header(r, 42, n)


cdef void reply_map(Reply *r, int64_t n) noexcept nogil:
    if r.resp == 2:
        header(r, 42, n * 2)
    else:
        header(r, 37, n)


cdef void reply_set(Reply *r, int64_t n) noexcept nogil:
    header(r, 42 if r.resp == 2 else 126, n)


cdef void reply_push(Reply *r, int64_t n) noexcept nogil:
    header(r, 42 if r.resp == 2 else 62, n)


cdef bint reply_attribute(Reply *r, int64_t n) noexcept nogil:
    if r.resp == 2:
        return False
    header(r, 124, n)
    return True


cdef void reply_bool(Reply *r, bint value) noexcept nogil:
    if r.resp == 2:
        reply_raw(r, b":1\r\n" if value else b":0\r\n", 4)
    else:
        reply_raw(r, b"#t\r\n" if value else b"#f\r\n", 4)


cdef void reply_double(Reply *r, double value) noexcept nogil:
    cdef char digits[DOUBLE_CHARS_MAX]
    cdef size_t n = format_double(digits, value)
    if r.resp == 2:
        reply_bulk(r, digits, n)
    else:
        line(r, 44, digits, n)


cdef void reply_bignum(Reply *r, const char *p, size_t n) noexcept nogil:
    if r.resp == 2:
        reply_bulk(r, p, n)
    else:
        line(r, 40, p, n)


cdef void reply_verbatim(Reply *r, const char *format, const char *p, size_t n) noexcept nogil:
    if r.resp == 2:
        reply_bulk(r, p, n)
        return
    header(r, 61, <int64_t>n + 4)
    reply_raw(r, format, 3)
    reply_raw(r, b":", 1)
    reply_raw(r, p, n)
    reply_raw(r, b"\r\n", 2)


# --- places ---

cdef ReplyMark reply_mark(Reply *r) noexcept nogil:
    cdef ReplyMark mark
    mark.chunk = r.tail
    mark.offset = reply_tail_used(r)
    return mark


cdef ReplyMark reply_defer(Reply *r) noexcept nogil:
    """A gap that is wide enough for any header; setting the length closes what it does not need."""
    cdef ReplyMark mark
    need(r, HEADER_MAX)
    mark = reply_mark(r)
    r.pos += HEADER_MAX
    return mark


cdef void reply_set_header(Reply *r, ReplyMark mark, char prefix, int64_t n) noexcept nogil:
    cdef Chunk *chunk = mark.chunk
    cdef char *gap = chunk.data + mark.offset
    cdef char *after = put_header(gap, prefix, n)
    cdef size_t excess = gap + HEADER_MAX - after
    cdef size_t rest = chunk_used(r, chunk) - mark.offset - HEADER_MAX
    memmove(after, after + excess, rest)
    if chunk == r.tail:
        r.pos -= excess
    else:
        chunk.used -= excess
        r.queued -= excess


cdef void reply_set_array(Reply *r, ReplyMark mark, int64_t n) noexcept nogil:
    reply_set_header(r, mark, 42, n)


cdef void reply_set_map(Reply *r, ReplyMark mark, int64_t n) noexcept nogil:
    if r.resp == 2:
        reply_set_header(r, mark, 42, n * 2)
    else:
        reply_set_header(r, mark, 37, n)


cdef void reply_set_set(Reply *r, ReplyMark mark, int64_t n) noexcept nogil:
    reply_set_header(r, mark, 42 if r.resp == 2 else 126, n)


cdef void reply_rollback(Reply *r, ReplyMark mark) noexcept nogil:
    cdef Chunk *tail = mark.chunk
    cdef Chunk *chunk
    if tail == NULL:
        reply_clear(r)
        return
    if tail != r.tail:
        chunk = tail.next
        r.queued -= tail.used
        while chunk != r.tail:
            r.queued -= chunk.used
            chunk = chunk.next
        drop_from(r, tail.next)
        tail.next = NULL
        r.tail = tail
    r.pos = tail.data + mark.offset
    r.end = r.pos
    if tail.home != NULL:
        r.end = chunk_memory(tail.home) + tail.home.capacity


# --- sending ---

cdef int reply_iovec(Reply *r, iovec *out, int count_max) noexcept nogil:
    cdef Chunk *chunk = r.head
    cdef size_t skip = r.sent
    cdef size_t used
    cdef int count = 0
    while chunk != NULL and count < count_max:
        used = chunk_used(r, chunk)
        if used > skip:
            out[count].iov_base = chunk.data + skip
            out[count].iov_len = used - skip
            count += 1
        skip = 0
        chunk = chunk.next
    return count


cdef void reply_consume(Reply *r, size_t sent) noexcept nogil:
    cdef Chunk *chunk = r.head
    r.sent += sent
    while chunk != NULL and r.sent >= chunk_used(r, chunk):
        if chunk == r.tail:
            reply_clear(r)
            return
        r.head = chunk.next
        r.sent -= chunk.used
        r.queued -= chunk.used
        drop_chunk(r, chunk)
        chunk = r.head


cdef void copy_out(Reply *r, Chunk *chunk, size_t skip, char *out) noexcept nogil:
    cdef size_t used
    while chunk != NULL:
        used = chunk_used(r, chunk)
        memcpy(out, chunk.data + skip, used - skip)
        out += used - skip
        skip = 0
        chunk = chunk.next


cdef bytes reply_copy(Reply *r):
    cdef bytes result = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>reply_pending_bytes(r))
    copy_out(r, r.head, r.sent, PyBytes_AS_STRING(result))
    return result


cdef bytes reply_copy_since(Reply *r, ReplyMark mark):
    cdef Chunk *chunk = mark.chunk
    cdef size_t total = 0
    cdef bytes result
    if chunk == NULL:
        return reply_copy(r)
    while chunk != NULL:
        total += chunk_used(r, chunk)
        chunk = chunk.next
    result = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(total - mark.offset))
    copy_out(r, mark.chunk, mark.offset, PyBytes_AS_STRING(result))
    return result


cdef bint reply_verify(Reply *r) noexcept nogil:
    cdef Chunk *chunk = r.head
    cdef Chunk *last = NULL
    cdef Chunk *home = NULL
    cdef size_t queued = 0
    cdef size_t memory = 0
    cdef uint64_t chunks = 0
    if r.resp != 2 and r.resp != 3 or (r.head == NULL) != (r.tail == NULL):
        return False
    while chunk != NULL:
        if chunk.home == NULL:
            if chunk.data != blob_data(chunk.blob) or chunk.blob.refs == 0:
                return False
            memory += sizeof(Chunk) + chunk.blob.len
        elif chunk.home.refs == 0:
            return False
        elif chunk.home != home:
            home = chunk.home
            memory += sizeof(Chunk) + home.capacity
        if chunk != r.tail:
            queued += chunk.used
        chunks += 1
        last = chunk
        chunk = chunk.next
    if last != r.tail or chunks != r.chunks or queued != r.queued or memory != r.memory:
        return False
    if last == NULL:
        return r.pos == NULL and r.end == NULL and r.sent == 0
    if not last.data <= r.pos <= r.end:
        return False
    if last.home != NULL and r.end != chunk_memory(last.home) + last.home.capacity:
        return False
    return r.sent <= chunk_used(r, r.head)
