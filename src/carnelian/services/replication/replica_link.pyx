"""An attached replica; see replica_link.pxd."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.session cimport CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, REPLICA
from carnelian.net.connection cimport Connection
from carnelian.net.output_source cimport OutputSource
from carnelian.resp.reply cimport (
    iovec, reply_clear, reply_is_empty, reply_pending_bytes, reply_raw,
)
from carnelian.services.replication.backlog cimport (
    BACKLOG_BLOCK_SIZE, backlog_blocks_from, backlog_iovec,
)


STAGE_NAMES = ("none", "wait_bgsave", "wait_bgsave", "send_bulk", "online")
# the same for Python
WAIT_START = STAGE_WAIT_START
WAIT_END = STAGE_WAIT_END
SEND_SNAPSHOT = STAGE_SEND_SNAPSHOT
ONLINE = STAGE_ONLINE


cdef class ReplicaLink(OutputSource):
    def __init__(self, state, Connection connection):
        self.state = state
        self.connection = connection
        self.position = -1
        self.announced_ip = ""
        self.version = ""

    cdef bint is_streaming(self) noexcept:
        return self.stage == STAGE_ONLINE and not self.starts_on_ack

    cdef int fill(self, iovec *parts, int count_max) except -1:
        cdef const unsigned char[:] view
        self.text_bytes = 0
        if self.chunk is not None:
            view = self.chunk
            parts[0].iov_base = <void *>&view[self.chunk_at]
            parts[0].iov_len = <size_t>view.shape[0] - self.chunk_at
            return 1
        if self.position < self.backlog.end and self.is_streaming():
            return backlog_iovec(self.backlog, self.position, parts, count_max)
        return 0

    cdef int took(self, size_t n) except -1:
        self.sent += n
        self.connection.context.engine.stats.replication_bytes_out += n
        if self.chunk is None:
            self.position += <int64_t>n
            return 0
        self.chunk_at += n
        if self.chunk_at == <size_t>len(self.chunk):
            self.chunk = None
            if self.on_chunk_sent is not None:
                self.on_chunk_sent(self)
        return 0

    cdef int replied(self) except -1:
        """An answer within the stream would be taken for a part of it."""
        if reply_pending_bytes(&self.connection.reply) <= self.text_bytes:
            return 0
        self.connection.context.engine.host.log.warning(
            f"Replica {self.describe()} sent a command that has an answer, disconnecting it")
        reply_clear(&self.connection.reply)
        self.close()
        return 0

    cdef int64_t waiting(self) noexcept:
        return self.backlog.end - self.position if self.position >= 0 else 0

    cpdef send_chunk(self, chunk):
        """Send a part of a snapshot (not empty) ahead of the stream, then call `on_chunk_sent`."""
        self.chunk = chunk
        self.chunk_at = 0
        self.connection.wrote()

    cpdef send_text(self, bytes text):
        """Send a line of the handshake."""
        reply_raw(&self.connection.reply, text, len(text))
        self.text_bytes += <size_t>len(text)
        self.connection.wrote()

    def drop_chunk(self):
        """The snapshot has failed."""
        self.chunk = None

    @property
    def is_open(self):
        return not self.connection.flags & (CLOSED | CLOSE_NOW | CLOSE_AFTER_REPLY)

    @property
    def has_chunk(self):
        return self.chunk is not None

    @property
    def owes_replies(self):
        return not reply_is_empty(&self.connection.reply)

    def output_figures(self):
        """What is kept for it: (blocks of the stream, bytes of them and of its snapshot)."""
        cdef size_t blocks = 0
        cdef size_t size = 0
        if 0 <= self.position < self.backlog.end:
            blocks = backlog_blocks_from(self.backlog, self.position)
        if self.chunk is not None and not self.diskless:
            size = len(self.chunk)
        return blocks, blocks * BACKLOG_BLOCK_SIZE + size

    @property
    def waiting_bytes(self):
        return self.waiting()

    def close(self):
        """End the connection, soon: not within one of its own calls."""
        self.connection.close_soon(False)

    def send_now(self):
        """Have the socket take what it takes; whether anything is left."""
        self.connection.flush()
        return self.is_open and self.is_streaming() and self.waiting() > 0

    def close_after_sending(self):
        self.connection.close_soon(True)

    def wake(self):
        """There is more to send."""
        self.connection.wrote()

    def become_replica(self):
        """From now on the connection is a replica's, its stream behind its replies."""
        self.connection.flags |= REPLICA
        self.connection.source = self

    def host(self):
        """Where clients would find it."""
        return self.announced_ip or self.connection.address().rpartition(":")[0].strip("[]")

    def describe(self):
        return f"{self.host()}:{self.listening_port}" if self.listening_port else (
            self.connection.address())

    def enter(self, int stage):
        """From now on at `stage`."""
        self.stage = stage
        self.ack_ms = self.connection.context.engine.clock.steady_us() // 1000

    def acknowledge(self, int64_t offset, int64_t aof_offset):
        """REPLCONF ACK; -1 for an offset that is not told. Neither goes back."""
        self.ack_offset = max(self.ack_offset, offset)
        self.aof_ack_offset = max(self.aof_ack_offset, aof_offset)
        self.ack_ms = self.connection.context.engine.clock.steady_us() // 1000

    def stage_s(self):
        """Seconds since its stage began or it acknowledged something."""
        return (self.connection.context.engine.clock.steady_us() // 1000 - self.ack_ms) / 1000

    def lag_s(self):
        return int(self.stage_s()) if self.stage == STAGE_ONLINE else 0

    def silent_s(self):
        """Seconds without a sign of life, as far as the timer saw: what it takes of a snapshot,
        then what it says."""
        cdef int64_t now_ms = self.connection.context.engine.clock.steady_us() // 1000
        cdef uint64_t moved = (
            self.sent if self.stage == STAGE_SEND_SNAPSHOT else self.connection.bytes_in)
        if moved != self.bytes_moved or not self.moved_ms:
            self.bytes_moved = moved
            self.moved_ms = now_ms
        return (now_ms - self.moved_ms) / 1000

    @property
    def stage_name(self):
        if self.stage == STAGE_SEND_SNAPSHOT and self.diskless:
            return "wait_bgsave"
        return STAGE_NAMES[self.stage]

    def info_line(self):
        """INFO's line of it."""
        return (f"ip={self.host()},port={self.listening_port},state={self.stage_name},"
                f"offset={self.ack_offset},lag={self.lag_s()}")
