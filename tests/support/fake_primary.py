"""A primary that says exactly what a test wants, in the order it wants, and no more."""

from __future__ import annotations

import socket
import struct

from tests.support.client import SocketClient
from tests.support.resp import plain, read_reply

REPLID = "a" * 40
MARK = b"m" * 40
TIMEOUT_S = 10.0


def snapshot(pairs: dict[str, str], tail: bytes = b"\xff" + bytes(8)) -> bytes:
    """An RDB file of strings below 64 bytes; without a checksum unless `tail` brings one."""
    parts = [b"REDIS0010", b"\xfe\x00"]
    for key, value in pairs.items():
        parts += [b"\x00", bytes((len(key),)), key.encode(), bytes((len(value),)), value.encode()]
    return b"".join(parts) + tail


def command(*words: str | bytes | int) -> bytes:
    """A command as the stream has it."""
    raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in raw)


class Talk(SocketClient):
    """One connection of a replica; commands it sends come from `request`."""

    def __init__(self, connection: socket.socket) -> None:
        self.protocol = 2
        self.timeout_s = TIMEOUT_S
        self.buffer = bytearray()
        self.socket = connection
        connection.settimeout(TIMEOUT_S)

    def request(self) -> list[str]:
        """The next command of the replica; lines that keep the connection alive are passed over."""
        while True:
            while self.buffer[:1] == b"\n":
                del self.buffer[:1]
            if self.buffer:
                break
            self.fill()
        return [bytes(word).decode() for word in plain(read_reply(self))]

    def greet(self) -> list[str]:
        """Answer everything up to PSYNC, which is returned unanswered."""
        while True:
            words = self.request()
            if words[0] == "PSYNC":
                return words
            self.send_raw(b"+PONG\r\n" if words[0] == "PING" else b"+OK\r\n")

    def synchronise(self, data: bytes, offset: int = 0, *, diskless: bool = False) -> None:
        """Greet, and send a whole snapshot."""
        self.greet()
        self.send_raw(f"+FULLRESYNC {REPLID} {offset}\r\n".encode())
        if diskless:
            self.send_raw(b"$EOF:" + MARK + b"\r\n" + data + MARK)
        else:
            self.send_raw(b"$%d\r\n" % len(data) + data)

    def acked(self) -> int:
        """The offset of the next REPLCONF ACK."""
        while True:
            words = self.request()
            if words[:2] == ["REPLCONF", "ACK"]:
                return int(words[2])

    def wait_acked(self, offset: int) -> None:
        """Until exactly so many bytes have been acknowledged."""
        while (acked := self.acked()) != offset:
            assert acked < offset, f"{acked} acknowledged, where {offset} are the most"

    def cut(self) -> None:
        """End the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class FakePrimary:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT_S)
        self.port = int(self.listener.getsockname()[1])
        self.talks: list[Talk] = []

    def accept(self) -> Talk:
        self.talks.append(Talk(self.listener.accept()[0]))
        return self.talks[-1]

    def close(self) -> None:
        for talk in self.talks:
            talk.close()
        self.listener.close()

    def __enter__(self) -> FakePrimary:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
