"""The life of a client connection; see connection.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport unlikely
from carnelian.engine.channel cimport Channel
from carnelian.engine.dispatch cimport execute
from carnelian.engine.execution cimport answer_error
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, IS_UNIX, MONITORING, NEEDS_AUTH,
    PRIMARY, REPLICA, SUBSCRIBED,
)
from carnelian.net.context cimport (
    LIMIT_NORMAL, LIMIT_PUBSUB, LIMIT_REPLICA, OUTPUT_SLICE_MAX, NetContext, OutputLimit,
)
from carnelian.net.frame cimport READ_SIZE, Frame, Planned, plan_batch
from carnelian.net.poller cimport HANGUP, READABLE, RESUME
from carnelian.net.stream cimport STREAM_END, STREAM_FAILED, STREAM_WAIT, SocketStream, Stream
from carnelian.resp.parser cimport PARSE_BAD, PARSE_DONE, parse_state_free
from carnelian.resp.reply cimport (
    Chunk, Reply, iovec, reply_clear, reply_consume, reply_free, reply_init, reply_iovec,
    reply_is_empty, reply_pending_bytes,
)


cdef enum:
    IOVEC_MAX = 64
    # bytes per client and turn, so that one reader does not hold up the rest
    SEND_TURN_MAX = 1 << 20
    # Redis does not count the buffer that every client of it has anyway.
    OUTPUT_UNCOUNTED_BYTES = 16384
    REDIS_READ_SIZE = 16384
    CHUNKS_FREED_MAX = 64          # in one turn: 1 MiB, some 0.2 ms
    ENDING = CLOSED | CLOSE_AFTER_REPLY | CLOSE_NOW


cdef class Remains(Channel):
    """Replies that a client has left unread, given back a part in each turn: a million of them take
    a third of a second."""
    cdef NetContext context
    cdef Reply reply

    def __dealloc__(self):
        reply_free(&self.reply)

    cdef int handle(self, int mask) except -1:
        cdef Chunk *chunk = self.reply.head
        cdef size_t size = 0
        cdef int _i
        for _i in range(CHUNKS_FREED_MAX):
            if chunk == self.reply.tail:
                return 0               # what is left goes with the object
            size += chunk.used
            chunk = chunk.next
        reply_consume(&self.reply, size - self.reply.sent)
        self.context.call_again(self, RESUME)
        return 0


cdef void leave_behind(NetContext context, Reply *reply):
    cdef Remains remains = Remains()
    remains.context = context
    remains.served_in_commands = True
    remains.reply = reply[0]
    reply_init(reply)
    context.call_again(remains, RESUME)


cdef class Connection(Session):
    def __cinit__(self, NetContext context, Stream stream):
        self.context = context
        self.stream = stream
        self.served_in_commands = True
        if isinstance(stream, SocketStream) and (<SocketStream>stream).is_unix:
            self.flags |= IS_UNIX
        if stream.fd >= 0:
            self.watched = stream.read_wants
            context.poller.add(stream.fd, self.watched)
            context.put(stream.fd, self)

    def __dealloc__(self):
        parse_state_free(&self.parse)
        mem_free(self.query)

    # --- events ---

    cdef int handle(self, int mask) except -1:
        cdef Stream stream = self.stream
        if unlikely(self.executing or not stream.established):
            if not self.is_ready(mask):
                return 0
        if self.wants_write and mask & stream.write_wants:
            self.wrote()           # sent when the turn ends: nothing leaves before the log is safe
        if unlikely(self.has_slice_left):
            if not mask & RESUME:
                return 0               # the next slice is due anyway
            self.has_slice_left = False
            self.process_unless_ending()
        elif mask & (stream.read_wants | RESUME) and not self.flags & (CLOSED | CLOSE_NOW):
            if mask & HANGUP and self.flags & CLOSE_AFTER_REPLY:
                self.close()           # nobody is left to read the rest
            else:
                self.read()
        if unlikely(stream.buffered and not self.has_slice_left and not self.flags & CLOSED):
            self.context.call_again(self, RESUME)
        return 0

    cdef bint is_ready(self, int mask) except -1:
        """Whether there is no obstacle to serving it: a command of its own that runs, a stream that
        is not established."""
        if not self.executing:
            return self.flags & CLOSED == 0 and self.shake_hands()
        if mask & RESUME:
            self.context.call_again(self, RESUME)
        return False

    cdef bint shake_hands(self) except -1:
        """Go on establishing the stream. Whether it is."""
        cdef int result = self.stream.handshake()
        if result == STREAM_FAILED:
            self.close()
            return False
        self.watch()
        return result == 1

    cdef int watch(self) except -1:
        """Ask the poller for what the stream waits for."""
        cdef int mask = 0
        if not self.half_closed:
            mask = self.stream.read_wants
        if self.wants_write or not self.stream.established:
            mask |= self.stream.write_wants
        if mask != self.watched and self.stream.fd >= 0:
            self.watched = mask
            self.context.poller.change(self.stream.fd, mask)
        return 0

    # --- reading: any thread's work ---

    cdef ssize_t receive(self, char **into) noexcept:
        """One read's worth of bytes, to where they can stay for this turn."""
        cdef size_t room = READ_SIZE
        cdef ssize_t got
        into[0] = self.context.frame.read_buffer
        if self.query_len:
            if self.query_capacity - self.query_len < READ_SIZE // 4:
                # Grows with what has arrived, never with what a header announces.
                self.query_capacity = self.query_len * 2 + READ_SIZE // 4
                self.query = <char *>mem_realloc(self.query, self.query_capacity)
            into[0] = self.query + self.query_len
            room = self.query_capacity - self.query_len
        got = self.stream.read(into[0], room)
        if got > 0:
            self.context.reads += 1
            self.bytes_in += <size_t>got
            self.context.figures.bytes_in += <size_t>got
        return got

    cdef int read(self) except -1:
        """Take bytes in, and execute every command that is complete with them."""
        cdef char *into
        cdef ssize_t got = self.receive(&into)
        if unlikely(self.stream.read_wants != READABLE or self.watched & READABLE == 0):
            self.watch()
        if unlikely(got <= 0):
            return self.reading_ended(got)
        if unlikely(self.flags & CLOSE_AFTER_REPLY):
            return 0               # read, so that the poller rests, and forgotten
        self.seen_ms = self.context.engine.steady_ms
        if self.query_len:
            self.query_len += <size_t>got
            if self.over_query_limit(self.query_len - self.query_at - self.parse.offset):
                return 0
            return self.process_kept()
        if unlikely(self.transaction is not None) and self.over_query_limit(<size_t>got):
            return 0
        return self.take_in(into, <size_t>got)

    cdef int reading_ended(self, ssize_t why) except -1:
        if why == STREAM_WAIT:
            return 0
        if why == STREAM_END and not reply_is_empty(&self.reply) and self.source is None:
            # The client sends no more but may still read: what it is owed goes out, then it ends.
            self.flags |= CLOSE_AFTER_REPLY
            self.half_closed = True
            self.wants_write = True
            return self.watch()
        self.close()
        return 0

    cdef bint over_query_limit(self, size_t size):
        """Apply client-query-buffer-limit to so many bytes; True when the client is being closed
        for it. As in Redis arguments that are complete do not count, but for those that wait for
        EXEC."""
        if <int64_t>size + self.queued_bytes() <= self.context.query_bytes_max:
            return False
        self.context.figures.query_limit_disconnections += 1
        self.context.engine.host.log.warning(
            f"Closing client that reached max query buffer length: {self.describe()}")
        self.close_soon(False)
        return True

    # --- executing: the engine's thread ---

    cdef int take_in(self, const char *p, size_t n) except -1:
        cdef size_t used = 0 if self.flags & BLOCKED else self.consume(p, n)
        if used < n and not self.flags & ENDING:
            self.keep(p + used, n - used)
        return 0

    cdef int process_unless_ending(self) except -1:
        if self.query_len and not self.flags & (ENDING | BLOCKED):
            self.process_kept()
        return 0

    cdef int process_kept(self) except -1:
        cdef size_t left
        if not self.flags & BLOCKED:
            left = self.query_len - self.query_at
            self.query_at += self.consume(self.query + self.query_at, left)
            left = self.query_len - self.query_at
            if left == 0:
                self.drop_query()
            elif self.query_at >= left:
                memmove(self.query, self.query + self.query_at, left)
                self.query_at = 0
                self.query_len = left
        return 0

    cdef void keep(self, const char *p, size_t n) noexcept:
        self.query = <char *>mem_realloc(self.query, n)
        self.query_capacity = n
        self.query_len = n
        self.query_at = 0
        memcpy(self.query, p, n)

    cdef void drop_query(self) noexcept:
        mem_free(self.query)
        self.query = NULL
        self.query_at = self.query_len = self.query_capacity = 0

    cdef size_t consume(self, const char *p, size_t n):
        """Parse and execute all complete commands in p[0:n]; how many bytes they took."""
        cdef Frame frame = self.context.frame
        cdef size_t at = 0
        cdef int result = PARSE_DONE
        self.executing = True
        while at < n and result == PARSE_DONE:
            frame.parser.authenticated = not self.flags & NEEDS_AUTH
            result = plan_batch(
                &frame.batch, &frame.parser, &self.parse, self.db.keys, p, n, &at)
            if not self.execute_batch(frame, &at):
                parse_state_free(&self.parse)      # it may be ahead of what was executed
                break
            if result == PARSE_BAD:
                answer_error(
                    self.context.engine, self,
                    b"ERR " + frame.parser.error[:frame.parser.error_len])
                self.close_soon(True)
                at = n
        self.executing = False
        frame.batch.count = 0
        if not reply_is_empty(&self.reply) or self.flags & CLOSE_NOW:
            self.wrote()
            if unlikely(self.source is not None):
                self.source.replied()
        return at

    cdef bint execute_batch(self, Frame frame, size_t *at):
        """Run what is planned. False when the rest must wait: `at` is then behind the last run."""
        cdef Planned *planned
        cdef int i
        for i in range(frame.batch.count):
            planned = &frame.batch.commands[i]
            execute(
                self.context.engine, self,
                &frame.batch.args[planned.first] if planned.first >= 0 else frame.parser.argv,
                planned.argc)
            if unlikely(self.flags & (BLOCKED | ENDING)) or (
                    unlikely(self.reply.memory > self.memory_sent + self.context.output_slice)
                    and self.ends_turn(planned.end)):
                at[0] = planned.end
                return False
        return True

    cdef bint ends_turn(self, size_t consumed):
        """There are many bytes of replies. Whether they are over a limit, or enough for one turn:
        what a pipeline makes before anything can be sent is not to count as a reader who does not
        keep up, if it is more than Redis would have read at once."""
        if self.over_limit():
            return True
        if consumed < REDIS_READ_SIZE and (
                self.reply.memory < self.memory_sent + OUTPUT_SLICE_MAX):
            return False
        self.has_slice_left = True
        self.context.call_again(self, RESUME)
        return True

    # --- sending ---

    cdef int flush(self) except -1:
        """Send what the stream takes; the rest waits until it takes more."""
        cdef size_t total = 0
        cdef bint drained = False
        if self.flags & CLOSED or self.executing:
            return 0               # a reply that is being written is sent when it is complete
        if self.flags & CLOSE_NOW or (
                unlikely(self.reply.memory > self.context.output_slice) and self.over_limit()):
            self.close()
            return 0
        if unlikely(not self.stream.established) or not self.send(&total, &drained):
            return 0
        if total:
            self.seen_ms = self.context.engine.steady_ms
            self.bytes_out += total
            self.context.figures.bytes_out += total
        self.after_flush(drained)
        return 0

    cdef bint send(self, size_t *total, bint *drained) except -1:
        """Any thread's work but for a `source`. False when the connection has come to its end."""
        cdef iovec parts[IOVEC_MAX]
        cdef int count
        cdef ssize_t sent
        cdef bint from_source
        while total[0] < SEND_TURN_MAX:
            count = reply_iovec(&self.reply, parts, IOVEC_MAX)
            from_source = count == 0 and self.source is not None
            if from_source:
                count = self.source.fill(parts, IOVEC_MAX)
            if count == 0:
                drained[0] = True
                break
            sent = self.stream.write(parts, count)
            if sent == STREAM_WAIT:
                break
            if sent < 0:
                self.close()
                return False
            self.context.writes += 1
            total[0] += <size_t>sent
            if from_source:
                self.source.took(<size_t>sent)
                if self.flags & CLOSED:
                    return False
            else:
                reply_consume(&self.reply, <size_t>sent)
        self.memory_sent = self.reply.memory
        return True

    cdef bint after_flush(self, bint drained) except -1:
        """Wait for the stream to take more, or not any more; whether the connection goes on."""
        if drained:
            if unlikely(self.wants_write):
                self.wants_write = False
                self.watch()
            self.soft_limit_since_ms = 0
            if self.flags & CLOSE_AFTER_REPLY:
                self.close()
                return False
        elif self.over_limit():
            return False
        else:
            self.wants_write = True
            self.watch()
        return True

    cdef bint over_limit(self):
        """Apply client-output-buffer-limit; True when the client is being closed for it."""
        cdef OutputLimit *limit
        cdef int64_t size = <int64_t>self.reply.memory
        cdef int64_t lasted_ms
        if reply_pending_bytes(&self.reply) <= OUTPUT_UNCOUNTED_BYTES:
            size = 0
        if self.source is not None:
            size += self.source.waiting()
        if self.flags & REPLICA and not self.flags & MONITORING:
            limit = &self.context.output_limits[LIMIT_REPLICA]
        elif self.flags & SUBSCRIBED:
            limit = &self.context.output_limits[LIMIT_PUBSUB]
        else:
            limit = &self.context.output_limits[LIMIT_NORMAL]
        if not (limit.hard_bytes and size > limit.hard_bytes):
            if not (limit.soft_bytes and size > limit.soft_bytes):
                self.soft_limit_since_ms = 0
                return False
            if not self.soft_limit_since_ms:
                self.soft_limit_since_ms = self.context.engine.steady_ms
            lasted_ms = self.context.engine.steady_ms - self.soft_limit_since_ms
            if lasted_ms <= limit.soft_seconds * 1000:
                return False
        self.context.figures.output_limit_disconnections += 1
        self.context.engine.host.log.warning(
            f"Client {self.describe()} scheduled to be closed ASAP for overcoming of"
            " output buffer limits.")
        self.close_soon(False)
        return True

    cpdef void resumed(self):
        """The blocked command has been answered: go on with what arrived meanwhile."""
        if self.query_len and not self.flags & (CLOSED | BLOCKED):
            self.context.engine.resumable.append(self)

    def go_on(self):
        """Process bytes kept while the session was blocked."""
        if not self.has_slice_left:
            self.process_unless_ending()

    # --- the end ---

    cpdef void close(self):
        if self.flags & CLOSED:
            return
        if self.executing:
            self.flags |= CLOSE_NOW    # once its command is done: it holds what would be freed
            return
        self.flags |= CLOSED
        self.address()                 # CLIENT KILL and the log may still ask
        self.context.engine.drop_session(self)
        if self.stream.fd >= 0:
            self.context.poller.remove(self.stream.fd)
            self.context.take(self.stream.fd)
        self.stream.shut_down()
        self.stream.close()
        if self.reply.chunks > CHUNKS_FREED_MAX:
            leave_behind(self.context, &self.reply)
        reply_clear(&self.reply)
        self.source = None
        parse_state_free(&self.parse)
        self.drop_query()

    def check(self, int64_t timeout_ms):
        """From the timer: soft output limits need time to pass, and idle clients go away."""
        if self.source is not None or not reply_is_empty(&self.reply):
            self.over_limit()
        if timeout_ms and not self.flags & (BLOCKED | REPLICA | PRIMARY | SUBSCRIBED | MONITORING):
            if self.context.engine.steady_ms - self.seen_ms > timeout_ms:
                self.context.engine.host.log.verbose("Closing idle client")
                self.close()

    # --- for CLIENT LIST ---

    def address(self):
        if self.peer is None:
            self.peer = self.stream.peer_name()
        return self.peer

    def local_address(self):
        if self.local is None:
            self.local = self.stream.own_name()
        return self.local

    def describe(self):
        return f"id={self.id} addr={self.address()} fd={self.stream.fd}"

    def descriptor(self):
        return self.stream.fd

    def buffer_figures(self):
        return self.query_len - self.query_at, self.query_capacity - self.query_len

    def events(self):
        return "rw" if self.wants_write else "r"

    def is_local(self):
        return self.flags & IS_UNIX or self.address().startswith(("127.", "[::1]"))
