"""Snapshots and DUMP payloads, exchanged with a real redis-server both ways, and damaged."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.persistence import content, fill, wait_for
from tests.support.servers import Server, start
from tests.support.waiting import wait_until


@pytest.fixture
def started() -> Iterator[Callable[..., Server]]:
    """`started("redis", dir=...)`: a server of the test's own."""
    running: list[Server] = []

    def begin(name: str, directory: Path, save: str = "") -> Server:
        running.append(start(name, {"dir": str(directory), "save": save}))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def saved(server: Server) -> dict[bytes, Any]:
    with server.connect() as client:
        fill(client)
        client.call("SAVE")
        return content(client)


@pytest.mark.parametrize("direction", ["ours to ours", "ours to redis", "redis to ours"])
def test_files_are_exchanged(direction: str, started: Any, tmp_path: Path) -> None:
    writer, reader = direction.split(" to ")
    names = {"ours": "carnelian", "redis": "redis"}
    first = started(names[writer], tmp_path)
    before = saved(first)
    first.stop()
    second = started(names[reader], tmp_path)
    with second.connect() as client:
        assert content(client) == before
        client.call("SELECT", "3")
        assert client.call("GET", "elsewhere") == b"1"


def test_payloads_are_exchanged(server: Server, redis_server: Server) -> None:
    with server.connect() as ours, redis_server.connect() as theirs:
        for one, other in ((ours, theirs), (theirs, ours)):
            one.call("FLUSHALL")
            other.call("FLUSHALL")
            fill(one)
            before = content(one)
            for key, (_, _, when) in before.items():
                payload = one.call("DUMP", key)
                other.call("RESTORE", key, str(max(when, 0)), payload, "ABSTTL")
            assert content(other) == before


def test_restore_options_and_errors(client: Any) -> None:
    client.call("SET", "k", "value")
    payload = client.call("DUMP", "k")
    assert client.call("DUMP", "absent") is None
    assert client.error("RESTORE", "k", "0", payload) == "BUSYKEY Target key name already exists."
    assert client.error("RESTORE", "k", "-1", payload, "REPLACE") == (
        "ERR Invalid TTL value, must be >= 0"
    )
    assert client.error("RESTORE", "n", "0", b"nonsense") == (
        "ERR DUMP payload version or checksum are wrong"
    )
    assert client.error("RESTORE", "n", "0", payload, "FREQ", "256").startswith("ERR Invalid FREQ")
    assert client.error("RESTORE", "n", "0", payload, "IDLETIME", "-1").startswith(
        "ERR Invalid IDLETIME"
    )
    assert client.error("RESTORE", "n", "0", payload, "WHAT") == "ERR syntax error"
    assert client.call("RESTORE", "n", "5000", payload) == "OK"
    assert 0 < client.call("PTTL", "n") <= 5000
    assert client.call("RESTORE", "n", "1", payload, "ABSTTL", "REPLACE") == "OK"
    assert client.call("EXISTS", "n") == 0
    assert client.call("RESTORE", "n", "0", payload, "IDLETIME", "1000", "REPLACE") == "OK"
    assert client.call("OBJECT", "IDLETIME", "n") >= 1000


def test_damaged_payloads_are_refused_or_harmless(server: Server) -> None:
    """Bytes changed anywhere, with the checksum made right again: an error or a sound value."""
    from native.base import crc64_of

    source = random.Random(20)
    with server.connect() as client:
        fill(client)
        keys = [key for key in client.call("KEYS", "*") if key != b"long"]
        payloads = [client.call("DUMP", key) for key in keys]
        client.call("FLUSHALL")
        for _ in range(6_000):
            body = bytearray(source.choice(payloads)[:-8])
            for _ in range(source.randint(1, 4)):
                body[source.randrange(len(body) - 2)] = source.randrange(256)
            whole = bytes(body) + crc64_of(bytes(body)).to_bytes(8, "little")
            reply = client.reply("RESTORE", "k", "0", whole, "REPLACE")
            if reply.value == "OK":
                client.reply("DUMP", "k")
                content(client)
            else:
                assert str(reply.value) == "ERR Bad data format"
        assert client.call("PING") == "PONG"


def test_a_damaged_file_stops_the_start(started: Any, tmp_path: Path) -> None:
    first = started("carnelian", tmp_path)
    with first.connect() as client:
        client.call("SET", "k", "v" * 100)
        client.call("SAVE")
    first.stop()
    file = tmp_path / "dump.rdb"
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:50], whole[:60] + b"\x00" + whole[61:], b"REDIS9999", b"x"):
        file.write_bytes(damaged)
        with pytest.raises(Exception):  # noqa: B017, PT011
            started("carnelian", tmp_path)
        assert file.read_bytes() == damaged


def test_background_save_and_shutdown(started: Any, tmp_path: Path) -> None:
    server = started("carnelian", tmp_path)
    with server.connect() as client:
        client.call("SET", "k", "v")
        before = client.call("LASTSAVE")
        assert client.call("BGSAVE") == "Background saving started"

        def done() -> bool:
            return b"rdb_bgsave_in_progress:0" in client.call("INFO", "persistence")

        wait_until(done, "the child has saved")
        assert client.call("LASTSAVE") >= before
        assert b"rdb_last_bgsave_status:ok" in client.call("INFO", "persistence")
        assert b"rdb_changes_since_last_save:0" in client.call("INFO", "persistence")
    assert (tmp_path / "dump.rdb").exists()
    assert not list(tmp_path.glob("temp-*"))


@pytest.mark.parametrize("command", ["SAVE", "SHUTDOWN SAVE", "FLUSHALL", "SIGTERM"])
def test_a_failing_save_is_told_to_who_asked_alone(
    command: str, started: Any, tmp_path: Path
) -> None:
    server = started("carnelian", tmp_path, "900 1")
    (tmp_path / "dump.rdb").mkdir()
    with server.connect() as client:
        client.call("SET", "k", "v")
        if command == "SIGTERM":
            server.process.send_signal(signal.SIGTERM)
        else:
            client.reply(*command.split())
        wait_until(lambda: "Error saving the snapshot" in server.log.read_text(), "it has failed")
        assert client.call("SET", "k", "w") == "OK"
        assert b"rdb_last_bgsave_status:ok" in client.call("INFO", "persistence")
    (tmp_path / "dump.rdb").rmdir()


def test_failing_background_saves_refuse_writes(started: Any, tmp_path: Path) -> None:
    server = started("carnelian", tmp_path, "900 1")
    with server.connect() as client:
        client.call("SET", "k", "v")
        (tmp_path / "dump.rdb").mkdir()
        client.call("BGSAVE")
        wait_for(server, rdb_last_bgsave_status="err")
        assert client.error("SET", "k", "w").startswith("MISCONF ")
        assert client.call("GET", "k") == b"v"
        (tmp_path / "dump.rdb").rmdir()
        assert client.call("SAVE") == "OK"
        assert client.call("SET", "k", "w") == "OK"


def test_a_snapshot_is_not_written_through_a_symlink(started: Any, tmp_path: Path) -> None:
    server = started("carnelian", tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / f"temp-{server.pid}.rdb").symlink_to(precious)
    with server.connect() as client:
        client.call("SET", "k", "v")
        assert client.call("SAVE") == "OK"
    assert precious.read_text() == "mine"
    assert (tmp_path / "dump.rdb").read_bytes().startswith(b"REDIS")
    assert not (tmp_path / "dump.rdb").is_symlink()


def slow_to_save(started: Any, directory: Path) -> Any:
    """A server whose snapshot takes minutes."""
    server = started("carnelian", directory, "900 1000")
    with server.connect() as client:
        client.call("MSET", *[word for i in range(1000) for word in (f"k:{i}", "v")])
        client.call("CONFIG", "SET", "rdb-key-save-delay", "200000")
    return server


def test_a_second_interrupt_ends_the_last_save(started: Any, tmp_path: Path) -> None:
    server = slow_to_save(started, tmp_path)
    server.process.send_signal(signal.SIGINT)
    wait_until(lambda: list(tmp_path.glob("temp-*")), "it saves")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(10) == 1
    assert "You insist... exiting now." in server.log.read_text()
    assert not list(tmp_path.glob("*.rdb"))


def test_background_save_cancelled(started: Any, tmp_path: Path) -> None:
    server = slow_to_save(started, tmp_path)
    nothing = "ERR Background saving is currently not in progress or scheduled"
    with server.connect() as client:
        assert client.error("BGSAVE", "CANCEL") == nothing
        client.call("BGSAVE")
        assert client.call("BGSAVE", "CANCEL") == "Background saving cancelled"
        wait_for(server, rdb_bgsave_in_progress=0, rdb_last_bgsave_status="ok")
        client.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        both = client.pipeline([["MULTI"], ["BGSAVE"], ["BGSAVE", "CANCEL"], ["EXEC"]])[-1]
        assert [reply.value for reply in both.value] == [
            "Background saving scheduled", "Scheduled background saving cancelled",
        ]  # fmt: skip
        assert client.error("BGSAVE", "CANCEL") == nothing
    wait_until(lambda: not list(tmp_path.glob("temp-*")), "nothing is left")
