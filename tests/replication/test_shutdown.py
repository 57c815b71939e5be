"""SHUTDOWN of a server with replicas: it waits for them, for a while, and can be called off."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.following import fields, follow, info, servers, wait_in_step
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
CAPA = ("capa", "eof", "capa", "psync2")


@pytest.fixture
def primary(make_server: Make) -> Server:
    return make_server(repl_diskless_sync_delay=0, shutdown_timeout=60, repl_ping_replica_period=1)


def attached(primary: Server) -> RawReplica:
    replica = RawReplica(primary, "listening-port", "7777", *CAPA)
    replica.full_sync()
    wait_until(lambda: "state=online" in fields(primary)["slave0"], "the replica is online")
    return replica


def lag_behind(primary: Server, replica: RawReplica) -> None:
    """The replica has not acknowledged a write."""
    with primary.connect() as client:
        client.call("SET", "k", "v")
    replica.until([b"SET", b"k", b"v"])


def ask(primary: Server, *words: str) -> SocketClient:
    """SHUTDOWN, once it waits for the replica."""
    asking = primary.connect()
    asking.send("SHUTDOWN", *words)
    wait_until(lambda: "shutdown_in_milliseconds" in fields(primary, "server"), "it waits")
    return asking


def signalled(primary: Server, number: int) -> SocketClient:
    asking = primary.connect()
    primary.process.send_signal(number)
    wait_until(lambda: "shutdown_in_milliseconds" in fields(primary, "server"), "it waits")
    return asking


@pytest.mark.parametrize("how", ["command", "SIGTERM", "SIGINT"])
def test_it_waits_for_the_acknowledgement(primary: Server, how: str) -> None:
    with attached(primary) as replica, primary.connect() as client, primary.connect() as writer:
        lag_behind(primary, replica)
        with (
            ask(primary) if how == "command" else signalled(primary, getattr(signal, how))
        ) as asking:
            assert 50_000 < int(info(client, "server")["shutdown_in_milliseconds"]) <= 60_000
            assert replica.command() == [b"REPLCONF", b"GETACK", b"*"]
            assert client.call("GET", "k") == b"v"
            writer.send("SET", "k", "w")
            blocked = str(1 + (how == "command"))
            wait_until(
                lambda: info(client, "clients")["blocked_clients"] == blocked, "the write waits"
            )
            replica.ack()
            assert primary.process.wait(10) == 0
            for one in (asking, writer):
                assert one.closed()
    log = primary.log.read_text()
    assert "Waiting for replicas before shutting down." in log
    assert "1 of 1 replicas are in sync when shutting down." in log
    assert "Lagging replica" not in log


def test_nothing_to_wait_for(primary: Server) -> None:
    with attached(primary) as replica:
        lag_behind(primary, replica)
        replica.ack()
        wait_until(lambda: f"offset={replica.offset}" in fields(primary)["slave0"], "acknowledged")
        with primary.connect() as client, suppress(ConnectionError):
            client.send("SHUTDOWN")
            assert primary.process.wait(10) == 0
    assert "Waiting for replicas" not in primary.log.read_text()


@pytest.mark.parametrize("case", ["NOW", "no timeout"])
def test_without_waiting(primary: Server, case: str) -> None:
    with attached(primary) as replica, primary.connect() as client:
        lag_behind(primary, replica)
        if case != "NOW":
            client.call("CONFIG", "SET", "shutdown-timeout", "0")
        client.send("SHUTDOWN", *(["NOW"] if case == "NOW" else []))
        assert primary.process.wait(10) == 0
    log = primary.log.read_text()
    assert "Waiting for replicas" not in log
    assert "Lagging replica 127.0.0.1:7777 reported offset" in log
    assert "behind master, lag=" in log
    assert "0 of 1 replicas are in sync when shutting down." in log


def test_until_the_time_is_over(primary: Server) -> None:
    with primary.connect() as client, attached(primary) as replica:
        client.call("CONFIG", "SET", "shutdown-timeout", "1")
        lag_behind(primary, replica)
        client.send("SHUTDOWN")
        assert primary.process.wait(10) == 0
    log = primary.log.read_text()
    assert "Waiting for replicas before shutting down." in log
    assert "0 of 1 replicas are in sync when shutting down." in log


def test_a_replica_that_goes_away(primary: Server) -> None:
    replica = attached(primary)
    lag_behind(primary, replica)
    with ask(primary):
        replica.close()
        assert primary.process.wait(10) == 0


def test_abort(primary: Server) -> None:
    with attached(primary) as replica, primary.connect() as client, primary.connect() as writer:
        assert client.error("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."
        lag_behind(primary, replica)
        with ask(primary) as asking, ask(primary, "NOSAVE") as other:
            writer.send("SET", "k", "w")
            assert not writer.readable(0.05)
            assert client.call("CLIENT", "UNBLOCK", client.call("CLIENT", "ID") + 1) == 0
            assert client.call("SHUTDOWN", "ABORT") == "OK"
            for one in (asking, other):
                text = "ERR Errors trying to SHUTDOWN. Check logs."
                assert one.read_answer().value == text
                assert one.call("PING") == "PONG"
            assert writer.read_answer().value == "OK"
        assert client.call("GET", "k") == b"w"
        assert client.error("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."
        assert "shutdown_in_milliseconds" not in info(client, "server")
    assert "Shutdown manually aborted." in primary.log.read_text()


def test_what_cannot_be_saved(primary: Server) -> None:
    """It goes on, and tells who waited."""
    with attached(primary) as replica, primary.connect() as writer:
        lag_behind(primary, replica)
        (primary.directory / f"temp-{primary.pid}.rdb").mkdir()
        with ask(primary, "SAVE") as asking:
            writer.send("SET", "k", "w")
            replica.ack()
            assert asking.read_answer().value == "ERR Errors trying to SHUTDOWN. Check logs."
        assert writer.read_answer().value == "OK"
        log = primary.log.read_text()
        assert "Error trying to save the DB, can't exit." in log
        assert "Errors trying to shut down the server. Check the logs" in log
        lag_behind(primary, replica)
        with ask(primary, "SAVE", "FORCE"):
            replica.ack()
            assert primary.process.wait(10) == 0
    assert "Error trying to save the DB. Exit anyway." in primary.log.read_text()


def test_second_sigint_ends_it(primary: Server) -> None:
    with attached(primary) as replica:
        lag_behind(primary, replica)
        with signalled(primary, signal.SIGINT):
            primary.process.send_signal(signal.SIGINT)
            assert primary.process.wait(10) == 1
    assert "You insist... exiting now." in primary.log.read_text()


def test_a_failover_under_way_keeps_its_hold(primary: Server) -> None:
    with attached(primary) as replica, primary.connect() as client, primary.connect() as writer:
        lag_behind(primary, replica)
        assert client.call("FAILOVER") == "OK"
        with ask(primary) as asking:
            assert client.call("SHUTDOWN", "ABORT") == "OK"
            asking.read_answer()
            writer.send("SET", "k", "w")
            assert not writer.readable(0.05)
            assert client.call("FAILOVER", "ABORT") == "OK"
            assert writer.read_answer().value == "OK"


def test_no_pings_meanwhile(primary: Server) -> None:
    """The stream stands still, so that replicas can come to its end."""
    with attached(primary) as replica, primary.connect() as client:
        lag_behind(primary, replica)
        with ask(primary):
            assert replica.command() == [b"REPLCONF", b"GETACK", b"*"]
            assert not replica.client.readable(1.5)
            client.call("SHUTDOWN", "ABORT")
        assert replica.command() == [b"PING"]


@pytest.mark.parametrize("follower", ["carnelian", "redis"])
def test_a_stopped_replica_that_wakes(follower: str) -> None:
    """Nothing that was acknowledged to a client is lost."""
    config: dict[str, Any] = {"shutdown-timeout": 60, "repl-diskless-sync-delay": 0}
    with servers(("carnelian", config), (follower, {})) as (first, second):
        follow(second, first)
        wait_in_step(first, second)
        second.process.send_signal(signal.SIGSTOP)
        with first.connect() as client:
            for i in range(100):
                client.call("SET", f"k{i}", "x" * 1000)
        with ask(first):
            second.process.send_signal(signal.SIGCONT)
            assert first.process.wait(15) == 0
        with second.connect() as reader:
            assert reader.call("DBSIZE") == 100
