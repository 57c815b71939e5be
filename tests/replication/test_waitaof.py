"""WAITAOF: what is synced to append-only files here and on replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.following import fields, follow, info, servers, wait_up
from tests.support.persistence import wait_for
from tests.support.raw_replica import RawReplica
from tests.support.resp import plain
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
GETACK = [b"REPLCONF", b"GETACK", b"*"]
NOT_LOGGED = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
QUICK = {"repl-diskless-sync-delay": 0}


@pytest.fixture
def logged(make_server: Make) -> Server:
    """A primary whose log is never synced by itself."""
    server = make_server(appendonly="yes", appendfsync="no", repl_diskless_sync_delay=0)
    wait_for(server, aof_rewrite_in_progress=0)
    return server


@pytest.fixture
def client(logged: Server) -> Iterator[SocketClient]:
    with logged.connect() as opened:
        yield opened


def attached(primary: Server) -> RawReplica:
    replica = RawReplica(primary, "capa", "eof", "capa", "psync2")
    replica.full_sync()
    wait_until(lambda: "state=online" in fields(primary)["slave0"], "the replica is online")
    return replica


def blocked(client: SocketClient, count: int) -> None:
    wait_until(
        lambda: info(client, "clients")["blocked_clients"] == str(count), f"{count} clients wait"
    )


def answer(client: SocketClient) -> Any:
    return plain(client.read_reply(20))


def logs(server: Server, wanted: str) -> None:
    with server.connect() as client:
        client.call("CONFIG", "SET", "appendonly", wanted)
    if wanted == "yes":
        wait_for(server, aof_enabled=1, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)


# --- here ---

@pytest.mark.parametrize("policy", ["everysec", "always"])
def test_local(make_server: Make, policy: str) -> None:
    server = make_server(appendonly="yes", appendfsync=policy)
    with server.connect() as client:
        for i in range(3):
            client.call("SET", "k", i)
            assert client.call("WAITAOF", 1, 0, 0) == [1, 0]


def test_local_without_a_sync(logged: Server, client: SocketClient) -> None:
    client.call("SET", "k", "v")
    assert client.call("WAITAOF", 1, 0, 30) == [0, 0]
    assert client.call("WAITAOF", 0, 0, 0) == [0, 0]
    with logged.connect() as other:  # it has written nothing
        assert other.call("WAITAOF", 1, 0, 0) == [1, 0]
        client.send("WAITAOF", 1, 0, 0)
        blocked(other, 1)
        other.call("CONFIG", "SET", "appendfsync", "everysec")
        assert answer(client)[0] == 1


def test_local_without_a_log(make_server: Make) -> None:
    server = make_server()
    with server.connect() as client:
        client.call("SET", "k", "v")
        assert client.error("WAITAOF", 1, 0, 0) == NOT_LOGGED
        assert client.call("WAITAOF", 0, 0, 0) == [0, 0]
        assert client.call("WAITAOF", 0, 1, 20) == [0, 0]


def test_the_log_is_turned_off_meanwhile(logged: Server, client: SocketClient) -> None:
    client.call("SET", "k", "v")
    client.send("WAITAOF", 1, 0, 0)
    with logged.connect() as other, attached(logged), logged.connect() as remote:
        remote.send("WAITAOF", 0, 5, 0)
        blocked(other, 2)
        other.call("CONFIG", "SET", "appendonly", "no")
        assert str(answer(client)) == NOT_LOGGED
        blocked(other, 1)


def test_the_first_rewrite_must_be_done(make_server: Make) -> None:
    """While another child delays it, nothing counts as safe."""
    server = make_server(rdb_key_save_delay=10_000_000)
    with server.connect() as client, server.connect() as other:
        client.call("SET", "k", "v")
        client.call("BGSAVE")
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        client.call("CONFIG", "SET", "appendonly", "yes")
        wait_for(server, aof_rewrite_scheduled=1)
        client.call("SET", "k", "w")
        assert client.call("WAITAOF", 1, 0, 30) == [0, 0]
        client.send("WAITAOF", 1, 0, 0)
        blocked(other, 1)
        other.call("FLUSHALL")  # ends the child
        assert answer(client)[0] == 1
        assert info(other, "persistence")["aof_rewrite_in_progress"] == "0"


def test_arguments(logged: Server, client: SocketClient) -> None:
    for words in (("2", "0", "0"), ("-1", "0", "0"), ("0", "-1", "0")):
        assert "out of range" in client.error("WAITAOF", *words)
    assert "timeout is negative" in client.error("WAITAOF", "0", "0", "-1")
    assert "out of range" in client.error("WAITAOF", "0", "0", "9223372036854775807")
    assert "not an integer" in client.error("WAITAOF", "0", "0", "x")
    assert client.error("WAITAOF", "x", "0", "0").startswith("ERR value is not an integer")


def test_within_a_transaction(logged: Server, client: SocketClient) -> None:
    client.call("SET", "k", "v")
    client.call("MULTI")
    client.call("WAITAOF", 1, 1, 0)
    assert client.call("EXEC") == [[0, 0]]


# --- replicas ---

def test_replicas_that_tell(logged: Server, client: SocketClient) -> None:
    with attached(logged) as one, attached(logged) as other:
        client.call("SET", "k", "v")
        client.send("WAITAOF", 0, 2, 0)
        for replica in (one, other):
            replica.until(GETACK)
        one.ack(aof_offset=one.offset)
        other.ack()  # applied, but not synced
        assert not client.readable(0.05)
        other.ack(aof_offset=1)
        assert not client.readable(0.05)
        other.ack(aof_offset=other.offset)
        assert answer(client) == [0, 2]
        assert client.call("WAITAOF", 0, 1, 0) == [0, 2]  # known already


def test_time_is_over(logged: Server, client: SocketClient) -> None:
    """It tells how far it has come."""
    with attached(logged) as replica:
        client.call("SET", "k", "v")
        client.send("WAITAOF", 1, 2, 300)
        replica.until(GETACK)
        replica.ack(aof_offset=replica.offset)
        assert answer(client) == [0, 1]
        with logged.connect() as other:
            other.send("WAITAOF", 1, 2, 0)
            blocked(client, 1)
            number = client.call("CLIENT", "LIST").decode().split("cmd=waitaof")[0]
            client.call("CLIENT", "UNBLOCK", number.rpartition("id=")[2].split()[0])
            assert answer(other) == [1, 1]


def test_several_clients(logged: Server, client: SocketClient) -> None:
    """One answer of the replica is for all; each waits for its own writes only."""
    with attached(logged) as replica, ExitStack() as stack:
        clients = [stack.enter_context(logged.connect()) for _ in range(10)]
        ends = []
        for i, each in enumerate(clients):
            each.call("SET", f"k{i}", "v")
            replica.until([b"SET", b"k%d" % i, b"v"])
            ends.append(replica.offset)
        for each in clients:
            each.send("WAITAOF", 0, 1, 0)
        blocked(client, 10)
        replica.ack(aof_offset=ends[4])
        for each in clients[:5]:
            assert answer(each) == [0, 1]
        blocked(client, 5)
        replica.ack(aof_offset=ends[9])
        for each in clients[5:]:
            assert answer(each) == [0, 1]
            assert each.call("PING") == "PONG"


def test_the_replica_goes(logged: Server, client: SocketClient) -> None:
    with attached(logged) as replica:
        client.call("SET", "k", "v")
        replica.until([b"SET", b"k", b"v"])
        replica.ack(aof_offset=replica.offset)
        assert client.call("WAITAOF", 0, 1, 0) == [0, 1]
    wait_until(lambda: fields(logged)["connected_slaves"] == "0", "it is gone")
    assert client.call("WAITAOF", 0, 1, 20) == [0, 0]


def test_on_a_replica(logged: Server, make_server: Make) -> None:
    replica = make_server(replica_read_only="no", appendonly="yes")
    with replica.connect() as client, logged.connect() as other:
        client.call("SET", "k", "v")
        client.call("CONFIG", "SET", "appendfsync", "no")
        client.call("SET", "k", "v")
        client.send("WAITAOF", 1, 1, 0)
        blocked(replica.connect(), 1)
        follow(replica, logged)
        assert str(answer(client)).startswith("UNBLOCKED force unblock")
        assert client.closed()
        wait_up(replica)
    with replica.connect() as client, logged.connect() as other:
        assert client.error("WAITAOF", 1, 0, 0).startswith(
            "ERR WAITAOF cannot be used with replica instances."
        )
        client.call("CONFIG", "SET", "appendfsync", "always")
        other.call("SET", "k", "w")
        assert other.call("WAITAOF", 0, 1, 10_000) == [0, 1]
        client.call("REPLICAOF", "NO", "ONE")
        wait_for(replica, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)
        client.call("SET", "k", "x")
        assert client.call("WAITAOF", 1, 0, 0) == [1, 0]


def test_real_replicas() -> None:
    """Logs turned on and off on both sides, with a primary that pings and clients that did nothing
    or only read."""
    config: dict[str, Any] = {**QUICK, "appendonly": "yes", "repl-ping-replica-period": 1}
    with (
        servers(("carnelian", config), ("carnelian", config)) as (primary, replica),
        primary.connect() as client,
        replica.connect() as there,
    ):
        follow(replica, primary)
        wait_up(replica)
        for policy in ("everysec", "always"):
            there.call("CONFIG", "SET", "appendfsync", policy)
            client.call("INCR", "n")
            assert client.call("WAITAOF", 1, 1, 10_000) == [1, 1]
        logs(primary, "no")
        client.call("INCR", "n")
        assert client.call("WAITAOF", 0, 1, 10_000) == [0, 1]
        logs(replica, "no")
        client.call("INCR", "n")
        assert client.call("WAITAOF", 0, 1, 50) == [0, 0]
        logs(primary, "yes")
        logs(replica, "yes")
        client.call("INCR", "n")
        assert client.call("WAITAOF", 1, 1, 10_000) == [1, 1]
        there.call("BGREWRITEAOF")
        client.call("INCR", "n")
        assert client.call("WAITAOF", 1, 1, 10_000) == [1, 1]
        for words in ((), ("GET", "n")):
            with primary.connect() as other:
                if words:
                    other.call(*words)
                assert other.call("WAITAOF", 1, 1, 10_000) == [1, 1]


def test_a_full_synchronization_ends_the_wait() -> None:
    config: dict[str, Any] = {**QUICK, "appendonly": "yes"}
    with (
        servers(("carnelian", config), ("carnelian", config)) as (primary, replica),
        primary.connect() as client,
    ):
        client.call("SET", "k", "v")
        client.send("WAITAOF", 0, 1, 0)
        follow(replica, primary)
        assert answer(client) == [1, 1]
