"""Streams over sockets; see stream.pxd."""

import os
from _socket import IPPROTO_TCP, TCP_NODELAY, socket as raw_socket

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stddef cimport size_t
from posix.unistd cimport close as close_fd, read as read_fd, write as write_fd

from carnelian.net.poller cimport READABLE, WRITABLE
from carnelian.resp.reply cimport iovec


cdef extern from "sys/uio.h" nogil:
    ssize_t writev(int fd, const iovec *iov, int count)


cdef class Stream:
    def __cinit__(self):
        self.fd = -1
        self.read_wants = READABLE
        self.write_wants = WRITABLE
        self.established = True

    cdef ssize_t read(self, char *into, size_t room) noexcept nogil:
        return STREAM_END

    cdef ssize_t write(self, const iovec *parts, int count) noexcept nogil:
        return STREAM_FAILED

    cdef int handshake(self) noexcept nogil:
        return 1

    cdef void shut_down(self) noexcept nogil:
        pass

    cpdef void close(self):
        pass

    # --- for services: with the names of a socket's methods ---

    def fileno(self):
        return self.fd

    def recv_into(self, unsigned char[::1] into):
        """How many bytes were read, 0 at the end; OSError, BlockingIOError for nothing yet."""
        return self.outcome(self.read(<char *>&into[0], <size_t>into.shape[0]), "read")

    def recv(self, int room):
        """The bytes that were read, none at the end; OSError, BlockingIOError for nothing yet."""
        cdef bytearray into = bytearray(room)
        return bytes(into[:self.recv_into(into)])

    def send(self, bytes data):
        """How many bytes were taken; OSError, BlockingIOError for none now."""
        cdef iovec part
        part.iov_base = <void *><char *>data
        part.iov_len = len(data)
        return self.outcome(self.write(&part, 1), "write")

    def shake_hands(self):
        """Whether the stream is established by now; OSError."""
        if self.established:
            return True
        cdef int result = self.handshake()
        if result == STREAM_FAILED:
            raise OSError(self.error, os.strerror(self.error))
        return result == 1

    def outcome(self, ssize_t result, str action):
        if result == STREAM_WAIT:
            raise BlockingIOError(EAGAIN, f"{action} would block")
        if result == STREAM_FAILED:
            raise OSError(self.error, os.strerror(self.error))
        return result

    # --- for CLIENT LIST and the log ---

    def peer_name(self):
        """The other end, as ip:port or path:0."""
        return "?:0"

    def own_name(self):
        return "?:0"


cdef class SocketStream(Stream):
    def __cinit__(self, int fd, bint is_unix=False):
        self.fd = fd
        self.is_unix = is_unix

    def __dealloc__(self):
        if self.fd >= 0:
            close_fd(self.fd)

    cdef ssize_t read(self, char *into, size_t room) noexcept nogil:
        cdef ssize_t got = read_fd(self.fd, into, room)
        if got >= 0:
            return got
        if errno == EAGAIN or errno == EINTR:
            return STREAM_WAIT
        self.error = errno
        return STREAM_FAILED

    cdef ssize_t write(self, const iovec *parts, int count) noexcept nogil:
        cdef ssize_t sent
        while True:
            if count == 1:             # the usual case, and cheaper for the kernel
                sent = write_fd(self.fd, parts[0].iov_base, parts[0].iov_len)
            else:
                sent = writev(self.fd, parts, count)
            if sent >= 0:
                return sent
            if errno == EAGAIN:
                return STREAM_WAIT
            if errno != EINTR:
                self.error = errno
                return STREAM_FAILED

    cpdef void close(self):
        if self.fd >= 0:
            close_fd(self.fd)
            self.fd = -1

    def set_nodelay(self, bint wanted):
        """Whether small packets go out at once; OSError on a Unix socket."""
        handle = raw_socket(fileno=self.fd)
        try:
            handle.setsockopt(IPPROTO_TCP, TCP_NODELAY, int(wanted))
        finally:
            handle.detach()

    def peer_name(self):
        return self.name_of_end(True)

    def own_name(self):
        return self.name_of_end(False)

    cdef str name_of_end(self, bint peer):
        handle = raw_socket(fileno=self.fd)
        try:
            if self.is_unix:
                path = handle.getsockname()
                return f"{path.decode() if isinstance(path, bytes) else path}:0"
            name = handle.getpeername() if peer else handle.getsockname()
        except OSError:
            return "?:0"
        finally:
            handle.detach()
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
