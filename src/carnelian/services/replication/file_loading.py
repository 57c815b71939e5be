"""From a snapshot received to a file to the data set, without holding up the loop.

    verify, keep (thread) -> empty -> load in steps -> done

The checksum is verified first, and the file synced and given its name, so that neither a damaged
snapshot nor a disk that fails costs the data there is. While the data set is in pieces clients get
-LOADING. One per full synchronisation, owned by the link; the loop's thread only. What is loaded
without a file is for streamed_loading.
"""

from __future__ import annotations

import mmap

from carnelian.services import log
from carnelian.services.persistence.rdb.snapshot import SnapshotError, check_file

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.persistence.snapshots import Snapshots
    from carnelian.services.replication.transport import Transport


class FileLoading:
    """`done(None)` when the data is in place, `done(reason)` when it is not; `is_destroyed` then
    says whether the old data is gone."""

    def __init__(
        self,
        loop: Any,
        transport: Transport,
        snapshots: Snapshots,
        fd: int,
        *,
        lazily: bool,
        keep: Callable[[], None] | None,
        begins: Callable[[], None],
        done: Callable[[str | None], None],
    ) -> None:
        self.loop = loop
        self.transport = transport
        self.snapshots = snapshots
        self.engine = snapshots.engine
        self.progress = snapshots.loading
        self.lazily = lazily
        self.keep = keep  # have the file stay, under its final name
        self.begins = begins  # to be told: the old data goes
        self.done = done
        self.reader: Any = None
        self.aux: dict[bytes, bytes] = {}  # what the snapshot says of itself
        self.is_destroyed = False
        self.is_cancelled = False
        self.data: Any = mmap.mmap(fd, 0, prot=mmap.PROT_READ)

    def start(self) -> None:
        self.transport.in_background(self.verify, self.verified)

    def verify(self) -> None:
        check_file(self.data, bool(self.snapshots.config.rdbchecksum))
        if self.keep is not None:
            self.keep()

    def verified(self, _: Any, failure: BaseException | None) -> None:
        if self.is_cancelled:
            self.data = b""
        elif isinstance(failure, SnapshotError):
            self.fail(str(failure))
        elif isinstance(failure, OSError):
            self.fail(
                "Failed trying to rename the temp DB into the DB file in MASTER <-> REPLICA"
                f" synchronization: {failure.strerror}"
            )
        elif failure is not None:
            self.fail(repr(failure))
        else:
            self.begin()

    def begin(self) -> None:
        self.begins()
        log.notice("MASTER <-> REPLICA sync: Flushing old data")
        self.is_destroyed = True
        self.engine.empty(self.lazily)
        self.progress.begin(len(self.data))
        log.notice("MASTER <-> REPLICA sync: Loading DB in memory")
        try:
            self.reader = self.progress.reader(self.data, verify=False)
        except SnapshotError as damage:
            self.fail(str(damage))
            return
        self.step()

    def step(self) -> None:
        """Load a part; the loop has a turn before the next."""
        if self.is_cancelled:
            self.end()
            return
        try:
            finished = self.progress.step(self.reader)
        except SnapshotError as damage:
            self.fail(f"{damage} at offset {damage.offset}")
            return
        except Exception as bug:
            self.fail(f"internal error: {bug!r}")
            return
        if finished:
            self.succeed()
        else:
            self.loop.call_soon(self.step)

    def succeed(self) -> None:
        self.progress.note_loaded(self.reader)
        self.aux = self.reader.aux
        self.end()
        self.done(None)

    def fail(self, reason: str) -> None:
        if self.is_destroyed:
            self.engine.empty(True)  # half of a data set is worse than none
        self.end()
        self.done(reason)

    def cancel(self) -> None:
        """Give it up; `done` is not called."""
        self.is_cancelled = True
        if self.reader is not None:
            if self.is_destroyed:
                self.engine.empty(True)
            self.end()

    def end(self) -> None:
        if self.progress.active:
            self.progress.end()
        self.reader = None
        self.data = b""
