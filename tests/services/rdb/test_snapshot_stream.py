"""Snapshots loaded while they arrive: wherever they are cut, the data is the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base.memory import stats
from carnelian.embedded import Engine
from carnelian.services.persistence.rdb.snapshot import SnapshotError
from carnelian.services.persistence.rdb.snapshot_stream import StreamedReader
from carnelian.services.persistence.rdb.write import write_snapshot
from tests.support.client import InProcessClient
from tests.support.persistence import fill

PIECE = 1 << 14


class Data:
    """An engine in this process."""

    def __init__(self) -> None:
        self.owner = Engine(enable_debug_command="yes")
        self.engine: Any = self.owner.instance.engine
        self.client = InProcessClient(self.owner.execute, 2, self.owner.close)

    def snapshot(self, directory: Path) -> bytes:
        path = directory / "made.rdb"
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_TRUNC)
        write_snapshot(self.engine, handle, [(b"used-mem", b"1000")])
        os.close(handle)
        return path.read_bytes()

    def digest(self) -> Any:
        assert self.client.call("DEBUG", "VERIFY") == "OK"
        return self.client.call("DEBUG", "DIGEST")

    def empty(self) -> None:
        self.engine.empty(False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bytes, Any]]:
    """A file with every type, and the digest of its data."""
    data = Data()
    fill(data.client)
    data.client.call("HSET", "timed", *[f"f{i}" for i in range(20)])
    data.client.call("HPEXPIREAT", "timed", "9999999999999", "FIELDS", "2", "f0", "f2")
    for i in range(300):
        data.client.call("XADD", "long stream", f"{i + 1}-0", "field", "x" * i)
    for group in ("one", "two"):
        data.client.call("XGROUP", "CREATE", "long stream", group, "0")
        data.client.call(
            "XREADGROUP", "GROUP", group, "reader", "COUNT", "200", "STREAMS", "long stream", ">"
        )
    yield data.snapshot(tmp_path_factory.mktemp("snapshot")), data.digest()
    data.owner.close()


def feed(reader: Any, whole: bytes, cuts: list[int]) -> None:
    at = 0
    while at < len(whole):
        size = cuts.pop() if cuts else PIECE
        reader.feed(whole[at : at + size])
        at += size


def load(data: Data, whole: bytes) -> None:
    reader = StreamedReader(data.engine)
    feed(reader, whole, [])
    reader.end()


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.one_of(st.integers(1, 40), st.integers(1, 20_000)), max_size=400))
def test_cut_anywhere(source: tuple[bytes, Any], cuts: list[int]) -> None:
    whole, digest = source
    data = Data()
    reader = StreamedReader(data.engine)
    feed(reader, whole + b"the stream goes on", cuts)
    reader.end()
    assert reader.offset == len(whole)
    assert reader.aux[b"used-mem"] == b"1000"
    assert data.digest() == digest
    data.owner.close()


def test_byte_by_byte(tmp_path: Path) -> None:
    data = Data()
    data.client.call("SET", "text", "x" * 500)
    data.client.call("RPUSH", "list", *range(300), "y" * 9000)
    data.client.call("HSET", "hash", *[f"{i}" for i in range(1200)])
    data.client.call("ZADD", "scores", *[str(i) for i in range(600)])
    data.client.call("XADD", "stream", "1-1", "a", "b")
    data.client.call("XGROUP", "CREATE", "stream", "g", "0")
    data.client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
    whole, digest = data.snapshot(tmp_path), data.digest()
    data.empty()
    reader = StreamedReader(data.engine)
    feed(reader, whole, [1] * len(whole))
    reader.end()
    assert data.digest() == digest
    data.owner.close()


def test_every_place_it_may_end(source: tuple[bytes, Any]) -> None:
    """Cut short it is an error, and leaves no memory behind."""
    whole, _ = source
    data = Data()

    def cut_at(size: int) -> None:
        with pytest.raises(SnapshotError):
            load(data, whole[:size])
        data.empty()

    cut_at(5000)
    live = stats()["live"]
    for size in [0, 5, 8, 9, 10, *range(20, len(whole), len(whole) // 61), len(whole) - 1]:
        cut_at(size)
    assert stats()["live"] <= live
    data.owner.close()


@pytest.mark.parametrize("place", [0, 7, 12, 2000, -1])
def test_damage(source: tuple[bytes, Any], place: int) -> None:
    whole, _ = source
    damaged = bytearray(whole)
    damaged[place] ^= 0x55
    data = Data()
    with pytest.raises(SnapshotError):
        load(data, bytes(damaged))
    data.owner.close()


def test_big_collections_need_little_room(tmp_path: Path) -> None:
    data = Data()
    for i in range(0, 60_000, 1000):
        numbers = range(i, i + 1000)
        data.client.call("HSET", "hash", *[w for j in numbers for w in (f"f{j}", "v" * 40)])
        data.client.call("SADD", "set", *[f"member {j}" for j in numbers])
        data.client.call("ZADD", "scores", *[w for j in numbers for w in (f"{j}.5", f"m{j}")])
        data.client.call("RPUSH", "list", *["element" * 5 + str(j) for j in numbers])
    for i in range(20_000):
        data.client.call("XADD", "stream", f"{i + 1}-0", "field", f"value {i}")
    whole, digest = data.snapshot(tmp_path), data.digest()
    data.empty()
    reader = StreamedReader(data.engine)
    most = 0
    for at in range(0, len(whole), PIECE):
        reader.feed(whole[at : at + PIECE])
        most = max(most, reader.capacity)
    reader.end()
    assert data.digest() == digest
    assert most < 20 * PIECE < len(whole)
    data.owner.close()


def test_one_big_string(tmp_path: Path) -> None:
    """It must wait as a whole, but no longer than that."""
    data = Data()
    data.client.call("SET", "big", os.urandom(6 << 20))
    data.client.call("SELECT", 1)
    for i in range(3000):
        data.client.call("SET", f"small {i}", "x" * 50)
    whole, digest = data.snapshot(tmp_path), data.digest()
    data.empty()
    reader = StreamedReader(data.engine)
    feed(reader, whole, [])
    reader.end()
    assert data.digest() == digest
    assert reader.capacity < 1 << 20
    data.owner.close()


def test_announced_sizes_reserve_nothing() -> None:
    data = Data()
    head = b"REDIS0010\xfe\x00"
    for value in (
        b"\x00\x01k\x80\x1f\xff\xff\xff",  # a string of 512 MiB
        b"\x04\x01k\x81" + b"\xff" * 8,  # a hash of 2^64 fields
        b"\x0f\x01k\x81" + b"\xff" * 8,  # a stream of as many nodes
    ):
        reader = StreamedReader(data.engine)
        reader.feed(head + value + b"x" * 100)
        assert reader.capacity <= 1 << 16
        with pytest.raises(SnapshotError):
            reader.end()
        data.empty()
    data.owner.close()
