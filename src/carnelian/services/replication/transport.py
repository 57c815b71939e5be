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

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Done = Callable[[Any, BaseException | None], None]


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

    def connect(self, address: str, port: int, source_address: str) -> Any:
        """A socket on its way there: writable once it is known how that ended. OSError."""
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
        return sock

    def established(self, sock: Any) -> None:
        """It is writable: OSError if the connection has failed."""
        failed = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)


def is_numeric(host: str) -> bool:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
            return True
        except (OSError, ValueError):
            pass
    return False
