"""The power fails at any moment: what was promised is there, and the files are never refused."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carnelian.embedded import Engine
from tests.support.client import SocketClient
from tests.support.persistence import rewritten, wait_for
from tests.support.power_loss import Disk, Event, compiled, events
from tests.support.servers import Server, start

CUTS = 60
NUMBER = re.compile(rb":(\d+)\r\n")
SAVED = re.compile(rb"\$4\r\ndone\r\n")
Scenario = Callable[[Server, SocketClient], None]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """`watched(appendfsync="always")`: a server whose directory and words are told in a trace."""
    library = compiled(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "data").mkdir()
    running: list[Server] = []

    def begin(**config: Any) -> Server:
        preloaded = [os.environ.get("LD_PRELOAD", ""), str(library)]
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", ":".join(name for name in preloaded if name))
            patch.setenv("POWER_LOSS_TRACE", str(tmp_path / "trace"))
            patch.setenv("POWER_LOSS_DIRECTORY", str(tmp_path / "data"))
            running.append(start("carnelian", {"dir": str(tmp_path / "data")} | config))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def length(directory: Path, **settings: str) -> int:
    """How many numbers, 1 and up, the list has that these files hold."""
    engine = Engine(dir=str(directory), **settings)
    try:
        reply = engine.execute([b"LRANGE", b"list", b"0", b"-1"])
    finally:
        engine.close()
    numbers = [int(word) for word in reply.split(b"\r\n")[2::2] if word]
    assert numbers == list(range(1, len(numbers) + 1))
    return len(numbers)


def cuts(told: list[Event], rng: random.Random) -> list[int]:
    """Moments worth a look: where names and manifests change, and some of the others."""
    turning = [i for i, event in enumerate(told) if event.kind in "CRUMDT"]
    near = {i + step for i in turning for step in (0, 1)}
    others = rng.sample(range(len(told)), min(CUTS, len(told)))
    chosen = rng.sample(sorted(near), min(2 * CUTS, len(near)))
    return sorted({*chosen, *others, len(told)})


def check_every_cut(
    tmp_path: Path, promised: Callable[[list[Event]], int], **settings: str
) -> None:
    """Cut the power in many places; `promised(events so far)` is the least that must be there."""
    told = list(events(tmp_path / "trace"))
    rng = random.Random(7)
    disk = Disk(tmp_path / "data")
    at = 0
    for moment in cuts(told, rng):
        for event in told[at:moment]:
            disk.follow(event)
        at = moment
        for keep in ("nothing", "all", "some", "some"):
            target = tmp_path / "after"
            disk.write(target, rng, keep)
            found = length(target, **settings)
            assert found >= promised(told[:moment]), f"cut at {moment}, {keep} kept"


def acknowledged(told: list[Event]) -> int:
    """The last length that a client was told."""
    for event in reversed(told):
        numbers = NUMBER.findall(event.first) if event.kind == "A" else []
        if numbers:
            return int(numbers[-1])
    return 0


def push(client: SocketClient, first: int, count: int) -> None:
    for i in range(first, first + count):
        client.call("RPUSH", "list", i)


def test_always_keeps_every_acknowledged_write(watched: Any, tmp_path: Path) -> None:
    server = watched(appendonly="yes", appendfsync="always")
    with server.connect() as client:
        for i in range(4):
            push(client, 1 + 20 * i, 10)
            client.call("BGREWRITEAOF")
            push(client, 11 + 20 * i, 10)
            wait_for(server, aof_rewrite_in_progress=0)
        client.call("CONFIG", "SET", "aof-use-rdb-preamble", "no")
        rewritten(server)
        push(client, 81, 10)
    server.kill()
    check_every_cut(tmp_path, acknowledged, appendonly="yes", appendfsync="always")


def test_everysec_is_never_refused(watched: Any, tmp_path: Path) -> None:
    """With writes that are not on disk yet when a rewrite begins its increment."""
    server = watched(appendonly="yes", appendfsync="everysec")
    with server.connect() as client:
        for i in range(6):
            push(client, 1 + 20 * i, 17)
            client.call("BGREWRITEAOF")
            push(client, 18 + 20 * i, 3)
            wait_for(server, aof_rewrite_in_progress=0)
    server.kill()
    check_every_cut(tmp_path, lambda told: 0, appendonly="yes")


def test_the_log_turned_on(watched: Any, tmp_path: Path) -> None:
    """Before it is on, nothing is promised; a half of it is no obstacle."""
    server = watched(appendonly="no", appendfsync="always")
    with server.connect() as client:
        push(client, 1, 20)
        client.call("CONFIG", "SET", "appendonly", "yes")
        push(client, 21, 5)
        wait_for(server, aof_rewrite_in_progress=0, aof_enabled=1)
        client.call("ECHO", "done")
        push(client, 26, 10)
    server.kill()

    def promised(told: list[Event]) -> int:
        is_on = any(event.kind == "A" and SAVED.search(event.first) for event in told)
        return acknowledged(told) if is_on else 0

    check_every_cut(tmp_path, promised, appendonly="yes", appendfsync="always")


def test_snapshots(watched: Any, tmp_path: Path) -> None:
    server = watched(appendonly="no")
    with server.connect() as client:
        for i in range(5):
            push(client, 1 + 20 * i, 20)
            client.call("SAVE")
            client.call("ECHO", "done")
    server.kill()

    def promised(told: list[Event]) -> int:
        return 20 * sum(event.kind == "A" and bool(SAVED.search(event.first)) for event in told)

    check_every_cut(tmp_path, promised, save="3600 1000")
