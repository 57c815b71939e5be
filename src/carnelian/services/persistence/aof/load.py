"""Loading the append-only file at start: the manifest, an upgrade from a single file, each part.

A command that is cut off at the very end of the last file is cut away, if `aof-load-truncated`
allows; everything else that is wrong is refused with file, offset and cause, and no file changes.
"""

from __future__ import annotations

import mmap
import os
import time

from carnelian.base import files
from carnelian.services import log
from carnelian.services.persistence.aof.manifest import (
    BASE,
    INCREMENT,
    Manifest,
    ManifestError,
    Part,
    sync_names,
)
from carnelian.services.persistence.aof.manifest import load as load_manifest
from carnelian.services.persistence.aof.replay import LogDamage, LogReader
from carnelian.services.persistence.rdb.snapshot import SnapshotError, SnapshotReader

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.persistence.aof.append_only import AppendOnly

SNAPSHOT_MAGIC = b"REDIS"
ADVICE = (
    "You can: 1) Make a backup of your AOF file, then use carnelian check-aof --fix"
    " <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration"
    " option to yes and restart the server."
)


class LoadError(Exception):
    """Why the data cannot be used, for the log."""


def read_manifest(directory: str, file_name: str) -> Manifest:
    """The manifest, or an empty one if there is none. LoadError."""
    try:
        return load_manifest(directory, file_name) or Manifest(file_name)
    except ManifestError as wrong:
        where = f"Reading the manifest file, at line {wrong.number}\n" if wrong.number else ""
        shown = f">>> '{wrong.line}'\n" if wrong.number else ""
        raise LoadError(f"\n*** FATAL AOF MANIFEST FILE ERROR ***\n{where}{shown}{wrong}") from None
    except OSError as failed:
        raise LoadError(
            f"Fatal error: can't open the AOF manifest in {directory}: {failed.strerror}"
        ) from None


def mapped(path: str) -> Any:
    """The bytes of a file, mapped; empty for an empty file. OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        return mmap.mmap(handle, 0, prot=mmap.PROT_READ) if size else b""
    finally:
        os.close(handle)


class Load:
    def __init__(self, owner: AppendOnly, between: Callable[[], None]) -> None:
        self.owner = owner
        self.engine: Any = owner.engine
        self.config: Any = owner.config
        self.loading = owner.instance.loading
        self.between = between
        self.loaded_bytes = 0
        self.tearable: Part | None = None

    def run(self) -> bool:
        """False after the log said why the data cannot be used."""
        self.engine.propagation.suspend()
        try:
            self.owner.manifest = read_manifest(
                self.owner.directory, str(self.config.appendfilename)
            )
            self.upgrade_if_needed()
            self.load_parts()
        except LoadError as wrong:
            log.warning(str(wrong))
            return False
        finally:
            self.engine.propagation.resume()
        if not self.owner.serving:
            # What was replayed at start is no call of a client.
            self.engine.commands.reset_figures()
        return True

    # --- a single file of an older version ---

    def upgrade_if_needed(self) -> None:
        """Redis before 7 had one file, in the working directory."""
        name = str(self.config.appendfilename)
        old = os.path.join(str(self.config.dir), name)
        manifest = self.owner.manifest
        if not os.path.isfile(old):
            return
        interrupted = (
            manifest.base is not None
            and not manifest.increments
            and manifest.base.name == name
            and not os.path.exists(self.owner.path(name))
        )
        if manifest.parts() and not interrupted:
            return
        upgraded = Manifest(name)
        upgraded.base = Part(name, 1, BASE)
        upgraded.base_sequence = 1
        try:
            files.make_directory(self.owner.directory)
            upgraded.store(self.owner.directory)
            os.rename(old, self.owner.path(name))
        except OSError as failed:
            raise LoadError(
                f"Error trying to move the old AOF file {name} into dir"
                f" {self.owner.directory}: {failed.strerror}"
            ) from None
        sync_names(self.owner.directory)
        self.owner.manifest = upgraded
        log.notice(
            f"Successfully migrated an old-style AOF file ({name}) into the AOF directory"
            f" ({self.config.appenddirname})."
        )

    # --- the parts ---

    def load_parts(self) -> None:
        owner = self.owner
        parts = owner.manifest.parts()
        sizes = [self.size_of(part) for part in parts]
        self.tearable = self.last_with_data(parts, sizes)
        owner.current_bytes = sum(sizes)
        owner.base_bytes = sizes[0] if owner.manifest.base is not None else 0
        if not owner.current_bytes:
            return
        self.loading.begin(owner.current_bytes)
        try:
            for part in parts:
                started = time.monotonic()
                if self.load_part(part, last=part is self.tearable):
                    kind = "base" if part.kind == BASE else "incr"
                    log.notice(
                        f"DB loaded from {kind} file {part.name}:"
                        f" {time.monotonic() - started:.3f} seconds"
                    )
        finally:
            seconds = self.loading.end()
        log.notice(f"DB loaded from append only file: {seconds:.3f} seconds")
        self.engine.dirty = 0

    @staticmethod
    def last_with_data(parts: list[Part], sizes: list[int]) -> Part | None:
        """The file that may end in the midst of a command: nothing was logged after it. Redis does
        not sync an increment before it begins the next: if the machine crashes just then, it is
        followed by an empty one."""
        for part, size in zip(reversed(parts), reversed(sizes), strict=True):
            if size and part.kind == INCREMENT:
                return part
        return parts[-1] if parts else None

    def size_of(self, part: Part) -> int:
        try:
            return os.stat(self.owner.path(part.name)).st_size
        except OSError as failed:
            raise LoadError(
                f"Unable to obtain the AOF file {part.name} length. stat: {failed.strerror}"
            ) from None

    def load_part(self, part: Part, last: bool) -> bool:
        """False for an empty file."""
        try:
            data = mapped(self.owner.path(part.name))
        except OSError as failed:
            raise LoadError(
                f"Fatal error: can't open the append log file {part.name} for reading:"
                f" {failed.strerror}"
            ) from None
        if not len(data):
            return False
        offset = 0
        if data[: len(SNAPSHOT_MAGIC)] == SNAPSHOT_MAGIC:
            offset = self.load_snapshot(part, data)
        self.load_commands(part, data, offset, last)
        self.loaded_bytes += len(data)
        return True

    def load_snapshot(self, part: Part, data: Any) -> int:
        """The snapshot a file begins with; where it ends."""
        single = part.name == self.config.appendfilename
        log.notice(
            "Reading RDB preamble from AOF file..."
            if single
            else "Reading RDB base file on AOF loading..."
        )
        try:
            reader = SnapshotReader(
                self.engine,
                data,
                verify_checksum=bool(self.config.rdbchecksum),
                keep_expired=True,
            )
            self.loading.run(reader, self.loaded_bytes, self.between)
        except SnapshotError as damage:
            raise LoadError(
                f"Error reading the RDB base file {part.name}, AOF loading aborted: {damage} at"
                f" offset {damage.offset}"
            ) from None
        self.owner.instance.snapshots.note_loaded(reader)
        if single and reader.offset < len(data):
            log.notice("Reading the remaining AOF tail...")
        return int(reader.offset)

    def load_commands(self, part: Part, data: Any, offset: int, last: bool) -> None:
        reader = LogReader(self.engine, data, offset)
        try:
            self.loading.run(reader, self.loaded_bytes, self.between)
        except LogDamage as damage:
            raise LoadError(
                f"Bad file format reading the append only file {part.name}: {damage} at offset"
                f" {damage.offset}. Make a backup of your AOF file, then use carnelian check-aof"
                " --fix <filename.manifest>"
            ) from None
        finally:
            reader.close()
        if reader.torn:
            self.cut(part, reader, last)

    def cut(self, part: Part, reader: Any, last: bool) -> None:
        """The file ends in the middle of a command or a transaction."""
        if reader.in_multi:
            log.warning(f"Revert incomplete MULTI/EXEC transaction in AOF file {part.name}")
        if not last:
            raise LoadError(
                f"Unexpected end of file reading the append only file {part.name} at offset"
                f" {reader.good}. Fatal error: the truncated file is not the last file"
            )
        if not self.config.aof_load_truncated:
            raise LoadError(
                f"Unexpected end of file reading the append only file {part.name} at offset"
                f" {reader.good}. {ADVICE}"
            )
        log.warning(f"!!! Warning: short read while loading the AOF file {part.name}!!!")
        log.warning(f"!!! Truncating the AOF {part.name} at offset {reader.good} !!!")
        try:
            os.truncate(self.owner.path(part.name), reader.good)
        except OSError as failed:
            raise LoadError(
                f"Error truncating the AOF file {part.name}: {failed.strerror}"
            ) from None
        self.owner.current_bytes -= reader.total - reader.good
        log.warning(f"AOF {part.name} loaded anyway because aof-load-truncated is enabled")
