"""A replica's own trouble and its own keys: what its clients write, and a disk that fails."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.fake_primary import FakePrimary, Talk, command, snapshot
from tests.support.following import fields, follow, info, wait_up
from tests.support.persistence import wait_for
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

OFFSET = 1000
SOON_MS = 60
DISK_BYTES = 50_000  # the log of the server must fit too
BIG = command("SET", "a", "1" * DISK_BYTES)
Make = Callable[..., Server]


@pytest.fixture
def primary() -> Iterator[FakePrimary]:
    with FakePrimary() as fake:
        yield fake


def synchronised(replica: Server, primary: FakePrimary, **pairs: str) -> Talk:
    follow(replica, primary.port)
    talk = primary.accept()
    talk.synchronise(snapshot(pairs), OFFSET)
    wait_up(replica)
    talk.wait_acked(OFFSET)
    return talk


def tracked(client: SocketClient) -> int:
    return int(info(client, "stats")["slave_expires_tracked_keys"])


def wait_size(client: SocketClient, size: int) -> None:
    wait_until(lambda: client.call("DBSIZE") == size, f"{size} keys are left")


# --- keys of a writable replica ---

def make_keys(client: SocketClient) -> int:
    """Keys with a time, by every command that can give one."""
    soon = str(SOON_MS)
    client.call("SET", "set", "v", "PX", soon)
    client.call("PSETEX", "psetex", soon, "v")
    for name in ("pexpire", "getex", "original", "copied"):
        client.call("SET", name, "v")
    client.call("PEXPIRE", "pexpire", soon)
    client.call("GETEX", "getex", "PX", soon)
    client.call("PEXPIRE", "original", soon)
    client.call("RENAME", "original", "renamed")
    payload = client.call("DUMP", "set")
    client.call("RESTORE", "restored", soon, payload)
    client.call("SADD", "members", "a")
    client.call("PEXPIRE", "members", soon)
    client.call("PEXPIRE", "copied", soon)
    client.call("COPY", "copied", "copy")
    client.call("SET", "kept", "v", "PX", soon)
    client.call("PERSIST", "kept")
    client.call("SET", "later", "v", "PX", soon)
    client.call("PEXPIRE", "later", "100000")
    return 2


def test_own_keys_expire_by_themselves(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no", notify_keyspace_events="Ex")
    synchronised(replica, primary, theirs="v")
    with replica.connect() as client, replica.connect() as listener:
        listener.call("SUBSCRIBE", "__keyevent@0__:expired")
        assert tracked(client) == 0
        left = make_keys(client)
        assert tracked(client) > 0
        wait_size(client, left + 1)
        wait_until(lambda: tracked(client) == 1, "only `later` is kept in mind")
        events = {listener.read_answer().value[2].value for _ in range(8)}
        assert b"renamed" in events
        assert info(client)["slave_repl_offset"] == str(OFFSET)


def test_keys_of_the_primary_do_not(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no")
    talk = synchronised(replica, primary)
    stream = command("SET", "theirs", "v", "PX", "1") + command("SET", "other", "v", "PX", "1")
    talk.send_raw(stream)
    talk.wait_acked(OFFSET + len(stream))
    with replica.connect() as client:
        client.call("SET", "mine", "v", "PX", SOON_MS)
        client.call("APPEND", "other", "!")
        wait_until(lambda: client.call("EXISTS", "mine") == 0, "mine has expired")
        assert client.call("EXISTS", "theirs") == 0
        wait_size(client, 2)
        assert client.call("TTL", "other") == -1


def test_the_primary_takes_a_key_over(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no")
    talk = synchronised(replica, primary)
    with replica.connect() as client:
        client.call("SET", "key", "mine", "PX", SOON_MS)
        client.call("SET", "mark", "mine", "PX", SOON_MS + 20)
        stream = command("SET", "key", "theirs")
        talk.send_raw(stream)
        talk.wait_acked(OFFSET + len(stream))
        wait_size(client, 1)
        assert client.call("GET", "key") == b"theirs"
        assert tracked(client) == 0


def test_own_writes_stay_here(make_server: Make, primary: FakePrimary) -> None:
    """Neither the offset nor replicas of ours hear of them; the append-only file does."""
    replica = make_server(replica_read_only="no", appendonly="yes", repl_diskless_sync_delay=0)
    talk = synchronised(replica, primary)
    with RawReplica(replica, "capa", "eof", "capa", "psync2") as below, replica.connect() as client:
        below.full_sync()
        wait_for(replica, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)
        client.call("SELECT", 5)
        make_keys(client)
        client.call("MULTI")
        client.call("INCR", "counter")
        client.call("SELECT", 7)
        client.call("LPUSH", "list", "x")
        client.call("EXEC")
        client.call("SELECT", 5)
        wait_size(client, 3)
        stream = command("SELECT", 2) + command("SET", "theirs", "v")
        talk.send_raw(stream)
        talk.wait_acked(OFFSET + len(stream))
        assert below.commands(2) == [[b"SELECT", b"2"], [b"SET", b"theirs", b"v"]]
        assert below.offset == OFFSET + len(stream)
        assert info(client)["master_repl_offset"] == str(OFFSET + len(stream))
        increments = (replica.directory / "appendonlydir").glob("*.incr.aof")
        logged = b"".join(path.read_bytes() for path in increments)
        assert b"PEXPIREAT" in logged or b"PXAT" in logged
        assert b"\r\nDEL\r\n$7\r\nrenamed\r\n" in logged
        client.call("REPLICAOF", "NO", "ONE")
        client.call("SET", "after", "promotion")
    # A new name for the history; what was written here alone is no part of it.
    assert fields(replica)["second_repl_offset"] == str(OFFSET + len(stream) + 1)


def test_promotion_ends_it(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no")
    synchronised(replica, primary)
    with replica.connect() as client:
        client.call("SET", "mine", "v", "PX", SOON_MS)
        client.call("REPLICAOF", "NO", "ONE")
        wait_size(client, 0)
        assert tracked(client) == 0


def test_flush_and_a_new_data_set_forget_it(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no")
    talk = synchronised(replica, primary)
    with replica.connect() as client:
        client.call("SET", "mine", "v", "EX", 1000)
        client.call("FLUSHALL")
        assert tracked(client) == 0
        client.call("SET", "mine", "v", "EX", 1000)
        assert tracked(client) == 1
        talk.cut()
        talk = primary.accept()
        talk.synchronise(snapshot({"theirs": "v"}), OFFSET)
        talk.wait_acked(OFFSET)
        assert tracked(client) == 0


def test_many_moments_take_no_room(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(replica_read_only="no")
    synchronised(replica, primary)
    with replica.connect() as client:
        for i in range(2000):
            client.call("SET", "mine", "v", "PX", 100_000 + i)
        assert tracked(client) == 1


# --- a disk that fails ---

@pytest.fixture
def failing(make_server: Make, primary: FakePrimary) -> Any:
    """`failing(ignore)`: a replica whose disk takes nothing any more, and its primary."""

    def make(ignore: str, kind: str) -> tuple[Server, Talk]:
        config = {"replica_ignore_disk_write_errors": ignore}
        config |= {"save": "3600 1"} if kind == "save" else {"appendonly": "yes"}
        replica = make_server(**config)
        talk = synchronised(replica, primary, **{f"key:{i}": "v" * 60 for i in range(5000)})
        wait_for(replica, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)
        limits = resource.prlimit(replica.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(replica.pid, resource.RLIMIT_FSIZE, (DISK_BYTES, limits[1]))
        with replica.connect() as client:
            if kind == "save":
                client.call("BGSAVE")
                wait_for(replica, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
        return replica, talk

    return make


@pytest.mark.parametrize("kind", ["save", "aof"])
def test_it_ends(failing: Any, kind: str) -> None:
    """replica-ignore-disk-write-errors no: data that cannot be persisted is not accepted."""
    replica, talk = failing("no", kind)
    talk.send_raw(command("PING"))
    talk.wait_acked(OFFSET + len(command("PING")))
    talk.send_raw(BIG)
    if kind == "aof":  # the first write is what fails
        wait_for(replica, aof_last_write_status="err")
        talk.send_raw(command("SET", "b", "1"))
    assert replica.process.wait(10) == 1
    assert "Replica was unable to write command to disk." in replica.log.read_text()


@pytest.mark.parametrize("kind", ["save", "aof"])
def test_it_goes_on(failing: Any, kind: str) -> None:
    replica, talk = failing("yes", kind)
    talk.send_raw(BIG)
    talk.wait_acked(OFFSET + len(BIG))
    if kind == "aof":
        wait_for(replica, aof_last_write_status="err")
    multi = command("MULTI") + command("SET", "b", "1") + command("EXEC")
    talk.send_raw(multi)
    talk.wait_acked(OFFSET + len(BIG + multi))
    with replica.connect() as client:
        assert client.call("STRLEN", "a") == DISK_BYTES
        assert client.call("GET", "b") == b"1"
        assert client.error("SET", "c", "1").startswith("MISCONF")
    line = "Replica is applying a command even though it is unable to write to disk."
    assert replica.log.read_text().count(line) == 1
