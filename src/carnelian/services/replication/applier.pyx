"""Applying the primary's stream; see applier.pxd."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice, slice_is
from carnelian.engine.dispatch cimport execute
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, IN_MULTI, NO_BLOCKING, PRIMARY, Session,
)
from carnelian.net.frame cimport plan_batch
from carnelian.net.stream cimport STREAM_FAILED, STREAM_WAIT, Stream
from carnelian.resp.parser cimport PARSE_BAD, PARSE_DONE, parse_state_free, parser_free, parser_init
from carnelian.resp.reply cimport reply_clear, reply_copy
from carnelian.services.replication.state cimport ReplicationState


cdef enum:
    READ_SIZE = 1 << 17
    CAPACITY_KEPT = 1 << 20        # of an empty buffer
    ERROR_SHOWN_MAX = 200
    ENDED = BLOCKED | CLOSE_AFTER_REPLY | CLOSE_NOW | CLOSED

# Who announces a longer value sends garbage: it could not be stored.
cdef int64_t BULK_MAX = 1 << 32


class StreamError(Exception):
    """The primary's stream cannot be followed any further; the text says why."""


cdef bint is_getack(const Slice *argv, int argc) noexcept:
    return argc == 3 and slice_is(argv[0], b"replconf") and slice_is(argv[1], b"getack")


cdef class PrimarySession(Session):
    def __cinit__(self, Engine engine, ReplicationState state, link, int db_id):
        self.state = state
        self.link = link
        self.peer = self.local = ""
        parser_init(&self.parser)
        self.parser.bulk_max = BULK_MAX
        self.acks = []
        self.flags |= PRIMARY | NO_BLOCKING
        engine.add_session(self, db_id)

    def __dealloc__(self):
        parse_state_free(&self.parse)
        parser_free(&self.parser)
        mem_free(self.query)

    def attach(self, Stream stream not None):
        """Read from the link's stream."""
        self.stream = stream
        self.peer = stream.peer_name()
        self.local = stream.own_name()

    # --- reading ---

    def read(self):
        """Read what has arrived and apply it. False at the end of the stream; StreamError or
        OSError when it cannot go on."""
        cdef ssize_t got
        self.reserve(READ_SIZE)
        got = self.stream.read(self.query + self.length, self.capacity - self.length)
        if got == STREAM_WAIT:
            return True
        if got == STREAM_FAILED:
            raise OSError(self.stream.error, "read")
        if got:
            self.took_in(<size_t>got)
        return got > 0

    def feed(self, bytes data):
        """Apply bytes that came together with the end of the handshake."""
        self.reserve(len(data))
        memcpy(self.query + self.length, <const char *>data, len(data))
        self.took_in(len(data))

    cdef void reserve(self, size_t room) noexcept:
        """Room grows with what has arrived, never with what a header announces."""
        if self.capacity - self.length < room:
            self.capacity = self.length + max(room, self.length)
            self.query = <char *>mem_realloc(self.query, self.capacity)

    cdef int took_in(self, size_t n) except -1:
        cdef Engine engine = self.engine
        self.length += n
        self.bytes_in += n
        engine.stats.bytes_in += n
        engine.stats.replication_bytes_in += n
        engine.tick()
        self.seen_ms = engine.steady_ms
        return self.apply()

    # --- applying ---

    cdef int apply(self) except -1:
        """Execute all complete commands that have arrived."""
        cdef Engine engine = self.engine
        if self.flags & ENDED:
            return 0                   # killed, and read once more in the same turn
        self.held = engine.pause.in_force()
        if self.held:
            return 0
        engine.expiry.replaying = True
        try:
            self.follow()
        finally:
            engine.expiry.replaying = False
            self.settle()
        return 0

    cdef int follow(self) except -1:
        cdef size_t at = self.executed
        cdef int result = PARSE_DONE
        while at < self.length and result == PARSE_DONE:
            result = plan_batch(
                &self.batch, &self.parser, &self.parse, self.db.keys, self.query, self.length, &at)
            if not self.execute_batch():
                return 0
            self.executed = at
            if not self.flags & IN_MULTI:
                self.applied = at
        if result == PARSE_BAD:
            raise StreamError(
                "protocol error: " + self.parser.error[:self.parser.error_len].decode("latin-1"))
        return 0

    cdef bint execute_batch(self) except -1:
        """Run what is planned. False when the session has come to its end: what is executed
        counts."""
        cdef Engine engine = self.engine
        cdef uint64_t errors_before = engine.stats.error_replies
        cdef const Slice *argv
        cdef int i
        for i in range(self.batch.count):
            argv = self.parser.argv
            if self.batch.commands[i].first >= 0:
                argv = &self.batch.args[self.batch.commands[i].first]
            if unlikely(is_getack(argv, self.batch.commands[i].argc)):
                self.acks.append(self.state.offset + <int64_t>self.applied)
            else:
                execute(engine, self, argv, self.batch.commands[i].argc)
            if not self.flags & IN_MULTI:
                self.applied = self.batch.commands[i].end
            if unlikely(self.flags & ENDED):
                if self.flags & BLOCKED:
                    raise StreamError("it holds a command that waits")
                return False
        if unlikely(engine.stats.error_replies != errors_before):
            self.report_errors()
        reply_clear(&self.reply)
        return True

    cdef void settle(self):
        """What has been applied counts, and is handed on."""
        cdef size_t done = self.applied
        if done == 0:
            return
        if not self.flags & CLOSED:
            self.state.append_raw(self.query, done)
        self.length -= done
        self.executed -= min(done, self.executed)
        self.applied = 0
        if self.length:
            memmove(self.query, self.query + done, self.length)
        elif self.capacity > CAPACITY_KEPT:
            mem_free(self.query)
            self.query = NULL
            self.capacity = 0

    cdef void report_errors(self):
        """The primary ran these commands, so we should have been able to."""
        cdef Engine engine = self.engine
        for line in reply_copy(&self.reply).split(b"\r\n"):
            if line.startswith(b"-"):
                text = line[1:ERROR_SHOWN_MAX].decode("utf-8", "backslashreplace")
                engine.host.log.warning(
                    "== CRITICAL == This replica fails to apply a command of its primary: "
                    f"'{text}'. The data may differ from the primary's from now on.")

    # --- as a client ---

    @property
    def unread(self):
        """Bytes that have arrived and do not count yet."""
        return self.length

    def take_acks(self):
        """What to acknowledge: for each REPLCONF GETACK the offset before it."""
        acks, self.acks = self.acks, []
        return acks

    def go_on_if_free(self):
        """Apply what a pause has held back, once it is over; whether it is."""
        if self.held:
            self.apply()
        return not self.held

    @property
    def database(self):
        return self.db.id

    @property
    def ended(self):
        return self.flags & ENDED != 0

    cdef void wrote(self):
        pass                       # nothing is ever sent from here

    cdef void close_soon(self, bint after_reply):
        self.flags |= CLOSE_NOW
        self.link.session_killed(self)

    def close(self):
        if not self.flags & CLOSED:
            self.flags |= CLOSED
            self.engine.drop_session(self)
            reply_clear(&self.reply)

    def address(self):
        return self.peer

    def local_address(self):
        return self.local

    def descriptor(self):
        return -1 if self.stream is None else self.stream.fd

    def buffer_figures(self):
        return self.length, self.capacity - self.length

    def events(self):
        return "r"
