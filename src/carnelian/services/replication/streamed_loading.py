"""From the primary's socket to the data set: a snapshot is loaded while it arrives.

    swapdb                           aside -> exchange -> done
    on-empty-db, flush-before-load   empty -> into the data set -> done

With `swapdb` the old data stays until all is loaded and its checksum was right; clients go on
reading it if it is of the same history, else they get -LOADING. Otherwise a snapshot that is cut
short or damaged leaves nothing. One per full synchronisation, owned by the link; the loop's thread
only.
"""

from __future__ import annotations

from carnelian.services import log
from carnelian.services.persistence.rdb.snapshot import SnapshotError
from carnelian.services.persistence.rdb.snapshot_stream import StreamedReader

TYPE_CHECKING: bool = False
if TYPE_CHECKING:

    from carnelian.services.persistence.snapshots import Snapshots

DIGITS_MAX = 18


class StreamedLoading:
    """`feed` and `check` raise SnapshotError; `cancel` is then the owner's to call. `is_destroyed`
    tells whether the old data is gone."""

    def __init__(
        self, snapshots: Snapshots, length: int, *, swap: bool, serve_old: bool, lazily: bool
    ) -> None:
        self.engine = engine = snapshots.engine
        self.swap = swap
        self.is_destroyed = not swap
        self.target = engine.aside() if swap else engine
        if not swap:
            log.notice("MASTER <-> REPLICA sync: Flushing old data")
            engine.empty(lazily)
        log.notice("MASTER <-> REPLICA sync: Loading DB in memory")
        self.progress = snapshots.loading
        self.progress.begin(max(length, 0), serves_old=serve_old and swap)
        self.reader = StreamedReader(
            self.target, verify_checksum=bool(snapshots.config.rdbchecksum), keep_expired=True
        )

    def feed(self, data: memoryview) -> None:
        self.reader.feed(data)
        self.progress.loaded_bytes = self.reader.offset
        used = self.reader.aux.get(b"used-mem", b"")
        if used.isdigit():
            self.progress.expected_memory = int(used[:DIGITS_MAX])

    def check(self, received: int) -> None:
        """All has arrived, so many bytes: is it whole?"""
        self.reader.end()
        if self.reader.offset != received:
            raise SnapshotError("Replication stream EOF marker is broken", self.reader.offset)

    def finish(self) -> None:
        if self.swap:
            log.notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB")
            self.engine.adopt(self.target)
            self.target.empty(True)
            log.notice("MASTER <-> REPLICA sync: Discarding old DB in background")
        self.progress.end()
        self.progress.note_loaded(self.reader)

    def cancel(self) -> None:
        """Give it up."""
        self.target.empty(True)  # half of a data set is worse than none
        if self.swap:
            log.notice("MASTER <-> REPLICA sync: Discarding temporary DB in background")
        if self.progress.active:
            self.progress.end()
