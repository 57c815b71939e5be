"""The progress of a load: for INFO, for the log, and for clients, who are told -LOADING meanwhile.

One per instance, used by whoever loads a data set: snapshots, the append-only file, replication.
Main thread only.
"""

from __future__ import annotations

import time

from carnelian.services import log

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

    def run(self, reader: Any, before: int, between: Callable[[], None]) -> None:
        """Have a reader load all it has, in steps; `before` bytes came from other files."""
        reader.key_delay_us = self.config.key_load_delay
        step_bytes = self.config.loading_process_events_interval_bytes
        while not reader.load_some(step_bytes):
            self.loaded_bytes = before + reader.offset
            between()
            now = self.engine.clock.steady_s()
            if now - self.shown > PROGRESS_INTERVAL_S:
                self.shown = now
                self.show(now - self.started)
        self.loaded_bytes = before + reader.offset

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
