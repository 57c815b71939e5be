"""Files of a real Valkey 9: snapshots, bases of logs, payloads, with the times of hash fields; and
which of ours it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carnelian.version import REDIS_VERSION
from native.base import crc64_of
from tests.support.client import Client
from tests.support.persistence import content, fill, rewritten
from tests.support.servers import PeerMissing, Server, start

FIELD_MS = 9_999_999_999_000


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`begin("valkey")`: a server in the test's directory."""
    running: list[Server] = []

    def start_one(name: str, **config: Any) -> Server:
        try:
            running.append(start(name, {"dir": str(tmp_path)} | config))
        except PeerMissing as missing:
            pytest.skip(str(missing))
        return running[-1]

    yield start_one
    for server in running:
        server.stop()


def fill_with_times(client: Client) -> None:
    fill(client)
    client.call("HSET", "small", "never", "1", "late", "2", "later", "3", "number", "-5")
    client.call("HSET", "big", *[word for i in range(700) for word in (f"f{i}", f"v{i}" * 9)])
    for i, name in enumerate(("late", "later")):
        client.call("HPEXPIREAT", "small", FIELD_MS + i, "FIELDS", 1, name)
    for i in range(0, 700, 3):
        client.call("HPEXPIREAT", "big", FIELD_MS + i, "FIELDS", 1, f"f{i}")


def times(client: Client) -> dict[str, list[int]]:
    names = {"small": ["never", "late", "later", "number"], "big": [f"f{i}" for i in range(700)]}
    return {
        key: client.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)
        for key, fields in names.items()
    }


def everything(client: Client) -> tuple[dict[bytes, Any], dict[str, list[int]]]:
    return content(client), times(client)


def check(server: Server, wanted: tuple[dict[bytes, Any], dict[str, list[int]]]) -> None:
    with server.connect() as client:
        assert everything(client) == wanted
        assert client.call("DEBUG", "VERIFY") == "OK"


def test_a_snapshot(begin: Any, tmp_path: Path) -> None:
    with begin("valkey").connect() as client:
        fill_with_times(client)
        before = everything(client)
        client.call("SAVE")
    assert (tmp_path / "dump.rdb").read_bytes()[:9] == b"VALKEY080"
    check(begin("carnelian"), before)


def test_a_log_with_a_snapshot_in_it(begin: Any, tmp_path: Path) -> None:
    peer = begin("valkey", appendonly="yes")
    with peer.connect() as client:
        fill_with_times(client)
        rewritten(peer)
        client.call("HPEXPIREAT", "small", FIELD_MS + 7, "FIELDS", 1, "never")
        before = everything(client)
    peer.stop()
    bases = [path for path in (tmp_path / "appendonlydir").iterdir() if ".base." in path.name]
    assert [path.read_bytes()[:9] for path in bases] == [b"VALKEY080"]
    check(begin("carnelian", appendonly="yes"), before)


def test_payloads_of_every_key(begin: Any) -> None:
    ours = begin("carnelian")
    with begin("valkey").connect() as client, ours.connect() as mine:
        fill_with_times(client)
        for key in client.call("KEYS", "*"):
            ttl = max(client.call("PEXPIRETIME", key), 0)
            payload = client.call("DUMP", key)
            assert payload[-10] == 80
            assert mine.call("RESTORE", key, ttl, payload, "ABSTTL") == "OK"
        before = everything(client)
    check(ours, before)


def test_ours_it_takes_but_for_the_times_of_fields(begin: Any) -> None:
    ours = begin("carnelian")
    with begin("valkey").connect() as client, ours.connect() as mine:
        fill_with_times(mine)
        for key in mine.call("KEYS", "*"):
            ttl = max(mine.call("PEXPIRETIME", key), 0)
            answer = client.reply("RESTORE", key, ttl, mine.call("DUMP", key), "ABSTTL").value
            if key in (b"small", b"big"):
                assert "DUMP payload version or checksum are wrong" in str(answer)
            else:
                assert answer == "OK"
        wanted = content(mine)
        del wanted[b"small"], wanted[b"big"]
        assert content(client) == wanted


@pytest.mark.parametrize("with_times", [False, True], ids=["plain", "times of fields"])
def test_our_snapshots_it_takes_but_for_the_times_of_fields(
    with_times: bool, begin: Any, tmp_path: Path
) -> None:
    with begin("carnelian").connect() as client:
        fill_with_times(client)
        if not with_times:
            client.call("DEL", "small", "big")
        before = content(client)
        client.call("SAVE")
    magic = (tmp_path / "dump.rdb").read_bytes()[:9]
    assert magic == (b"REDIS0012" if with_times else b"REDIS0010")
    if with_times:
        with pytest.raises(RuntimeError, match="Can't handle RDB format version 12"):
            begin("valkey")
        return
    with begin("valkey").connect() as client:
        assert content(client) == before


@pytest.mark.parametrize(
    ("magic", "told"),
    [
        (b"VALKEY079", "Can't handle RDB format version 79"),
        (b"VALKEY011", "Can't handle RDB format version 11"),
        (b"VALKEY081", "Can't handle RDB format version 81"),
        (b"REDIS0080", "Can't handle RDB format version 80"),
        (b"VALKEY0x0", "Wrong signature"),
        (b"VALKEX080", "Wrong signature"),
    ],
)
def test_other_headers(magic: bytes, told: str, begin: Any, tmp_path: Path) -> None:
    (tmp_path / "dump.rdb").write_bytes(magic + b"\xff" + bytes(8))
    with pytest.raises(RuntimeError, match=told):
        begin("carnelian")


def test_a_member_twice_is_refused(client: Client) -> None:
    def payload(body: bytes) -> bytes:
        body += b"\x0a\x00"
        return body + crc64_of(body).to_bytes(8, "little")

    assert client.call("RESTORE", "s", 0, payload(b"\x02\x02\x01a\x01b")) == "OK"
    twice = client.error("RESTORE", "t", 0, payload(b"\x02\x02\x01a\x01a"))
    assert twice == "ERR Bad data format"
    assert client.call("EXISTS", "t") == 0


def test_the_log_tells_who_wrote_a_file(begin: Any, tmp_path: Path) -> None:
    with begin("valkey").connect() as client:
        client.call("SET", "k", "v")
        client.call("SAVE")
    server = begin("carnelian")
    told = server.log.read_text()
    for words in ("RDB produced by Valkey version 9.", "RDB age ", "RDB memory usage when created"):
        assert words in told
    with server.connect() as client:
        client.call("SAVE")
    server.stop()
    again = begin("carnelian")
    assert f"Loading RDB produced by version {REDIS_VERSION}" in again.log.read_text()
    again.stop()
    path = tmp_path / "dump.rdb"
    name = REDIS_VERSION.encode()
    path.write_bytes(path.read_bytes()[:-8].replace(name, b"\n" * len(name)) + bytes(8))
    odd = begin("carnelian")
    assert "produced by version " + "\\n" * len(name) + "\n" in odd.log.read_text()
