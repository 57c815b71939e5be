"""Chains and changes of role: histories go on without a full synchronisation, whoever leads."""

from __future__ import annotations

import random

import pytest

from tests.support.client import Client
from tests.support.following import (
    differences,
    digest,
    fields,
    follow,
    info,
    servers,
    wait_in_step,
    wait_up,
)
from tests.support.servers import Server
from tests.support.waiting import wait_until

QUICK = {"repl-diskless-sync-delay": 0, "repl-ping-replica-period": 1}
NAMES = ("redis", "carnelian")


def write(client: Client, rng: random.Random, count: int = 200) -> None:
    for _ in range(count):
        client.call("SELECT", rng.randrange(4))
        client.call("SET", f"k{rng.randrange(50)}", rng.random())
        client.call("LPUSH", f"l{rng.randrange(9)}", rng.random())


def same(*running: Server) -> None:
    digests = {digest(server) for server in running}
    if len(digests) > 1:
        pytest.fail(f"{[differences(running[0], other) for other in running[1:]]}")


def promote(server: Server) -> None:
    with server.connect() as client:
        client.call("REPLICAOF", "NO", "ONE")


def full_syncs(server: Server) -> int:
    return int(fields(server, "stats")["sync_full"])


@pytest.mark.parametrize("last", NAMES)
@pytest.mark.parametrize("first", NAMES)
def test_a_chain(first: str, last: str) -> None:
    """All see one stream at the same offsets, and the middle one may take the lead."""
    rng = random.Random(2)
    with servers((first, QUICK), ("carnelian", QUICK), (last, QUICK)) as (head, middle, tail):
        follow(middle, head)
        wait_up(middle)
        follow(tail, middle)
        wait_up(tail)
        with head.connect() as client:
            write(client, rng)
        wait_in_step(head, middle, tail)
        same(head, middle, tail)
        states = [fields(server) for server in (head, middle, tail)]
        assert len({state["master_replid"] for state in states}) == 1
        assert states[1]["connected_slaves"] == "1"
        # The middle one leads: both neighbours go on with what they have.
        old_id = states[0]["master_replid"]
        counts = full_syncs(head), full_syncs(middle)
        promote(middle)
        with middle.connect() as client:
            found = info(client)
            assert found["role"] == "master"
            assert found["master_replid2"] == old_id != found["master_replid"]
            assert int(found["second_repl_offset"]) == int(states[1]["master_repl_offset"]) + 1
            write(client, rng)
        follow(head, middle)
        wait_in_step(middle, head, tail)
        same(head, middle, tail)
        assert (full_syncs(head), full_syncs(middle)) == counts


@pytest.mark.parametrize("diskless_load", ["disabled", "swapdb"])
@pytest.mark.parametrize("diskless", ["yes", "no"])
@pytest.mark.parametrize(
    ("second", "last"), [("carnelian", "carnelian"), ("carnelian", "redis"), ("redis", "carnelian")]
)
def test_a_chain_in_another_database(
    second: str, last: str, diskless: str, diskless_load: str
) -> None:
    """A snapshot says in which database the stream behind it goes on."""
    settings = {**QUICK, "repl-diskless-sync": diskless, "repl-diskless-load": diskless_load}
    with servers(("carnelian", settings), (second, settings), (last, settings)) as running:
        head, middle, tail = running
        follow(middle, head)
        wait_up(middle)
        with head.connect() as client:
            client.call("SELECT", 3)
            client.call("SET", "a", "1")
            wait_in_step(head, middle)
            follow(tail, middle)
            wait_up(tail)
            client.call("SET", "b", "1")
            wait_in_step(head, middle, tail)
        same(head, middle, tail)


def test_a_replica_moves_to_another_replica() -> None:
    """A of B of A does not hang, and is a chain again when one of them is sent elsewhere."""
    rng = random.Random(3)
    carnelian = ("carnelian", QUICK)
    with servers(("redis", QUICK), carnelian, carnelian) as (head, one, other):
        for replica in (one, other):
            follow(replica, head)
        for replica in (one, other):
            wait_up(replica)
        with head.connect() as client:
            write(client, rng)
        wait_in_step(head, one, other)
        follow(one, other)
        wait_in_step(other, one)
        follow(other, one)
        wait_in_step(one, other)  # in a circle nobody has anything to say
        for server in (one, other):
            with server.connect() as client:
                assert client.call("PING") == "PONG"
                assert client.error("SET", "k", "v").startswith("READONLY")
        follow(other, head)
        with head.connect() as client:
            write(client, rng)
        wait_in_step(head, other)
        wait_in_step(other, one)
        same(head, one, other)


def test_a_primary_follows_and_leads_again() -> None:
    """From Redis to Carnelian and back, without a second full synchronisation."""
    rng = random.Random(4)
    with servers(("redis", QUICK), ("carnelian", QUICK)) as (redis, carnelian):
        with redis.connect() as client:
            write(client, rng)
        follow(carnelian, redis)
        wait_in_step(redis, carnelian)
        for leader, follower in ((carnelian, redis), (redis, carnelian), (carnelian, redis)):
            promote(leader)
            follow(follower, leader)
            with leader.connect() as client:
                write(client, rng, 50)
            wait_in_step(leader, follower)
            same(leader, follower)
        assert full_syncs(redis) + full_syncs(carnelian) == 1


def test_data_of_its_own_is_replaced() -> None:
    with servers(("redis", QUICK), ("carnelian", QUICK)) as (redis, carnelian):
        with carnelian.connect() as client:
            write(client, random.Random(5))
            client.call("SELECT", 0)
        with redis.connect() as client:
            client.call("SET", "only", "this")
        follow(carnelian, redis)
        wait_in_step(redis, carnelian)
        with carnelian.connect() as client:
            assert client.call("KEYS", "*") == [b"only"]
            assert list(info(client, "keyspace")) == ["db0"]


def test_a_replica_with_an_append_only_file() -> None:
    """What it logs is the primary's data, not what was there before."""
    rng = random.Random(6)
    config = {**QUICK, "appendonly": "yes"}
    with (
        servers(("redis", QUICK), ("carnelian", config)) as (redis, carnelian),
        redis.connect() as client,
        carnelian.connect() as own,
    ):
        own.call("SET", "mine", "1")
        write(client, rng)
        follow(carnelian, redis)
        wait_up(carnelian)
        write(client, rng)
        wait_in_step(redis, carnelian)
        wait_until(
            lambda: info(own, "persistence")["aof_rewrite_in_progress"] == "0"
            and info(own, "persistence")["aof_rewrite_scheduled"] == "0",
            "the new base is written",
        )
        write(client, rng)
        wait_in_step(redis, carnelian)
        before = digest(carnelian)
        own.call("REPLICAOF", "NO", "ONE")
        own.call("DEBUG", "LOADAOF")
        assert digest(carnelian) == before


def test_waitaof_counts_replicas() -> None:
    """A replica tells what is safe in its own append-only file."""
    config = {**QUICK, "appendonly": "yes", "appendfsync": "always"}
    with (
        servers(("carnelian", QUICK), ("carnelian", config)) as (primary, replica),
        primary.connect() as client,
    ):
        follow(replica, primary)
        wait_up(replica)
        client.call("SET", "k", "v")
        assert client.call("WAITAOF", 0, 1, 10_000) == [0, 1]
