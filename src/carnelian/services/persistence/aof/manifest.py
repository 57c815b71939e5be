"""The manifest of a multi-part append-only file: which files, in which order, make up the data.

    file appendonly.aof.2.base.rdb seq 2 type b       the data set as of some moment
    file appendonly.aof.1.incr.aof seq 1 type h       history: superseded, about to be deleted
    file appendonly.aof.2.incr.aof seq 2 type i       the commands since, in one or more files

The format is Redis 7's. A Manifest is a value: changes are made to a copy, which replaces the
original when it is on disk.
"""

from __future__ import annotations

import os

from carnelian.base import files
from carnelian.services import log
from carnelian.services.config.syntax import quote, split_words, to_bytes, to_text

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Iterator

BASE, HISTORY, INCREMENT = "b", "h", "i"
LINE_MAX = 1024
NEEDS_QUOTES = frozenset(" \"'\\")


class ManifestError(ValueError):
    """A manifest that cannot be used: the line, its number (0: none) and the reason."""

    def __init__(self, reason: str, number: int = 0, line: str = "") -> None:
        super().__init__(reason)
        self.number = number
        self.line = line


class Part:
    """One file."""

    __slots__ = ("kind", "name", "sequence")

    def __init__(self, name: str, sequence: int, kind: str) -> None:
        self.name = name
        self.sequence = sequence
        self.kind = kind

    def line(self) -> str:
        name = self.name
        plain = name.isascii() and name.isprintable() and not set(name) & NEEDS_QUOTES
        shown = name if plain else quote(name)
        return f"file {shown} seq {self.sequence} type {self.kind}\n"


class Manifest:
    def __init__(self, file_name: str) -> None:
        self.file_name = file_name  # appendfilename, from which the names are made
        self.base: Part | None = None
        self.increments: list[Part] = []
        self.history: list[Part] = []
        self.base_sequence = 0
        self.increment_sequence = 0

    @property
    def name(self) -> str:
        return f"{self.file_name}.manifest"

    @property
    def temporary_increment(self) -> str:
        """Takes the writes until the first rewrite has succeeded; in no manifest."""
        return f"temp-{self.file_name}.incr"

    def copy(self) -> Manifest:
        other = Manifest(self.file_name)
        other.base = self.base
        other.increments = self.increments[:]
        other.history = self.history[:]
        other.base_sequence = self.base_sequence
        other.increment_sequence = self.increment_sequence
        return other

    def parts(self) -> list[Part]:
        """The files that hold the data, in order."""
        return ([self.base] if self.base is not None else []) + self.increments

    # --- changes ---

    def new_base(self, snapshot: bool) -> str:
        """A new base takes the place of the old one, which becomes history."""
        if self.base is not None:
            self.history.insert(0, Part(self.base.name, self.base.sequence, HISTORY))
        self.base_sequence += 1
        name = f"{self.file_name}.{self.base_sequence}.base.{'rdb' if snapshot else 'aof'}"
        self.base = Part(name, self.base_sequence, BASE)
        return name

    def new_increment(self) -> str:
        self.increment_sequence += 1
        name = f"{self.file_name}.{self.increment_sequence}.incr.aof"
        self.increments.append(Part(name, self.increment_sequence, INCREMENT))
        return name

    def supersede(self, keep_last: bool) -> None:
        """A new base holds what the increments said, all but the one now written to."""
        kept = self.increments[-1:] if keep_last else []
        for part in reversed(self.increments[: len(self.increments) - len(kept)]):
            self.history.insert(0, Part(part.name, part.sequence, HISTORY))
        self.increments = kept

    # --- text ---

    def text(self) -> str:
        return "".join(
            part.line()
            for part in (
                *([self.base] if self.base is not None else []),
                *self.history,
                *self.increments,
            )
        )

    def store(self, directory: str) -> None:
        """Write it to its directory, completely or not at all; OSError says what failed."""
        files.sync_directory(directory)  # a crash must not leave names without their files
        path = os.path.join(directory, self.name)
        temporary = os.path.join(directory, f"temp-{self.name}")
        files.write(temporary, to_bytes(self.text()))
        os.replace(temporary, path)
        sync_names(directory)


def sync_names(directory: str) -> None:
    """Have new names in a directory survive a crash of the machine. No error if that fails: the
    new names are in force, and whoever thought otherwise would remove the wrong files."""
    try:
        files.sync_directory(directory)
    except OSError as failed:
        log.warning(f"Fail to fsync AOF directory {directory}: {failed.strerror}")


def load(directory: str, file_name: str) -> Manifest | None:
    """The manifest in a directory; None if there is none. ManifestError, OSError."""
    manifest = Manifest(file_name)
    try:
        with open(os.path.join(directory, manifest.name), "rb") as file:
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not data:
        raise ManifestError("Found an empty AOF manifest")
    for number, line in lines_of(data):
        if not line.startswith("#"):
            try:
                add_line(manifest, line)
            except ValueError as wrong:
                raise ManifestError(str(wrong), number, line) from None
    return manifest


def lines_of(data: bytes) -> Iterator[tuple[int, str]]:
    *lines, rest = data.split(b"\n")
    for number, raw in enumerate([*lines, rest] if rest else lines, 1):
        line = to_text(raw)
        if not line.startswith("#") and (len(raw) >= LINE_MAX or number > len(lines)):
            raise ManifestError("The AOF manifest file contains too long line", number, line)
        yield number, line.strip(" \t\r")


def add_line(manifest: Manifest, line: str) -> None:
    """Take one line in; ValueError says what is wrong with it."""
    words = split_words(line) if line else None
    if words is None or len(words) < 6 or len(words) % 2:
        raise ValueError("Invalid AOF manifest file format")
    named = {words[i].lower(): words[i + 1] for i in range(0, len(words), 2)}
    name, kind = named.get("file", ""), named.get("type", "")[:1]
    if "/" in name or "\\" in name:
        raise ValueError("File can't be a path, just a filename")
    digits = named.get("seq", "")
    sequence = int(digits) if digits.isascii() and digits.isdigit() else 0
    if not name or not kind or not sequence:
        raise ValueError("Invalid AOF manifest file format")
    part = Part(name, sequence, kind)
    if kind == BASE:
        if manifest.base is not None:
            raise ValueError("Found duplicate base file information")
        manifest.base = part
        manifest.base_sequence = sequence
    elif kind == HISTORY:
        manifest.history.append(part)
    elif kind == INCREMENT:
        if manifest.increments and sequence <= manifest.increments[-1].sequence:
            raise ValueError("Found a non-monotonic sequence number")
        manifest.increments.append(part)
        manifest.increment_sequence = sequence
    else:
        raise ValueError("Unknown AOF file type")
