"""The tests' own tools, tried on real servers: a comparison is worth what its client is worth."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.client import InProcessClient
from tests.support.resp import (
    BytesSource,
    MalformedReply,
    Reply,
    ReplyError,
    encode_command,
    plain,
    read_reply,
)
from tests.support.servers import Server, config_arguments
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("data", "reply", "value"),
    [
        (b"+OK\r\n", Reply("+", "OK"), "OK"),
        (b"-ERR no\r\n", Reply("-", "ERR no"), ReplyError("ERR no")),
        (b":-12\r\n", Reply(":", -12), -12),
        (b"$0\r\n\r\n", Reply("$", b""), b""),
        (b"$-1\r\n", Reply("$", None), None),
        (b"*-1\r\n", Reply("*", None), None),
        (b"_\r\n", Reply("_", None), None),
        (b"#f\r\n", Reply("#", False), False),
        (b",1.50\r\n", Reply(",", "1.50"), 1.5),
        (b"(12345678901234567890\r\n", Reply("(", 12345678901234567890), 12345678901234567890),
        (b"=7\r\ntxt:a\r\n\r\n", Reply("=", ("txt", b"a\r\n")), b"a\r\n"),
        (b"!5\r\nERR x\r\n", Reply("!", "ERR x"), ReplyError("ERR x")),
        (b"*2\r\n:1\r\n*0\r\n", Reply("*", [Reply(":", 1), Reply("*", [])]), [1, []]),
        (b"~1\r\n:1\r\n", Reply("~", [Reply(":", 1)]), [1]),
        (b">1\r\n+a\r\n", Reply(">", [Reply("+", "a")]), ["a"]),
        (b"%1\r\n+a\r\n:1\r\n", Reply("%", [(Reply("+", "a"), Reply(":", 1))]), {"a": 1}),
    ],
)
def test_every_kind_of_reply(data: bytes, reply: Reply, value: object) -> None:
    source = BytesSource(data)
    assert read_reply(source) == reply
    assert source.at_end()
    assert plain(reply) == value


@pytest.mark.parametrize("data", [b"\r\n", b"?\r\n", b"$x\r\n", b"$1\r\nabc\r\n", b"%-1\r\n"])
def test_a_broken_reply_is_noticed(data: bytes) -> None:
    with pytest.raises(MalformedReply):
        read_reply(BytesSource(data))


def test_commands_are_encoded_as_bulk_strings() -> None:
    assert encode_command(["SET", b"\xff", 1, 2.5]) == (
        b"*4\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$1\r\n1\r\n$3\r\n2.5\r\n"
    )


def test_config_becomes_arguments() -> None:
    config = {"save": "", "bind": ["127.0.0.1", "::1"], "max_clients": 5}
    expected = ["--save", "", "--bind", "127.0.0.1", "::1", "--max-clients", "5"]
    assert config_arguments(config) == expected


def test_a_client_in_process_reads_what_the_engine_wrote() -> None:
    written = {b"PING": b"+PONG\r\n", b"SUBSCRIBE": b">1\r\n+news\r\n", b"BAD": b"-ERR bad\r\n"}
    client = InProcessClient(lambda argv: written[argv[0]])
    client.protocol = 3
    client.send("SUBSCRIBE")
    assert client.call("PING") == "PONG"
    assert client.message() == ["news"]
    assert client.error("BAD") == "ERR bad"


@pytest.mark.parametrize("peer", ["redis_server", "valkey_server"])
def test_a_client_of_a_real_server(peer: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(peer)
    with server.connect(protocol=3) as client, server.connect() as other:
        assert client.call("SET", "k", b"\x00\xff") == "OK"
        assert client.reply("GET", "k") == Reply("$", b"\x00\xff")
        assert client.reply("GET", "none") == Reply("_", None)
        assert other.reply("GET", "none") == Reply("$", None)
        assert client.error("LPUSH", "k", "x").startswith("WRONGTYPE ")
        with pytest.raises(ReplyError, match="unknown command"):
            client.call("NOSUCH")
        assert plain(client.pipeline([["INCR", "n"], ["INCR", "n"]])[1]) == 2
        client.send("SUBSCRIBE", "news")
        assert client.message() == [b"subscribe", b"news", 1]
        other.call("PUBLISH", "news", "hello")
        assert client.call("PING") == "PONG"
        assert client.message() == [b"message", b"news", b"hello"]
        other.send_raw(b"*1\r\n$bad\r\n")
        assert other.closed()
        assert other.read_reply() == Reply("-", "ERR Protocol error: invalid bulk length")
    with server.configured(hash_max_listpack_entries=7), server.connect() as client:
        assert client.call("CONFIG", "GET", "hash-max-listpack-entries")[1] == b"7"
    assert server.rss_bytes() > 1 << 20
    assert server.cpu_s() >= 0


def test_waiting_has_a_deadline() -> None:
    values = iter([0, 0, 7])
    assert wait_until(lambda: next(values), "it is seven") == 7
    with contextlib.suppress(StopIteration), pytest.raises(TimeoutError, match="pigs fly"):
        wait_until(lambda: False, "pigs fly", timeout_s=0.02)
