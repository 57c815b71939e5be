"""Append-only files and snapshots with random damage: checked and loaded in this process, where a
sanitizer sees every read beyond the end; whatever is loaded is sound."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from carnelian.embedded import Engine
from carnelian.services.persistence.aof.check import main as check_aof
from carnelian.services.persistence.aof.replay import LogDamage, LogReader
from carnelian.services.persistence.rdb.snapshot import SnapshotError, SnapshotReader
from carnelian.services.persistence.rdb.snapshot_stream import StreamedReader
from tests.support.client import InProcessClient
from tests.support.log_files import DIRECTORY
from tests.support.persistence import fill
from tests.support.waiting import wait_until

INTERESTING = b"*$\r\n-0123456789#\x00\xff\x80\xc0\xc3"


def files(directory: Path, preamble: str) -> list[bytes]:
    """A base and an increment with every type in them."""
    engine = Engine(dir=str(directory), appendonly="yes", aof_use_rdb_preamble=preamble)
    client = InProcessClient(engine.execute, 2, engine.close)
    fill(client)
    client.call("XADD", "stream:x", "IDMP", "p", "1", "*", "f", "v")
    client.call("XNACK", "stream:1", "group", "SILENT", "IDS", "1", "2-1")
    client.call("BGREWRITEAOF")
    idle = b"aof_rewrite_in_progress:0"
    wait_until(lambda: idle in client.call("INFO", "persistence"), "it is rewritten")
    client.call("MULTI")
    client.call("INCR", "n")
    client.call("SET", "k", "v")
    client.call("EXEC")
    engine.close()
    return [path.read_bytes() for path in sorted((directory / DIRECTORY).glob("*.2.*"))]


def damaged(source: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    start = source.randrange(len(data))
    if len(changed) > 3000:  # a part is enough, and quicker
        start = min(start, len(changed) - 3000)
    for _ in range(source.randint(1, 4)):
        if start >= len(changed):
            break  # all that was there has been taken away
        at = source.randrange(start, min(start + 3000, len(changed)))
        kind = source.random()
        if kind < 0.6:
            changed[at] = source.choice(INTERESTING)
        elif kind < 0.8:
            del changed[at : at + source.randint(1, 9)]
        else:
            changed[at:at] = source.randbytes(source.randint(1, 9))
    if changed and source.random() < 0.3:
        del changed[source.randrange(len(changed)) :]
    return bytes(changed)


def replay(engine: Engine | None, data: bytes) -> None:
    reader: Any = LogReader(engine and engine.instance.engine, data)
    try:
        while not reader.load_some(1 << 16):
            pass
    except LogDamage:
        pass
    assert 0 <= reader.good <= len(data)
    reader.close()


def load(reader: Any, data: bytes, streamed: bool) -> None:
    try:
        if streamed:
            for at in range(0, len(data), 999):
                reader.feed(data[at : at + 999])
            reader.end()
        else:
            while not reader.load_some(1 << 16):
                pass
    except SnapshotError:
        pass


def empty(engine: Engine) -> None:
    assert engine.execute([b"DEBUG", b"VERIFY"]).startswith((b"+OK", b"-ERR DEBUG command"))
    engine.instance.engine.empty(False)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> random.Random:
    given = request.config.getoption("--fuzz-seed")
    return random.Random(given or time.time_ns())


def test_damaged_logs(seed: random.Random, request: Any, tmp_path: Path, capsys: Any) -> None:
    base, increment = files(tmp_path, "no")
    log = increment + base[len(base) // 2 :]  # the end of a command, and on
    engine = Engine(enable_debug_command="yes")
    replay(None, base)
    end = time.monotonic() + request.config.getoption("--fuzz-seconds")
    path = tmp_path / "log.aof"
    while time.monotonic() < end:
        data = damaged(seed, seed.choice([base, increment, log]))
        engine.instance.engine.propagation.suspend()
        replay(engine, data)
        replay(None, data)
        path.write_bytes(data)
        check_aof([str(path)])
        empty(engine)
    engine.close()
    assert "AOF analyzed" in capsys.readouterr().out


def test_damaged_snapshots(seed: random.Random, request: Any, tmp_path: Path) -> None:
    base, _ = files(tmp_path, "yes")
    engine = Engine(enable_debug_command="yes")
    native = engine.instance.engine
    end = time.monotonic() + request.config.getoption("--fuzz-seconds")
    while time.monotonic() < end:
        data = damaged(seed, base)
        load(StreamedReader(native, verify_checksum=False), data, True)
        empty(engine)
        try:
            reader: Any = SnapshotReader(native, data, verify_checksum=False)
        except SnapshotError:
            continue
        load(reader, data, False)
        empty(engine)
    engine.close()
