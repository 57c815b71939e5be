"""Listening sockets: binding, accepting, and refusing clients that may not come in."""

from __future__ import annotations

import _socket
import errno
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ACCEPTS_PER_TURN_MAX = 1000
SOCK_NONBLOCK = getattr(_socket, "SOCK_NONBLOCK", 0)

DENIED = (
    b"-DENIED Carnelian is running in protected mode because protected mode is enabled and "
    b"no password is set for the default user. In this mode connections are only accepted "
    b"from the loopback interface. If you want to connect from external computers, you may "
    b"adopt one of the following solutions: 1) Disable protected mode by sending the "
    b"command 'CONFIG SET protected-mode no' from the loopback interface; use CONFIG "
    b"REWRITE to make the change permanent, and make sure the server is not publicly "
    b"accessible from the internet. 2) Alternatively disable it in the configuration file, "
    b"setting the protected mode option to 'no', and restart. 3) If you started the server "
    b"manually just for testing, restart it with the '--protected-mode no' option. 4) Set "
    b"up an authentication password for the default user. NOTE: you only need to do one of "
    b"the above things in order for the server to start accepting connections from the "
    b"outside.\r\n"
)
TOO_MANY = b"-ERR max number of clients reached\r\n"


class BindError(Exception):
    """The address cannot be listened on; the text says why."""


def listen_tcp(host: str, port: int, backlog: int) -> _socket.socket:
    """A listening socket on one address, IPv4 or IPv6."""
    try:
        found = _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM, 0, _socket.AI_PASSIVE)
    except OSError as failed:
        raise BindError(
            f"Could not create server TCP listening socket {host}:{port}: {failed}"
        ) from failed
    family, kind, protocol, _, address = found[0]
    try:
        sock = _socket.socket(family, kind, protocol)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
    except OSError as failed:
        raise BindError(
            f"Could not create server TCP listening socket {host}:{port}: bind: {failed.strerror}"
        ) from failed
    sock.setblocking(False)
    return sock


def listen_unix(path: str, permissions: int, backlog: int) -> _socket.socket:
    """A listening unix socket; a stale socket file of the same name is removed first."""
    try:
        posix.unlink(path)
    except OSError as failed:
        if failed.errno != errno.ENOENT:
            raise BindError(f"Failed opening Unix socket: {path}: {failed.strerror}") from failed
    try:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        sock.bind(path)
        if permissions:
            posix.chmod(path, permissions)
        sock.listen(backlog)
    except OSError as failed:
        raise BindError(f"Failed opening Unix socket: bind: {failed.strerror}") from failed
    sock.setblocking(False)
    return sock


def set_keepalive(handle: _socket.socket, seconds: int) -> None:
    """Redis's timing: probe after the interval, then every third of it, three times."""
    handle.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1 if seconds else 0)
    if seconds and hasattr(_socket, "TCP_KEEPIDLE"):
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPIDLE, seconds)
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPINTVL, max(seconds // 3, 1))
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPCNT, 3)


def is_loopback(host: str) -> bool:
    return host.startswith("127.") or host in {"::1", "::ffff:127.0.0.1"}


class Listener:
    """One listening socket in the loop.

    `admit(host)` answers None, or the bytes to refuse the client with; host is None for a unix
    socket.
    """

    def __init__(
        self,
        loop: Any,
        sock: _socket.socket,
        admit: Callable[[str | None], bytes | None],
        welcome: Callable[[Any], None],
        keepalive_seconds: Callable[[], int],
    ) -> None:
        self.loop = loop
        self.sock = sock
        self.is_unix = sock.family == _socket.AF_UNIX
        self.admit = admit
        self.welcome = welcome
        self.keepalive_seconds = keepalive_seconds
        loop.watch(sock.fileno(), self.on_readable, None)

    @property
    def port(self) -> int:
        return 0 if self.is_unix else int(self.sock.getsockname()[1])

    def on_readable(self) -> None:
        for _ in range(ACCEPTS_PER_TURN_MAX):
            try:
                fd, address = self.sock._accept()  # type: ignore[attr-defined]
            except OSError:
                return             # nobody left, or no descriptors: the loop comes back to it
            self.take(fd, None if self.is_unix else str(address[0]))

    def take(self, fd: int, host: str | None) -> None:
        refusal = self.admit(host)
        if refusal is not None:
            try:
                posix.set_blocking(fd, False)
                posix.write(fd, refusal)
            except OSError:
                pass
            posix.close(fd)
            return
        posix.set_blocking(fd, False)
        if host is not None:
            handle = _socket.socket(fileno=fd)
            try:
                handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                set_keepalive(handle, self.keepalive_seconds())
            finally:
                handle.detach()
        self.welcome(self.loop.accept(fd, self.is_unix))

    def close(self) -> None:
        self.loop.unwatch(self.sock.fileno())
        self.sock.close()
