"""MEMORY USAGE, STATS, DOCTOR, PURGE, MALLOC-STATS, HELP."""

from __future__ import annotations

from typing import Any

from tests.support.client import Client


def test_usage(client: Client) -> None:
    assert client.call("MEMORY", "USAGE", "nothing") is None
    client.call("SET", "a", "1")
    small = client.call("MEMORY", "USAGE", "a")
    assert 10 <= small <= 40
    client.call("EXPIRE", "a", 100)
    assert client.call("MEMORY", "USAGE", "a") > small
    client.call("SET", "big", "x" * 100_000)
    assert 100_000 < client.call("MEMORY", "USAGE", "big", "SAMPLES", 0) < 110_000
    for i in range(1000):
        client.call("HSET", "hash", f"field:{i}", "x" * 50)
    assert 60_000 < client.call("MEMORY", "USAGE", "hash", "SAMPLES", 5) < 150_000


def test_usage_errors(client: Client) -> None:
    client.call("SET", "a", "1")
    assert client.error("MEMORY", "USAGE", "a", "SAMPLES") == "ERR syntax error"
    assert client.error("MEMORY", "USAGE", "a", "SAMPLES", "-1") == "ERR syntax error"
    assert client.error("MEMORY", "USAGE", "a", "NOPE", "1") == "ERR syntax error"
    text = "ERR value is not an integer or out of range"
    assert client.error("MEMORY", "USAGE", "a", "SAMPLES", "x") == text
    assert client.error("MEMORY", "USAGE").startswith("ERR wrong number of arguments")
    assert client.error("MEMORY", "NOSUCH") == "ERR unknown subcommand 'NOSUCH'. Try MEMORY HELP."


def test_a_look_is_no_use_of_the_key(client: Client) -> None:
    client.call("SET", "a", "1")
    client.call("CONFIG", "RESETSTAT")
    client.call("MEMORY", "USAGE", "a")
    assert b"keyspace_hits:0\r\n" in client.call("INFO", "stats")


def test_stats(connect: Any) -> None:
    client = connect(3)
    client.call("SELECT", 3)
    client.call("DEBUG", "POPULATE", 100)
    found = client.call("MEMORY", "STATS")
    assert found[b"keys.count"] == 100
    assert found[b"keys.bytes-per-key"] > 0
    assert found[b"db.3"][b"overhead.hashtable.main"] > 0
    assert found[b"dataset.bytes"] + found[b"overhead.total"] == found[b"total.allocated"]
    assert isinstance(found[b"dataset.percentage"], float)


def test_the_rest(client: Client) -> None:
    assert client.call("MEMORY", "PURGE") == "OK"
    assert client.call("MEMORY", "DOCTOR").strip()
    assert client.call("MEMORY", "MALLOC-STATS").startswith(b"blocks in use: ")
    assert client.call("MEMORY", "HELP")[0].startswith("MEMORY <subcommand>")
