"""A replica played by hand: the handshake, the snapshot's bytes, the stream command by command."""

from __future__ import annotations

from typing import Any

from tests.support.client import SocketClient
from tests.support.servers import Server

MARK_SIZE = 40


class RawReplica:
    """A connection that speaks as a replica. `offset` counts the stream as Redis does."""

    def __init__(self, server: Server, *options: str, timeout_s: float = 10.0) -> None:
        self.client = SocketClient(server.address, 2, timeout_s)
        self.replid = ""
        self.offset = 0
        if options:
            assert self.client.call("REPLCONF", *options) == "OK"

    # --- handshake ---

    def psync(self, replid: str = "?", next_byte: int = -1) -> str:
        """Ask, and return the answer's first word; notes replid and offset."""
        self.client.send("PSYNC", replid, next_byte)
        words = self.line().split()
        if words[0] == "+FULLRESYNC":
            self.replid, self.offset = words[1], int(words[2])
        elif words[0] == "+CONTINUE":
            self.replid = words[1] if len(words) > 1 else replid
            self.offset = next_byte - 1
        return words[0]

    def line(self) -> str:
        """The next line, without the line ends ahead of it that keep the connection alive."""
        return self.client.line().decode().lstrip("\n")

    def snapshot(self) -> bytes:
        """The whole RDB, however it comes."""
        head = self.line()
        if not head.startswith("$EOF:"):
            return self.client.exact(int(head[1:]))
        mark = head[5:].encode()
        assert len(mark) == MARK_SIZE
        while mark not in self.client.buffer:
            self.client.fill()
        body, _, rest = bytes(self.client.buffer).partition(mark)
        self.client.buffer[:] = rest
        return body

    def full_sync(self) -> bytes:
        assert self.psync() == "+FULLRESYNC"
        body = self.snapshot()
        self.ack()
        return body

    def ack(self, offset: int | None = None, aof_offset: int | None = None) -> None:
        words: list[Any] = ["REPLCONF", "ACK", self.offset if offset is None else offset]
        if aof_offset is not None:
            words += ["FACK", aof_offset]
        self.client.send(*words)

    # --- the stream ---

    def command(self, timeout_s: float | None = None) -> list[bytes]:
        """The next command of the stream."""
        reply = self.client.read_reply(timeout_s)
        words = [word.value for word in reply.value]
        self.offset += len(b"*%d\r\n" % len(words))
        self.offset += sum(len(b"$%d\r\n" % len(word)) + len(word) + 2 for word in words)
        return words

    def commands(self, count: int) -> list[list[bytes]]:
        return [self.command() for _ in range(count)]

    def until(self, last: list[bytes]) -> list[list[bytes]]:
        """The commands up to and with `last`."""
        found: list[list[bytes]] = []
        while not found or found[-1] != last:
            found.append(self.command())
        return found

    def closed(self, timeout_s: float = 10.0) -> bool:
        """Whether the other side ends the connection, whatever it still says."""
        return self.client.closed(timeout_s)

    def close(self) -> None:
        self.client.close()

    def __enter__(self) -> RawReplica:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
