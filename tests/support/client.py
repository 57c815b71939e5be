"""Clients for tests: one speaks to a socket byte for byte, one to an engine in this process.

Both offer `reply` (exact, see resp.py), `call` (plain Python value, raises on an error reply),
`error` (the text of the error a command must give) and `message` (what Pub/Sub or tracking sent).
"""

from __future__ import annotations

import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.support.resp import (
    Argument,
    BytesSource,
    Reply,
    ReplyError,
    encode_argument,
    encode_command,
    plain,
    read_reply,
)

Address = str | tuple[str, int]
TIMEOUT_S = 10.0


class Client:
    """What every client can do, on top of `send` and `read_reply`."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.pushes: deque[Reply] = deque()

    def send(self, *arguments: Argument) -> None:
        raise NotImplementedError

    def read_reply(self, timeout_s: float | None = None) -> Reply:
        """The next thing the server sent, pushes included."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def read_answer(self) -> Reply:
        """The next reply that is not a push; pushes before it wait for `message`."""
        while True:
            reply = self.read_reply()
            if reply.kind != ">":
                return reply
            self.pushes.append(reply)

    def reply(self, *arguments: Argument) -> Reply:
        self.send(*arguments)
        return self.read_answer()

    def call(self, *arguments: Argument) -> Any:
        value = plain(self.reply(*arguments))
        if isinstance(value, ReplyError):
            raise value
        return value

    def error(self, *arguments: Argument) -> str:
        reply = self.reply(*arguments)
        assert reply.is_error, f"{arguments!r} should fail, but gave {reply!r}"
        return str(reply.value)

    def pipeline(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        commands = list(commands)
        for command in commands:
            self.send(*command)
        return [self.read_answer() for _ in commands]

    def message(self, timeout_s: float | None = None) -> list[Any]:
        """The next Pub/Sub or invalidation message: a push in RESP3, an array in RESP2."""
        reply = self.pushes.popleft() if self.pushes else self.read_reply(timeout_s)
        assert reply.kind == (">" if self.protocol == 3 else "*"), f"not a message: {reply!r}"
        return list(plain(reply))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class SocketClient(Client):
    """A TCP or Unix socket connection; also a Source of reply bytes (see resp.py)."""

    def __init__(
        self, address: Address, protocol: int = 2, timeout_s: float = TIMEOUT_S
    ) -> None:
        super().__init__(protocol)
        self.timeout_s = timeout_s
        self.buffer = bytearray()
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout_s)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if protocol != 2:
            self.call("HELLO", protocol)

    def send(self, *arguments: Argument) -> None:
        self.send_raw(encode_command(arguments))

    def send_raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def pipeline(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        encoded = [encode_command(command) for command in commands]
        self.send_raw(b"".join(encoded))
        return [self.read_answer() for _ in encoded]

    def readable(self, timeout_s: float = 0.0) -> bool:
        """Whether bytes (or the end of the stream) have arrived, or do so in time."""
        if self.buffer:
            return True
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))

    def read_reply(self, timeout_s: float | None = None) -> Reply:
        if timeout_s is not None and not self.readable(timeout_s):
            raise TimeoutError(f"no reply within {timeout_s:g} s")
        return read_reply(self)

    def closed(self, timeout_s: float = TIMEOUT_S) -> bool:
        """Whether the server closes the connection in time; what it still sent is kept."""
        try:
            while self.readable_beyond_buffer(timeout_s):
                self.fill()
        except ConnectionError:
            return True
        return False

    def readable_beyond_buffer(self, timeout_s: float) -> bool:
        return bool(select.select([self.socket], [], [], timeout_s)[0])

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.socket.close()

    def fill(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.buffer += data

    def line(self) -> bytes:
        searched = 0
        while (end := self.buffer.find(b"\r\n", searched)) < 0:
            searched = max(0, len(self.buffer) - 1)
            self.fill()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + 2]
        return line

    def exact(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data


class InProcessClient(Client):
    """The same over `execute(argv) -> reply bytes`, with no socket between (see embedded.py)."""

    def __init__(
        self,
        execute: Callable[[list[bytes]], bytes],
        protocol: int = 2,
        close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(protocol)
        self.execute = execute
        self.close_engine = close
        self.replies: deque[Reply] = deque()
        if protocol != 2:
            self.call("HELLO", protocol)

    def send(self, *arguments: Argument) -> None:
        source = BytesSource(self.execute([encode_argument(argument) for argument in arguments]))
        while not source.at_end():
            self.replies.append(read_reply(source))

    def read_reply(self, timeout_s: float | None = None) -> Reply:
        if not self.replies:
            raise TimeoutError("the engine gave no reply")
        return self.replies.popleft()

    def close(self) -> None:
        if self.close_engine is not None:
            self.close_engine()
