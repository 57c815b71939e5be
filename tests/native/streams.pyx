"""Streams that no server has: one in memory, and one as awkward as TLS over a socket."""

from libc.errno cimport EPIPE
from libc.string cimport memcpy

from carnelian.net.connection cimport Connection
from carnelian.net.poller cimport READABLE, WRITABLE
from carnelian.net.stream cimport (
    STREAM_END, STREAM_FAILED, STREAM_WAIT, SocketStream, Stream,
)
from carnelian.resp.reply cimport iovec


cdef class MemoryStream(Stream):
    """Bytes from and to Python; no descriptor, so that no poller can watch it."""
    cdef readonly bytearray incoming
    cdef readonly bytearray outgoing
    cdef public bint has_ended             # the other side sends no more
    cdef public Py_ssize_t room            # bytes it still takes
    cdef readonly bint said_goodbye
    cdef readonly bint is_closed

    def __cinit__(self):
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.room = 1 << 40

    cdef ssize_t read(self, char *into, size_t room) noexcept nogil:
        with gil:
            return self.give(into, room)

    cdef ssize_t give(self, char *into, size_t room) noexcept:
        cdef size_t n = min(len(self.incoming), room)
        if n == 0:
            return STREAM_END if self.has_ended else STREAM_WAIT
        memcpy(into, <char *>self.incoming, n)
        del self.incoming[:n]
        self.buffered = len(self.incoming) > 0
        return <ssize_t>n

    cdef ssize_t write(self, const iovec *parts, int count) noexcept nogil:
        with gil:
            return self.take(parts, count)

    cdef ssize_t take(self, const iovec *parts, int count) noexcept:
        cdef ssize_t total = 0
        cdef ssize_t n
        cdef int i
        if self.is_closed:
            self.error = EPIPE
            return STREAM_FAILED
        for i in range(count):
            n = min(<ssize_t>parts[i].iov_len, self.room)
            self.outgoing += (<char *>parts[i].iov_base)[:n]
            self.room -= n
            total += n
        return total if total else STREAM_WAIT

    cdef void shut_down(self) noexcept nogil:
        self.said_goodbye = True

    cpdef void close(self):
        self.is_closed = True


def poke(Connection connection, int mask=READABLE):
    """What an event would be for a stream with a descriptor."""
    connection.context.call_again(connection, mask)


cdef class AwkwardStream(SocketStream):
    """As TLS may be: it shakes hands first, takes from the socket more than it is asked for, hands
    on a byte at a time, refuses every other call for want of the other event, and now and then does
    not go on writing before the other side has said something.

    The other side begins with `HELLO`, and may say `!` for what the protocol needs.
    """
    cdef bytearray taken
    cdef int greeted
    cdef bint refuses_read
    cdef bint refuses_write
    cdef public bint needs_word            # before it writes on
    cdef readonly bint said_goodbye

    def __cinit__(self):
        self.taken = bytearray()
        self.established = False
        self.refuses_read = self.refuses_write = True

    cdef int handshake(self) noexcept nogil:
        cdef char byte
        cdef ssize_t got
        while self.greeted < 5:
            got = SocketStream.read(self, &byte, 1)
            if got == STREAM_WAIT:
                return STREAM_WAIT
            if got != 1 or byte != b"HELLO"[self.greeted]:
                return STREAM_FAILED
            self.greeted += 1
        self.established = True
        return 1

    cdef ssize_t read(self, char *into, size_t room) noexcept nogil:
        with gil:
            return self.give(into)

    cdef ssize_t give(self, char *into) noexcept:
        cdef char found[64]
        cdef ssize_t got = SocketStream.read(self, found, 64)
        if got > 0:
            self.taken += found[:got]
        if self.taken and self.taken[0] == c'!':
            del self.taken[0]
            self.needs_word = False
            self.write_wants = WRITABLE
        self.buffered = len(self.taken) > 0
        if not self.taken:
            self.read_wants = READABLE
            return got if got <= 0 else STREAM_WAIT
        self.refuses_read = not self.refuses_read
        if not self.refuses_read:
            self.read_wants = WRITABLE
            return STREAM_WAIT
        self.read_wants = READABLE
        into[0] = self.taken[0]
        del self.taken[0]
        self.buffered = len(self.taken) > 0
        return 1

    cdef ssize_t write(self, const iovec *parts, int count) noexcept nogil:
        cdef iovec part
        if self.needs_word:
            self.write_wants = READABLE
            return STREAM_WAIT
        self.refuses_write = not self.refuses_write
        if not self.refuses_write:
            return STREAM_WAIT
        part.iov_base = parts[0].iov_base
        part.iov_len = 1
        return SocketStream.write(self, &part, 1)

    cdef void shut_down(self) noexcept nogil:
        self.said_goodbye = True
