"""When the log is written and synced, with a disk that is slow or fails: no server, no waiting."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carnelian.base.clock import Clock
from carnelian.engine.latency import LatencyMonitor
from carnelian.services.config.config import Config
from carnelian.services.persistence.aof import file_worker, log_file
from carnelian.services.persistence.aof.file_worker import FileWorker
from carnelian.services.persistence.aof.log_file import LogFile

EIO = 5


class Commands:
    """Stands for the CommandLog."""

    def __init__(self) -> None:
        self.waiting = b""

    @property
    def used(self) -> int:
        return len(self.waiting)

    def write(self, fd: int) -> tuple[int, int]:
        return os.write(fd, self.waiting), 0

    def drop(self, count: int) -> None:
        self.waiting = self.waiting[count:]

    def begin_file(self) -> None:
        pass


class Bench:
    """A LogFile with a clock of its own, and a worker that works when it is told to."""

    def __init__(self, path: Path, policy: str) -> None:
        self.path = path
        self.now = 100.0
        self.jobs: list[Callable[[], None]] = []
        self.config = Config()
        self.config.load_line(["appendfsync", policy])
        self.commands = Commands()
        self.worker: Any = FileWorker()
        self.worker.submit = self.jobs.append
        self.log = LogFile(self.commands, self.config, self.worker, LatencyMonitor(Clock()))
        self.log.open(str(path))

    def turn(self, data: bytes = b"", passed: float = 0.0) -> bytes:
        """A turn of the loop that long after the last; what is in the file then."""
        self.now += passed
        self.commands.waiting += data
        self.log.flush()
        return self.path.read_bytes()

    def work(self) -> None:
        while self.jobs:
            self.jobs.pop(0)()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    def make(policy: str) -> Bench:
        made = Bench(tmp_path / "log", policy)
        monkeypatch.setattr(log_file.time, "monotonic", lambda: made.now)
        return made

    return make


def test_everysec_syncs_once_a_second(bench: Any) -> None:
    table = bench("everysec")
    assert table.turn(b"a") == b"a"
    assert table.worker.pending_syncs == 1
    table.work()
    assert table.turn(b"b", 0.5) == b"ab"
    assert not table.jobs
    table.turn(passed=0.6)  # nothing to write, but something to sync
    assert len(table.jobs) == 1
    table.work()
    table.turn(passed=5)
    assert not table.jobs


def test_a_slow_sync_puts_writes_off_for_two_seconds(bench: Any) -> None:
    table = bench("everysec")
    table.turn(b"a")
    assert table.turn(b"b", 0.1) == b"a"
    assert table.turn(b"c", 1.8) == b"a"
    assert table.log.delayed_syncs == 0
    assert table.turn(passed=0.3) == b"abc"
    assert table.log.delayed_syncs == 1
    table.work()
    assert table.turn(b"d", 0.1) == b"abcd"


def test_a_finished_sync_lets_waiting_writes_out(bench: Any) -> None:
    table = bench("everysec")
    table.turn(b"a")
    assert table.turn(b"b", 0.1) == b"a"
    table.work()
    assert table.turn() == b"ab"
    assert table.log.delayed_syncs == 0


def test_always_syncs_in_the_turn(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = bench("always")
    synced: list[int] = []
    monkeypatch.setattr(log_file, "sync", synced.append)
    table.turn(b"a")
    table.turn()
    table.turn(b"b")
    assert len(synced) == 2
    assert not table.jobs


def test_no_never_syncs(bench: Any) -> None:
    table = bench("no")
    assert table.turn(b"a", 10) == b"a"
    assert not table.jobs


def test_no_sync_while_a_child_writes_if_so_configured(bench: Any) -> None:
    table = bench("everysec")
    table.config.load_line(["no-appendfsync-on-rewrite", "yes"])
    table.log.busy_child = lambda: True
    table.turn(b"a")
    assert not table.jobs
    table.log.busy_child = lambda: False
    table.turn()
    assert len(table.jobs) == 1


def test_a_failed_sync_is_an_error_until_one_succeeds(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = bench("everysec")
    failing = [True]

    def sync(fd: int) -> None:
        if failing:
            raise OSError(EIO, "broken")

    monkeypatch.setattr(file_worker, "sync", sync)
    table.turn(b"a")
    table.work()
    assert table.log.error == EIO
    table.turn(passed=0.5)
    assert not table.jobs, "not more often than once a second"
    table.turn(passed=0.6)
    table.work()
    assert table.log.error == EIO
    failing.clear()
    table.turn(passed=1.1)
    table.work()
    assert table.log.error == 0


def test_with_always_a_failed_sync_is_the_end(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(Exception):
        pass

    def sync(fd: int) -> None:
        raise OSError(EIO, "broken")

    def end(text: str) -> None:
        raise Ended(text)

    monkeypatch.setattr(log_file, "sync", sync)
    monkeypatch.setattr(log_file, "die", end)
    with pytest.raises(Ended, match="Can't persist AOF for fsync error"):
        bench("always").turn(b"a")


def test_another_file_takes_over(bench: Any, tmp_path: Path) -> None:
    table = bench("everysec")
    table.turn(b"a")
    table.work()
    table.turn(b"b", 0.1)
    first = table.log.file.descriptor
    table.log.open(str(tmp_path / "next"))
    table.turn(b"c")
    assert (tmp_path / "log").read_bytes() == b"ab"
    assert (tmp_path / "next").read_bytes() == b"c"
    table.work()  # synced and closed behind its back
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(first)


def test_what_is_safe_when_another_file_takes_over(bench: Any, tmp_path: Path) -> None:
    """WAITAOF must not be told that a file is safe that is yet to be synced and closed."""
    table = bench("everysec")
    table.log.stream_offset = lambda: offset
    offset = 10
    table.turn(b"a")
    table.work()
    assert table.log.synced_offset == 10
    offset = 20
    table.turn(b"b", 0.1)
    assert table.log.synced_offset == 10
    table.log.open(str(tmp_path / "next"))
    assert table.log.synced_offset == 10
    offset = 30
    table.turn(b"c", 1.5)
    assert table.log.synced_offset == 10
    table.work()
    assert table.log.synced_offset == 30
    table.log.open(str(tmp_path / "last"))
    assert table.log.synced_offset == 30
