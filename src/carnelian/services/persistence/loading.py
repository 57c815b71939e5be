"""Loading a data set, whoever loads it: snapshots, the append-only file, replication.

    begin -> step, step ... (or run: all steps) -> end

Readers are made here, and taken on in steps, so that clients have an answer in between: -LOADING.
How far it is tell INFO and the log. One per instance; main thread only.
"""

from __future__ import annotations

import time

from carnelian.services import log
from carnelian.services.persistence.rdb.snapshot import SnapshotReader

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config

PROGRESS_INTERVAL_S = 5.0


class Loading:
    def __init__(self, engine: Any, config: Config) -> None:
        self.engine = engine
        self.config = config
        self.active = False
        self.serves_old = False
        self.since_s = 0
        self.total_bytes = 0  # 0: not known
        self.loaded_bytes = 0
        self.expected_memory = 0  # what the data took where it comes from; 0: not known
        self.started = self.shown = 0.0
        self.keys_loaded = 0
        self.keys_expired = 0

    def begin(self, total_bytes: int, serves_old: bool = False) -> None:
        """`serves_old`: into another engine, while clients read the old data."""
        self.active = True
        self.serves_old = serves_old
        self.since_s = int(time.time())
        self.total_bytes = total_bytes
        self.expected_memory = 0
        self.loaded_bytes = 0
        self.started = self.shown = self.engine.clock.steady_s()
        self.engine.set_loading(True, serves_old)

    def end(self) -> float:
        """How many seconds it took."""
        self.active = False
        self.engine.set_loading(False)
        return float(self.engine.clock.steady_s() - self.started)

    def reader(self, data: Any, *, verify: bool = True, keep_expired: bool = True) -> Any:
        """Of a snapshot; SnapshotError, as from its steps."""
        verify = verify and bool(self.config.rdbchecksum)
        return SnapshotReader(
            self.engine, data, verify_checksum=verify, keep_expired=keep_expired
        )

    def step(self, reader: Any, before: int = 0) -> bool:
        """Have a reader load a part; whether that was the last. `before` bytes came from other
        files."""
        reader.key_delay_us = self.config.key_load_delay
        finished = bool(reader.load_some(self.config.loading_process_events_interval_bytes))
        self.loaded_bytes = before + reader.offset
        now = self.engine.clock.steady_s()
        if not finished and now - self.shown > PROGRESS_INTERVAL_S:
            self.shown = now
            self.show(now - self.started)
        return finished

    def run(self, reader: Any, before: int, between: Callable[[], None]) -> None:
        """Have a reader load all it has; `between` runs after each part."""
        while not self.step(reader, before):
            between()

    def note_loaded(self, reader: Any) -> None:
        """A snapshot is loaded."""
        self.keys_loaded, self.keys_expired = reader.keys - reader.expired, reader.expired
        log.notice(
            f"Done loading RDB, keys loaded: {self.keys_loaded}, keys expired: {self.keys_expired}."
        )

    def show(self, seconds: float) -> None:
        keys = sum(size[1] for size in self.engine.sizes())
        log.notice(
            f"Loading: {100 * self.loaded_bytes // max(self.total_bytes, 1)}%, {keys} keys,"
            f" {self.loaded_bytes / 1e6 / max(seconds, 1e-3):.0f} MB/s"
        )

    def figures(self) -> dict[str, object]:
        """The fields of INFO persistence that are there while loading."""
        if not self.active:
            return {}
        passed = self.engine.clock.steady_s() - self.started
        share = 0.0
        if self.total_bytes:
            share = self.loaded_bytes / self.total_bytes
        elif self.expected_memory:
            share = min(self.engine.used_memory() / self.expected_memory, 0.9999)  # a guess
        eta_s = int(passed / share - passed) if share else 1
        return {
            "loading_start_time": self.since_s,
            "loading_total_bytes": self.total_bytes,
            "loading_rdb_used_mem": self.expected_memory,
            "loading_loaded_bytes": self.loaded_bytes,
            "loading_loaded_perc": f"{share * 100:.2f}",
            "loading_eta_seconds": eta_s,
        }
