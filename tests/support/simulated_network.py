"""A network inside one process, for the simulation of replication: what becomes of every byte is
decided by one generator of random numbers.

    replica's link -- socket pair -- Wire -- socket pair -- primary's connection
                       (near)                 (far)

A wire takes what one end has sent, holds it for a while, and hands it on in pieces of any size; in
each direction bytes stay in order, as in TCP. It can be cut, at either end at different times, or
fall silent.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from carnelian.net.stream import SocketStream

PIECE_MAX = 1 << 16
HELD_MAX = 1 << 17  # bytes on the way in one direction; then the sender has to wait
SLOWNESS_US = (0, 0, 300, 2_000, 30_000, 200_000)
END = b""


class LinkStream(SocketStream):  # type: ignore[misc]
    """The end that a link holds, with the names of a TCP connection."""

    peer: str = ""
    own: str = ""

    def peer_name(self) -> str:
        return self.peer

    def own_name(self) -> str:
        return self.own


class Direction:
    """What is on its way from `source` to `target`."""

    def __init__(self, source: socket.socket, target: socket.socket, random: Random) -> None:
        self.source = source
        self.target = target
        self.random = random
        self.slowness_us = random.choice(SLOWNESS_US)
        self.splits = random.choice((0, 0, 1, 3, 20))
        self.pieces: deque[tuple[int, bytes]] = deque()  # (when it arrives, bytes; END: the end)
        self.held = 0
        self.passed = 0
        self.has_ended = False

    def take(self, now_us: int) -> None:
        """Take what the sender has sent."""
        if self.has_ended or self.held >= HELD_MAX:
            return
        try:
            data = self.source.recv(PIECE_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.held += len(data)
        if not data:
            self.has_ended = True
            self.pieces.append((self.arrival(now_us), END))
        for piece in self.split(data):
            self.pieces.append((self.arrival(now_us), piece))

    def arrival(self, now_us: int) -> int:
        due = now_us + self.random.randrange(self.slowness_us + 1)
        return max(due, self.pieces[-1][0]) if self.pieces else due

    def split(self, data: bytes) -> list[bytes]:
        if not data:
            return []
        count = min(self.random.randrange(self.splits + 1), len(data) - 1)
        cuts = sorted(self.random.sample(range(1, len(data)), count))
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def give(self, now_us: int) -> bool:
        """Hand on what is due; whether the connection ends with it."""
        while self.pieces and self.pieces[0][0] <= now_us:
            due, piece = self.pieces.popleft()
            if piece == END:
                return True
            try:
                sent = self.target.send(piece)
            except BlockingIOError:
                sent = 0
            except OSError:
                return True
            self.held -= sent
            self.passed += sent
            if sent < len(piece):
                self.pieces.appendleft((due, piece[sent:]))
                return False
        return False

    def clear(self) -> None:
        self.pieces.clear()
        self.held = 0


class Wire:
    """A connection from the replica `start` to its primary `end`."""

    def __init__(self, start: Any, end: Any, random: Random) -> None:
        self.start = start
        self.end = end
        self.random = random
        link_end, near = socket.socketpair()
        far, server_end = socket.socketpair()
        for sock in (link_end, near, far, server_end):
            sock.setblocking(False)
        self.near, self.far = near, far
        self.link_stream = LinkStream(link_end.detach())
        self.link_stream.peer = "{}:{}".format(*end.address)
        self.link_stream.own = "{}:{}".format(*start.address)
        self.server_fd = server_end.detach()
        self.up = Direction(near, far, random)
        self.down = Direction(far, near, random)
        self.silent_until_us = 0
        self.is_cut = False
        self.closings: list[tuple[int, socket.socket]] = []

    @property
    def is_over(self) -> bool:
        return self.near.fileno() < 0 and self.far.fileno() < 0

    def move(self, now_us: int) -> None:
        for when_us, sock in self.closings:
            if when_us <= now_us:
                sock.close()
        if self.is_cut or now_us < self.silent_until_us:
            return
        for direction in (self.up, self.down):
            direction.take(now_us)
            if direction.give(now_us):
                self.close()
                return

    def close(self) -> None:
        """Both ends learn of it at once."""
        self.is_cut = True
        self.near.close()
        self.far.close()

    def cut(self, now_us: int) -> None:
        """What is on the way is lost, and each end learns of it when it does."""
        if self.is_cut:
            return
        self.is_cut = True
        self.up.clear()
        self.down.clear()
        for sock in (self.near, self.far):
            delay_us = self.random.choice((0, 0, 10_000, 3_000_000, 60_000_000))
            self.closings.append((now_us + self.random.randrange(delay_us + 1), sock))

    def fall_silent(self, until_us: int) -> None:
        self.silent_until_us = until_us

    def corrupt(self, garbage: bytes) -> None:
        """Have the replica read something else than its primary sent, and nothing after it."""
        with contextlib.suppress(OSError):
            self.near.send(garbage)
        self.close()


class Network:
    """All wires of a simulation."""

    def __init__(self, random: Random, now: Callable[[], int]) -> None:
        self.random = random
        self.now = now
        self.wires: list[Wire] = []
        self.places: dict[tuple[str, int], Any] = {}  # address -> node
        self.parted: set[frozenset[str]] = set()  # names of nodes that cannot reach each other

    def connect(self, start: Any, address: tuple[str, int]) -> LinkStream:
        end = self.places.get(address)
        if end is None or not end.is_running or self.are_parted(start, end):
            raise OSError(errno.ECONNREFUSED, "Connection refused")
        wire = Wire(start, end, self.random)
        self.wires.append(wire)
        end.accept(wire.server_fd)
        return wire.link_stream

    def are_parted(self, a: Any, b: Any) -> bool:
        return frozenset((a.name, b.name)) in self.parted

    def part(self, a: Any, b: Any) -> None:
        self.parted.add(frozenset((a.name, b.name)))
        for wire in self.wires:
            if {wire.start, wire.end} == {a, b}:
                wire.cut(self.now())

    def heal(self) -> None:
        """Everybody reaches everybody again, at once."""
        self.parted.clear()
        for wire in self.wires:
            wire.silent_until_us = 0
            if wire.is_cut:
                wire.close()
            for direction in (wire.up, wire.down):
                direction.slowness_us = min(direction.slowness_us, 2_000)

    def move(self) -> None:
        for wire in self.wires:
            wire.move(self.now())
        self.wires = [wire for wire in self.wires if not wire.is_over]

    def of(self, node: Any) -> list[Wire]:
        """The living connections of a node, as replica or primary."""
        return [wire for wire in self.wires if not wire.is_cut and node in (wire.start, wire.end)]

    def close(self) -> None:
        for wire in self.wires:
            wire.close()
        self.wires.clear()
