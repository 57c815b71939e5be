"""kill -9 at random moments: what was acknowledged is there again, in order, and nothing else."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_files import DIRECTORY, MANIFEST
from tests.support.persistence import names, persistence, rewritten, wait_for
from tests.support.servers import Server
from tests.support.waiting import wait_until

ROUNDS = 5
WRITERS = 3
BATCH = 7


class Writer(threading.Thread):
    """Appends numbers to a list of its own until the server dies under it."""

    def __init__(self, server: Server, name: str, sent: int) -> None:
        super().__init__()
        self.client = server.connect()
        self.name = name
        self.sent = sent
        self.acknowledged = sent
        self.history: list[tuple[float, int]] = []

    def run(self) -> None:
        try:
            while True:
                first = self.sent
                self.sent += BATCH
                replies = self.client.pipeline(
                    [["RPUSH", self.name, str(i)] for i in range(first, self.sent)]
                )
                assert not any(reply.is_error for reply in replies)
                self.acknowledged = self.sent
                self.history.append((time.monotonic(), self.sent))
        except (OSError, ConnectionError):
            self.client.close()

    def acknowledged_before(self, moment: float) -> int:
        return max((count for when, count in self.history if when < moment), default=0)


def run_and_kill(server: Server, writers: list[Writer], enough: int) -> None:
    """Have the writers write so much, then kill."""
    for writer in writers:
        writer.start()
    goal = sum(writer.acknowledged for writer in writers) + enough
    wait_until(lambda: sum(writer.acknowledged for writer in writers) >= goal, "enough is written")
    server.kill()
    for writer in writers:
        writer.join()


def lists(server: Server) -> dict[str, list[int]]:
    with server.connect() as client:
        return {
            name: [int(word) for word in client.call("LRANGE", name, "0", "-1")]
            for name in (f"list:{i}" for i in range(WRITERS))
        }


def test_with_always_every_acknowledged_write_is_there(begin: Any) -> None:
    counts = [0] * WRITERS
    for _ in range(ROUNDS):
        server = begin(appendfsync="always")
        writers = [Writer(server, f"list:{i}", count) for i, count in enumerate(counts)]
        run_and_kill(server, writers, random.randrange(50, 400))
        server = begin(appendfsync="always")
        for writer in writers:
            found = lists(server)[writer.name]
            assert writer.acknowledged <= len(found) <= writer.sent
            assert found == list(range(len(found)))
        counts = [len(found) for found in lists(server).values()]
        server.kill()


def test_with_everysec_at_most_the_last_seconds_are_gone(begin: Any) -> None:
    server = begin(appendfsync="everysec")
    writers = [Writer(server, f"list:{i}", 0) for i in range(WRITERS)]
    run_and_kill(server, writers, 30_000)
    killed = time.monotonic()
    for writer, found in zip(writers, lists(begin()).values(), strict=True):
        assert writer.acknowledged_before(killed - 2.5) <= len(found) <= writer.sent
        assert found == list(range(len(found)))


@pytest.mark.parametrize("command", ["BGREWRITEAOF", "BGSAVE"])
def test_killed_while_a_child_writes(command: str, begin: Any, tmp_path: Path) -> None:
    counts = [0] * WRITERS
    for _ in range(3):
        server = begin(appendfsync="always")
        with server.connect() as client:
            client.call("MSET", *[word for i in range(20_000) for word in (f"key:{i}", "x" * 50)])
            client.call(command)
        writers = [Writer(server, f"list:{i}", count) for i, count in enumerate(counts)]
        run_and_kill(server, writers, random.randrange(1, 60))
        server = begin(appendfsync="always")
        counts = [len(found) for found in lists(server).values()]
        for writer, found in zip(writers, lists(server).values(), strict=True):
            assert writer.acknowledged <= len(found)
            assert found == list(range(len(found)))
        with server.connect() as client:
            assert client.call("EXISTS", "key:0", "key:19999") == 2
            client.call("DEBUG", "VERIFY")
        server.kill()


def digest(server: Server) -> Any:
    with server.connect() as client:
        return client.call("DEBUG", "DIGEST")


def test_what_a_crash_leaves_between_two_steps_of_a_rewrite(begin: Any, tmp_path: Path) -> None:
    """A new base, increment or manifest that is not in force yet is no obstacle."""
    server = begin(appendfsync="always")
    with server.connect() as client:
        client.call("SET", "a", "1")
    server.kill()
    place = tmp_path / DIRECTORY
    (place / "appendonly.aof.2.base.rdb").write_bytes(b"half a snapshot")
    (place / "appendonly.aof.2.incr.aof").write_bytes(b"*2\r\n$3")
    (place / f"temp-{MANIFEST}").write_text("file appendonly.aof.2.ba")
    (place / "temp-appendonly.aof.incr").write_bytes(b"left over")
    (tmp_path / "temp-rewriteaof-bg-1.aof").write_bytes(b"left over")
    server = begin(appendfsync="always")
    with server.connect() as client:
        assert client.call("GET", "a") == b"1"
        rewritten(server)
        client.call("INCR", "a")
    server.kill()
    with begin().connect() as client:
        assert client.call("GET", "a") == b"2"


def test_history_that_a_crash_left_is_removed(begin: Any, tmp_path: Path) -> None:
    server = begin(aof_disable_auto_gc="yes", appendfsync="always")
    with server.connect() as client:
        client.call("SET", "a", "1")
    rewritten(server)
    server.kill()
    with begin().connect() as client:
        assert client.call("GET", "a") == b"1"
    assert names(tmp_path / DIRECTORY) == {
        "appendonly.aof.2.base.rdb",
        "appendonly.aof.2.incr.aof",
        MANIFEST,
    }


def test_a_killed_save_leaves_the_old_snapshot(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no")
    with server.connect() as client:
        client.call("SET", "a", "1")
        client.call("SAVE")
        before = (tmp_path / "dump.rdb").read_bytes()
        client.call("MSET", *[word for i in range(5_000) for word in (f"key:{i}", "x")])
        client.call("CONFIG", "SET", "rdb-key-save-delay", "1000")
        client.call("BGSAVE")
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        child = int(wait_until(lambda: children.read_text().split(), "there is a child")[0])
        os.kill(child, signal.SIGKILL)
        wait_for(server, rdb_bgsave_in_progress=0)
        assert persistence(server)["rdb_last_bgsave_status"] == "err"
    assert (tmp_path / "dump.rdb").read_bytes() == before
    assert not list(tmp_path.glob("temp-*"))
