"""Children that save for replicas, and those who come and go while they do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.support.fake_primary import FakePrimary, snapshot
from tests.support.following import fields, follow, info, servers, wait_in_step, wait_up
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
CAPA = ("capa", "eof", "capa", "psync2")
SLOW = {"repl_diskless_sync_delay": 0, "rdb_key_save_delay": 1_000_000}


def fill(server: Server, keys: int = 30) -> None:
    with server.connect() as client:
        for i in range(keys):
            client.call("SET", f"key {i}", "v")


def saving(server: Server) -> bool:
    return fields(server, "persistence")["rdb_bgsave_in_progress"] == "1"


def children(server: Server) -> list[int]:
    text = ""
    with suppress(OSError), open(f"/proc/{server.pid}/task/{server.pid}/children") as lines:
        text = lines.read()
    return [int(word) for word in text.split()]


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as line:
            return line.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_it_ends_with_its_parent(make_server: Make, diskless: str) -> None:
    primary = make_server(repl_diskless_sync=diskless, **SLOW)
    fill(primary)
    with RawReplica(primary, *CAPA) as replica:
        replica.psync()
        wait_until(lambda: children(primary), "a child saves")
        (child,) = children(primary)
        primary.kill()
        wait_until(lambda: not is_alive(child), "the child has ended")


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_it_ends_when_nobody_waits(make_server: Make, diskless: str) -> None:
    primary = make_server(repl_diskless_sync=diskless, repl_diskless_sync_max_replicas=2, **SLOW)
    with primary.connect() as client:
        client.call("CONFIG", "SET", "repl-diskless-sync-delay", 60)
    fill(primary)
    with RawReplica(primary, *CAPA) as one, RawReplica(primary, *CAPA) as other:
        for replica in (one, other):
            replica.client.send("PSYNC", "?", "-1")
        wait_until(lambda: saving(primary) or children(primary), "a child saves")
        wait_until(lambda: fields(primary)["connected_slaves"] == "2", "both wait")
        one.close()
        wait_until(lambda: fields(primary)["connected_slaves"] == "1", "one has gone")
        assert children(primary)
        other.close()
        wait_until(lambda: not children(primary), "it is ended")
    assert fields(primary, "persistence")["rdb_last_bgsave_status"] == "ok"
    assert not list(primary.directory.glob("temp-*"))


def test_with_save_points_it_goes_on(make_server: Make) -> None:
    primary = make_server(repl_diskless_sync="no", save="3600 10000", **SLOW)
    fill(primary)
    with RawReplica(primary, *CAPA) as replica:
        assert replica.psync() == "+FULLRESYNC"
    wait_until(lambda: fields(primary)["connected_slaves"] == "0", "it has gone")
    assert children(primary)
    with primary.connect() as client:  # SHUTDOWN is not to wait for another
        client.call("CONFIG", "SET", "save", "")


def test_a_child_that_is_killed(make_server: Make) -> None:
    """While the pipe is not read, because the replica takes nothing."""
    primary = make_server(repl_diskless_sync_delay=0, rdbcompression="no")
    with primary.connect() as client:
        client.call("DEBUG", "POPULATE", 3000, "key", 10_000)
        with RawReplica(primary, *CAPA) as replica:
            assert replica.psync() == "+FULLRESYNC"
            (child,) = children(primary)
            os.kill(child, 9)
            wait_until(lambda: not children(primary), "it is collected")
            # What is in the pipe still comes; the mark does not.
            assert replica.closed()
        assert client.call("PING") == "PONG"
        with RawReplica(primary, *CAPA) as replica:
            assert len(replica.full_sync()) > 3000 * 10_000


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_flushall_meanwhile(make_server: Make, diskless: str) -> None:
    primary = make_server(
        repl_diskless_sync=diskless, repl_diskless_sync_delay=0, rdb_key_save_delay=20_000
    )
    replica = make_server(repl_diskless_load="swapdb")
    fill(primary, 100)
    follow(replica, primary)
    wait_until(lambda: children(primary), "a child saves")
    with primary.connect() as client:
        client.call("FLUSHALL")
        client.call("SET", "after", "1")
    wait_in_step(primary, replica)
    with replica.connect() as reader:
        assert reader.call("KEYS", "*") == [b"after"]


# --- the replica's files ---

@pytest.fixture
def fake() -> Iterator[FakePrimary]:
    with FakePrimary() as primary:
        yield primary


def test_a_file_that_cannot_be_renamed(make_server: Make, fake: FakePrimary) -> None:
    """The old data stays; it is tried again."""
    replica = make_server()
    (replica.directory / "dump.rdb").mkdir()
    with replica.connect() as client:
        client.call("SET", "old", "data")
        follow(replica, fake.port)
        talk = fake.accept()
        talk.synchronise(snapshot({"new": "data"}))
        assert talk.closed()
        text = "Failed trying to rename the temp DB into"
        wait_until(lambda: text in replica.log.read_text(), "the log says so")
        assert client.call("KEYS", "*") == [b"old"]
        assert info(client, "persistence")["loading"] == "0"
        assert not list(replica.directory.glob("temp-*"))
        (replica.directory / "dump.rdb").rmdir()
        fake.accept().synchronise(snapshot({"new": "data"}))
        wait_up(replica)
        assert client.call("KEYS", "*") == [b"new"]
        assert (replica.directory / "dump.rdb").is_file()


# --- one buffer for all ---

def test_the_buffer_of_another_helps(make_server: Make) -> None:
    """While somebody waits for a snapshot the stream is kept beyond the backlog's size, and serves
    partial resynchronizations too; it is given up when nobody needs it."""
    primary = make_server(
        repl_backlog_size=16384, client_output_buffer_limit="replica 0 0 0", **SLOW
    )
    with primary.connect() as client, RawReplica(primary, *CAPA) as one:
        one.full_sync()
        fill(primary)
        one.close()
        with RawReplica(primary, *CAPA) as slow:
            slow.psync()
            for _ in range(100):
                client.call("SET", "k", "x" * 10_000)
            assert int(info(client)["repl_backlog_histlen"]) > 1_000_000
            with RawReplica(primary, *CAPA) as again:
                assert again.psync(one.replid, slow.offset + 1) == "+CONTINUE"
                again.until([b"SET", b"k", b"x" * 10_000])
            assert info(client, "stats")["sync_partial_ok"] == "1"
        wait_until(lambda: not children(primary), "nobody waits any more")
        wait_until(
            lambda: int(info(client)["repl_backlog_histlen"]) < 300_000, "it is given up"
        )


def test_a_limit_below_the_backlog() -> None:
    """A replica may lag by what the backlog keeps, whatever client-output-buffer-limit says."""
    config = {
        "repl-diskless-sync-delay": 0, "repl-backlog-size": "64mb",
        "client-output-buffer-limit": "replica 512k 0 0",
    }
    big = "A" * (6 << 20)
    with (
        servers(("carnelian", config), ("carnelian", {})) as (primary, replica),
        primary.connect() as client,
    ):
        follow(replica, primary)
        wait_in_step(primary, replica)
        client.call("MULTI")
        client.call("CLIENT", "KILL", "TYPE", "replica")
        client.call("SET", "key", big)
        client.call("SET", "key", big)
        client.call("EXEC")
        client.call("SET", "key", big)
        wait_in_step(primary, replica)
        stats = info(client, "stats")
        assert (stats["sync_full"], stats["sync_partial_ok"]) == ("1", "1")
