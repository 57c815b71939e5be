"""An attached replica; see replica_link.pxd."""

from libc.stdint cimport int64_t

from carnelian.engine.session cimport CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, REPLICA, Session
from carnelian.net.connection cimport Connection
from carnelian.net.output_source cimport OutputSource
from carnelian.resp.reply cimport iovec, reply_is_empty, reply_raw
from carnelian.services.replication.backlog cimport backlog_iovec


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
        if self.chunk is not None:
            view = self.chunk
            parts[0].iov_base = <void *>&view[self.chunk_at]
            parts[0].iov_len = <size_t>view.shape[0] - self.chunk_at
            return 1
        if self.is_streaming() and self.position < self.backlog.end:
            return backlog_iovec(self.backlog, self.position, parts, count_max)
        return 0

    cdef int took(self, size_t n) except -1:
        if self.chunk is None:
            self.position += <int64_t>n
            return 0
        self.chunk_at += n
        if self.chunk_at == <size_t>len(self.chunk):
            self.chunk = None
            if self.on_chunk_sent is not None:
                self.on_chunk_sent(self)
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

    @property
    def waiting_bytes(self):
        return self.waiting()

    def close(self):
        """End the connection, soon: not within one of its own calls."""
        self.connection.close_soon(False)

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

    def lag_s(self):
        """Seconds since it was last heard."""
        return max((<Session>self.connection).engine.refresh_time() - self.ack_ms, 0) // 1000

    def info_line(self):
        return (f"ip={self.host()},port={self.listening_port},state={STAGE_NAMES[self.stage]},"
                f"offset={self.ack_offset},lag={self.lag_s() if self.stage == STAGE_ONLINE else 0}")
