"""The system's clock is set forwards or back by hours, on the primary or the replica: timers go by
the monotonic clock and do not care; what expires follows the wall clock."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.client import SocketClient
from tests.support.following import fields, follow, info, servers, wait_in_step, wait_up
from tests.support.servers import Server
from tests.support.waiting import wait_until

HOUR_MS = 3_600_000
QUICK = {
    "repl-diskless-sync-delay": 0,
    "repl-ping-replica-period": 1,
    "repl-timeout": 30,
    "repl-backlog-ttl": 60,
    "min-replicas-max-lag": 20,
    "timeout": 60,
}
JUMPS = pytest.mark.parametrize("by_ms", [2 * HOUR_MS, -2 * HOUR_MS], ids=["forwards", "back"])


@pytest.fixture
def pair() -> Iterator[tuple[Server, Server]]:
    with servers(("carnelian", QUICK), ("carnelian", QUICK)) as (primary, replica):
        follow(replica, primary)
        wait_up(replica)
        yield primary, replica


def jump(client: SocketClient, by_ms: int) -> None:
    client.call("DEBUG", "JUMP-CLOCK", by_ms)


def took_s(client: SocketClient, *words: str | int) -> float:
    started = time.monotonic()
    client.call(*words)
    return time.monotonic() - started


@JUMPS
@pytest.mark.parametrize("where", ["primary", "replica"])
def test_links_and_waits(pair: tuple[Server, Server], where: str, by_ms: int) -> None:
    primary, replica = pair
    jumper = primary if where == "primary" else replica
    with primary.connect() as client, replica.connect() as reader, jumper.connect() as setter:
        client.call("CONFIG", "SET", "min-replicas-to-write", 1)
        seconds = info(client, "server")["uptime_in_seconds"]
        jump(setter, by_ms)
        # Nobody takes the other for silent: after the next rounds of both timers all is as before.
        offset = int(info(client)["master_repl_offset"])
        wait_until(lambda: int(info(reader)["slave_repl_offset"]) >= offset + 28, "two PINGs", 20)
        assert client.call("SET", "a", "1") == "OK"
        assert client.call("WAIT", 1, 0) == 1
        found = info(client)
        assert (found["connected_slaves"], found["min_slaves_good_slaves"]) == ("1", "1")
        assert int(found["slave0"].partition("lag=")[2]) <= 10
        stats = info(client, "stats")
        assert (stats["sync_full"], stats["sync_partial_ok"]) == ("1", "0")
        assert int(info(reader)["master_last_io_seconds_ago"]) <= 10
        # Waits end when their time is over, no sooner and not hours later.
        assert 0.199 <= took_s(client, "WAIT", 2, 200) < 10
        assert 0.199 <= took_s(client, "BLPOP", "none", "0.2") < 10
        for line in client.call("CLIENT", "LIST").decode().splitlines():
            assert 0 <= int(line.partition(" age=")[2].split()[0]) < 60
            assert 0 <= int(line.partition(" idle=")[2].split()[0]) < 60
        assert 0 <= int(info(client, "server")["uptime_in_seconds"]) - int(seconds) < 60


@JUMPS
def test_waits_under_way(pair: tuple[Server, Server], by_ms: int) -> None:
    """Their deadline stays where it was."""
    primary, _ = pair
    with primary.connect() as client, primary.connect() as popper, primary.connect() as writer:
        started = time.monotonic()
        popper.send("BLPOP", "none", "1")
        client.call("CLIENT", "PAUSE", 500, "WRITE")
        writer.send("SET", "a", "1")
        jump(client, by_ms)
        assert writer.read_answer().value == "OK"
        assert 0.499 <= time.monotonic() - started < 10
        popper.read_answer()
        assert 0.999 <= time.monotonic() - started < 10


@JUMPS
def test_the_backlog_stays(pair: tuple[Server, Server], by_ms: int) -> None:
    primary, replica = pair
    replica.stop()
    with primary.connect() as client:
        wait_until(lambda: info(client)["connected_slaves"] == "0", "it is alone")
        jump(client, by_ms)
        up = int(info(client, "server")["uptime_in_seconds"])
        wait_until(lambda: int(info(client, "server")["uptime_in_seconds"]) > up + 2, "timers ran")
        assert info(client)["repl_backlog_active"] == "1"


def test_keys_follow_the_wall_clock(pair: tuple[Server, Server]) -> None:
    """The primary's clock decides for both; a replica hides by its own what has expired."""
    primary, replica = pair
    with primary.connect() as client, replica.connect() as reader:
        client.call("SET", "a", "1", "PX", HOUR_MS)
        client.call("HSET", "h", "f", "1", "g", "2")
        client.call("HPEXPIRE", "h", HOUR_MS, "FIELDS", 1, "f")
        wait_in_step(primary, replica)
        jump(reader, 2 * HOUR_MS)
        assert reader.call("GET", "a") is None
        assert reader.call("HGET", "h", "f") is None
        assert (reader.call("DBSIZE"), client.call("GET", "a")) == (2, b"1")
        jump(reader, -2 * HOUR_MS)
        assert (reader.call("GET", "a"), reader.call("HGET", "h", "f")) == (b"1", b"1")
        jump(reader, -2 * HOUR_MS)
        jump(client, 2 * HOUR_MS)
        wait_until(lambda: reader.call("DBSIZE") == 1, "the DEL has come")
        wait_until(lambda: reader.call("HKEYS", "h") == [b"g"], "the HDEL has come")


def test_keys_expire_after_the_clock_went_back(pair: tuple[Server, Server]) -> None:
    """By themselves, and at their time: not when the clock is again where it was."""
    primary, replica = pair
    with primary.connect() as client, replica.connect() as reader:
        client.call("SET", "early", "1", "PX", 1)
        wait_until(lambda: client.call("DBSIZE") == 0, "it has expired")
        client.call("SET", "late", "1", "PX", HOUR_MS)
        jump(client, -2 * HOUR_MS)
        client.call("SET", "soon", "1", "PX", 50)
        wait_until(lambda: client.call("DBSIZE") == 1, "it expires")
        wait_until(lambda: reader.call("DBSIZE") == 1, "the DEL has come")
        assert 2 * HOUR_MS < client.call("PTTL", "late") <= 3 * HOUR_MS
        assert client.call("XADD", "stream", "*", "f", "v") < client.call(
            "XADD", "stream", "*", "f", "v"
        )
        jump(client, 2 * HOUR_MS)
        first = client.call("XADD", "stream", "*", "f", "v")
        jump(client, -2 * HOUR_MS)
        assert int(client.call("XADD", "stream", "*", "f", "v").split(b"-")[1]) == (
            int(first.split(b"-")[1]) + 1
        )
    assert fields(primary, "stats")["sync_full"] == "1"
