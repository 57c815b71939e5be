"""Decoding replies; see reader.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memchr, memcpy

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport likely, unlikely
from carnelian.base.numbers cimport parse_double, parse_int64
from carnelian.resp.reply cimport Chunk, Reply, ReplyMark, reply_pending_bytes, reply_tail_used


cdef enum:
    LINE_MAX = 1 << 20
    ITEM_MIN = 3                   # bytes of the shortest value


class ReplyFormatError(ValueError):
    """The bytes are no RESP."""


class ErrorReply(Exception):
    """An error reply; its text, with the code in front, is the argument."""

    def __eq__(self, other):
        return isinstance(other, ErrorReply) and self.args == other.args

    def __hash__(self):
        return hash(self.args)


class Push(list):
    """A message that no command asked for."""


cdef class ReplySink:
    cdef int status(self, const char *p, size_t n) except -1:
        return 0

    cdef int error(self, const char *p, size_t n) except -1:
        return 0

    cdef int integer(self, int64_t value) except -1:
        return 0

    cdef int bulk(self, const char *p, size_t n) except -1:
        return 0

    cdef int null(self) except -1:
        return 0

    cdef int boolean(self, bint value) except -1:
        return 0

    cdef int double(self, double value) except -1:
        return 0

    cdef int bignum(self, const char *p, size_t n) except -1:
        return 0

    cdef int verbatim(self, const char *format, const char *p, size_t n) except -1:
        return 0

    cdef int begin(self, int holds, int64_t count) except -1:
        return 0

    cdef int end(self, int holds) except -1:
        return 0


cdef bint is_number(const char *p, size_t n) noexcept nogil:
    cdef size_t i = n > 1 and (p[0] == c'-' or p[0] == c'+')
    if n == 0:
        return False
    while i < n and c'0' <= p[i] <= c'9':
        i += 1
    return i == n


cdef class ReplyReader:
    def __dealloc__(self):
        mem_free(self.scratch)

    cdef int64_t read(self, Reply *reply, ReplyMark since, ReplySink sink) except -1:
        """Tell the sink all values that were written since the mark; how many they are."""
        cdef int64_t count = 0
        self.start(reply, since)
        while not self.is_at_end():
            self.read_item(sink)
            while self.depth or self.owes_value:
                self.read_item(sink)
            count += 1
        return count

    # --- bytes ---

    cdef void start(self, Reply *reply, ReplyMark since) noexcept:
        cdef Chunk *chunk = reply.head
        self.reply = reply
        self.depth = 0
        self.owes_value = False
        self.left = reply_pending_bytes(reply)
        if since.chunk == NULL:
            self.enter(chunk, reply.sent)
            return
        self.left += reply.sent
        while chunk != since.chunk:
            self.left -= chunk.used
            chunk = chunk.next
        self.left -= since.offset
        self.enter(chunk, since.offset)

    cdef void enter(self, Chunk *chunk, size_t skip) noexcept:
        """Go on at `skip` in `chunk`, or in the one after it if that is its end."""
        cdef size_t used
        self.chunk = chunk
        self.at = self.stop = NULL
        while self.chunk != NULL:
            used = self.chunk.used
            if self.chunk == self.reply.tail:
                used = reply_tail_used(self.reply)
            if skip < used:
                self.at = self.chunk.data + skip
                self.stop = self.chunk.data + used
                return
            skip = 0
            self.chunk = self.chunk.next

    cdef bint is_at_end(self) noexcept:
        return self.left == 0

    cdef int take(self, size_t n, const char **p) except -1:
        """The next n bytes, where they lie or in the scratch space."""
        cdef size_t here = self.stop - self.at
        cdef size_t done = 0
        if unlikely(n > self.left):
            raise ReplyFormatError("the reply ends amid a value")
        self.left -= n
        p[0] = self.at
        if likely(n < here):
            self.at += n
            return 0
        if n == here:
            self.enter(self.chunk.next if self.chunk != NULL else NULL, 0)
            return 0
        if n > self.scratch_capacity:
            self.scratch = <char *>mem_realloc(self.scratch, n)
            self.scratch_capacity = n
        while done < n:
            here = min(<size_t>(self.stop - self.at), n - done)
            memcpy(self.scratch + done, self.at, here)
            done += here
            self.at += here
            if self.at == self.stop:
                self.enter(self.chunk.next, 0)
        p[0] = self.scratch
        return 0

    cdef int line(self, const char **p, size_t *n) except -1:
        """The bytes up to CRLF, and behind it."""
        cdef size_t here = self.stop - self.at
        cdef const char *cr = NULL
        if here:
            cr = <const char *>memchr(self.at, 13, here)
        if likely(cr != NULL and cr + 1 < self.stop):
            if unlikely(cr[1] != 10):
                raise ReplyFormatError("CR without LF")
            n[0] = cr - self.at
            return self.take(n[0] + 2, p)
        return self.split_line(p, n)

    cdef int split_line(self, const char **p, size_t *n) except -1:
        """The same for a line that goes on in the next chunk."""
        cdef Chunk *chunk = self.chunk
        cdef const char *q = self.at
        cdef const char *stop = self.stop
        cdef size_t length = 0
        cdef char last = 0
        while length < self.left and length < LINE_MAX:
            if q == stop:
                chunk = chunk.next
                q = chunk.data
                stop = q + (
                    reply_tail_used(self.reply) if chunk == self.reply.tail else chunk.used)
                continue
            length += 1
            if last == 13:
                if q[0] != 10:
                    raise ReplyFormatError("CR without LF")
                n[0] = length - 2
                return self.take(length, p)
            last = q[0]
            q += 1
        raise ReplyFormatError("a line without end")

    # --- values ---

    cdef int read_item(self, ReplySink sink) except -1:
        """One value, or the beginning of one that holds others."""
        cdef const char *p
        cdef size_t n
        cdef int64_t length = 0
        cdef char kind
        if self.left < ITEM_MIN:
            raise ReplyFormatError("the reply ends amid a value")
        self.owes_value = False
        self.line(&p, &n)
        if n == 0:
            raise ReplyFormatError("an empty line")
        kind = p[0]
        if kind in b"+-:_#,(":
            self.read_simple(sink, kind, p + 1, n - 1)
            return self.finish_levels(sink)
        if kind not in b"$!=*%~>|":
            raise ReplyFormatError("no such type of value")
        if not parse_int64(p + 1, n - 1, &length) or length < -1:
            raise ReplyFormatError("bad length")
        if length == -1:
            if kind not in b"$*":
                raise ReplyFormatError("bad length")
            sink.null()
            return self.finish_levels(sink)
        if kind in b"$!=":
            self.read_string(sink, kind, length)
            return self.finish_levels(sink)
        if kind == c'*':
            return self.begin(sink, HOLDS_ARRAY, length)
        if kind == c'%':
            return self.begin(sink, HOLDS_MAP, length)
        if kind == c'~':
            return self.begin(sink, HOLDS_SET, length)
        if kind == c'>':
            return self.begin(sink, HOLDS_PUSH, length)
        return self.begin(sink, HOLDS_ATTRIBUTE, length)

    cdef int read_simple(self, ReplySink sink, char kind, const char *p, size_t n) except -1:
        cdef int64_t value = 0
        cdef double real = 0
        if kind == c'+':
            return sink.status(p, n)
        if kind == c'-':
            return sink.error(p, n)
        if kind == c':':
            if parse_int64(p, n, &value):
                return sink.integer(value)
        elif kind == c'_':
            if n == 0:
                return sink.null()
        elif kind == c'#':
            if n == 1 and p[0] in b"tf":
                return sink.boolean(p[0] == c't')
        elif kind == c'(':
            if is_number(p, n):
                return sink.bignum(p, n)
        elif n == 3 and p[:3] == b"nan":
            return sink.double(float("nan"))
        elif parse_double(p, n, &real):
            return sink.double(real)
        raise ReplyFormatError("bad value")

    cdef int read_string(self, ReplySink sink, char kind, int64_t length) except -1:
        cdef const char *p
        if <size_t>length > self.left:
            raise ReplyFormatError("the reply ends amid a value")
        self.take(<size_t>length + 2, &p)
        if p[length] != 13 or p[length + 1] != 10:
            raise ReplyFormatError("a string without its end")
        if kind == c'$':
            return sink.bulk(p, <size_t>length)
        if kind == c'!':
            return sink.error(p, <size_t>length)
        if length < 4 or p[3] != c':':
            raise ReplyFormatError("a verbatim string without a format")
        return sink.verbatim(p, p + 4, <size_t>length - 4)

    # --- values that hold others ---

    cdef int begin(self, ReplySink sink, int holds, int64_t count) except -1:
        cdef bint pairs = holds == HOLDS_MAP or holds == HOLDS_ATTRIBUTE
        if count > <int64_t>(self.left // ITEM_MIN):
            raise ReplyFormatError("the reply ends amid a value")
        if self.depth == DEPTH_MAX:
            raise ReplyFormatError("too deep")
        sink.begin(holds, count)
        if count:
            self.levels[self.depth].holds = holds
            self.levels[self.depth].left = count * 2 if pairs else count
            self.depth += 1
            return 0
        sink.end(holds)
        if holds == HOLDS_ATTRIBUTE:
            self.owes_value = True
            return 0
        return self.finish_levels(sink)

    cdef int finish_levels(self, ReplySink sink) except -1:
        """A value is complete, and with it perhaps what holds it."""
        cdef Level *level
        while self.depth:
            level = &self.levels[self.depth - 1]
            level.left -= 1
            if level.left:
                return 0
            self.depth -= 1
            sink.end(level.holds)
            if level.holds == HOLDS_ATTRIBUTE:
                self.owes_value = True
                return 0
        return 0


# --- Python objects ---

def hashable(value):
    """`value` as it can be a key: what holds others becomes a tuple."""
    if isinstance(value, list):
        return tuple([hashable(item) for item in value])
    if isinstance(value, dict):
        return tuple([(key, hashable(item)) for key, item in value.items()])
    return frozenset(value) if isinstance(value, set) else value


cdef object made_of(int holds, list items):
    if holds == HOLDS_ARRAY:
        return items
    if holds == HOLDS_PUSH:
        return Push(items)
    if holds == HOLDS_SET:
        return {hashable(item) for item in items}
    return {hashable(items[i]): items[i + 1] for i in range(0, len(items), 2)}


cdef class PythonReplies(ReplySink):
    def __cinit__(self):
        self.values = []
        self.open = []

    cdef int put(self, value) except -1:
        self.values.append(value)
        return 0

    cdef int status(self, const char *p, size_t n) except -1:
        return self.put(p[:n])

    cdef int error(self, const char *p, size_t n) except -1:
        return self.put(ErrorReply(p[:n].decode("utf-8", "surrogateescape")))

    cdef int integer(self, int64_t value) except -1:
        return self.put(value)

    cdef int bulk(self, const char *p, size_t n) except -1:
        return self.put(p[:n])

    cdef int null(self) except -1:
        return self.put(None)

    cdef int boolean(self, bint value) except -1:
        return self.put(True if value else False)

    cdef int double(self, double value) except -1:
        return self.put(value)

    cdef int bignum(self, const char *p, size_t n) except -1:
        try:
            return self.put(int(p[:n]))
        except ValueError:
            raise ReplyFormatError("bad value") from None

    cdef int verbatim(self, const char *format, const char *p, size_t n) except -1:
        return self.put(p[:n])

    cdef int begin(self, int holds, int64_t count) except -1:
        self.open.append(self.values)
        self.values = []
        return 0

    cdef int end(self, int holds) except -1:
        cdef list items = self.values
        self.values = self.open.pop()
        if holds != HOLDS_ATTRIBUTE:
            self.put(made_of(holds, items))
        return 0
