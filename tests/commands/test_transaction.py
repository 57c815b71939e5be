"""MULTI, EXEC, DISCARD, WATCH, UNWATCH: over every way in."""

from __future__ import annotations

from typing import Any

from tests.support.client import Client
from tests.support.waiting import wait_until


def test_queue_and_execute(client: Client) -> None:
    assert client.call("MULTI") == "OK"
    assert client.call("SET", "a", "1") == "QUEUED"
    assert client.call("GET", "a") == "QUEUED"
    assert client.call("EXEC") == ["OK", b"1"]
    assert client.error("EXEC") == "ERR EXEC without MULTI"


def test_discard_drops_the_queue(client: Client) -> None:
    assert client.error("DISCARD") == "ERR DISCARD without MULTI"
    client.call("MULTI")
    client.call("SET", "a", "1")
    assert client.call("DISCARD") == "OK"
    assert client.call("GET", "a") is None
    assert client.error("EXEC") == "ERR EXEC without MULTI"


def test_nested_multi_and_watch_inside(client: Client) -> None:
    client.call("MULTI")
    assert client.error("MULTI") == "ERR MULTI calls can not be nested"
    assert client.error("WATCH", "a") == "ERR WATCH inside MULTI is not allowed"
    client.call("PING")
    assert client.call("EXEC") == ["PONG"]


def test_a_refused_command_aborts(client: Client) -> None:
    client.call("MULTI")
    client.call("SET", "a", "1")
    assert client.error("NOSUCH").startswith("ERR unknown command 'NOSUCH'")
    abort = "EXECABORT Transaction discarded because of previous errors."
    assert client.error("EXEC") == abort
    assert client.call("GET", "a") is None
    client.call("MULTI")
    assert client.error("GET").startswith("ERR wrong number of arguments")
    assert client.error("EXEC") == abort


def test_a_failing_command_stops_nothing(client: Client) -> None:
    client.call("MULTI")
    client.call("SET", "a", "text")
    client.call("LPUSH", "a", "x")
    client.call("SET", "b", "2")
    replies = client.reply("EXEC").value
    assert [reply.kind for reply in replies] == ["+", "-", "+"]
    assert client.call("GET", "b") == b"2"


def test_blocking_commands_do_not_block(client: Client) -> None:
    client.call("MULTI")
    client.call("BLPOP", "nothing", "0")
    assert client.call("EXEC") == [None]


def test_watch_of_an_unchanged_key(client: Client) -> None:
    client.call("SET", "a", "1")
    assert client.call("WATCH", "a", "b") == "OK"
    client.call("MULTI")
    client.call("GET", "a")
    assert client.call("EXEC") == [b"1"]


def test_watch_of_a_changed_key(client: Client) -> None:
    client.call("WATCH", "a")
    client.call("SET", "a", "1")
    client.call("MULTI")
    client.call("GET", "a")
    assert client.call("EXEC") is None
    client.call("MULTI")
    client.call("GET", "a")
    assert client.call("EXEC") == [b"1"]


def test_unwatch(client: Client) -> None:
    client.call("WATCH", "a")
    client.call("SET", "a", "1")
    assert client.call("UNWATCH") == "OK"
    client.call("MULTI")
    client.call("GET", "a")
    assert client.call("EXEC") == [b"1"]


def test_watch_sees_others_and_databases(connect: Any) -> None:
    one, other = connect(), connect()
    one.call("WATCH", "a")
    other.call("SELECT", "1")
    other.call("SET", "a", "1")
    one.call("MULTI")
    one.call("PING")
    assert one.call("EXEC") == ["PONG"]
    one.call("WATCH", "a")
    other.call("SELECT", "0")
    other.call("SET", "a", "1")
    one.call("MULTI")
    one.call("PING")
    assert one.call("EXEC") is None


def test_watch_sees_flush_and_swap(connect: Any) -> None:
    one, other = connect(), connect()
    for change in (["FLUSHALL"], ["FLUSHDB"], ["SWAPDB", "0", "3"]):
        one.call("SET", "a", "1")
        one.call("WATCH", "a")
        other.call(*change)
        one.call("MULTI")
        one.call("PING")
        assert one.call("EXEC") is None, change
    other.call("FLUSHALL")
    one.call("WATCH", "a")
    other.call("FLUSHALL")
    one.call("MULTI")
    one.call("PING")
    assert one.call("EXEC") == ["PONG"]


def test_shutdown_is_refused_inside(client: Client) -> None:
    client.call("MULTI")
    assert client.error("SHUTDOWN") == "ERR Command not allowed inside a transaction"
    assert client.error("EXEC").startswith("EXECABORT ")
    assert client.call("PING") == "PONG"


def test_swapping_expired_keys(connect: Any) -> None:
    """WATCH sees what a client can see: an expired key is none."""
    client = connect()

    def outcome(*change: str) -> Any:
        client.call("WATCH", "k")
        client.call(*change)
        client.call("MULTI")
        client.call("PING")
        return client.call("EXEC")

    def expired(db: int) -> None:
        client.call("SELECT", db)
        client.call("SET", "k", "old", "PX", 1)
        wait_until(lambda: client.call("PTTL", "k") == -2, "it expires")

    client.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
    expired(1)
    assert outcome("SWAPDB", "0", "1") == ["PONG"], "expired, then none"
    assert outcome("SWAPDB", "0", "1") == ["PONG"], "none, then expired"
    expired(0)
    assert outcome("SWAPDB", "0", "1") == ["PONG"], "expired, then another expired one"
    client.call("SELECT", 1)
    client.call("SET", "k", "live")
    client.call("SELECT", 0)
    assert outcome("SWAPDB", "0", "1") is None, "expired, then live"
    assert outcome("SWAPDB", "0", "1") is None, "live, then expired"
    assert outcome("FLUSHALL") == ["PONG"], "expired, then flushed"
    client.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)
