"""Snapshots: SAVE, BGSAVE, save points, loading at start, and what is refused while saving fails.

A background save is a forked child. A file appears under its name only when it is complete: written
beside it, synced, renamed, and the directory synced.
"""

from __future__ import annotations

import mmap
import os
import time

from carnelian.base import files
from carnelian.engine.errors import CommandError
from carnelian.services import log
from carnelian.services.persistence.children import SIGUSR1, Children
from carnelian.services.persistence.rdb.snapshot import SnapshotError
from carnelian.services.persistence.rdb.write import write_snapshot
from carnelian.services.process.process import pin_to_cores
from carnelian.version import REDIS_VERSION

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.children import Child
    from carnelian.services.persistence.loading import Loading

RETRY_DELAY_S = 5.0  # after a failed background save
CHILD = "RDB"

SAVES_FAIL = CommandError(
    b"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to"
    b" disk. Commands that may modify the data set are disabled, because this instance is"
    b" configured to report errors during writes if RDB snapshotting fails"
    b" (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the"
    b" RDB error."
)


class Snapshots:
    """The state of saving of one server. Only the server's thread uses it."""

    def __init__(self, engine: Any, config: Config, children: Children, loading: Loading) -> None:
        self.engine = engine
        self.config = config
        self.loading = loading
        self.children = children
        self.last_save_s = int(time.time())
        self.saved_at_s = self.engine.clock.steady_s()
        self.last_status = True
        self.last_try_s = 0.0  # monotonic, as is saved_at_s
        self.last_duration_s = -1
        self.last_cow_bytes = 0
        self.saves = 0
        self.child: Child | None = None
        self.child_dirty = 0
        self.scheduled = False
        self.remove_file: Callable[[str], None] = lambda path: None
        # what a file is to say of the replication stream
        self.stream_aux: Callable[[], list[tuple[bytes, bytes]]] = list
        self.on_saved: list[Callable[[bool], None]] = []  # told how a background save ended
        self.loaded_aux: dict[bytes, bytes] = {}  # what the file says of itself

    @property
    def path(self) -> str:
        return os.path.join(str(self.config.dir), str(self.config.dbfilename))

    def temporary(self, pid: int) -> str:
        return os.path.join(str(self.config.dir), f"temp-{pid}.rdb")

    # --- writing ---

    def write(self, path: str) -> None:
        """Write a snapshot to `path`, completely or not at all. OSError says what failed."""
        temporary = self.temporary(os.getpid())
        try:
            handle = files.create(temporary)
            try:
                self.write_to(handle)
                os.fsync(handle)
            finally:
                os.close(handle)
            files.rename(temporary, path)
        except OSError:
            files.remove_quietly(temporary)
            raise

    def write_to(
        self, handle: int, base: bool = False, *, without_data: bool = False
    ) -> None:
        """Write a snapshot to a descriptor; `base`: of an append-only file. OSError."""
        steadily = (
            self.config.aof_rewrite_incremental_fsync
            if base
            else self.config.rdb_save_incremental_fsync
        )
        write_snapshot(
            self.engine,
            handle,
            self.aux(base),
            compress=bool(self.config.rdbcompression),
            checksum=bool(self.config.rdbchecksum),
            access_mode=self.access_mode(),
            without_data=without_data,
            key_delay_us=self.config.rdb_key_save_delay,
            write_back=bool(steadily),
            keys_done=self.children.keys_done,
        )

    def access_mode(self) -> int:
        """Idle times or frequencies are kept when an eviction policy needs them."""
        policy = str(self.config.maxmemory_policy)
        if not self.config.maxmemory:
            return 0
        return 2 if "lfu" in policy else 1 if "lru" in policy else 0

    def aux(self, base: bool) -> list[tuple[bytes, bytes]]:
        return [
            (b"redis-ver", REDIS_VERSION.encode()),
            (b"redis-bits", b"64"),
            (b"ctime", b"%d" % time.time()),
            (b"used-mem", b"%d" % self.engine.used_memory()),
            *self.stream_aux(),
            (b"aof-base", b"%d" % base),
        ]

    def save(self) -> bool:
        """SAVE: in the foreground. Whether it worked; the log says why not. Who asked is told:
        only a background save that fails is a reason to refuse writes."""
        try:
            self.write(self.path)
        except OSError as failed:
            log.warning(f"Error saving the snapshot to {self.path}: {failed.strerror}")
            return False
        log.notice("DB saved on disk")
        self.finished(True)
        self.engine.dirty = 0
        return True

    def finished(self, good: bool) -> None:
        self.last_status = good
        if good:
            self.last_save_s = int(time.time())
            self.saved_at_s = self.engine.clock.steady_s()
            self.saves += 1
        self.follow_errors()

    def follow_errors(self) -> None:
        """Writes are refused while saving fails, if the configuration says so."""
        failing = not self.last_status and bool(self.config.save)
        refuse = failing and self.config.stop_writes_on_bgsave_error
        self.engine.refusals.set("save", self.refusal if refuse else None)

    def refusal(self, writes: bool, saves: bool) -> CommandError | None:
        return SAVES_FAIL if saves else None

    # --- in the background ---

    def start_background(self) -> bool:
        """Fork a child that saves. False if one runs already or the fork failed."""
        if self.children.active is not None:
            return False
        self.last_try_s = self.engine.clock.steady_s()
        self.child_dirty = self.engine.dirty
        self.scheduled = False
        try:
            self.child = self.children.start(CHILD, self.write_in_child, self.collected)
        except OSError as failed:
            log.warning(f"Can't save in background: fork: {failed.strerror}")
            self.finished(False)
            return False
        log.notice(f"Background saving started by pid {self.child.pid}")
        return True

    def write_in_child(self) -> None:
        if self.config.bgsave_cpulist:
            pin_to_cores(self.config.bgsave_cpulist)
        self.write(self.path)

    def cron(self) -> None:
        """Start a save when a save point is reached or one is due."""
        now = self.engine.clock.steady_s()
        if self.children.active is not None:
            return
        patient = self.last_status or now - self.last_try_s > RETRY_DELAY_S
        if self.scheduled and patient:
            self.start_background()
            return
        for seconds, changes in self.config.save:
            if self.engine.dirty >= changes and now - self.saved_at_s > seconds and patient:
                log.notice(f"{changes} changes in {seconds} seconds. Saving...")
                self.start_background()
                return

    def collected(self, code: int) -> None:
        """The child has ended."""
        child = self.child
        assert child is not None
        self.child = None
        self.last_cow_bytes = child.cow_bytes
        self.last_duration_s = child.running_s()
        if code == -SIGUSR1:
            self.remove_file(self.temporary(child.pid))
            self.tell(False)
            return
        if code == 0:
            log.notice("Background saving terminated with success")
            self.engine.dirty -= self.child_dirty
        elif code < 0:
            log.warning(f"Background saving terminated by signal {-code}")
            self.remove_file(self.temporary(child.pid))
        else:
            log.warning("Background saving error")
        self.finished(code == 0)
        self.tell(code == 0)

    def tell(self, good: bool) -> None:
        for listener in self.on_saved:
            listener(good)

    def end_child(self) -> None:
        """A running child is of no use any more: the server ends, or all data went."""
        if self.child is not None:
            log.warning("There is a child saving an .rdb. Killing it!")
            self.children.kill()

    def cancel(self) -> bool:
        """BGSAVE CANCEL: end the child that writes a snapshot, for whomever; whether one did."""
        if self.children.active is None or self.children.active.kind != CHILD:
            return False
        log.notice("Background saving will be aborted due to user request")
        self.children.kill()
        return True

    def flushed(self) -> bool:
        """FLUSHALL: what a child still writes must not come back. With save points the emptiness
        is saved at once; whether it was."""
        if self.engine.is_loading():
            return False
        self.end_child()
        return bool(self.config.save) and self.save()

    # --- reading ---

    def load(self, between: Callable[[], None]) -> bool:
        """Load the snapshot file, if there is one. `between` runs after each part: clients wait.

        False when the file is there and cannot be used: the log says where and why, and the file
        is left as it is.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return True
        except OSError as failed:
            log.warning(f"Fatal error: can't open the RDB file {self.path}: {failed.strerror}")
            return False
        try:
            size = os.fstat(handle).st_size
            data = mmap.mmap(handle, 0, prot=mmap.PROT_READ) if size else b""
        finally:
            os.close(handle)
        return self.load_data(data, between)

    def load_data(self, data: Any, between: Callable[[], None]) -> bool:
        self.loading.begin(len(data))
        try:
            reader = self.loading.reader(data, keep_expired=bool(self.config.replicaof))
            self.loading.run(reader, 0, between)
        except SnapshotError as damage:
            log.warning(
                f"Fatal error loading the DB, check server logs. {self.path}: {damage}"
                f" at offset {damage.offset}. Exiting."
            )
            return False
        finally:
            seconds = self.loading.end()
        self.loaded_aux = reader.aux
        self.loading.note_loaded(reader)
        log.notice(f"DB loaded from disk: {seconds:.3f} seconds")
        self.engine.dirty = 0
        return True


    def figures(self) -> dict[str, object]:
        """The fields of INFO persistence that are about snapshots."""
        return {
            "loading": int(self.loading.active and not self.loading.serves_old),
            "async_loading": int(self.loading.active and self.loading.serves_old),
            **self.children.figures(),
            "rdb_changes_since_last_save": self.engine.dirty,
            "rdb_bgsave_in_progress": int(self.child is not None),
            "rdb_last_save_time": self.last_save_s,
            "rdb_last_bgsave_status": "ok" if self.last_status else "err",
            "rdb_last_bgsave_time_sec": self.last_duration_s,
            "rdb_current_bgsave_time_sec": (
                self.child.running_s() if self.child is not None else -1
            ),
            "rdb_saves": self.saves,
            "rdb_last_cow_size": self.last_cow_bytes,
            "rdb_last_load_keys_expired": self.loading.keys_expired,
            "rdb_last_load_keys_loaded": self.loading.keys_loaded,
        }
