"""A snapshot from a pipe to several replicas: who has taken all of it is ready, whoever is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from carnelian.services.replication.fan_out import FanOut

DATA = b"REDIS" + b"x" * 1000


class Link:
    """A replica that takes a part when it is told to."""

    snapshot_filter = None

    def __init__(self) -> None:
        self.taken = b""
        self.chunk: bytes | None = None
        self.on_chunk_sent: Callable[[Link], None] | None = None
        self.is_closed = False

    def send_text(self, text: bytes) -> None:
        pass

    def send_chunk(self, chunk: bytes) -> None:
        assert self.chunk is None
        self.chunk = chunk

    def take(self) -> None:
        assert self.chunk is not None
        assert self.on_chunk_sent is not None
        self.taken, self.chunk = self.taken + self.chunk, None
        self.on_chunk_sent(self)

    def describe(self) -> str:
        return "a replica"

    def close(self) -> None:
        self.is_closed = True


class Owner:
    """The full synchronization, its loop, its snapshots and its children in one; the child's end
    of the pipe stays open."""

    def __init__(self) -> None:
        self.loop = self.snapshots = self.children = self
        self.work: Callable[[], None] | None = None
        self.held = -1
        self.complete_links: list[Link] = []
        self.ended = False

    def watch(self, fd: int, on_readable: Any, on_writable: Any) -> None:
        pass

    def unwatch(self, fd: int) -> None:
        pass

    def start(self, kind: str, work: Any, ended: Any, keep: list[int]) -> None:
        self.held = os.dup(keep[0])
        work()
        os.dup2(self.held, keep[0])

    def write_to(self, fd: int, *, without_data: bool) -> None:
        os.write(fd, DATA)

    def complete(self, link: Link, streams: bool) -> None:
        assert not streams
        self.complete_links.append(link)

    def fan_out_ended(self, fan_out: FanOut) -> None:
        self.ended = True


@pytest.fixture
def owner() -> Iterator[Owner]:
    owner = Owner()
    yield owner
    os.close(owner.held)


def test_ready_before_the_pipe_ends(owner: Owner) -> None:
    """A replica that has seen the mark acknowledges at once. It must be listened to, though the
    child has not got round to closing the pipe, and another replica is slow."""
    quick, slow = Link(), Link()
    fan_out = FanOut(owner, [quick, slow])
    fan_out.begin()
    fan_out.read()
    quick.take()
    assert quick.taken == DATA + fan_out.mark
    assert owner.complete_links == [quick]
    assert not owner.ended
    slow.take()
    assert owner.complete_links == [quick, slow]
    assert owner.ended


@pytest.mark.parametrize("who", [0, 1])
def test_a_replica_is_lost(owner: Owner, who: int) -> None:
    links = [Link(), Link()]
    fan_out = FanOut(owner, list(links))
    fan_out.begin()
    fan_out.read()
    fan_out.lost(links[who])
    fan_out.lost(links[who])
    assert not owner.ended
    links[1 - who].take()
    assert owner.complete_links == [links[1 - who]]
    assert owner.ended


def test_all_replicas_are_lost(owner: Owner) -> None:
    links = [Link(), Link()]
    fan_out = FanOut(owner, list(links))
    fan_out.begin()
    for link in links:
        fan_out.lost(link)
    assert owner.ended
    assert owner.complete_links == []


def test_a_snapshot_without_its_mark(owner: Owner) -> None:
    link = Link()
    fan_out = FanOut(owner, [link])
    fan_out.mark = b"m" * 40
    fan_out.begin()
    fan_out.read()
    link.take()
    assert owner.complete_links == []
    fan_out.finish()
    assert link.is_closed
    assert owner.ended
