"""A thread for what may take long on a disk: fsync, closing and deleting files, in order.

The calls release the GIL. Owner: whoever made it; the thread starts with the first job and ends
with `end` or the process. Only `submit...`, `drained`, `end` and reading the figures are for the
main thread.
"""

from __future__ import annotations

import os
from _queue import SimpleQueue
from _thread import start_new_thread

from carnelian.base.files import sync

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

IGNORED = (9, 22)  # EBADF, EINVAL: not a file that could be synced


class FileWorker:
    def __init__(self) -> None:
        self.queue: Any = SimpleQueue()
        self.started = False
        self.syncs_asked = 0
        self.syncs_done = 0
        self.sync_errno = 0  # of the last fsync, 0 if it worked

    @property
    def pending_syncs(self) -> int:
        return self.syncs_asked - self.syncs_done

    def submit(self, job: Callable[[], None]) -> None:
        if not self.started:
            self.started = True
            start_new_thread(self.run, ())
        self.queue.put(job)

    def submit_sync(self, fd: int, synced: Callable[[], None]) -> None:
        """`synced()` runs in the thread when all that has been written is on disk."""
        self.syncs_asked += 1
        self.submit(lambda: self.sync(fd, synced))

    def submit_close(self, fd: int, synced: Callable[[], None] | None) -> None:
        """Close a file nobody uses any more; with `synced` it needs an fsync before, and that is
        called in the thread if all is on disk."""

        def close() -> None:
            if synced is not None and self.try_sync(fd):
                synced()
            os.close(fd)

        self.submit(close)

    def submit_removal(self, path: str) -> None:
        """The name goes at once; the blocks, which may be many, with the last descriptor."""
        try:
            fd = os.open(path, os.O_RDONLY)
            os.unlink(path)
        except OSError:
            return
        self.submit(lambda: os.close(fd))

    def sync(self, fd: int, synced: Callable[[], None]) -> None:
        if self.try_sync(fd):
            synced()
        self.syncs_done += 1

    def try_sync(self, fd: int) -> bool:
        try:
            sync(fd)
        except OSError as failed:
            if failed.errno in IGNORED:
                return False
            self.sync_errno = failed.errno or 5
            return False
        self.sync_errno = 0
        return True

    def drained(self) -> None:
        """Return when all jobs so far are done."""
        from _thread import allocate_lock

        done = allocate_lock()
        done.acquire()
        self.submit(done.release)
        done.acquire()

    def end(self) -> None:
        """Return when all jobs are done, and have the thread end; a further job starts another."""
        if self.started:
            self.drained()
            self.started = False
            self.queue.put(None)

    def run(self) -> None:
        while True:
            job = self.queue.get()
            if job is None:
                return
            try:
                job()
            except OSError:
                pass  # a file that is gone already
