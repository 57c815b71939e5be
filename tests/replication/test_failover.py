"""FAILOVER between two Carnelians, and between Carnelian and redis-server either way."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from tests.support.fake_primary import FakePrimary
from tests.support.fault_proxy import FaultProxy
from tests.support.following import digest, fields, follow, servers, wait_in_step, wait_up
from tests.support.raw_replica import RawReplica
from tests.support.servers import PeerMissing, Server, free_port
from tests.support.waiting import wait_until

QUICK = {"repl-diskless-sync-delay": 0, "repl-ping-replica-period": 1}
PAIRS = [("carnelian", "carnelian"), ("carnelian", "redis"), ("redis", "carnelian")]


def role(server: Server) -> str:
    return fields(server)["role"]


def write(server: Server, *names: str) -> None:
    with server.connect() as client:
        for name in names:
            client.call("SET", name, "1")


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_there_and_back(first: str, second: str) -> None:
    try:
        running = servers((first, QUICK), (second, QUICK))
    except PeerMissing as missing:
        pytest.skip(str(missing))
    with running as (primary, replica):
        follow(replica, primary)
        wait_up(replica)
        write(primary, "a", "b")
        syncs = fields(primary, "stats")["sync_full"]
        for old, new in ((primary, replica), (replica, primary)):
            wait_in_step(old, new)
            with old.connect() as client:
                assert client.call("FAILOVER") == "OK"
            wait_until(lambda new=new: role(new) == "master", "the other leads", 20)
            wait_up(old)
            assert fields(old)["master_failover_state"] == "no-failover"
            write(new, f"after {new.port}")
            wait_in_step(new, old)
            assert digest(old) == digest(new)
        assert fields(primary, "stats")["sync_full"] == syncs
        assert fields(replica, "stats")["sync_full"] == "0"


def test_with_writers_held_back() -> None:
    """A client that writes meanwhile waits, and then hears that this is a replica."""
    with servers(("carnelian", QUICK), ("carnelian", QUICK)) as (primary, replica):
        follow(replica, primary)
        wait_up(replica)
        with primary.connect() as client, primary.connect() as writer:
            client.call("MULTI")
            client.call("FAILOVER", "TO", "127.0.0.1", str(replica.port))
            client.call("PING")
            assert client.call("EXEC")[0] == "OK"
            writer.send("SET", "a", "1")
            assert writer.read_answer().is_error
        wait_until(lambda: role(replica) == "master", "the other leads", 20)


@pytest.mark.parametrize("name", ["carnelian", "redis"])
def test_over_a_slow_link(name: str) -> None:
    """What is asked and answered takes longer than the timer's round."""
    with (
        servers(("carnelian", QUICK), (name, QUICK)) as (primary, replica),
        FaultProxy(("127.0.0.1", primary.port or 0)) as proxy,
    ):
        proxy.delay_s = 0.15
        follow(replica, proxy.port)
        wait_up(replica)
        write(primary, "a")
        with primary.connect() as client:
            assert client.call("FAILOVER") == "OK"
        wait_until(lambda: role(replica) == "master", "the other leads", 20)
        wait_in_step(replica, primary)
        assert digest(replica) == digest(primary)


def test_a_replica_that_does_not_count_the_question() -> None:
    """A Redis answers GETACK with its offset before it, and tells the rest a second later: until
    then nothing may be added to the stream, by clients in WAIT neither."""
    with servers(("carnelian", QUICK)) as (primary,), primary.connect() as client:
        client.call("CONFIG", "SET", "repl-ping-replica-period", 3600)
        options = ("capa", "eof", "capa", "psync2", "listening-port", str(free_port()))
        with RawReplica(primary, *options) as replica, primary.connect() as waiter:
            replica.full_sync()
            wait_until(lambda: "state=online" in fields(primary)["slave0"], "online")
            assert client.call("FAILOVER") == "OK"
            waiter.send("WAIT", 1, 0)
            before = replica.offset
            assert replica.command() == [b"REPLCONF", b"GETACK", b"*"]
            for _ in range(3):
                replica.ack(before)
                assert not replica.client.readable(0.3)
            found = fields(primary)
            assert found["master_failover_state"] == "waiting-for-sync"
            assert int(found["master_repl_offset"]) == replica.offset
            replica.ack()
            wait_until(
                lambda: fields(primary)["master_failover_state"] == "failover-in-progress",
                "it is tried",
            )
            assert client.call("FAILOVER", "ABORT") == "OK"


def test_target_that_is_gone() -> None:
    """By force to a replica that hangs: it is tried until FAILOVER ABORT."""
    with servers(("carnelian", QUICK), ("carnelian", QUICK)) as (primary, replica):
        follow(replica, primary)
        wait_up(replica)
        with primary.connect() as client:
            replica.process.send_signal(19)
            client.call("SET", "a", "1")
            target = ("TO", "127.0.0.1", str(replica.port))
            client.call("FAILOVER", *target, "FORCE", "TIMEOUT", 100)
            wait_until(
                lambda: fields(primary)["master_failover_state"] == "failover-in-progress",
                "it is tried",
            )
            assert client.error("REPLICAOF", "NO", "ONE").startswith("ERR REPLICAOF not allowed")
            assert client.call("FAILOVER", "ABORT") == "OK"
            assert role(primary) == "master"
            assert client.call("SET", "b", "1") == "OK"
            replica.process.send_signal(18)
        wait_in_step(primary, replica)
        assert digest(primary) == digest(replica)


def test_force_to_one_that_lags() -> None:
    """It hangs, so that the time is over; when it is back it leads, and nobody led beside it."""
    with servers(*[("carnelian", QUICK)] * 3) as (primary, target, third):
        for replica in (target, third):
            follow(replica, primary)
            wait_up(replica)
        with primary.connect() as client:
            target.process.send_signal(signal.SIGSTOP)
            client.call("SET", "case", "2")
            client.call("FAILOVER", "TO", "127.0.0.1", str(target.port), "TIMEOUT", 100, "FORCE")
            wait_until(
                lambda: fields(primary)["master_failover_state"] == "failover-in-progress",
                "the time is over",
            )
            assert role(primary) == role(third) == "slave"
            target.process.send_signal(signal.SIGCONT)
            wait_until(lambda: role(target) == "master", "it leads", 20)
        follow(third, target)
        write(target, "after")
        wait_in_step(target, primary, third)
        assert digest(primary) == digest(target) == digest(third)
        assert "time out exceeded, failing over." in primary.log.read_text()


def test_a_target_that_refuses(make_server: Callable[..., Server]) -> None:
    """The primary stays what it was, and writes that were held back are done."""
    primary = make_server(repl_diskless_sync_delay=0)
    with FakePrimary() as target, primary.connect() as client, primary.connect() as writer:
        options = ("listening-port", str(target.port), "capa", "eof", "capa", "psync2")
        with RawReplica(primary, *options) as link:
            link.full_sync()
            wait_until(lambda: "state=online" in fields(primary)["slave0"], "it is online")
            client.call("SET", "a", "1")
            link.until([b"SET", b"a", b"1"])
            assert client.call("FAILOVER", "TO", "127.0.0.1", str(target.port)) == "OK"
            writer.send("SET", "b", "1")
            link.until([b"REPLCONF", b"GETACK", b"*"])
            link.ack()
            talk = target.accept()
            assert talk.greet()[-1] == "FAILOVER"
            talk.send_raw(b"-NOPERM no permission\r\n")
            assert writer.read_answer().value == "OK"
        assert role(primary) == "master"
        assert fields(primary)["master_failover_state"] == "no-failover"
        assert client.call("MGET", "a", "b") == [b"1", b"1"]
