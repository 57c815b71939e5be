"""What a server sends to a replica after the data set: the commands it propagates."""

from __future__ import annotations

from tests.support.client import SocketClient
from tests.support.resp import plain
from tests.support.servers import Server

MARK_BYTES = 40


class ReplicationStream:
    """A replica that keeps nothing. `until(command)` is what came before that command."""

    def __init__(self, server: Server) -> None:
        self.connection: SocketClient = server.connect(timeout_s=30)
        self.connection.send_raw(b"SYNC\r\n")
        size = self.connection.line()
        while not size:
            size = self.connection.line()  # newlines keep the connection alive meanwhile
        if size.startswith(b"$EOF:"):
            self.skip_to_mark(size[5:])
        else:
            self.connection.exact(int(size[1:]))

    def skip_to_mark(self, mark: bytes) -> None:
        """A data set of unknown length ends with a random text told before."""
        while (end := self.connection.buffer.find(mark)) < 0:
            self.connection.fill()
        self.connection.exact(end + MARK_BYTES)

    def until(self, mark: list[bytes]) -> list[list[bytes]]:
        found: list[list[bytes]] = []
        while True:
            words = plain(self.connection.read_reply())
            if words == mark:
                return found
            if [word.upper() for word in words] != [b"PING"]:
                found.append(words)

    def close(self) -> None:
        self.connection.close()
