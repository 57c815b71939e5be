"""Forked children that work on a copy of the data set: at most one at a time, as in Redis.

Native memory has no reference counts, so a child shares nearly all pages with the server and
touches none of them. While it works it tells, in a page it shares with the server, how many keys it
has done and how much memory it has of its own; its last words, over a pipe, are what it needed in
all. Owned by the Instance; snapshots, the append-only file and replication start children. Main
thread only.

    0           8              16             24
    +-----------+--------------+--------------+-----------------+
    | keys done | memory bytes | peak of that | when, monotonic |
    +-----------+--------------+--------------+-----------------+
"""

from __future__ import annotations

import mmap
import os
import posix
import time
from _thread import start_new_thread

from carnelian.services import log

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from carnelian.engine.latency import LatencyMonitor

REPORT_SIZE = 64
MEMORY, PEAK, SEEN_MS, WORDS = 1, 2, 3, 4
WATCH_INTERVAL_S = 1.0
MEMORY_EFFORT = 100  # to look at its memory may take a child a hundredth of its time
DESCRIPTORS_MAX = 1 << 20
SIGKILL, SIGUSR1 = 9, 10


class Child:
    """A running one. `finished(code)` is called with its exit code, -n for signal n."""

    def __init__(
        self,
        kind: str,
        pid: int,
        report: int,
        finished: Callable[[int], None],
        fork_us: int,
        *,
        clock: Any,
    ) -> None:
        self.kind = kind
        self.clock = clock
        self.pid = pid
        self.report = report
        self.finished = finished
        self.fork_us = fork_us
        self.started_s = self.clock.steady_s()
        self.cow_bytes = 0

    def running_s(self) -> int:
        return int(self.clock.steady_s() - self.started_s)


class Children:
    def __init__(self, clock: Any, latency: LatencyMonitor | None = None) -> None:
        self.clock = clock
        self.active: Child | None = None
        self.latency = latency
        self.last_fork_us = 0
        self.forks = 0
        self.shared: Any = None
        self.is_child = False
        self.keys_total = 0
        self.count_keys: Callable[[], int] = int
        self.in_child: Callable[[str], None] = lambda kind: None  # run in a new one

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
        if self.shared is None:
            self.shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        for i in range(WORDS):
            self.shared[i] = 0
        self.keys_total = self.count_keys()
        reading, writing = posix.pipe()
        parent = os.getpid()
        started = time.perf_counter()
        try:
            pid = os.fork()
        except OSError:
            posix.close(reading)
            posix.close(writing)
            raise
        if pid == 0:
            self.is_child = True
            run(kind, work, writing, keep, lambda: self.beside(kind, parent))
        self.last_fork_us = int((time.perf_counter() - started) * 1e6)
        self.forks += 1
        if self.latency is not None:
            self.latency.note("fork", self.last_fork_us)
        posix.close(writing)
        self.active = Child(
            kind, pid, reading, finished, self.last_fork_us, clock=self.clock
        )
        return self.active

    def beside(self, kind: str, parent: int) -> None:
        self.in_child(kind)
        watch(self.shared, parent)

    @property
    def keys_done(self) -> Any:
        """Where a child counts the keys it has done; None outside of one."""
        return self.shared[:1] if self.is_child else None

    def figures(self) -> dict[str, object]:
        """How far the child is, for INFO."""
        done = total = memory = peak = age_s = 0
        if self.active is not None:
            done, memory, peak, seen_ms = self.shared[:WORDS]
            total = self.keys_total
            age_s = int(time.monotonic() - seen_ms / 1000) if seen_ms else 0
        return {
            "current_cow_peak": peak,
            "current_cow_size": memory,
            "current_cow_size_age": age_s,
            "current_fork_perc": f"{100 * done / total if total else 0:.2f}",
            "current_save_keys_processed": done,
            "current_save_keys_total": total,
        }

    def reset_figures(self) -> None:
        """CONFIG RESETSTAT."""
        self.forks = self.last_fork_us = 0

    def collect(self) -> None:
        """From the timer: has it ended?"""
        if self.active is not None:
            try:
                pid, status = os.waitpid(self.active.pid, os.WNOHANG)
            except ChildProcessError:  # a host process that ignores SIGCHLD, or waits for all
                self.end(None)
                return
            if pid:
                self.end(os.waitstatus_to_exitcode(status))

    def kill(self) -> None:
        """End a running child at once; its `finished` sees SIGUSR1, which is no failure."""
        if self.active is not None:
            try:
                posix.kill(self.active.pid, SIGKILL)
                os.waitpid(self.active.pid, 0)
            except OSError:
                pass  # it is gone already, and somebody else has been told
            self.end(-SIGUSR1)

    def end(self, code: int | None) -> None:
        """`code`: None if nobody can tell; then its last words do."""
        child = self.active
        assert child is not None
        text = posix.read(child.report, REPORT_SIZE)
        posix.close(child.report)
        if code is None:
            code = 0 if text.isdigit() else 1
        child.cow_bytes = max(int(text) if text.isdigit() else 0, self.shared[PEAK])
        self.active = None
        child.finished(code)


def run(
    kind: str,
    work: Callable[[], None],
    report: int,
    keep: Iterable[int],
    beside: Callable[[], None],
) -> None:
    """In the child: work, with `beside` on a thread; tell the memory it cost; end without any
    clean-up of the parent's."""
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
        start_new_thread(beside, ())
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


def watch(shared: Any, parent: int) -> None:
    """A thread of the child: end with the parent, and tell the memory it has of its own, now and
    again. The writing of data does not hold the GIL."""
    due = 0.0
    while os.getppid() == parent:
        started = time.monotonic()
        if started >= due:
            used = private_kb() * 1024
            shared[MEMORY] = used
            shared[PEAK] = max(used, shared[PEAK])
            shared[SEEN_MS] = int(started * 1000)
            due = started + (time.monotonic() - started) * MEMORY_EFFORT
        time.sleep(WATCH_INTERVAL_S)
    os._exit(1)  # nobody wants the result any more


def private_kb() -> int:
    """Memory of this process that it shares with no other, in KiB; 0 where the system won't say."""
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
    except OSError:
        return 0
