"""Receiving a snapshot from the primary: framing, and where the bytes are kept until loaded.

    $<length> CRLF <length bytes>             from a file of the primary's
    $EOF:<40-byte mark> CRLF <bytes> <mark>   as it is made; nothing follows the mark until we
                                              say so

Empty lines before it keep the connection alive. Bytes go to a file beside the snapshot file, or,
where no file is wanted, at once to who loads them. One per full synchronisation, owned by the link.
"""

from __future__ import annotations

import os
import time

from carnelian.base import files
from carnelian.services.persistence.rdb.snapshot import begins_snapshot

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable

MARK_LENGTH = 40
HEADER_MAX = 256
MAGIC_MAX = 6  # bytes of the longest name a snapshot begins with


class TransferError(Exception):
    """The transfer has come to nothing; the text is for the log."""


class Transfer:
    def __init__(
        self, directory: str, consumer: Callable[[memoryview], None] | None = None
    ) -> None:
        """`consumer` takes the bytes, the mark behind them too, in place of a file."""
        self.directory = directory
        self.consumer = consumer
        self.path = ""  # of the file, while it has a name
        self.fd = -1
        self.header = b""
        self.length = -1  # bytes of the snapshot; -1 until known
        self.mark = b""
        self.tail = b""
        self.head = b""
        self.received = 0
        self.complete = False

    @property
    def started(self) -> bool:
        """Whether the header has been read."""
        return self.length >= 0 or bool(self.mark)

    # --- receiving ---

    def feed(self, data: memoryview) -> bytes:
        """Take bytes; what is left over once the snapshot is complete."""
        if not self.started:
            rest = self.take_header(bytes(data))
            data = memoryview(rest)
        if not self.started or not data:
            return b""
        try:
            return self.take_body(data)
        except OSError as failed:
            raise TransferError(
                f"Write error or short write writing to the DB dump file needed for MASTER <->"
                f" REPLICA synchronization: {failed.strerror}"
            ) from None

    def take_header(self, data: bytes) -> bytes:
        """Look for the header line; the bytes behind it."""
        self.header = (self.header + data).lstrip(b"\r\n")
        line, newline, rest = self.header.partition(b"\n")
        if not newline:
            if len(self.header) > HEADER_MAX or (self.header and self.header[:1] not in b"$-"):
                self.refuse_header(self.header)
            return b""
        line = line.rstrip(b"\r")
        self.header = b""
        if line.startswith(b"$EOF:") and len(line) == 5 + MARK_LENGTH:
            self.mark = line[5:]
        elif line.startswith(b"$") and line[1:].isdigit() and len(line) < 20:
            self.length = int(line[1:])
        else:
            self.refuse_header(line)
        if self.length == 0:
            raise TransferError("MASTER sends an empty snapshot")
        try:
            self.open()
        except OSError as failed:
            raise TransferError(
                "Opening the temp file needed for MASTER <-> REPLICA synchronization:"
                f" {failed.strerror}"
            ) from None
        return rest

    def refuse_header(self, line: bytes) -> None:
        text = line[:80].decode("utf-8", "backslashreplace")
        if line.startswith(b"-"):
            raise TransferError(f"MASTER aborted replication with an error: {text[1:]}")
        raise TransferError(
            f"Bad protocol from MASTER, the snapshot should start with a length (we received"
            f" '{text}'), are you sure the host and port are right?"
        )

    def open(self) -> None:
        if self.consumer is not None:
            return
        if self.length > 0:
            room = os.statvfs(self.directory)
            if self.length > room.f_bavail * room.f_frsize:
                raise OSError(28, f"{self.length} bytes announced, but no space for them")
        path = os.path.join(self.directory, f"temp-{int(time.time())}.{os.getpid()}.rdb")
        self.fd = files.create(path, os.O_RDWR)
        self.path = path

    def take_body(self, data: memoryview) -> bytes:
        rest = b""
        if self.length >= 0 and self.received + len(data) > self.length:
            cut = self.length - self.received
            rest = bytes(data[cut:])
            data = data[:cut]
        if len(self.head) < MAGIC_MAX:
            self.head += bytes(data[:MAGIC_MAX])
            if not begins_snapshot(self.head):
                raise TransferError("what MASTER sends is no snapshot")
        self.write(data)
        if self.length >= 0:
            self.complete = self.received == self.length
        else:
            self.look_for_mark(data)
        return rest

    def look_for_mark(self, data: memoryview) -> None:
        if len(data) >= MARK_LENGTH:
            self.tail = bytes(data[-MARK_LENGTH:])
        else:
            self.tail = (self.tail + bytes(data))[-MARK_LENGTH:]
        if self.tail == self.mark:
            self.received -= MARK_LENGTH
            if self.fd >= 0:
                os.ftruncate(self.fd, self.received)
            self.length = self.received
            self.complete = True

    def write(self, data: memoryview) -> None:
        if self.consumer is not None:
            self.received += len(data)
            self.consumer(data)
            return
        while data:
            written = os.write(self.fd, data)
            self.received += written
            data = data[written:]

    # --- afterwards ---

    def keep_as(self, path: str) -> None:
        """Sync the file and give it its final name. Not for the main thread."""
        if self.path:
            os.fsync(self.fd)
            files.rename(self.path, path)
            self.path = ""

    def discard(self) -> None:
        """Close the file; if it still has its temporary name, remove it."""
        if self.path:
            files.remove_quietly(self.path)
            self.path = ""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
