"""Replays logged commands; see replay.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memchr
from posix.unistd cimport usleep

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport likely, unlikely
from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice, slice_is
from carnelian.encodings.table cimport Table, table_prefetch, table_prefetch_segment
from carnelian.engine.command cimport CommandTable
from carnelian.engine.dispatch cimport replay
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport INTERNAL, NO_BLOCKING, Session
from carnelian.resp.reply cimport ReplyMark, reply_copy_since, reply_mark, reply_rollback

from carnelian.engine.errors import CommandError


cdef enum:
    TORN = 0                       # what readers of a piece answer
    READ = 1
    LINE_MAX = 128                 # of a head or an annotation
    WORDS_MAX = 1 << 30
    FIRST_CAPACITY = 32
    ERRORS_SHOWN_MAX = 10
    WORDS_AHEAD_MAX = 1024         # after a longer command no further ones are read ahead


class LogDamage(ValueError):
    """The file is no log of commands from `offset` on."""

    def __init__(self, text, offset):
        super().__init__(text)
        self.offset = offset


cdef class ReplaySession:
    def __init__(self, Engine engine):
        self.flags |= INTERNAL | NO_BLOCKING
        engine.add_session(self)

    def address(self):
        return "aof:0"

    def close(self):
        self.engine.drop_session(self)


cdef class LogReader:
    def __init__(self, Engine engine, data, int64_t offset=0, int64_t stop_s=0):
        cdef const unsigned char[::1] view = data
        self.mapping = view
        self.engine = engine
        self.session = ReplaySession(engine) if engine is not None else None
        self.start = <const char *>&view[0] if view.shape[0] else NULL
        self.end = self.start + view.shape[0]
        self.at = self.record = self.start + min(offset, <int64_t>view.shape[0])
        self.good = offset
        self.stop_s = stop_s

    def __dealloc__(self):
        mem_free(self.argv)

    def close(self):
        """Forget the session, and with it a transaction that never ended."""
        if self.session is not None:
            self.session.close()

    @property
    def offset(self):
        return self.at - self.start

    @property
    def total(self):
        return self.end - self.start

    @property
    def record_offset(self):
        """Where the command began that was read last, or not quite."""
        return self.record - self.start

    def load_some(self, int64_t bytes_max):
        """Replay about so many bytes; True at the end of the data."""
        cdef const char *stop = self.at + bytes_max
        while self.at < self.end:
            if self.at >= stop:
                return False
            self.record = self.at
            if self.at[0] == b"#":
                if self.read_annotation() == TORN:
                    self.torn = True
                    return True
                if self.stopped:
                    return True
            elif likely(self.next_command() == READ):
                self.run()
                self.commands += 1
                if unlikely(self.key_delay_us > 0):
                    usleep(self.key_delay_us)
                    stop = self.at
            else:
                self.torn = True
                self.refuse_swallowed()
                return True
            if likely(not self.in_multi):
                self.good = self.at - self.start
        self.torn = self.in_multi
        return True

    cdef int fail(self, text) except -1:
        raise LogDamage(text, self.at - self.start)

    # --- reading ---

    cdef int read_annotation(self) except -1:
        cdef const char *newline = <const char *>memchr(self.at, 10, self.end - self.at)
        cdef const char *stop
        cdef int64_t stamp_s = 0
        if newline == NULL:
            return TORN
        stop = newline - 1 if newline > self.at and (newline - 1)[0] == 13 else newline
        if stop - self.at > 4 and self.at[:4] == b"#TS:" and parse_int64(
                self.at + 4, stop - self.at - 4, &stamp_s):
            if self.stop_s and stamp_s > self.stop_s:
                self.stopped = True
                return READ
            self.stamp_s = stamp_s
        self.at = newline + 1
        return READ

    cdef int read_number(self, char mark, int64_t *value) except -1:
        """A line of a mark and a number."""
        cdef size_t left = <size_t>(self.end - self.at)
        cdef const char *newline
        cdef size_t n
        # A digit or two, as nearly always.
        if left >= 5 and self.at[0] == mark and 48 <= self.at[1] <= 57:
            if self.at[2] == 13 and self.at[3] == 10:
                value[0] = self.at[1] - 48
                self.at += 4
                return READ
            if 48 <= self.at[2] <= 57 and self.at[3] == 13 and self.at[4] == 10:
                value[0] = (self.at[1] - 48) * 10 + self.at[2] - 48
                self.at += 5
                return READ
        if left == 0:
            return TORN
        if self.at[0] != mark:
            self.fail(f"expected '{chr(mark)}', got {bytes((<unsigned char>self.at[0],))!r}")
        newline = <const char *>memchr(self.at, 10, min(left, <size_t>LINE_MAX))
        if newline == NULL:
            if left >= LINE_MAX:
                self.fail("a number that does not end")
            return TORN
        n = <size_t>(newline - self.at)
        if n < 3 or (newline - 1)[0] != 13 or not parse_int64(self.at + 1, n - 2, value):
            self.fail("expected a number")
        self.at = newline + 1
        return READ

    cdef int add_word(self, const char *p, size_t n) except -1:
        cdef int at = self.first + self.argc
        if at == self.capacity:
            self.capacity = max(self.capacity * 2, <int>FIRST_CAPACITY)
            self.argv = <Slice *>mem_realloc(self.argv, self.capacity * sizeof(Slice))
        self.argv[at].ptr = p
        self.argv[at].len = n
        self.argc += 1
        return 0

    cdef int read_command(self) except -1:
        """The next command's words into argv."""
        cdef int64_t words = 0
        cdef int64_t length = 0
        self.argc = 0
        if self.read_number(b"*", &words) == TORN:
            return TORN
        if not 1 <= words <= WORDS_MAX:
            self.fail("a command of an impossible number of words")
        while self.argc < words:
            if self.read_number(b"$", &length) == TORN:
                return TORN
            if length < 0:
                self.fail("a word of an impossible length")
            if self.end - self.at - 2 < length:
                return TORN
            if self.at[length] != 13 or self.at[length + 1] != 10:
                self.at += length
                self.fail("expected the end of a word")
            self.add_word(self.at, <size_t>length)
            self.at += length + 2
        return READ

    cdef int look_ahead(self) except -1:
        """Read some commands, and have memory bring the buckets of their first keys. Whatever is
        wrong with one of them is for who comes to it."""
        cdef Table *keys = self.session.db.keys
        cdef ReadAhead *one
        cdef const char *start = self.at
        cdef int i
        self.ahead_count = self.ahead_next = self.first = 0
        while self.ahead_count < AHEAD_MAX and self.at < self.end and self.at[0] == b"*":
            one = &self.ahead[self.ahead_count]
            try:
                if self.read_command() == TORN:
                    break
            except LogDamage:
                break
            one.first = self.first
            one.argc = self.argc
            one.end = self.at
            self.ahead_count += 1
            if self.argc > 1:
                one.hash = hash_bytes(
                    self.argv[self.first + 1].ptr, self.argv[self.first + 1].len)
                table_prefetch_segment(keys, one.hash)
            self.first += self.argc
            if self.argc > WORDS_AHEAD_MAX:
                break
        for i in range(self.ahead_count):
            if self.ahead[i].argc > 1:
                table_prefetch(keys, self.ahead[i].hash)
        self.at = start
        return 0

    cdef int next_command(self) except -1:
        cdef ReadAhead *one
        if self.ahead_next == self.ahead_count:
            if self.session is not None:
                self.look_ahead()
            if self.ahead_count == 0:
                self.first = 0
                return self.read_command()
        one = &self.ahead[self.ahead_next]
        self.ahead_next += 1
        self.first = one.first
        self.argc = one.argc
        self.at = one.end
        return READ

    cdef int refuse_swallowed(self) except -1:
        """The last command is cut off; but if that is only because a damaged length makes it
        swallow whole commands behind it, it is damage: to cut there would throw them away."""
        cdef const char *found
        cdef const char *p = self.at
        while True:
            found = <const char *>memchr(p, 42, self.end - p)
            if found == NULL:
                return 0
            p = found + 1
            if found > self.start and (found - 1)[0] == 10 and self.is_command_at(found):
                self.fail(
                    "a word that is longer than the rest of the file, though whole commands follow"
                    f" at offset {found - self.start}")

    cdef bint is_command_at(self, const char *p) except -1:
        cdef LogReader rest = LogReader(None, self.mapping, p - self.start)
        try:
            return rest.read_command() == READ and self.known_commands().find_declared(
                rest.argv[0].ptr, rest.argv[0].len) is not None
        except LogDamage:
            return False

    cdef CommandTable known_commands(self):
        if self.known_table is None:
            self.known_table = CommandTable() if self.engine is None else self.engine.commands
        return self.known_table

    # --- executing ---

    cdef int follow_transaction(self) except -1:
        """Without an engine: whether a transaction is open."""
        if slice_is(self.argv[0], b"multi"):
            if self.in_multi:
                self.fail("MULTI inside MULTI")
            self.in_multi = True
        elif slice_is(self.argv[0], b"exec"):
            if not self.in_multi:
                self.fail("EXEC without MULTI")
            self.in_multi = False
        return 0

    cdef int run(self) except -1:
        cdef Session session = self.session
        cdef ReplyMark mark
        cdef int64_t refused
        if session is None:
            return self.follow_transaction()
        mark = reply_mark(&session.reply)
        refused = self.engine.stats.error_replies
        try:
            self.in_multi = replay(self.engine, session, self.argv + self.first, self.argc)
        except CommandError as error:
            raise LogDamage(
                error.text.decode("utf-8", "backslashreplace"), self.record - self.start) from None
        if unlikely(<int64_t>self.engine.stats.error_replies != refused):
            self.errors += 1
            if self.errors <= ERRORS_SHOWN_MAX:
                text = reply_copy_since(&session.reply, mark)
                self.engine.host.log.warning(
                    f"== CRITICAL == A command of the append-only file gave an error:"
                    f" {text[:200]!r} at offset {self.record - self.start}")
        reply_rollback(&session.reply, mark)
        return 0
