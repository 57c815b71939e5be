"""A server inside the test's process whose turns the test takes itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from carnelian.server import Server
from carnelian.services.config.config import Config
from tests.support.resp import Argument, BytesSource, Reply, encode_command, plain, read_reply

TURNS_MAX = 200_000


@contextmanager
def stepped_server(**settings: str) -> Iterator[Server]:
    config = Config()
    for name, value in ({"save": "", "port": "0"} | settings).items():
        config.load_line([name.replace("_", "-"), *(value.split() or [""])])
    server = Server(config)
    config.apply_all()
    server.loop.cron = server.cron
    try:
        yield server
    finally:
        for session in list(server.engine.sessions.values()):
            session.close()


class Peer:
    """The other end of a connection, over a pair of sockets. Nothing waits: the server has turns
    until what is expected is there."""

    def __init__(self, server: Any, make_stream: Any = None) -> None:
        self.server = server
        self.socket, other = socket.socketpair()
        self.socket.setblocking(False)
        other.setblocking(False)
        fd = other.detach()
        if make_stream is None:
            self.connection = server.loop.accept(fd, True)
        else:
            self.connection = server.loop.accept_stream(make_stream(fd, True))
        self.received = b""
        self.is_closed = False

    def send(self, *commands: tuple[Argument, ...]) -> None:
        self.socket.send(b"".join(encode_command(words) for words in commands))

    def look(self) -> None:
        while not self.is_closed:
            try:
                data = self.socket.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self.received += data
            self.is_closed = not data

    def poll(self) -> Reply | None:
        self.look()
        source = BytesSource(self.received)
        try:
            reply = read_reply(source)
        except (ConnectionError, IndexError):
            return None
        self.received = self.received[source.position :]
        return reply

    def read(self) -> Any:
        """The next reply's value; turns are taken until it is there."""
        for _ in range(TURNS_MAX):
            if (reply := self.poll()) is not None:
                return plain(reply)
            self.server.loop.turn_once()
        raise AssertionError("no reply")

    def call(self, *words: Argument) -> Any:
        self.send(words)
        return self.read()

    def await_end(self) -> bytes:
        """What came before the server closed the connection."""
        for _ in range(TURNS_MAX):
            self.look()
            if self.is_closed:
                return self.received
            self.server.loop.turn_once()
        raise AssertionError("still connected")

    def close(self) -> None:
        self.socket.close()
