"""Listening sockets: binding, accepting, and refusing clients that may not come in."""

from __future__ import annotations

import _socket
import errno
import posix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
    """The address cannot be listened on; the text says why, `errno` is the system's reason."""

    def __init__(self, text: str, number: int | None = None) -> None:
        super().__init__(text)
        self.errno = number


def listen_tcp(host: str, port: int, backlog: int) -> _socket.socket:
    """A listening socket on one address, IPv4 or IPv6."""
    try:
        found = _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM, 0, _socket.AI_PASSIVE)
    except OSError as failed:
        raise BindError(
            f"Could not create server TCP listening socket {host}:{port}: {failed.args[-1]}",
            failed.errno,
        ) from failed
    family, kind, protocol, _, address = found[0]
    sock: _socket.socket | None = None
    try:
        sock = _socket.socket(family, kind, protocol)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == _socket.AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(backlog)
    except OSError as failed:
        if sock is not None:
            sock.close()
        raise BindError(
            f"Could not create server TCP listening socket {host}:{port}: bind: {failed.strerror}",
            failed.errno,
        ) from failed
    sock.setblocking(False)
    return sock


def listen_unix(path: str, permissions: int, group: str, backlog: int) -> _socket.socket:
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
        if group:
            posix.chown(path, -1, group_id(group))
        sock.listen(backlog)
    except OSError as failed:
        raise BindError(f"Failed opening Unix socket: bind: {failed.strerror}") from failed
    sock.setblocking(False)
    return sock


def group_id(name: str) -> int:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise OSError(errno.ENOENT, f"no such group: {name}") from None


def set_keepalive(handle: _socket.socket, seconds: int) -> None:
    """Redis's timing: probe after the interval, then every third of it, three times."""
    handle.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1 if seconds else 0)
    if seconds and hasattr(_socket, "TCP_KEEPIDLE"):
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPIDLE, seconds)
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPINTVL, max(seconds // 3, 1))
        handle.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_KEEPCNT, 3)


def is_loopback(host: str) -> bool:
    return host.startswith("127.") or host in {"::1", "::ffff:127.0.0.1"}


class Policy:
    """Who may come in, and how: what a listener asks its owner."""

    def admit(self, host: str | None) -> bytes | None:
        """None, or the bytes to refuse the client with; host is None for a Unix socket."""
        raise NotImplementedError

    def welcome(self, connection: Any) -> None:
        """A client has come in."""

    def keepalive_seconds(self) -> int:
        return 0

    def accepts_max(self) -> int:
        """How many clients to accept per turn of the loop."""
        return 1000


class Listener:
    """One listening socket in the loop."""

    def __init__(self, loop: Any, sock: _socket.socket, policy: Policy) -> None:
        self.loop = loop
        self.sock = sock
        self.is_unix = sock.family == _socket.AF_UNIX
        self.policy = policy
        self.was_full = False
        self.is_resting = False
        loop.watch(sock.fileno(), self.on_readable, None, in_commands=True)

    @property
    def port(self) -> int:
        return 0 if self.is_unix else int(self.sock.getsockname()[1])

    def on_readable(self) -> None:
        for _ in range(self.policy.accepts_max()):
            try:
                fd, address = self.sock._accept()  # type: ignore[attr-defined]
            except OSError as failed:
                if failed.errno not in (errno.EAGAIN, errno.EINTR, errno.ECONNABORTED):
                    self.rest(failed)
                return  # the loop comes back to it
            self.was_full = False
            self.take(fd, None if self.is_unix else str(address[0]))

    def rest(self, failed: OSError) -> None:
        """No descriptors or memory left: the socket stays readable, so look away for a while."""
        if not self.was_full:
            self.loop.log.warning(f"Accepting client connection: accept: {failed.strerror}")
        self.was_full = True
        self.is_resting = True
        self.loop.unwatch(self.sock.fileno())
        self.loop.call_later(self.resume)

    def resume(self) -> None:
        if self.is_resting:
            self.is_resting = False
            self.loop.watch(self.sock.fileno(), self.on_readable, None, in_commands=True)

    def take(self, fd: int, host: str | None) -> None:
        refusal = self.policy.admit(host)
        if refusal is not None:
            self.loop.count_rejected()
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
                set_keepalive(handle, self.policy.keepalive_seconds())
            finally:
                handle.detach()
        self.policy.welcome(self.loop.accept(fd, self.is_unix))

    def close(self) -> None:
        if not self.is_resting:
            self.loop.unwatch(self.sock.fileno())
        self.is_resting = False
        self.sock.close()
