"""Files that survive a crash of the machine, and names that nobody else has laid a trap under.

A name that is new or changed is on disk when its directory has been synced. Pure functions, for
any thread: the calls that may take long (fsync) release the GIL. All raise OSError.
"""

from __future__ import annotations

import os
import posix

PERMISSIONS = 0o644


def sync(fd: int) -> None:
    """Have the file's bytes on the disk."""
    (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(fd)


def sync_directory(path: str) -> None:
    """Have the names in a directory on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(path: str) -> None:
    """Make a directory, unless it is there, so that it stays."""
    if not os.path.isdir(path):
        os.makedirs(path, 0o755, exist_ok=True)
        sync_directory(os.path.dirname(os.path.abspath(path)))


def create(path: str, flags: int = os.O_WRONLY) -> int:
    """The descriptor of a new file. What has the name already, left by a crash or put there by
    somebody else, is not written to and not followed: it goes."""
    remove_quietly(path)
    exclusive = os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags | exclusive, PERMISSIONS)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def write(path: str, data: bytes) -> None:
    """A new file with these bytes, on disk; its name is not yet."""
    handle = create(path)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def rename(old: str, new: str) -> None:
    """Give a file its final name, for good."""
    os.replace(old, new)
    sync_directory(os.path.dirname(os.path.abspath(new)))


def replace(path: str, draft: str, data: bytes) -> None:
    """Replace a small file in one step: a crash leaves the old or the new one. `draft`, beside it,
    is the name meanwhile."""
    try:
        write(draft, data)
        rename(draft, path)
    except OSError:
        remove_quietly(draft)
        raise


def remove_quietly(path: str) -> None:
    try:
        posix.unlink(path)
    except OSError:
        pass
