"""The file the log is written to: when it is written, when it is synced, and what if that fails.

`flush` runs once a turn, before the replies of that turn leave. With `always` it writes and syncs,
so a reply says that the write is on disk; with `everysec` a thread syncs once a second, and while
it is at it writes wait, but not for more than two seconds. Owned by AppendOnly; main thread only.
"""

from __future__ import annotations

import os
import time

from carnelian.base.files import sync
from carnelian.services import log
from carnelian.services.persistence.aof.file_worker import FileWorker

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config

SYNC_INTERVAL_S = 1.0
POSTPONED_MAX_S = 2.0
ERROR_LOG_INTERVAL_S = 30.0
EIO = 5
ENOSPC = 28


def die(text: str) -> None:
    """With `always` a client must not be told that its write is safe when it is not."""
    log.warning(text)
    os._exit(1)


class OpenFile:
    """What is known of the descriptor written to; the worker's thread moves `synced_size`."""

    __slots__ = ("descriptor", "size", "synced_offset", "synced_size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = self.synced_size = size
        self.synced_offset = 0  # of the replication stream

    def note_sync(self, size: int, offset: int) -> None:
        self.synced_offset = max(self.synced_offset, offset)
        self.synced_size = max(self.synced_size, size)


class LogFile:
    def __init__(self, commands: Any, config: Config, worker: FileWorker, latency: Any) -> None:
        self.commands = commands  # the CommandLog
        self.latency = latency
        self.config = config
        self.worker = worker
        self.file: OpenFile | None = None
        self.closing = self.closed = 0  # files that had something to sync
        self.last_sync = 0.0
        self.postponed_since = 0.0
        self.delayed_syncs = 0
        self.write_errno = 0  # of the last write, 0 if it worked
        self.error_logged = -ERROR_LOG_INTERVAL_S
        self.busy_child: Callable[[], bool] = bool  # whether a child writes, too
        self.grew: Callable[[int], None] = lambda size: None
        self.stream_offset: Callable[[], int] = int  # where the replication stream is now
        # Instead of the process's end when `always` cannot be kept; it raises.
        self.on_loss: Callable[[int, str], None] | None = None

    @property
    def error(self) -> int:
        """The errno to refuse writes with, 0 if all is well."""
        return self.write_errno or self.worker.sync_errno

    def forget_errors(self) -> None:
        if self.error:
            log.warning("AOF reopen, just ignore the last error.")
        self.write_errno = self.worker.sync_errno = 0

    def open(self, path: str) -> None:
        """Log to this file from now on; the one before is synced and closed in the background.
        OSError leaves all as it was."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        synced_offset = self.synced_offset
        self.close()
        self.file = OpenFile(descriptor, os.fstat(descriptor).st_size)
        self.file.synced_offset = synced_offset
        self.commands.begin_file()

    def close(self) -> None:
        if self.file is not None:
            synced = self.file.synced_size == self.file.size
            self.closing += not synced
            self.worker.submit_close(self.file.descriptor, None if synced else self.note_closed)
            self.last_sync = time.monotonic()
            self.file = None

    def let_go(self) -> None:
        """Nothing more is logged, and nothing runs in the background."""
        if self.file is not None:
            os.close(self.file.descriptor)
            self.file = None

    def note_closed(self) -> None:
        """In the worker's thread: an earlier file is safe on disk, too."""
        self.closed += 1

    # --- writing ---

    def flush(self, force: bool = False) -> None:
        """Write what waits, unless a running sync says to wait a little; sync if it is time."""
        file = self.file
        if file is None:
            return
        if not self.commands.used:
            if file.synced_size != file.size:
                self.sync_if_due(file)
            return
        everysec = self.config.appendfsync == "everysec"
        if everysec and not force and self.worker.pending_syncs and self.postpone():
            return
        self.postponed_since = 0.0
        if self.write(file):
            self.sync_if_due(file)

    def postpone(self) -> bool:
        """A write now would wait for the sync that is running: whether it can be put off."""
        now = time.monotonic()
        if not self.postponed_since:
            self.postponed_since = now
            return True
        if now - self.postponed_since < POSTPONED_MAX_S:
            return True
        self.delayed_syncs += 1
        log.notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer"
            " without waiting for fsync to complete, this may slow down the server."
        )
        return False

    def write(self, file: OpenFile) -> bool:
        watched = self.latency.threshold_ms
        started = time.perf_counter() if watched else 0.0
        written, error = self.commands.write(file.descriptor)
        if watched:
            self.note_write(started)
        if error:
            self.failed(file, written, error)
            return False
        if self.write_errno:
            log.warning("AOF write error looks solved. The server can write again.")
            self.write_errno = 0
        self.advance(file, written)
        return True

    def note_write(self, started: float) -> None:
        """For LATENCY: the write, and what it may have waited for."""
        spent_us = int((time.perf_counter() - started) * 1e6)
        reason = "alone"
        if self.worker.pending_syncs:
            reason = "pending-fsync"
        elif self.busy_child():
            reason = "active-child"
        self.latency.note(f"aof-write-{reason}", spent_us)
        self.latency.note("aof-write", spent_us)

    def advance(self, file: OpenFile, written: int) -> None:
        self.commands.drop(written)
        file.size += written
        self.grew(written)

    def failed(self, file: OpenFile, written: int, error: int) -> None:
        """Nothing or only a part was written: no half of a command may stay in the file."""
        now = time.monotonic()
        talk = now - self.error_logged >= ERROR_LOG_INTERVAL_S
        if talk:
            self.error_logged = now
        if not written:
            if talk:
                log.warning(f"Error writing to the AOF file: {os.strerror(error)}")
        else:
            if talk:
                log.warning(
                    f"Short write while writing to the AOF file: (nwritten={written},"
                    f" expected={self.commands.used})"
                )
            error = ENOSPC
            written = self.cut_back(file, written, talk)
        if written:
            self.advance(file, written)
        failed_before, self.write_errno = self.error, error
        if self.config.appendfsync == "always" and not (failed_before and self.on_loss):
            self.give_up(
                error,
                "Can't recover from AOF write error when the AOF fsync policy is 'always'."
                " Exiting...",
            )

    def give_up(self, error: int, text: str) -> None:
        if self.on_loss is not None:
            self.on_loss(error, text.removesuffix(" Exiting..."))
        die(text)

    def cut_back(self, file: OpenFile, written: int, talk: bool) -> int:
        """Take a short write back; how many bytes stay after all."""
        try:
            os.ftruncate(file.descriptor, file.size)
        except OSError as failed:
            if talk:
                log.warning(
                    "Could not remove short write from the append-only file.  The server may refuse"
                    f" to load the AOF the next time it starts.  ftruncate: {failed.strerror}"
                )
            return written
        return 0

    # --- syncing ---

    @property
    def synced_offset(self) -> int:
        """The replication stream up to here is safe on disk."""
        file = self.file
        if file is None:
            return 0
        idle = not self.commands.used and file.synced_size == file.size
        if idle and self.closed == self.closing:
            return self.stream_offset()
        return file.synced_offset

    def sync_if_due(self, file: OpenFile) -> None:
        policy = self.config.appendfsync
        if policy == "no":
            return
        if self.config.no_appendfsync_on_rewrite and self.busy_child():
            return
        if policy == "always":
            self.sync_now(file)
            return
        now = time.monotonic()
        if now - self.last_sync >= SYNC_INTERVAL_S and not self.worker.pending_syncs:
            self.last_sync = now
            size, offset = file.size, self.stream_offset()
            self.worker.submit_sync(file.descriptor, lambda: file.note_sync(size, offset))

    def sync_now(self, file: OpenFile) -> None:
        """Before the replies of this turn."""
        started = time.perf_counter()
        try:
            sync(file.descriptor)
        except OSError as failed:
            failed_before, self.worker.sync_errno = self.error, failed.errno or EIO
            if failed_before and self.on_loss:
                return
            self.give_up(
                self.worker.sync_errno,
                "Can't persist AOF for fsync error when the AOF fsync policy is 'always':"
                f" {failed.strerror}. Exiting...",
            )
        self.worker.sync_errno = 0
        file.synced_size = file.size
        self.last_sync = time.monotonic()
        self.latency.note("aof-fsync-always", int((time.perf_counter() - started) * 1e6))

    def sync_before_next(self) -> None:
        """All that was logged is written and on disk: nothing of the file to come may outlive it.
        OSError."""
        file = self.file
        if file is None:
            return
        self.flush(force=True)
        if self.commands.used:
            raise OSError(self.error, os.strerror(self.error))
        if file.synced_size != file.size:
            sync(file.descriptor)
            file.note_sync(file.size, self.stream_offset())

    def sync_at_end(self) -> bool:
        """Write and sync everything; False when that failed, and the log says why."""
        file = self.file
        if file is None:
            return True
        self.flush(force=True)
        try:
            sync(file.descriptor)
        except OSError as failed:
            log.warning(f"Fail to fsync the AOF file: {failed.strerror}")
            return False
        file.synced_size = file.size
        return not self.commands.used
