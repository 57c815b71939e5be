"""A client's state without a socket; see session.pxd."""

from libc.stdint cimport int64_t

from carnelian.engine.channel cimport Channel
from carnelian.resp.reply cimport reply_free, reply_init


cdef class Transaction:
    def __cinit__(self):
        self.queue = []


cdef class Subscriptions:
    def __cinit__(self):
        self.channels = {}
        self.patterns = {}
        self.shard_channels = {}


cdef class Session(Channel):
    """One client. Front-ends subclass it; `address` and the like tell CLIENT LIST where it comes
    from."""

    def __cinit__(self):
        reply_init(&self.reply)
        self.name = b""
        self.library_name = b""
        self.library_version = b""
        self.user = b"default"

    def __dealloc__(self):
        reply_free(&self.reply)

    cdef int protocol(self) noexcept:
        return self.reply.resp

    cdef int64_t queued_bytes(self) noexcept:
        return 0 if self.transaction is None else self.transaction.queued_bytes

    cdef Subscriptions listening(self):
        if self.subscriptions is None:
            self.subscriptions = Subscriptions()
        return self.subscriptions

    def subscription_counts(self):
        """(channels, patterns, shard channels)."""
        cdef Subscriptions own = self.subscriptions
        if own is None:
            return 0, 0, 0
        return len(own.channels), len(own.patterns), len(own.shard_channels)

    cdef void wrote(self):
        if not self.flags & (OUTPUT_PENDING | CLOSED):
            self.flags |= OUTPUT_PENDING
            self.engine.note_pending(self)

    cdef void close_soon(self, bint after_reply):
        self.flags |= CLOSE_AFTER_REPLY if after_reply else CLOSE_NOW
        self.wrote()

    cpdef void resumed(self):
        """Called when a blocked command has been answered."""

    def address(self):
        """ip:port or path:0 of the peer, as CLIENT LIST shows it."""
        return ""

    def local_address(self):
        return ""

    def descriptor(self):
        """The file descriptor, -1 without a socket."""
        return -1

    def buffer_figures(self):
        """(query bytes, query bytes free) of the front-end's buffer."""
        return 0, 0

    def events(self):
        """What the front-end waits for: r, w."""
        return ""

    def is_local(self):
        """Whether the client is on this machine."""
        return True

    def demand_password(self, bint demanded):
        if demanded:
            self.flags |= NEEDS_AUTH
        else:
            self.flags &= ~NEEDS_AUTH
