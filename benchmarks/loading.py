"""Filling a server quickly: encoded commands in big writes, one marker reply read per write."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tests.support.resp import Argument, encode_command
from tests.support.servers import Server

T = TypeVar("T")
BATCH_COMMANDS = 1000
MARKER = b"batch-is-done"
MARKER_COMMAND = encode_command([b"ECHO", MARKER])
MARKER_REPLY = b"$%d\r\n%b\r\n" % (len(MARKER), MARKER)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def load(server: Server, commands: Iterable[list[Argument]]) -> None:
    """Run all commands; RuntimeError if any of them fails."""
    assert isinstance(server.address, tuple)
    with socket.create_connection(server.address, timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for batch in batches(commands, BATCH_COMMANDS):
            connection.sendall(b"".join(map(encode_command, batch)) + MARKER_COMMAND)
            replies = b"\r\n"
            while not replies.endswith(MARKER_REPLY):
                part = connection.recv(1 << 16)
                if not part:
                    raise RuntimeError(f"{server.name} closed the connection:\n{server.tail()}")
                replies += part
            if (start := replies.find(b"\r\n-")) >= 0:
                raise RuntimeError(f"{server.name}: {replies[start : start + 200]!r}")


def members(
    command: list[Argument],
    count: int,
    make: Callable[[int], list[Argument]],
    per_command: int = 100,
) -> Iterator[list[Argument]]:
    """One big collection: `command` with the words of `per_command` members at a time."""
    for numbers in batches(range(count), per_command):
        yield [*command, *(word for number in numbers for word in make(number))]
