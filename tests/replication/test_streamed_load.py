"""Full synchronizations without a file: the snapshot is loaded while it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.fake_primary import MARK, REPLID, FakePrimary, Talk, snapshot
from tests.support.following import fields, follow, info, wait_up
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

OTHER_ID = "b" * 40
LOADING = "LOADING Redis is loading the dataset in memory"
NEW = {f"new:{i:04}": "x" * 60 for i in range(2000)}
Make = Callable[..., Server]


@pytest.fixture
def primary() -> Iterator[FakePrimary]:
    with FakePrimary() as fake:
        yield fake


def synchronised(replica: Server, primary: FakePrimary, **pairs: str) -> Talk:
    follow(replica, primary.port)
    talk = primary.accept()
    talk.synchronise(snapshot(pairs), 100)
    wait_up(replica)
    talk.wait_acked(100)
    return talk


def half_sent(primary: FakePrimary, replid: str = REPLID, share: int = 2) -> tuple[Talk, bytes]:
    """A full synchronization in the midst of its snapshot, and what is still to be sent."""
    talk = primary.accept()
    talk.greet()
    data = snapshot(NEW)
    talk.send_raw(f"+FULLRESYNC {replid} 5000\r\n".encode() + b"$EOF:" + MARK + b"\r\n")
    talk.send_raw(data[: len(data) // share])
    return talk, data[len(data) // share :] + MARK


def loading(client: SocketClient) -> tuple[str, str]:
    shown = info(client, "persistence")
    return shown["loading"], shown["async_loading"]


def wait_loading(client: SocketClient, *wanted: str) -> None:
    wait_until(lambda: loading(client) == wanted, f"loading and async_loading are {wanted}")


def test_old_data_of_the_same_history_is_served(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(repl_diskless_load="swapdb", appendonly="yes")
    synchronised(replica, primary, old="data").cut()
    with replica.connect() as client, replica.connect() as watcher:
        watcher.call("WATCH", "old")
        talk, rest = half_sent(primary)
        wait_loading(client, "0", "1")
        shown = info(client, "persistence")
        assert int(shown["loading_loaded_bytes"]) > 0
        assert info(client)["master_sync_in_progress"] == "1"
        assert client.call("GET", "old") == b"data"
        assert client.call("DBSIZE") == 1
        for words in (
            ("REPLICAOF", "NO", "ONE"), ("SAVE",), ("BGSAVE",), ("BGREWRITEAOF",),
            ("PSYNC", "?", "-1"), ("CONFIG", "SET", "repl-diskless-load", "disabled"),
        ):
            assert client.error(*words) == LOADING, words
        client.call("MULTI")
        assert client.error("BGREWRITEAOF") == LOADING
        assert client.error("EXEC").startswith("EXECABORT")
        talk.cut()
        wait_loading(client, "0", "0")
        assert client.call("GET", "old") == b"data"
        assert client.call("CONFIG", "GET", "appendonly")[1] == b"yes"
        assert info(client, "persistence")["aof_enabled"] == "1"
        talk, rest = half_sent(primary)
        wait_loading(client, "0", "1")
        talk.send_raw(rest)
        talk.wait_acked(5000)
        assert client.call("EXISTS", "old") == 0
        assert client.call("DBSIZE") == len(NEW)
        watcher.call("MULTI")
        assert watcher.call("EXEC") is None
        assert not (replica.directory / "dump.rdb").exists()


def test_old_data_of_another_history_waits(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(repl_diskless_load="swapdb")
    with replica.connect() as client:
        client.call("SET", "old", "data")
        follow(replica, primary.port)
        talk, rest = half_sent(primary)
        wait_loading(client, "1", "0")
        assert client.error("GET", "old") == LOADING
        talk.cut()
        wait_loading(client, "0", "0")
        assert client.call("GET", "old") == b"data"
        talk, rest = half_sent(primary)
        wait_loading(client, "1", "0")
        talk.send_raw(rest)
        talk.wait_acked(5000)
        assert client.call("DBSIZE") == len(NEW)


@pytest.mark.parametrize("load", ["on-empty-db", "flush-before-load"])
def test_nothing_is_left_of_half_a_snapshot(
    make_server: Make, primary: FakePrimary, load: str
) -> None:
    replica = make_server(repl_diskless_load=load)
    with replica.connect() as client:
        if load == "flush-before-load":
            client.call("SET", "old", "data")
        follow(replica, primary.port)
        talk, rest = half_sent(primary)
        wait_loading(client, "1", "0")
        assert client.error("DBSIZE") == LOADING
        talk.cut()
        wait_loading(client, "0", "0")
        assert client.call("DBSIZE") == 0
        talk, rest = half_sent(primary)
        wait_loading(client, "1", "0")
        talk.send_raw(rest)
        talk.wait_acked(5000)
        assert client.call("DBSIZE") == len(NEW)


def test_data_is_not_flushed_for_an_empty_database_only(
    make_server: Make, primary: FakePrimary
) -> None:
    """on-empty-db with data: received to a file."""
    replica = make_server(repl_diskless_load="on-empty-db")
    with replica.connect() as client:
        client.call("SET", "old", "data")
        follow(replica, primary.port)
        talk, _ = half_sent(primary)
        wait_until(lambda: list(replica.directory.glob("temp-*")), "it receives a file")
        assert client.call("GET", "old") == b"data"
        talk.cut()


ENDS = {
    "cut short": snapshot(NEW)[:-50],
    "a wrong checksum": snapshot(NEW, b"\xff" + b"12345678"),
    "more than a snapshot": snapshot(NEW) + b"what is this",
    "nonsense": b"REDIS0010\xfe\x00\x63\x01k\x01v",
}


@pytest.mark.parametrize("case", ENDS)
def test_a_bad_end(make_server: Make, primary: FakePrimary, case: str) -> None:
    replica = make_server(repl_diskless_load="swapdb")
    synchronised(replica, primary, old="data").cut()
    talk = primary.accept()
    talk.synchronise(ENDS[case], 5000, diskless=True)
    assert talk.closed()
    wait_until(
        lambda: "Failed trying to load the MASTER synchronization DB" in replica.log.read_text(),
        "the log says so",
    )
    with replica.connect() as client:
        assert client.call("KEYS", "*") == [b"old"]
        assert info(client)["master_replid"] == REPLID
    assert "internal error" not in replica.log.read_text()


def test_a_snapshot_with_a_length(make_server: Make, primary: FakePrimary) -> None:
    """The stream may follow at once."""
    replica = make_server(repl_diskless_load="swapdb")
    follow(replica, primary.port)
    talk = primary.accept()
    talk.greet()
    data = snapshot(NEW)
    stream = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"
    talk.send_raw(f"+FULLRESYNC {REPLID} 10\r\n${len(data)}\r\n".encode() + data + stream)
    talk.wait_acked(10 + len(stream))
    with replica.connect() as client:
        assert client.call("GET", "a") == b"b"


def test_replicas_of_ours_go_when_the_data_goes(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(repl_diskless_load="swapdb", repl_diskless_sync_delay=0)
    synchronised(replica, primary, old="data").cut()
    talk = primary.accept()
    talk.greet()
    talk.send_raw(b"+CONTINUE\r\n")
    talk.wait_acked(100)
    with RawReplica(replica, "capa", "eof", "capa", "psync2") as below, replica.connect() as client:
        below.full_sync()
        talk.cut()
        talk, _ = half_sent(primary)
        wait_loading(client, "0", "1")
        talk.cut()
        wait_loading(client, "0", "0")
        assert len(client.call("CLIENT", "LIST", "TYPE", "REPLICA").splitlines()) == 1
        talk, rest = half_sent(primary)
        talk.send_raw(rest)
        talk.wait_acked(5000)
        assert below.closed()


def peak_bytes(server: Server) -> int:
    text = Path(f"/proc/{server.pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) * 1024


@pytest.mark.parametrize("load", ["on-empty-db", "swapdb"])
def test_memory_is_that_of_the_data(make_server: Make, primary: FakePrimary, load: str) -> None:
    replica: Any = make_server(repl_diskless_load=load)
    before = replica.rss_bytes()
    value = bytes(range(256)) * 32
    pair = b"\x00\x08%08d\x60\x00" + value
    talk = None
    follow(replica, primary.port)
    talk = primary.accept()
    talk.greet()
    talk.send_raw(f"+FULLRESYNC {REPLID} 10\r\n$EOF:".encode() + MARK + b"\r\nREDIS0010\xfe\x00")
    for i in range(6000):
        talk.send_raw(pair.replace(b"%08d", b"%08d" % i))
    talk.send_raw(b"\xff" + bytes(8) + MARK)
    talk.wait_acked(10)
    data = 6000 * len(value)
    assert fields(replica, "keyspace")["db0"].startswith("keys=6000,")
    assert peak_bytes(replica) - before < data * 1.3
