"""HIMPORT: fieldsets of a connection, and hashes made from them."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.client import Client, SocketClient
from tests.support.effects import Effects
from tests.support.resp import plain


def test_hashes_of_a_fieldset(client: Client) -> None:
    assert client.call("HIMPORT", "PREPARE", "user", "name", "", "age") == "OK"
    assert client.call("HIMPORT", "SET", "h", "user", "Ada", "x", "36") == "OK"
    assert client.call("HMGET", "h", "name", "", "age") == [b"Ada", b"x", b"36"]
    client.call("HSET", "h", "more", "1")
    client.call("EXPIRE", "h", 100)
    assert client.call("HIMPORT", "SET", "h", "user", "Bob", "y", "v" * 100) == "OK"
    assert client.call("HLEN", "h") == 3
    assert client.call("TTL", "h") == -1
    assert client.call("OBJECT", "ENCODING", "h") == b"hashtable"


def test_refusals(client: Client) -> None:
    assert "duplicate field name" in client.error("HIMPORT", "PREPARE", "f", "a", "b", "a")
    assert "no such fieldset" in client.error("HIMPORT", "SET", "h", "f", "1", "2", "3")
    client.call("HIMPORT", "PREPARE", "f", "a", "b")
    assert "value count does not match" in client.error("HIMPORT", "SET", "h", "f", "1")
    assert "value count does not match" in client.error("HIMPORT", "SET", "h", "f", "1", "2", "3")
    client.call("SET", "s", "text")
    assert client.error("HIMPORT", "SET", "s", "f", "1", "2").startswith("WRONGTYPE")
    assert client.call("GET", "s") == b"text"
    assert client.call("EXISTS", "h") == 0


def test_fieldsets_come_and_go(client: Client) -> None:
    for name in ("a", "b", "b", "c"):
        client.call("HIMPORT", "PREPARE", name, "f", "g")
    assert client.call("HIMPORT", "DISCARD", "a") == 1
    assert client.call("HIMPORT", "DISCARD", "a") == 0
    assert client.call("HIMPORT", "DISCARDALL") == 2
    assert client.call("HIMPORT", "DISCARDALL") == 0
    client.call("MULTI")
    client.call("HIMPORT", "PREPARE", "t", "f")
    client.call("HIMPORT", "SET", "h", "t", "1")
    assert client.call("EXEC") == ["OK", "OK"]
    client.call("RESET")
    assert "no such fieldset" in plain(client.reply("HIMPORT", "SET", "h", "t", "1")).args[0]


def test_other_connections_do_not_see_them(connect: Callable[..., SocketClient]) -> None:
    connect().call("HIMPORT", "PREPARE", "f", "a")
    assert "no such fieldset" in connect().error("HIMPORT", "SET", "h", "f", "1")


def test_effects() -> None:
    effects = Effects()
    effects.client.call("HIMPORT", "PREPARE", "f", "a", "b")
    assert effects.propagated("HIMPORT SET h f 1 2") == ["HSET h a 1 b 2"]
    assert effects.propagated("HIMPORT SET h f 3 4") == ["MULTI", "DEL h", "HSET h a 3 b 4", "EXEC"]
    assert effects.events("HIMPORT SET h f 5 6") == ["hset h"]
    effects.close()
