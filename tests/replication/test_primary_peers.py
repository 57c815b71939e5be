"""Carnelian as the primary of redis-server and of itself, over a connection that fails."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.support.client import SocketClient
from tests.support.fault_proxy import FaultProxy
from tests.support.following import (
    differences,
    digest,
    fields,
    follow,
    servers,
    wait_in_step,
    wait_up,
)
from tests.support.persistence import fill
from tests.support.servers import PeerMissing, Server
from tests.support.waiting import wait_until
from tests.support.write_load import WriteLoad

QUICK = {"repl-diskless-sync-delay": 0, "repl-ping-replica-period": 1}
PEERS = ["redis", "carnelian"]


@pytest.fixture(params=PEERS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Server]]:
    """A primary, and one who may follow it."""
    try:
        with servers(("carnelian", QUICK), (request.param, QUICK)) as (primary, replica):
            yield primary, replica
    except PeerMissing as missing:
        pytest.skip(str(missing))


def same(primary: Server, *replicas: Server) -> None:
    wait_in_step(primary, *replicas)
    for replica in replicas:
        assert digest(primary) == digest(replica), differences(primary, replica)[:5]


def settle(primary: Server) -> None:
    """Until everything has expired that was about to, and no time to live is short."""
    with primary.connect() as client:
        for db_id in range(3):
            client.call("SELECT", db_id)
            wait_until(lambda: not any(expiring(client)), "expired", 20, 0.1)


def expiring(client: SocketClient) -> Iterator[bool]:
    """For each key whether it goes soon."""
    for key in client.call("KEYS", "*"):
        yield 0 <= client.call("PTTL", key) < 10_000


def test_all_types(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    with primary.connect() as client:
        fill(client)
    follow(replica, primary)
    wait_up(replica)
    same(primary, replica)
    with primary.connect() as client:
        client.call("FLUSHALL")
        fill(client)
        client.call("SWAPDB", 0, 3)
        client.call("MULTI")
        client.call("SET", "a", "1")
        client.call("SELECT", 2)
        client.call("SET", "b", "2", "EX", 100)
        client.call("EXEC")
        client.call("PUBLISH", "channel", "message")
        assert client.call("WAIT", 1, 5000) == 1
    same(primary, replica)


def test_expiry_is_the_primarys(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    follow(replica, primary)
    wait_up(replica)
    with primary.connect() as client, replica.connect() as reader:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        client.call("SET", "a", "1", "PX", 30)
        wait_until(lambda: client.call("PTTL", "a") == -2, "it is past its time")
        wait_until(lambda: reader.call("DBSIZE") == 0, "the DEL has come")
    same(primary, replica)


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_load_during_the_snapshot(pair: tuple[Server, Server], diskless: str) -> None:
    primary, replica = pair
    with primary.connect() as client:
        client.call("CONFIG", "SET", "repl-diskless-sync", diskless)
        client.call("DEBUG", "POPULATE", 20_000, "key", 50)
    with WriteLoad(primary, 11) as load:
        wait_until(lambda: load.batches > 30, "a load")
        follow(replica, primary)
        wait_up(replica)
        seen = load.batches
        wait_until(lambda: load.batches > seen + 50, "more load")
    settle(primary)
    same(primary, replica)
    assert fields(primary, "stats")["sync_full"] == "1"


def test_two_snapshots_at_once(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    with servers(("carnelian", QUICK)) as (other,):
        with WriteLoad(primary, 3):
            follow(replica, primary)
            follow(other, primary)
            wait_up(replica)
            wait_up(other)
            wait_until(lambda: fields(primary)["connected_slaves"] == "2", "both are there")
        settle(primary)
        same(primary, replica, other)


def test_disconnects_under_load(pair: tuple[Server, Server]) -> None:
    """Cut again and again, also within the snapshot: in the end nothing is missing or twice."""
    primary, replica = pair
    chance = random.Random(5)
    with FaultProxy(("127.0.0.1", primary.port or 0)) as proxy:
        proxy.truncate_after(3000)  # the first tries end within the snapshot
        with primary.connect() as client:
            fill(client)
        follow(replica, proxy.port)
        wait_until(lambda: proxy.connections >= 2, "it tries again", 20)
        proxy.truncate_after(None)
        proxy.cut()
        wait_up(replica)
        full = int(fields(primary, "stats")["sync_full"])
        with WriteLoad(primary, 7, 0.001) as load:
            for _ in range(20):
                seen = load.batches
                proxy.delay_s = chance.choice((0, 0, 0.01))
                wait_until(lambda seen=seen: load.batches > seen + 3, "load")
                if chance.random() < 0.2:
                    proxy.truncate_after(chance.randrange(1, 2000))
                known = proxy.connections
                proxy.cut()
                wait_until(lambda known=known: proxy.connections > known, "it is back", 30)
                proxy.truncate_after(None)
                wait_up(replica)
        settle(primary)
        proxy.delay_s = 0
        same(primary, replica)
        stats = fields(primary, "stats")
        assert int(stats["sync_full"]) == full, "the backlog had it all"
        assert int(stats["sync_partial_ok"]) >= 20


def test_stalled_link(pair: tuple[Server, Server]) -> None:
    """Nothing arrives any more, and nobody says so: the primary gives the replica up."""
    primary, replica = pair
    with FaultProxy(("127.0.0.1", primary.port or 0)) as proxy, primary.connect() as client:
        client.call("CONFIG", "SET", "repl-timeout", 2)
        follow(replica, proxy.port)
        wait_up(replica)
        proxy.stalled = True
        wait_until(lambda: fields(primary)["connected_slaves"] == "0", "given up", 20)
        client.call("SET", "meanwhile", "1")
        proxy.stalled = False
        proxy.cut()
        same(primary, replica)
        assert fields(primary, "stats")["sync_full"] == "1"


def test_restarted_primary(pair: tuple[Server, Server]) -> None:
    primary, replica = pair
    follow(replica, primary)
    wait_up(replica)
    with primary.connect() as client:
        client.call("SET", "a", "1")
        client.call("SET", "soon", "1", "PX", 1500)
    port = primary.port
    with primary.connect() as client:
        client.call("CONFIG", "SET", "save", "3600 1")
    primary.process.terminate()
    primary.process.wait()
    with servers(("carnelian", QUICK | {"dir": str(primary.directory), "port": port})) as (again,):
        wait_until(lambda: fields(again)["connected_slaves"] == "1", "the replica is back", 30)
        wait_up(replica)
        assert fields(again, "stats")["sync_partial_ok"] == "1"
        assert fields(again, "stats")["sync_full"] == "0"
        with again.connect() as client:
            client.call("SET", "b", "1")
            wait_until(lambda: client.call("EXISTS", "soon") == 0, "expired")
        same(again, replica)
