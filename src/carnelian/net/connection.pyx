"""The life of a client connection; see connection.pxd."""

from _socket import socket as raw_socket

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memmove
from posix.unistd cimport close as close_fd, read as read_fd, write

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.hashing cimport hash_bytes
from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport Table, table_prefetch, table_prefetch_entry
from carnelian.engine.dispatch cimport answer_error, execute
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, IS_UNIX, MONITORING, NEEDS_AUTH,
    PRIMARY, REPLICA, SUBSCRIBED,
)
from carnelian.net.context cimport (
    BATCH_ARGS_MAX, BATCH_MAX, LIMIT_NORMAL, LIMIT_PUBSUB, LIMIT_REPLICA, READ_SIZE, Batch,
    NetContext, OutputLimit, Planned,
)
from carnelian.net.poller cimport HANGUP, READABLE, WRITABLE
from carnelian.resp.parser cimport (
    PARSE_BAD, PARSE_DONE, ParseState, Parser, parse_command, parse_state_free,
)
from carnelian.resp.reply cimport (
    iovec, reply_clear, reply_consume, reply_iovec, reply_is_empty, reply_pending_bytes,
)


cdef extern from "sys/uio.h" nogil:
    ssize_t writev(int fd, const iovec *iov, int count)

cdef enum:
    IOVEC_MAX = 64
    # bytes per client and turn, so that one reader does not hold up the rest
    SEND_TURN_MAX = 1 << 20


cdef int plan_batch(
    Batch *batch, Parser *parser, ParseState *parse, Table *keys, const char *p, size_t n,
    size_t *at
) noexcept nogil:
    cdef Planned *planned
    cdef size_t used = 0
    cdef int result = PARSE_DONE
    cdef int i
    batch.count = 0
    batch.used = 0
    while at[0] < n and batch.count < BATCH_MAX:
        result = parse_command(parser, parse, p + at[0], n - at[0], &used)
        if result != PARSE_DONE:
            break
        at[0] += used
        if parser.argc == 0:
            continue
        planned = &batch.commands[batch.count]
        planned.argc = parser.argc
        planned.end = at[0]
        batch.count += 1
        if unlikely(parser.is_inline or parser.argc > BATCH_ARGS_MAX - batch.used):
            planned.first = -1
            break
        planned.first = batch.used
        memcpy(&batch.args[batch.used], parser.argv, parser.argc * sizeof(Slice))
        batch.used += parser.argc
        if parser.argc > 1:
            planned.hash = hash_bytes(parser.argv[1].ptr, parser.argv[1].len)
            table_prefetch(keys, planned.hash)
        if unlikely(not parser.authenticated):
            break
    if batch.count > 1:
        for i in range(batch.count):
            if batch.commands[i].argc > 1 and batch.commands[i].first >= 0:
                table_prefetch_entry(keys, batch.commands[i].hash)
    return result


cdef class Connection(Session):
    def __cinit__(self, NetContext context, int fd, bint is_unix):
        self.context = context
        self.fd = fd
        if is_unix:
            self.flags |= IS_UNIX
        context.poller.add(fd, READABLE)
        context.put(fd, self)

    def __dealloc__(self):
        parse_state_free(&self.parse)
        mem_free(self.query)

    cdef int handle(self, int mask) except -1:
        if mask & WRITABLE and self.wants_write:
            self.wrote()           # sent when the turn ends: nothing leaves before the log is safe
        if mask & READABLE and not self.flags & (CLOSED | CLOSE_NOW):
            if mask & HANGUP and self.flags & CLOSE_AFTER_REPLY:
                self.close()           # nobody is left to read the rest
            else:
                self.read()
        return 0

    cdef int read(self) except -1:
        """One read's worth of bytes, and every command that is complete with them."""
        cdef char *into = self.context.read_buffer
        cdef size_t room = READ_SIZE
        cdef ssize_t got
        if self.query_len:
            if self.query_capacity - self.query_len < READ_SIZE // 4:
                # Grows with what has arrived, never with what a header announces.
                self.query_capacity = self.query_len * 2 + READ_SIZE // 4
                self.query = <char *>mem_realloc(self.query, self.query_capacity)
            into = self.query + self.query_len
            room = self.query_capacity - self.query_len
        got = read_fd(self.fd, into, room)
        if got <= 0:
            if got < 0 and (errno == EAGAIN or errno == EINTR):
                return 0
            if got == 0 and not reply_is_empty(&self.reply) and self.source is None:
                return self.finish_half_closed()
            self.close()
            return 0
        if unlikely(self.flags & CLOSE_AFTER_REPLY):
            return 0               # read, so that the poller rests, and forgotten
        self.context.reads += 1
        self.bytes_in += <size_t>got
        self.context.engine.stats.bytes_in += <size_t>got
        self.seen_ms = self.context.engine.steady_ms
        if self.query_len:
            self.query_len += <size_t>got
            return self.process_kept()
        return self.take_in(into, <size_t>got)

    cdef int finish_half_closed(self) except -1:
        """The client sends no more but may still read: what it is owed goes out, then it ends."""
        self.flags |= CLOSE_AFTER_REPLY
        self.wants_write = True
        self.context.poller.change(self.fd, WRITABLE)
        return 0

    cdef int take_in(self, const char *p, size_t n) except -1:
        cdef size_t used = 0 if self.flags & BLOCKED else self.consume(p, n)
        if used < n and not self.flags & (CLOSED | CLOSE_AFTER_REPLY | CLOSE_NOW):
            self.keep(p + used, n - used)
        return 0

    cdef int process_kept(self) except -1:
        cdef size_t used
        if not self.flags & BLOCKED:
            used = self.consume(self.query, self.query_len)
            self.query_len -= used
            if self.query_len:
                memmove(self.query, self.query + used, self.query_len)
            else:
                mem_free(self.query)
                self.query = NULL
                self.query_capacity = 0
        if <int64_t>self.query_len > self.context.query_limit_bytes:
            self.refuse_query()
        return 0

    cdef void keep(self, const char *p, size_t n) noexcept:
        self.query = <char *>mem_realloc(self.query, n)
        self.query_capacity = n
        self.query_len = n
        memcpy(self.query, p, n)
        if <int64_t>n > self.context.query_limit_bytes:
            self.refuse_query()

    cdef void refuse_query(self):
        self.context.engine.stats.query_limit_disconnections += 1
        self.context.engine.host.log.warning(
            f"Closing client that reached max query buffer length: {self.describe()}")
        self.close_soon(False)

    cdef size_t consume(self, const char *p, size_t n):
        """Parse and execute all complete commands in p[0:n]; how many bytes they took."""
        cdef Parser *parser = &self.context.parser
        cdef Batch *batch = &self.context.batch
        cdef size_t at = 0
        cdef int result = PARSE_DONE
        while at < n and result == PARSE_DONE:
            result = self.plan(p, n, &at)
            if not self.execute_batch(&at):
                parse_state_free(&self.parse)      # it may be ahead of what was executed
                break
            if result == PARSE_BAD:
                answer_error(self.context.engine, self, b"ERR " + parser.error[:parser.error_len])
                self.close_soon(True)
                return n
        batch.count = 0
        if not reply_is_empty(&self.reply):
            self.wrote()
            if unlikely(self.source is not None):
                self.source.replied()
        return at

    cdef int plan(self, const char *p, size_t n, size_t *at):
        """Parse a batch of commands from p[at:n]; moves `at`."""
        self.context.parser.authenticated = not self.flags & NEEDS_AUTH
        return plan_batch(
            &self.context.batch, &self.context.parser, &self.parse, self.db.keys, p, n, at)

    cdef bint execute_batch(self, size_t *at):
        """Run what is planned. False when the rest must wait: `at` is then behind the last run."""
        cdef Parser *parser = &self.context.parser
        cdef Batch *batch = &self.context.batch
        cdef Planned *planned
        cdef int i
        for i in range(batch.count):
            planned = &batch.commands[i]
            execute(
                self.context.engine, self,
                &batch.args[planned.first] if planned.first >= 0 else parser.argv, planned.argc)
            if unlikely(self.flags & (BLOCKED | CLOSE_AFTER_REPLY | CLOSE_NOW | CLOSED)) or (
                    unlikely(reply_pending_bytes(&self.reply) > SEND_TURN_MAX)
                    and self.over_limit()):
                at[0] = planned.end
                return False
        return True

    cdef int flush(self) except -1:
        """Send what the socket takes; the rest waits for it to be writable again."""
        cdef iovec parts[IOVEC_MAX]
        cdef int count
        cdef ssize_t sent
        cdef size_t total = 0
        cdef bint drained = False
        cdef bint from_source
        if self.flags & CLOSED:
            return 0
        if self.flags & CLOSE_NOW:
            self.close()
            return 0
        while total < SEND_TURN_MAX:
            count = reply_iovec(&self.reply, parts, IOVEC_MAX)
            from_source = count == 0 and self.source is not None
            if from_source:
                count = self.source.fill(parts, IOVEC_MAX)
            if count == 0:
                drained = True
                break
            if count == 1:             # the usual case, and cheaper for the kernel
                sent = write(self.fd, parts[0].iov_base, parts[0].iov_len)
            else:
                sent = writev(self.fd, parts, count)
            if sent < 0:
                if errno == EINTR:
                    continue
                if errno == EAGAIN:
                    break
                self.close()
                return 0
            self.context.writes += 1
            total += <size_t>sent
            if from_source:
                self.source.took(<size_t>sent)
                if self.flags & CLOSED:
                    return 0
            else:
                reply_consume(&self.reply, <size_t>sent)
        if total:
            self.seen_ms = self.context.engine.steady_ms
        self.bytes_out += total
        self.context.engine.stats.bytes_out += total
        self.after_flush(drained)
        return 0

    cdef bint after_flush(self, bint drained):
        """Wait for the socket to take more, or not any more; whether the connection goes on."""
        if drained:
            if self.wants_write:
                self.wants_write = False
                self.context.poller.change(self.fd, READABLE)
            self.soft_limit_since_ms = 0
            if self.flags & CLOSE_AFTER_REPLY:
                self.close()
                return False
        elif self.over_limit():
            return False
        elif not self.wants_write:
            self.wants_write = True
            self.context.poller.change(self.fd, READABLE | WRITABLE)
        return True

    cdef bint over_limit(self):
        """Apply client-output-buffer-limit; True when the client is being closed for it."""
        cdef OutputLimit *limit
        cdef int64_t size = <int64_t>self.reply.memory
        cdef int64_t lasted_ms
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
        self.context.engine.stats.output_limit_disconnections += 1
        self.context.engine.host.log.warning(
            f"Client {self.describe()} scheduled to be closed ASAP for overcoming of"
            " output buffer limits.")
        self.close_soon(False)
        return True

    cpdef void resumed(self):
        """The blocked command has been answered: go on with what arrived meanwhile."""
        if self.query_len and not self.flags & (CLOSED | BLOCKED):
            self.context.engine.resumable.append(self)

    cpdef void close(self):
        if self.flags & CLOSED:
            return
        self.flags |= CLOSED
        self.address()                 # CLIENT KILL and the log may still ask
        self.context.engine.drop_session(self)
        self.context.poller.remove(self.fd)
        self.context.take(self.fd)
        close_fd(self.fd)
        reply_clear(&self.reply)
        self.source = None
        parse_state_free(&self.parse)
        mem_free(self.query)
        self.query = NULL
        self.query_len = 0
        self.query_capacity = 0

    def go_on(self):
        """Process bytes kept while the session was blocked."""
        if self.query_len and not self.flags & (CLOSED | CLOSE_NOW | CLOSE_AFTER_REPLY | BLOCKED):
            self.process_kept()

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
            self.peer = self.name_of_end(True)
        return self.peer

    def local_address(self):
        if self.local is None:
            self.local = self.name_of_end(False)
        return self.local

    cdef str name_of_end(self, bint peer):
        handle = raw_socket(fileno=self.fd)
        try:
            if self.flags & IS_UNIX:
                path = handle.getsockname()
                return f"{path.decode() if isinstance(path, bytes) else path}:0"
            name = handle.getpeername() if peer else handle.getsockname()
        except OSError:
            return "?:0"
        finally:
            handle.detach()
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def describe(self):
        return f"id={self.id} addr={self.address()} fd={self.fd}"

    def descriptor(self):
        return self.fd

    def buffer_figures(self):
        return self.query_len, self.query_capacity - self.query_len

    def events(self):
        return "rw" if self.wants_write else "r"

    def is_local(self):
        return self.flags & IS_UNIX or self.address().startswith(("127.", "[::1]"))
