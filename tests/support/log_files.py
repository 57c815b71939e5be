"""Append-only files from the outside: what they say, made by hand, and damaged."""

from __future__ import annotations

from pathlib import Path

from tests.support.resp import encode_command

DIRECTORY = "appendonlydir"
MANIFEST = "appendonly.aof.manifest"
BASE = "appendonly.aof.1.base.aof"
INCREMENT = "appendonly.aof.1.incr.aof"
GOOD_MANIFEST = f"file {BASE} seq 1 type b\nfile {INCREMENT} seq 1 type i\n"


def encoded(*commands: str) -> bytes:
    """Commands, words separated by blanks, as a log has them."""
    return b"".join(encode_command(command.split()) for command in commands)


def logged(path: Path) -> list[str]:
    """The commands in a file, words joined by blanks; annotations as they are."""
    data = path.read_bytes()
    found = []
    at = 0
    while at < len(data):
        end = data.index(b"\r\n", at)
        head, at = data[at:end], end + 2
        if head[:1] == b"#":
            found.append(head.decode())
            continue
        words = []
        for _ in range(int(head[1:])):
            end = data.index(b"\r\n", at)
            length = int(data[at + 1 : end])
            words.append(data[end + 2 : end + 2 + length].decode("latin-1"))
            at = end + 4 + length
        found.append(" ".join(words))
    return found


def make(directory: Path, manifest: str = GOOD_MANIFEST, **files: bytes) -> Path:
    """A directory of append-only files: `base`, `increment`, and others under their names with _
    for a dot. Its path."""
    place = directory / DIRECTORY
    place.mkdir(exist_ok=True)
    (place / MANIFEST).write_text(manifest)
    for name, data in files.items():
        real = {"base": BASE, "increment": INCREMENT}.get(name, name.replace("_", "."))
        (place / real).write_bytes(data)
    return place


def snapshot(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, to see that none has changed."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
