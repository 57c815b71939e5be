"""A two-way stream of bytes under a connection or a link to a primary: a socket, TLS over one, or
memory.

Nothing here blocks. `read` and `write` answer how many bytes passed, or why none did; after
STREAM_WAIT the owner has its descriptor watched for `read_wants` or `write_wants`, which are not
always what their names suggest: TLS may have to write before it can read. The plain stream never
changes them, so that a connection over it asks for neither more calls nor more events than over a
bare descriptor.

Owner: the connection or link, until `close`; the stream owns the descriptor. One thread at a time,
which need not be the engine's: a stream knows no engine.
"""

from carnelian.resp.reply cimport iovec


cdef enum:
    STREAM_END = 0             # of `read`: the other side sends no more
    STREAM_WAIT = -1           # not now
    STREAM_FAILED = -2         # not any more: `error` is the system's number


cdef class Stream:
    cdef readonly int fd       # what a poller watches; -1: nothing, the owner is told otherwise
    cdef int error
    cdef readonly int read_wants           # events as in net/poller, for which a read may wait
    cdef readonly int write_wants
    # False: `handshake` is to be called until it is done, before anything is read or written
    cdef readonly bint established
    # bytes can be read although no event will say so: they have been taken from the descriptor
    cdef readonly bint buffered

    cdef ssize_t read(self, char *into, size_t room) noexcept nogil
    cdef ssize_t write(self, const iovec *parts, int count) noexcept nogil
    # 1: established; STREAM_WAIT: for either of the wants; STREAM_FAILED
    cdef int handshake(self) noexcept nogil
    # say goodbye, as far as that can be said now: nothing is written after it
    cdef void shut_down(self) noexcept nogil
    cpdef void close(self)


cdef class SocketStream(Stream):
    """A connected, non-blocking socket."""
    cdef readonly bint is_unix

    cdef str name_of_end(self, bint peer)
