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
from carnelian.services.persistence.rdb.snapshot import SnapshotError, begins_snapshot

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from carnelian.services.config.config import Config
    from carnelian.services.persistence.loading import Loading

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
    """Afterwards it knows how big the files are."""

    def __init__(self, engine: Any, config: Config, loading: Loading, directory: str) -> None:
        self.engine = engine
        self.config = config
        self.loading = loading
        self.directory = directory
        self.manifest = Manifest("")
        self.current_bytes = 0
        self.base_bytes = 0
        self.loaded_bytes = 0
        self.tearable: Part | None = None

    def run(self, between: Callable[[], None]) -> Manifest:
        """The manifest, once all it names is loaded; `between` runs after each part: clients wait.
        LoadError."""
        self.manifest = read_manifest(self.directory, str(self.config.appendfilename))
        self.upgrade_if_needed()
        self.load_parts(between)
        return self.manifest

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    # --- a single file of an older version ---

    def upgrade_if_needed(self) -> None:
        """Redis before 7 had one file, in the working directory."""
        name = str(self.config.appendfilename)
        old = os.path.join(str(self.config.dir), name)
        manifest = self.manifest
        if not os.path.isfile(old):
            return
        interrupted = (
            manifest.base is not None
            and not manifest.increments
            and manifest.base.name == name
            and not os.path.exists(self.path(name))
        )
        if manifest.parts() and not interrupted:
            return
        upgraded = Manifest(name)
        upgraded.base = Part(name, 1, BASE)
        upgraded.base_sequence = 1
        try:
            files.make_directory(self.directory)
            upgraded.store(self.directory)
            os.rename(old, self.path(name))
        except OSError as failed:
            raise LoadError(
                f"Error trying to move the old AOF file {name} into dir"
                f" {self.directory}: {failed.strerror}"
            ) from None
        sync_names(self.directory)
        self.manifest = upgraded
        log.notice(
            f"Successfully migrated an old-style AOF file ({name}) into the AOF directory"
            f" ({self.config.appenddirname})."
        )

    # --- the parts ---

    def load_parts(self, between: Callable[[], None]) -> None:
        parts = self.manifest.parts()
        sizes = [self.size_of(part) for part in parts]
        self.tearable = self.last_with_data(parts, sizes)
        self.current_bytes = sum(sizes)
        self.base_bytes = sizes[0] if self.manifest.base is not None else 0
        if not self.current_bytes:
            return
        self.loading.begin(self.current_bytes)
        try:
            for part in parts:
                started = time.monotonic()
                if self.load_part(part, between, last=part is self.tearable):
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
            return os.stat(self.path(part.name)).st_size
        except OSError as failed:
            raise LoadError(
                f"Unable to obtain the AOF file {part.name} length. stat: {failed.strerror}"
            ) from None

    def load_part(self, part: Part, between: Callable[[], None], last: bool) -> bool:
        """False for an empty file."""
        try:
            data = mapped(self.path(part.name))
        except OSError as failed:
            raise LoadError(
                f"Fatal error: can't open the append log file {part.name} for reading:"
                f" {failed.strerror}"
            ) from None
        if not len(data):
            return False
        offset = 0
        if begins_snapshot(data):
            offset = self.load_snapshot(part, data, between)
        reader = self.load_commands(part, data, offset, between)
        if reader.torn:
            self.cut(part, reader, last)
        self.loaded_bytes += len(data)
        return True

    def load_snapshot(self, part: Part, data: Any, between: Callable[[], None]) -> int:
        """The snapshot a file begins with; where it ends."""
        single = part.name == self.config.appendfilename
        log.notice(
            "Reading RDB preamble from AOF file..."
            if single
            else "Reading RDB base file on AOF loading..."
        )
        try:
            reader = self.loading.reader(data)
            self.loading.run(reader, self.loaded_bytes, between)
        except SnapshotError as damage:
            raise LoadError(
                f"Error reading the RDB base file {part.name}, AOF loading aborted: {damage} at"
                f" offset {damage.offset}"
            ) from None
        self.loading.note_loaded(reader)
        if single and reader.offset < len(data):
            log.notice("Reading the remaining AOF tail...")
        return int(reader.offset)

    def load_commands(
        self, part: Part, data: Any, offset: int, between: Callable[[], None]
    ) -> LogReader:
        reader = LogReader(self.engine, data, offset)
        try:
            self.loading.run(reader, self.loaded_bytes, between)
        except LogDamage as damage:
            raise LoadError(
                f"Bad file format reading the append only file {part.name}: {damage} at offset"
                f" {damage.offset}. Make a backup of your AOF file, then use carnelian check-aof"
                " --fix <filename.manifest>"
            ) from None
        finally:
            reader.close()
        return reader

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
            os.truncate(self.path(part.name), reader.good)
        except OSError as failed:
            raise LoadError(
                f"Error truncating the AOF file {part.name}: {failed.strerror}"
            ) from None
        self.current_bytes -= reader.total - reader.good
        log.warning(f"AOF {part.name} loaded anyway because aof-load-truncated is enabled")
