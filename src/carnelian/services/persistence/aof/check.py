"""`carnelian check-aof`: look through append-only files, say what is damaged and where, mend it.

FILE is a manifest, or one file of commands with or without a snapshot in front. Only the last file
is ever cut, to its last good command or to a point in time.
"""

from __future__ import annotations

import os
import sys

import carnelian.commands  # noqa: F401  the names of all commands
from carnelian.services.persistence.aof.manifest import BASE, Manifest, ManifestError, load
from carnelian.services.persistence.aof.replay import LogDamage, LogReader
from carnelian.services.persistence.rdb.check import Check, mapped
from carnelian.services.persistence.rdb.snapshot import begins_snapshot

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any

USAGE = """\
Usage: carnelian check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>
"""
STEP_BYTES = 16 << 20
SUFFIX = ".manifest"


class Failure(Exception):
    """The end of the check; the text says why."""


class Options:
    def __init__(self) -> None:
        self.fix = False
        self.stop_s = 0
        self.path = ""


def parse(words: list[str]) -> Options | None:
    options = Options()
    if len(words) == 2 and words[0] == "--fix":
        options.fix = True
    elif len(words) == 3 and words[0] == "--truncate-to-timestamp" and words[1].isdigit():
        options.stop_s = int(words[1])
        if not options.stop_s:
            return None
    elif len(words) != 1:
        return None
    options.path = words[-1]
    return options


def line_count(data: Any, end: int) -> int:
    """Lines that end before this offset."""
    pieces = (data[at : min(at + STEP_BYTES, end)] for at in range(0, end, STEP_BYTES))
    return sum(piece.count(b"\n") for piece in pieces)


def is_manifest(path: str) -> bool:
    """Whether the first line that is no comment looks like one of a manifest."""
    with open(path, "rb") as file:
        for line in file:
            if not line.startswith(b"#"):
                return line[:5].lower() == b"file "
    return False


class Checker:
    def __init__(self, options: Options) -> None:
        self.options = options

    def check_one(self, path: str, name: str, last: bool) -> None:
        """One file; Failure when it stays damaged."""
        data = mapped(path)
        start = 0
        if data and begins_snapshot(data):
            check = Check(data)
            if not check.run(name):
                raise Failure(f"RDB preamble of AOF file is not sane, aborting. ({name})")
            start = check.end
            if start == len(data):
                return
            print("RDB preamble is OK, proceeding with AOF tail...")
        reader: Any = LogReader(None, data, start, self.options.stop_s)
        damage = self.read(reader)
        if damage:
            print(damage)
        size, good = len(data), reader.good
        print(
            f"AOF analyzed: filename={name}, size={size}, ok_up_to={good},"
            f" ok_up_to_line={line_count(data, good)}, diff={size - good}"
        )
        if reader.stopped:
            self.truncate_to_time(path, name, reader, last)
        elif good < size:
            self.mend(path, name, size, good, last)
        elif self.options.stop_s:
            print(f"Truncate nothing in AOF {name} to timestamp {self.options.stop_s}")
        else:
            print(f"AOF {name} is valid")

    def read(self, reader: Any) -> str:
        """What is wrong; empty if nothing is."""
        try:
            while not reader.load_some(STEP_BYTES):
                pass
        except LogDamage as damage:
            return f"0x{damage.offset:16x}: {damage}"
        if reader.torn and reader.in_multi:
            return f"0x{reader.good:16x}: Reached EOF before reading EXEC for MULTI"
        if reader.torn:
            return f"0x{reader.record_offset:16x}: Reached EOF inside of this command"
        return ""

    def mend(self, path: str, name: str, size: int, good: int, last: bool) -> None:
        if not self.options.fix:
            raise Failure(
                f"AOF {name} is not valid. Use the --fix option to try fixing it."
                if last
                else f"AOF {name} is not valid, and cutting it would not mend it: it is not the"
                " last file."
            )
        if not last:
            raise Failure(f"Failed to truncate AOF {name} because it is not the last file")
        print(
            f"This will shrink the AOF {name} from {size} bytes, with {size - good} bytes, to"
            f" {good} bytes"
        )
        print("Continue? [y/N]: ", end="", flush=True)
        if not sys.stdin.readline().lower().startswith("y"):
            raise Failure("Aborting...")
        self.cut(path, good)
        print(f"Successfully truncated AOF {name}")

    def truncate_to_time(self, path: str, name: str, reader: Any, last: bool) -> None:
        stop_s, good = self.options.stop_s, reader.good
        if not good:
            raise Failure(f"AOF {name} has nothing before timestamp {stop_s}, aborting...")
        if not last:
            raise Failure(
                f"Failed to truncate AOF {name} to timestamp {stop_s} to offset {good} because it"
                " is not the last file. If you insist, please delete all files after this file"
                " according to the manifest file and delete the corresponding records in manifest"
                " file manually. Then run this again."
            )
        self.cut(path, good)
        print(f"Successfully truncated AOF {name} to timestamp {stop_s}")

    def cut(self, path: str, size: int) -> None:
        handle = os.open(path, os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
            os.fsync(handle)
        finally:
            os.close(handle)

    # --- what there is to check ---

    def check_manifest(self, path: str) -> None:
        print("Start checking Multi Part AOF")
        directory, name = os.path.split(path)
        file_name = name[: -len(SUFFIX)] if name.endswith(SUFFIX) else name
        manifest = self.read_manifest(directory or ".", file_name, name)
        parts = manifest.parts()
        for part in parts:
            kind = "BASE" if part.kind == BASE else "INCR"
            print(f"Start to check {kind} AOF ({part.name}).")
            self.check_one(os.path.join(directory, part.name), part.name, part is parts[-1])
            print(f"{kind} AOF {part.name} is valid")
        print("All AOF files and manifest are valid")

    def read_manifest(self, directory: str, file_name: str, name: str) -> Manifest:
        try:
            manifest = load(directory, file_name)
        except ManifestError as wrong:
            where = f" at line {wrong.number} ('{wrong.line}')" if wrong.number else ""
            raise Failure(f"AOF manifest {name} is not valid{where}: {wrong}") from None
        if manifest is None:
            raise Failure(f"AOF manifest {name} does not end with {SUFFIX}")
        return manifest


def main(words: list[str]) -> int:
    options = parse(words)
    if options is None:
        sys.stderr.write(USAGE)
        return 1
    checker = Checker(options)
    path = options.path
    try:
        if os.path.getsize(path) == 0:
            raise Failure(f"AOF {path} is empty")
        if is_manifest(path):
            checker.check_manifest(path)
        else:
            print("Start checking Old-Style AOF")
            checker.check_one(path, os.path.basename(path), last=True)
    except Failure as end:
        print(end)
        return 1
    except OSError as failed:
        print(f"Cannot open file {failed.filename or path}: {failed.strerror}")
        return 1
    return 0
