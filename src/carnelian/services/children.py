"""Forked children that work on a copy of the data set: at most one at a time, as in Redis.

Native memory has no reference counts, so a child shares nearly all pages with the server and
touches none of them. Its last words, over a pipe, are the private memory it needed. Owned by the
Instance; snapshots, the append-only file and replication start children. Main thread only.
"""

from __future__ import annotations

import mmap
import os
import posix
import time

from carnelian.base.clock import monotonic_s
from carnelian.services import log

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carnelian.engine.latency import LatencyMonitor

REPORT_SIZE = 64
DESCRIPTORS_MAX = 1 << 20
SIGKILL, SIGUSR1 = 9, 10


class Child:
    """A running one. `finished(code)` is called with its exit code, -n for signal n."""

    def __init__(
        self, kind: str, pid: int, report: int, finished: Callable[[int], None], fork_us: int
    ) -> None:
        self.kind = kind
        self.pid = pid
        self.report = report
        self.finished = finished
        self.fork_us = fork_us
        self.started_s = monotonic_s()
        self.cow_bytes = 0

    def running_s(self) -> int:
        return int(monotonic_s() - self.started_s)


class Children:
    def __init__(self, latency: LatencyMonitor | None = None) -> None:
        self.active: Child | None = None
        self.latency = latency
        self.last_fork_us = 0
        self.forks = 0
        self.keys_done: memoryview | None = None  # shared with the child, which counts there
        self.keys_total = 0
        self.count_keys: Callable[[], int] = int

    def start(
        self,
        kind: str,
        work: Callable[[], None],
        finished: Callable[[int], None],
        keep: Iterable[int] = (),
    ) -> Child:
        """Run `work()` in a child; it fails by raising OSError, and has only the descriptors of
        `keep`. OSError when there is no child: the fork failed, or one is running."""
        if self.active is not None:
            raise BlockingIOError(0, f"a child of kind {self.active.kind} is running")
        if self.keys_done is None:
            self.keys_done = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        self.keys_done[0] = 0
        self.keys_total = self.count_keys()
        reading, writing = posix.pipe()
        started = time.perf_counter()
        try:
            pid = os.fork()
        except OSError:
            posix.close(reading)
            posix.close(writing)
            raise
        if pid == 0:
            run(kind, work, writing, keep)
        self.last_fork_us = int((time.perf_counter() - started) * 1e6)
        self.forks += 1
        if self.latency is not None:
            self.latency.note("fork", self.last_fork_us)
        posix.close(writing)
        self.active = Child(kind, pid, reading, finished, self.last_fork_us)
        return self.active

    def figures(self) -> dict[str, object]:
        """How far the child is, for INFO."""
        done = self.keys_done[0] if self.active is not None and self.keys_done else 0
        total = self.keys_total if self.active is not None else 0
        return {
            "current_fork_perc": f"{100 * done / total if total else 0:.2f}",
            "current_save_keys_processed": done,
            "current_save_keys_total": total,
        }

    def collect(self) -> None:
        """From the timer: has it ended?"""
        if self.active is not None:
            pid, status = os.waitpid(self.active.pid, os.WNOHANG)
            if pid:
                self.end(os.waitstatus_to_exitcode(status))

    def kill(self) -> None:
        """End a running child at once; its `finished` sees SIGUSR1, which is no failure."""
        if self.active is not None:
            posix.kill(self.active.pid, SIGKILL)
            os.waitpid(self.active.pid, 0)
            self.end(-SIGUSR1)

    def end(self, code: int) -> None:
        child = self.active
        assert child is not None
        text = posix.read(child.report, REPORT_SIZE)
        posix.close(child.report)
        child.cow_bytes = int(text) if text.isdigit() else 0
        self.active = None
        child.finished(code)


def run(kind: str, work: Callable[[], None], report: int, keep: Iterable[int]) -> None:
    """In the child: work, tell the memory it cost, end without any clean-up of the parent's."""
    import _signal

    code = 1
    try:
        _signal.set_wakeup_fd(-1)
        _signal.signal(_signal.SIGTERM, _signal.SIG_DFL)
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
        low = 3
        for fd in sorted({report, *keep}):
            os.closerange(low, fd)
            low = fd + 1
        os.closerange(low, DESCRIPTORS_MAX)
        work()
        memory_kb = private_kb()
        posix.write(report, b"%d" % (memory_kb * 1024))
        log.notice(f"Fork CoW for {kind}: {memory_kb // 1024} MB")
        code = 0
    except OSError as failed:
        log.warning(f"{kind} child: {failed.strerror}")
    except BaseException as bug:
        log.warning(f"Internal error in {kind} child: {bug!r}")
    finally:
        os._exit(code)


def private_kb() -> int:
    """Memory of this process that it shares with no other, in KiB; 0 where the system won't say."""
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
    except OSError:
        return 0
