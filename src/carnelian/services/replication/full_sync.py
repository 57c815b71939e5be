"""Full synchronization: one snapshot for all replicas that wait together.

    disk      a BGSAVE's file, sent to each from the file as fast as it takes it:
                  $<length>\\r\\n <file>
    diskless  a child writes into a pipe, fan_out.py passes it on to all at once:
                  $EOF:<mark>\\r\\n <snapshot> <mark>

A replica that comes while a BGSAVE for others runs joins them: the stream since the fork is in the
backlog, which is kept for those who are there already. Only the loop's thread uses it.
"""

from __future__ import annotations

import os
import posix

from carnelian.services import log
from carnelian.services.replication.fan_out import FanOut
from carnelian.services.replication.replica_link import (
    ONLINE,
    SEND_SNAPSHOT,
    WAIT_END,
    WAIT_START,
)

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.children import Children
    from carnelian.services.persistence.snapshots import Snapshots

CHUNK_BYTES = 256 * 1024
FAILED = b"-ERR BGSAVE failed, replication can't continue\r\n"


class FileTransfer:
    """A complete snapshot file on its way to one replica."""

    def __init__(self, owner: FullSync, link: Any, path: str) -> None:
        self.owner = owner
        self.handle = os.open(path, os.O_RDONLY)
        self.left = os.fstat(self.handle).st_size
        self.at = 0
        link.enter(SEND_SNAPSHOT)
        link.on_chunk_sent = self.next_chunk
        link.send_text(b"$%d\r\n" % self.left)
        self.next_chunk(link)

    def next_chunk(self, link: Any) -> None:
        try:
            chunk = os.pread(self.handle, min(CHUNK_BYTES, self.left), self.at)
        except OSError as failed:
            log.warning(f"Read error sending DB to replica {link.describe()}: {failed.strerror}")
            link.close()
            return
        if not chunk and self.left:
            log.warning(f"Premature end of the snapshot sent to replica {link.describe()}")
            link.close()
        elif chunk:
            self.at += len(chunk)
            self.left -= len(chunk)
            link.send_chunk(chunk)
        else:
            self.close()
            self.owner.complete(link, streams=True)

    def close(self) -> None:
        if self.handle >= 0:
            posix.close(self.handle)
            self.handle = -1


class FullSync:
    def __init__(
        self, loop: Any, state: Any, config: Config, snapshots: Snapshots, children: Children
    ) -> None:
        self.loop = loop
        self.state = state
        self.config = config
        self.snapshots = snapshots
        self.children = children
        self.files: dict[Any, FileTransfer] = {}
        self.fan_outs: list[FanOut] = []
        self.made_file = False  # the BGSAVE under way is for replicas
        snapshots.on_saved.append(self.file_saved)

    def at_stage(self, stage: int) -> list[Any]:
        return [link for link in self.state.replica_links if link.stage == stage]

    # --- asking for one ---

    def request(self, link: Any) -> None:
        """A replica needs a snapshot: join a BGSAVE of others, start one, or wait."""
        joined = next(
            (
                other
                for other in self.at_stage(WAIT_END)
                if other.snapshot_filter == link.snapshot_filter and not other.only_snapshot
            ),
            None,
        )
        if joined is not None:
            self.announce(link, joined.position)
            log.notice(f"Replica {link.describe()} joins the BGSAVE under way")
        elif self.children.active is not None:
            log.notice(
                f"Replica {link.describe()} waits for the end of the"
                f" {self.children.active.kind} child"
            )
        else:
            self.start_if_due()

    def start_if_due(self) -> None:
        """Start a snapshot for those who wait, unless more may come in the meantime."""
        waiting = self.at_stage(WAIT_START)
        if not waiting or self.children.active is not None:
            return
        first = waiting[0].snapshot_filter
        waiting = [link for link in waiting if link.snapshot_filter == first]
        diskless = self.config.repl_diskless_sync and all(link.takes_eof for link in waiting)
        enough = self.config.repl_diskless_sync_max_replicas
        if (
            not diskless
            or max(link.stage_s() for link in waiting) >= self.config.repl_diskless_sync_delay
            or 0 < enough <= len(waiting)
        ):
            self.start(waiting, diskless)

    def start(self, waiting: list[Any], diskless: bool) -> None:
        target = "replicas sockets" if diskless else "disk"
        log.notice(f"Starting BGSAVE for SYNC with target: {target}")
        offset = self.state.offset
        if self.state.role == "master":
            self.state.stream_db = -1  # what they read begins with a SELECT
        if diskless:
            started = self.start_diskless(waiting, offset)
        else:
            started = self.made_file = self.snapshots.start_background()
            for link in waiting if started else ():
                self.announce(link, offset)
        if not started:
            log.warning("BGSAVE for replication failed")
            for link in waiting:
                link.send_text(FAILED)
                link.close()

    def announce(self, link: Any, offset: int) -> None:
        """Tell a replica which history its snapshot begins; the stream is kept from there on."""
        link.position = -1 if link.only_snapshot else offset
        link.enter(WAIT_END)
        if not link.speaks_sync:
            link.send_text(b"+FULLRESYNC %b %d\r\n" % (self.state.replid.encode(), offset))

    # --- diskless ---

    def start_diskless(self, waiting: list[Any], offset: int) -> bool:
        try:
            fan_out = FanOut(self, waiting)
        except OSError as failed:
            log.warning(f"Can't start a diskless synchronization: {failed.strerror}")
            return False
        self.fan_outs.append(fan_out)
        for link in waiting:
            self.announce(link, offset)
            link.enter(SEND_SNAPSHOT)
            link.diskless = True
        fan_out.begin()
        return True

    def fan_out_ended(self, fan_out: FanOut) -> None:
        self.fan_outs.remove(fan_out)

    # --- disk ---

    def file_saved(self, good: bool) -> None:
        """A BGSAVE has ended, for replicas or not."""
        links = self.at_stage(WAIT_END)
        mine, self.made_file = self.made_file, False
        path = self.snapshots.path
        for link in links:
            if not good:
                log.warning("SYNC failed. BGSAVE child returned an error")
                link.close()
                continue
            try:
                self.files[link] = FileTransfer(self, link, path)
            except OSError as failed:
                log.warning(f"SYNC failed. Can't open the snapshot: {failed.strerror}")
                link.close()
        if good and mine and self.config.rdb_del_sync_files and not self.is_persistent():
            try:
                posix.unlink(path)
            except OSError:
                pass

    def is_persistent(self) -> bool:
        return bool(self.config.save) or self.config.appendonly

    # --- the end of a transfer ---

    def complete(self, link: Any, streams: bool) -> None:
        """All of the snapshot is out; the stream follows, at once or when the replica is ready."""
        self.files.pop(link, None)
        link.on_chunk_sent = None
        if link.only_snapshot:
            log.notice(f"RDB transfer completed, {link.describe()} wanted no more")
            link.close_after_sending()
            return
        link.enter(ONLINE)
        link.starts_on_ack = not streams
        link.wake()
        log.notice(f"Synchronization with replica {link.describe()} succeeded")
        self.state.primary.judge_good_replicas()

    def lost(self, link: Any) -> None:
        transfer = self.files.pop(link, None)
        if transfer is not None:
            transfer.close()
        for fan_out in list(self.fan_outs):
            fan_out.lost(link)
        if link.stage == WAIT_END:
            self.end_useless()

    def end_useless(self) -> None:
        """Nobody waits any more for a file that was begun for replicas alone."""
        if self.made_file and not self.config.save and not self.at_stage(WAIT_END):
            log.notice("No replica waits any more for the BGSAVE that runs: killing it")
            self.children.kill()

    def keep_alive(self) -> None:
        """Who waits for a snapshot must not take us for dead."""
        for link in self.at_stage(WAIT_START) + self.at_stage(WAIT_END):
            if not link.owes_replies:
                link.send_text(b"\n")
