"""Publish and subscribe: shapes in both protocols, counts, patterns, shards, events of keys."""

from __future__ import annotations

from typing import Any

import pytest

LONG = b"x" * 100_000


@pytest.mark.parametrize("protocol", [2, 3])
def test_subscribe_publish_unsubscribe(connect: Any, protocol: int) -> None:
    listener, sender = connect(protocol), connect()
    listener.send("SUBSCRIBE", "a", "b", "a")
    assert [listener.message() for _ in range(3)] == [
        [b"subscribe", b"a", 1], [b"subscribe", b"b", 2], [b"subscribe", b"a", 2]]
    listener.send("PSUBSCRIBE", "a*")
    assert listener.message() == [b"psubscribe", b"a*", 3]
    assert sender.call("PUBLISH", "a", "hello") == 2
    assert sender.call("PUBLISH", "nobody", "hello") == 0
    assert listener.message() == [b"message", b"a", b"hello"]
    assert listener.message() == [b"pmessage", b"a*", b"a", b"hello"]
    listener.send("UNSUBSCRIBE")
    assert [listener.message() for _ in range(2)] == [
        [b"unsubscribe", b"a", 2], [b"unsubscribe", b"b", 1]]
    listener.send("PUNSUBSCRIBE", "none", "a*")
    assert [listener.message() for _ in range(2)] == [
        [b"punsubscribe", b"none", 1], [b"punsubscribe", b"a*", 0]]
    listener.send("UNSUBSCRIBE")
    assert listener.message() == [b"unsubscribe", None, 0]
    assert sender.call("PUBLISH", "a", "hello") == 0


@pytest.mark.parametrize("protocol", [2, 3])
def test_shard_channels(connect: Any, protocol: int) -> None:
    listener, sender = connect(protocol), connect()
    listener.send("SSUBSCRIBE", "a")
    assert listener.message() == [b"ssubscribe", b"a", 1]
    assert sender.call("SPUBLISH", "a", "x") == 1
    assert sender.call("PUBLISH", "a", "x") == 0
    assert listener.message() == [b"smessage", b"a", b"x"]
    assert sender.call("PUBSUB", "SHARDCHANNELS") == [b"a"]
    assert sender.call("PUBSUB", "SHARDNUMSUB", "a", "b") == [b"a", 1, b"b", 0]
    listener.send("SUNSUBSCRIBE")
    assert listener.message() == [b"sunsubscribe", b"a", 0]


def test_many_listeners_and_long_messages(connect: Any) -> None:
    listeners = [connect(2 + number % 2) for number in range(6)]
    for listener in listeners:
        listener.send("SUBSCRIBE", "a")
        listener.message()
    sender = connect()
    for text in (b"short", LONG):
        assert sender.call("PUBLISH", "a", text) == 6
        for listener in listeners:
            assert listener.message() == [b"message", b"a", text]


def test_questions(connect: Any) -> None:
    one, two, asker = connect(), connect(), connect()
    one.send("SUBSCRIBE", "news", "weather")
    one.message(), one.message()
    two.send("SUBSCRIBE", "news")
    two.message()
    two.send("PSUBSCRIBE", "n*")
    two.message()
    assert sorted(asker.call("PUBSUB", "CHANNELS")) == [b"news", b"weather"]
    assert asker.call("PUBSUB", "CHANNELS", "n*") == [b"news"]
    assert asker.call("PUBSUB", "NUMSUB", "news", "none") == [b"news", 2, b"none", 0]
    assert asker.call("PUBSUB", "NUMPAT") == 1
    assert asker.call("PUBSUB", "HELP")[0].startswith("PUBSUB <subcommand>")
    one.close()
    two.close()


def test_resp2_allows_few_commands_meanwhile(connect: Any) -> None:
    listener = connect()
    listener.send("SUBSCRIBE", "a")
    listener.message()
    assert listener.error("GET", "a") == (
        "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET"
        " are allowed in this context")
    assert listener.call("PING", "x") == [b"pong", b"x"]


def test_own_messages_follow_the_reply(connect: Any) -> None:
    client = connect(3)
    client.send("SUBSCRIBE", "a")
    client.message()
    client.send("MULTI")
    client.send("PING")
    client.send("PUBLISH", "a", "x")
    client.send("EXEC")
    kinds = [client.read_reply().kind for _ in range(5)]
    assert kinds == ["+", "+", "+", "*", ">"]


@pytest.mark.parametrize("classes", ["KEA", "E$", "Kg"])
def test_keyspace_events(connect: Any, server: Any, classes: str) -> None:
    with server.configured(notify_keyspace_events=classes):
        listener, client = connect(), connect()
        listener.send("PSUBSCRIBE", "__key*")
        listener.message()
        client.call("SET", "a", "1")
        client.call("DEL", "a")
        expected = []
        for event, letter in ((b"set", "$"), (b"del", "g")):
            if letter not in classes and "A" not in classes:
                continue
            if "K" in classes:
                expected.append([b"pmessage", b"__key*", b"__keyspace@0__:a", event])
            if "E" in classes:
                expected.append([b"pmessage", b"__key*", b"__keyevent@0__:" + event, b"a"])
        assert [listener.message() for _ in expected] == expected
