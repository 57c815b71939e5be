"""What rewriting the append-only file needs besides its files: the writing of a base, the error of
clients whose writes are refused, and patience after failures.
"""

from __future__ import annotations

import os
import time

from carnelian.base import files
from carnelian.engine.errors import CommandError
from carnelian.services import log
from carnelian.services.config.parameter import ConfigError

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.persistence.snapshots import Snapshots


CANNOT_START = ConfigError("Unable to turn on AOF. Check server logs.")
NO_FILES = ConfigError("An embedded engine is told of its files when it is made.")
FAILURES_MAX = 3
DELAY_MAX_MIN = 60


def refusal(error: int) -> Callable[[bool, bool], CommandError | None]:
    reason = os.strerror(error).encode()
    refused = CommandError(b"MISCONF Errors writing to the AOF file: " + reason)
    return lambda writes, saves: refused if saves else None


def write_base(engine: Any, snapshots: Snapshots, path: str, temporary: str = "") -> None:
    """Write the data set as a base, completely or not at all; OSError says what failed."""
    config = snapshots.config
    temporary = temporary or os.path.join(str(config.dir), f"temp-rewriteaof-{os.getpid()}.aof")
    try:
        handle = files.create(temporary)
        try:
            if config.aof_use_rdb_preamble:
                snapshots.write_to(handle, base=True)
            else:
                from carnelian.services.persistence.aof.dataset_out import write_dataset

                stamp_s = int(time.time()) if config.aof_timestamp_enabled else 0
                write_dataset(
                    engine,
                    handle,
                    stamp_s,
                    config.rdb_key_save_delay,
                    bool(config.aof_rewrite_incremental_fsync),
                    snapshots.children.keys_done,
                )
            os.fsync(handle)
        finally:
            os.close(handle)
        if temporary != path:
            os.replace(temporary, path)
    except OSError as failed:
        log.warning(f"Write error writing append only file on disk: {failed.strerror}")
        files.remove_quietly(temporary)
        raise


class Limit:
    """After three failures in a row automatic rewrites wait 1, 2, 4 ... 60 minutes in between."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.failures = 0
        self.delay_min = 0
        self.next_s = 0.0

    def note(self, good: bool) -> None:
        self.failures = 0 if good else self.failures + 1

    def lift(self) -> None:
        self.failures = 0

    def holds(self) -> bool:
        if self.failures < FAILURES_MAX:
            self.delay_min, self.next_s = 0, 0.0
            return False
        now = self.clock.steady_s()
        if self.next_s:
            if now < self.next_s:
                return True
            self.next_s = 0.0
            return False
        self.delay_min = min(self.delay_min * 2 or 1, DELAY_MAX_MIN)
        self.next_s = now + self.delay_min * 60
        log.warning(
            "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in"
            f" {self.delay_min} minutes"
        )
        return True
