"""What a link to a primary needs of the system: connections, names, and threads for the work that
would block the loop.

One per server (`Server.transport`), used from the loop's thread. The simulation of the tests puts
one of its own in its place.
"""

from __future__ import annotations

import _socket
import _thread
import errno
import os

from carnelian.net.stream import SocketStream

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.net.stream import Stream

    Done = Callable[[Any, BaseException | None], None]

USUAL_WANTS = (1, 2)  # readable, writable: net/poller.pxd


class Transport:
    def __init__(self, loop: Any) -> None:
        self.loop = loop

    def in_background(self, work: Callable[[], Any], done: Done) -> None:
        """Run `work()` on a thread, then `done(result, failure)` in the loop.

        The work must release the GIL where it is long (fsync, name resolution, checksums) and touch
        nothing of the engine's.
        """

        def run() -> None:
            result: Any = None
            failure: BaseException | None = None
            try:
                result = work()
            except BaseException as failed:
                failure = failed
            self.loop.call_soon(lambda: done(result, failure))

        _thread.start_new_thread(run, ())

    def resolve(self, host: str, port: int, done: Done) -> None:
        """`done(address, failure)`: at once when `host` is one, else soon."""
        if is_numeric(host):
            done(host, None)
            return

        def first_address() -> Any:
            return _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)[0][4][0]

        self.in_background(first_address, done)

    def connect(self, address: str, port: int, source_address: str) -> Stream:
        """A stream on its way there: writable once it is known how that ended. OSError."""
        family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
        sock = _socket.socket(family, _socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if source_address:
                sock.bind((source_address, 0))
            failed = sock.connect_ex((address, port))
            if failed not in (0, errno.EINPROGRESS):
                raise OSError(failed, os.strerror(failed))
        except OSError:
            sock.close()
            raise
        return SocketStream(sock.detach())

    def established(self, stream: Stream) -> None:
        """It is writable: OSError if the connection has failed. The stream's own handshake, if it
        has one, comes after it."""
        handle = _socket.socket(fileno=stream.fileno())
        try:
            failed = handle.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
            if failed:
                raise OSError(failed, os.strerror(failed))
            handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            handle.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
        finally:
            handle.detach()


class StreamEvents:
    """A link's stream in the loop. Which events reading and writing wait for is the stream's to
    say, and may change with every call of it."""

    def __init__(
        self,
        loop: Any,
        stream: Stream,
        on_readable: Callable[[], None],
        on_writable: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.stream: Any = stream
        self.on_readable = on_readable
        self.on_writable = on_writable
        self.is_watched = False
        self.reads = self.writes = False
        self.wants = USUAL_WANTS

    def watch(self, *, reads: bool, writes: bool) -> None:
        """From now on have the callbacks called when the stream can be read or written."""
        stream = self.stream
        self.reads, self.writes = reads, writes
        self.wants = (stream.read_wants, stream.write_wants)
        self.is_watched = True
        if self.wants == USUAL_WANTS and stream.established:
            on_readable = self.on_readable if reads else None
            on_writable = self.on_writable if writes else None
        else:  # TLS: each may wait for the other's event
            on_readable = on_writable = self.on_either
        self.loop.watch(stream.fileno(), on_readable, on_writable)

    def on_either(self) -> None:
        if self.writes:
            self.on_writable()
        if self.is_watched and self.reads:
            self.on_readable()

    def follow(self) -> None:
        """The stream has been used: it may wait for something else, and have bytes that no event
        tells of."""
        if self.stream.buffered and self.reads:
            self.loop.call_soon(lambda: self.is_watched and self.on_readable())
        if (self.stream.read_wants, self.stream.write_wants) != self.wants:
            self.watch(reads=self.reads, writes=self.writes)

    def close(self) -> None:
        if self.is_watched:
            self.loop.unwatch(self.stream.fileno())
        self.is_watched = False
        self.stream.close()


def is_numeric(host: str) -> bool:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
            return True
        except (OSError, ValueError):
            pass
    return False
