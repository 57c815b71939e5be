"""`carnelian check-rdb FILE`: read a snapshot to its end and say what is wrong with it, and where.

Every value is built as for loading, in a scratch engine that is emptied again and again.
"""

from __future__ import annotations

import mmap
import os
import sys

from carnelian.engine.engine import Engine
from carnelian.services.persistence.rdb.snapshot import SnapshotError, SnapshotReader

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

USAGE = "Usage: carnelian check-rdb <rdb-file-name>\n"
STEP_BYTES = 16 << 20
DATABASES = 256


def mapped(path: str) -> Any:
    """The bytes of a file; OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        return mmap.mmap(handle, 0, prot=mmap.PROT_READ) if size else b""
    finally:
        os.close(handle)


class Check:
    """One pass over a snapshot; `end` is where it ended."""

    def __init__(self, data: Any, show: Any = print) -> None:
        self.data = data
        self.show = show
        self.engine: Any = Engine(DATABASES)
        self.expiring = 0
        self.end = 0

    def run(self, name: str) -> bool:
        """Whether the snapshot is good; says so, or what is not."""
        self.show(f"[offset 0] Checking RDB file {name}")
        reader: Any = None
        try:
            reader = SnapshotReader(self.engine, self.data, keep_expired=True, quiet=True)
            finished = False
            while not finished:
                finished = reader.load_some(STEP_BYTES)
                self.expiring += sum(size[2] for size in self.engine.sizes())
                self.engine.empty(False)
        except SnapshotError as damage:
            self.show("--- RDB ERROR DETECTED ---")
            self.show(f"[offset {damage.offset}] {damage}")
            if reader is not None:
                self.show_info(reader)
            return False
        for field, value in reader.aux.items():
            shown = value.decode("utf-8", "backslashreplace")
            self.show(f"[info] AUX FIELD {field.decode('utf-8', 'backslashreplace')} = '{shown}'")
        self.end = reader.offset
        self.show(f"[offset {self.end}] Checksum OK")
        self.show(f"[offset {self.end}] \\o/ RDB looks OK! \\o/")
        self.show_info(reader)
        return True

    def show_info(self, reader: Any) -> None:
        self.show(f"[info] RDB version {reader.version}")
        self.show(f"[info] {reader.keys} keys read")
        self.show(f"[info] {self.expiring} expires")


def main(words: list[str]) -> int:
    if len(words) != 1:
        sys.stderr.write(USAGE)
        return 1
    try:
        data = mapped(words[0])
    except OSError as failed:
        print(f"Cannot open file {words[0]}: {failed.strerror}")
        return 1
    return 0 if Check(data).run(words[0]) else 1
