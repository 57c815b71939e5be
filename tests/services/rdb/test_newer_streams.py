"""Streams with what only newer files hold: messages of producers (Redis 8.6), pending entries that
were given back (8.8). Other streams are written as Redis 7.0 reads them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from native.base import crc64_of
from native.foreign import build_listpack
from tests.support.client import Client
from tests.support.keyspace import pairs, stream_content
from tests.support.log_files import DIRECTORY, logged
from tests.support.persistence import rewritten, wait_for
from tests.support.servers import Server, start
from tests.support.waiting import wait_until


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """`begin(appendonly="yes")`: a server in the test's directory."""
    running: list[Server] = []

    def start_one(**config: Any) -> Server:
        running.append(start("carnelian", {"dir": str(tmp_path)} | config))
        return running[-1]

    yield start_one
    for server in running:
        server.stop()


def pid_of(i: int) -> str:
    return f"producer:{i % 3}"


def fill(client: Client) -> list[bytes]:
    """The IDs of ten entries, sent by three producers in turn; two are given back."""
    ids = [client.call("XADD", "x", "IDMP", pid_of(i), f"{i}", "*", "n", f"{i}") for i in range(10)]
    client.call("XADD", "x", "IDMP", pid_of(1), "1", "*", "n", "again")
    client.call("XADD", "settings", "1-1", "f", "v")
    client.call("XCFGSET", "settings", "IDMP-MAXSIZE", 7)
    client.call("XGROUP", "CREATE", "given", "g", "0", "MKSTREAM")
    for i in range(1, 6):
        client.call("XADD", "given", f"{i}-1", "f", "v")
    client.call("XREADGROUP", "GROUP", "g", "alice", "STREAMS", "given", ">")
    client.call("XNACK", "given", "g", "SILENT", "IDS", 2, "2-1", "4-1")
    client.call("XNACK", "given", "g", "FATAL", "IDS", 1, "5-1")
    client.call("XADD", "plain", "1-1", "f", "v")
    return ids


def streams(client: Client) -> dict[str, Any]:
    names = ("x", "settings", "given", "plain")
    found = {name: client.call("XINFO", "STREAM", name, "FULL") for name in names}
    shown: dict[str, Any] = {name: stream_content(info) for name, info in found.items()}
    shown["pending"] = client.call("XPENDING", "given", "g", "-", "+", 10)
    for entry in shown["pending"]:
        entry[2] = 0  # how long it has been idle
    return shown


def check(client: Client, ids: list[bytes]) -> None:
    for i, entry in enumerate(ids):
        again = client.call("XADD", "x", "IDMP", pid_of(i), f"{i}", "*", "n", "again")
        assert again == entry
    assert client.call("XLEN", "x") == 10
    verify(client)
    new = client.call("XADD", "x", "IDMP", pid_of(0), "new", "*", "n", "new")
    assert client.call("XADD", "x", "IDMP", pid_of(0), "new", "*", "n", "new") == new


def verify(client: Client) -> None:
    """The structures are sound, where a client may ask for that."""
    reply = client.reply("DEBUG", "VERIFY").value
    assert reply == "OK" or str(reply).startswith("ERR DEBUG command not allowed")


def facts(client: Client, name: str) -> dict[bytes, Any]:
    """XINFO STREAM."""
    return dict(pairs(client.call("XINFO", "STREAM", name)))


def version(path: Path) -> bytes:
    return path.read_bytes()[:9]


def test_a_snapshot_keeps_them(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        ids = fill(client)
        before = streams(client)
        client.call("SAVE")
    server.stop()
    assert version(tmp_path / "dump.rdb") == b"REDIS0014"
    with begin().connect() as client:
        assert streams(client) == before
        check(client, ids)


def test_the_version_is_the_oldest_that_will_do(begin: Any, tmp_path: Path) -> None:
    with begin().connect() as client:
        fill(client)
        for names, wanted in (
            (["nothing"], b"REDIS0014"),
            (["given"], b"REDIS0013"),
            (["x", "settings"], b"REDIS0010"),
        ):
            client.call("DEL", *names)
            client.call("SAVE")
            assert version(tmp_path / "dump.rdb") == wanted
        assert client.call("EXISTS", "plain") == 1


def test_payloads(client: Client) -> None:
    ids = fill(client)
    before = streams(client)
    for name, kind, of_version in (("x", 26, 13), ("given", 27, 14), ("plain", 19, 10)):
        payload = client.call("DUMP", name)
        assert (payload[0], payload[-10]) == (kind, of_version)
        assert client.call("RESTORE", name, 0, payload, "REPLACE") == "OK"
    assert streams(client) == before
    check(client, ids)


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("rewrite", [True, False])
def test_the_log_keeps_them(preamble: str, rewrite: bool, begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="yes", aof_use_rdb_preamble=preamble)
    with server.connect() as client:
        ids = fill(client)
        if rewrite:
            rewritten(server)
        before = streams(client)
    wait_for(server, aof_buffer_length=0)
    server.kill()
    if rewrite and preamble == "no":
        base = logged(tmp_path / DIRECTORY / "appendonly.aof.2.base.aof")
        assert sum(line.startswith("RESTORE x 0 ") for line in base) == 1
    with begin(appendonly="yes").connect() as client:
        after = streams(client)
        assert after["pending"] == before["pending"]
        if not rewrite:
            for shown in (before, after):
                shown["x"] = [pair for pair in shown["x"] if pair[0] != b"iids-duplicates"]
        assert after["x"] == before["x"]
        check(client, ids)


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("left", [0, 5])
def test_a_rewritten_log_keeps_the_counters(
    preamble: str, left: int, begin: Any, tmp_path: Path
) -> None:
    """Of more messages than are remembered, and of a stream that is empty by now."""
    server = begin(appendonly="yes", aof_use_rdb_preamble=preamble)
    with server.connect() as client:
        client.call("XADD", "x", "0-1", "f", "v")
        client.call("XCFGSET", "x", "IDMP-MAXSIZE", "2", "IDMP-DURATION", "1000")
        for i in range(5):
            last = client.call("XADD", "x", "IDMP", "p", f"{i}", "*", "f", "v")
        assert client.call("XADD", "x", "IDMP", "p", "4", "*", "f", "v") == last
        client.call("XTRIM", "x", "MAXLEN", left)
        rewritten(server)
        before = facts(client, "x")
        assert (before[b"iids-tracked"], before[b"iids-added"]) == (2, 5)
    server.kill()
    with begin(appendonly="yes").connect() as client:
        assert facts(client, "x") == before
        verify(client)


def test_a_message_sent_again_after_its_time(begin: Any) -> None:
    """What the log has was no repetition, whatever is known when it is read."""
    server = begin(appendonly="yes")
    with server.connect() as client:
        client.call("XADD", "x", "IDMP", "p", "1", "*", "f", "first")
        client.call("XCFGSET", "x", "IDMP-DURATION", "1")
        first = client.call("XADD", "x", "IDMP", "p", "1", "*", "f", "second")

        def added() -> bytes:
            entry: bytes = client.call("XADD", "x", "IDMP", "p", "1", "*", "f", "third")
            return entry if entry != first else b""

        third = wait_until(added, "the record is too old")
        client.call("XADD", "x", "IDMP", "q", "1", "*", "f", "other")
        assert client.call("XLEN", "x") == 4
    wait_for(server, aof_buffer_length=0)
    server.kill()
    with begin(appendonly="yes").connect() as client:
        assert client.call("XLEN", "x") == 4
        assert client.call("XREVRANGE", "x", "+", "-", "COUNT", "2")[1][0] == third
        verify(client)


# --- payloads as Redis writes them ---


def length(n: int) -> bytes:
    if n < 64:
        return bytes([n])
    if n < 1 << 14:
        return struct.pack(">H", n | 1 << 14)
    return b"\x81" + struct.pack(">Q", n)


def text(word: bytes) -> bytes:
    return length(len(word)) + word


def payload(
    producers: list[tuple[bytes, list[tuple[bytes, int, int]]]],
    given_back: list[int] | None = None,
    added: int = 3,
    settings: tuple[int, int] = (100, 100),
) -> bytes:
    """A stream of entries 5-1, 6-1 and 7-1, all pending in a group; `given_back` are nobody's."""
    elements: list[bytes] = [b"3", b"0", b"1", b"f", b"0"]
    for i in range(3):
        elements += [b"2", b"%d" % i, b"0", b"v", b"4"]
    raw = [struct.pack(">QQ", 5 + i, 1) for i in range(3)]
    data = length(1) + text(raw[0]) + text(build_listpack(elements))
    data += length(3) + length(7) + length(1) + length(5) + length(1)
    data += length(0) + length(0) + length(3)
    data += length(1) + text(b"g") + length(7) + length(1) + length(3)
    data += length(3)
    for i in range(3):
        data += raw[i] + struct.pack("<q", 1_700_000_000_000) + length(1 + i)
    owned = [i for i in range(3) if i not in (given_back or [])]
    data += length(1) + text(b"alice") + struct.pack("<qq", 1_700_000_000_000, -1)
    data += length(len(owned)) + b"".join(raw[i] for i in owned)
    if given_back is not None:
        data += length(len(given_back)) + b"".join(raw[i] for i in given_back)
    data += length(settings[0]) + length(settings[1]) + length(len(producers))
    for name, messages in producers:
        data += text(name) + length(len(messages))
        for message, ms, seq in messages:
            data += text(message) + length(ms) + length(seq)
    data += length(added) + length(1)
    body = bytes([26 if given_back is None else 27]) + data
    body += struct.pack("<H", 13 if given_back is None else 14)
    return body + crc64_of(body).to_bytes(8, "little")


PRODUCERS = [(b"p", [(b"a", 5, 1), (b"c", 7, 1)]), (b"q", [(b"\xc0", 6, 1)])]


def test_payloads_of_redis(client: Client) -> None:
    assert client.call("RESTORE", "s", 0, payload(PRODUCERS)) == "OK"
    assert client.call("XRANGE", "s", "6", "6") == [[b"6-1", [b"f", b"v"]]]
    info = facts(client, "s")
    assert (info[b"pids-tracked"], info[b"iids-tracked"], info[b"iids-added"]) == (0, 0, 3)
    client.call("DEL", "s")
    assert client.call("RESTORE", "s", 0, payload([], added=0)) == "OK"
    assert b"idmp-duration" not in facts(client, "s")
    assert client.call("DUMP", "s")[0] == 19
    client.call("DEL", "s")
    assert client.call("RESTORE", "s", 0, payload(PRODUCERS, given_back=[0, 2])) == "OK"
    owners = [entry[1] for entry in client.call("XPENDING", "s", "g", "-", "+", 10)]
    assert owners == [b"", b"alice", b""]
    verify(client)


def test_producers_in_any_order_expire_in_the_order_of_time(client: Client) -> None:
    now = int(client.call("TIME")[0]) * 1000
    times = [now - 5_000, now + 1_000, now - 400_000, now - 300_000]
    mixed = [(b"p", [(b"a", times[0], 1), (b"b", times[1], 1)]),
             (b"q", [(b"c", times[2], 1), (b"d", times[3], 1)]),
             (b"r", [(b"e", times[1], 2), (b"f", times[0], 2)])]
    assert client.call("RESTORE", "s", 0, payload(mixed)) == "OK"
    info = facts(client, "s")
    assert (info[b"pids-tracked"], info[b"iids-tracked"]) == (2, 4)
    verify(client)


def test_nonsense_is_refused(client: Client) -> None:
    twice = [(b"p", [(b"a", 5, 1), (b"a", 6, 1)])]
    for damaged in (
        payload(twice),
        payload(PRODUCERS, settings=(0, 100)),
        payload(PRODUCERS, settings=(100, 10_001)),
        payload(twice, [1]),
    ):
        assert client.error("RESTORE", "s", 0, damaged) == "ERR Bad data format"


def test_damage_is_survived(server: Server) -> None:
    source = random.Random(3)
    whole = [payload(PRODUCERS), payload(PRODUCERS, given_back=[1])]
    with server.connect() as client:
        for _ in range(4_000):
            body = bytearray(source.choice(whole)[:-8])
            for _ in range(source.randint(1, 3)):
                body[source.randrange(len(body) - 2)] = source.randrange(256)
            damaged = bytes(body) + crc64_of(bytes(body)).to_bytes(8, "little")
            reply = client.reply("RESTORE", "s", "0", damaged, "REPLACE")
            if reply.value == "OK":
                client.reply("XADD", "s", "IDMP", "p", "a", "*", "f", "v")
                client.reply("DUMP", "s")
            else:
                assert str(reply.value) == "ERR Bad data format"
        verify(client)
