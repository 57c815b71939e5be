"""What a disk may hold after a power cut, from what a server did to its directory until then.

A power cut keeps what was synced. Of the rest each file may have lost a tail (or have it all), and
of the changes of names since their directory was synced any may have happened, or none.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

HEAD = struct.Struct("<cQQII")
SOURCE = Path(__file__).with_suffix(".c")
Names = dict[str, int | None]  # the inode of a path; None for a directory


def compiled(directory: Path) -> Path | None:
    """The library to preload; None where there is no compiler."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return None
    library = directory / "power_loss.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    return library if subprocess.run(command, check=False).returncode == 0 else None


class Event:
    def __init__(self, kind: str, number: int, inode: int, first: bytes, second: bytes) -> None:
        self.kind = kind
        self.number = number
        self.inode = inode
        self.first = first
        self.second = second

    @property
    def path(self) -> str:
        return os.fsdecode(self.first)


def events(trace: Path) -> Iterator[Event]:
    data = trace.read_bytes()
    at = 0
    while at < len(data):
        kind, number, inode, first, second = HEAD.unpack_from(data, at)
        at += HEAD.size
        yield Event(
            kind.decode(), number, inode, data[at : at + first], data[at + first :][:second]
        )
        at += first + second


class File:
    def __init__(self) -> None:
        self.data = bytearray()
        self.durable = b""

    def after_a_cut(self, rng: random.Random, keep: str) -> bytes:
        current = bytes(self.data)
        if keep == "nothing" or not current.startswith(self.durable):
            return self.durable
        if keep == "all":
            return current
        return current[: rng.randint(len(self.durable), len(current))]


class Disk:
    """Follows events; `files` by inode, as inodes are used again only after a 'C'."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.files: dict[int, File] = {}
        self.names: Names = {str(directory): None}
        self.durable_names: Names = dict(self.names)
        self.changes: list[tuple[str, Names]] = []  # (directory, what its names become)
        self.syncing: dict[int, bytes] = {}

    def change(self, path: str, names: Names) -> None:
        self.names.update(names)
        self.changes.append((os.path.dirname(path), names))

    def follow(self, event: Event) -> None:
        kind, inode = event.kind, event.inode
        if kind == "C":
            self.files[inode] = File()
            self.change(event.path, {event.path: inode})
        elif kind == "M":
            self.change(event.path, {event.path: None})
        elif kind == "U":
            self.change(event.path, {event.path: -1})
        elif kind == "R":
            new = os.fsdecode(event.second)
            self.change(new, {event.path: -1, new: self.names[event.path]})
        elif kind == "D":
            for directory, names in self.changes:
                if directory == event.path:
                    self.durable_names.update(names)
            self.changes = [change for change in self.changes if change[0] != event.path]
        elif kind in "WTBS" and inode in self.files:
            self.follow_file(event)

    def follow_file(self, event: Event) -> None:
        file = self.files[event.inode]
        if event.kind == "W":
            file.data[event.number : event.number + len(event.first)] = event.first
        elif event.kind == "T":
            del file.data[event.number :]
        elif event.kind == "B":
            self.syncing[event.number] = bytes(file.data)
        else:
            file.durable = self.syncing.pop(event.number)

    def write(self, target: Path, rng: random.Random, keep: str) -> None:
        """Make the directory as a cut now would leave it. `keep` of what was not synced: nothing,
        all, or some."""
        shutil.rmtree(target, ignore_errors=True)
        names = dict(self.durable_names)
        for _, change in self.changes:
            if keep == "all" or (keep == "some" and rng.random() < 0.5):
                names.update(change)
        for path in sorted(names):
            inode = names[path]
            place = target / os.path.relpath(path, self.directory)
            if inode is None:
                place.mkdir(parents=True, exist_ok=True)
            elif inode >= 0 and place.parent.is_dir():
                place.write_bytes(self.files[inode].after_a_cut(rng, keep))
