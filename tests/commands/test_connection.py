"""PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET: replies over every way in, errors as Redis's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import Client, SocketClient
from tests.support.servers import Server

# What must be answered like Redis 7.0, errors above all.
SAME_AS_REDIS: list[list[str]] = [
    ["PING"],
    ["PING", "text"],
    ["PING", "a", "b"],
    ["ECHO"],
    ["ECHO", ""],
    ["ECHO", "a", "b"],
    ["SELECT", "3"],
    ["SELECT", "-1"],
    ["SELECT", "16"],
    ["SELECT", "x"],
    ["SELECT", "1 "],
    ["SELECT", "99999999999"],
    ["SELECT", "99999999999999999999"],
    ["SELECT"],
    ["AUTH"],
    ["AUTH", "secret"],
    ["AUTH", "default", "anything"],
    ["AUTH", "nobody", "secret"],
    ["AUTH", "a", "b", "c"],
    ["HELLO", "1"],
    ["HELLO", "4"],
    ["HELLO", "x"],
    ["HELLO", "2", "AUTH", "default"],
    ["HELLO", "2", "AUTH", "nobody", "x"],
    ["HELLO", "2", "SETNAME"],
    ["HELLO", "2", "SETNAME", "a b"],
    ["HELLO", "2", "NONSENSE"],
    ["RESET"],
    ["RESET", "x"],
]


@pytest.mark.parametrize("command", SAME_AS_REDIS, ids=" ".join)
def test_same_as_redis(command: list[str], server: Server, redis_server: Server) -> None:
    with server.connect() as ours, redis_server.connect() as theirs:
        assert ours.reply(*command) == theirs.reply(*command)


def test_ping_and_echo(client: Client) -> None:
    assert client.call("PING") == "PONG"
    assert client.call("ping", b"\r\n\0") == b"\r\n\0"
    assert client.call("ECHO", "x" * 70000) == b"x" * 70000


def test_hello_describes_the_server(client: Client) -> None:
    told = client.reply("HELLO")
    assert told.kind == ("%" if client.protocol == 3 else "*")
    plain = client.call("HELLO")
    fields = plain if isinstance(plain, dict) else dict(zip(plain[::2], plain[1::2], strict=True))
    assert fields[b"server"] == b"redis"
    assert fields[b"version"].count(b".") == 2
    assert fields[b"proto"] == client.protocol
    assert fields[b"id"] == client.call("CLIENT", "ID")
    assert fields[b"mode"] == b"standalone"
    assert fields[b"role"] == b"master"
    assert fields[b"modules"] == []


def test_hello_switches_the_protocol_and_names_the_client(client: Client) -> None:
    client.protocol = 3
    assert client.reply("HELLO", 3, "SETNAME", "me").kind == "%"
    assert client.call("CLIENT", "GETNAME") == b"me"
    client.protocol = 2
    assert client.reply("HELLO", 2, "AUTH", "default", "", "SETNAME", "you").kind == "*"
    assert client.call("CLIENT", "GETNAME") == b"you"


def test_select_changes_the_database(client: Client) -> None:
    client.call("SET", "k", "0")
    assert client.call("SELECT", 5) == "OK"
    assert client.call("GET", "k") is None
    assert client.call("SELECT", 0) == "OK"
    assert client.call("GET", "k") == b"0"


def test_reset_forgets_everything(connect: Callable[..., SocketClient]) -> None:
    client = connect(3)
    client.call("SELECT", 3)
    client.call("CLIENT", "SETNAME", "me")
    client.call("CLIENT", "SETINFO", "LIB-NAME", "tests")
    client.call("CLIENT", "NO-TOUCH", "ON")
    client.protocol = 2
    assert client.call("RESET") == "RESET"
    line = client.call("CLIENT", "INFO").decode()
    for field in ("db=0", "name=", "flags=N", "resp=2", "lib-name=tests"):
        assert f" {field} " in line


def test_reset_ends_reply_off(connect: Callable[..., SocketClient]) -> None:
    client = connect()
    client.send("CLIENT", "REPLY", "OFF")
    client.send("PING")
    assert client.call("RESET") == "RESET"
    assert client.call("PING") == "PONG"


def test_quit_answers_then_closes(connect: Callable[..., SocketClient]) -> None:
    client = connect()
    client.send_raw(b"QUIT extra words\r\nSET quitted 1\r\n")
    assert client.read_reply().value == "OK"
    assert client.closed()
    assert connect().call("GET", "quitted") is None


class TestPassword:
    def test_nothing_works_before_auth(self, make_server: Callable[..., Server]) -> None:
        server = make_server(requirepass="secret")
        with server.connect() as client:
            assert client.error("PING").startswith("NOAUTH")
            assert client.error("GET", "k") == "NOAUTH Authentication required."
            assert client.error("HELLO", 3).startswith("NOAUTH HELLO must be called")
            assert client.error("AUTH", "wrong").startswith("WRONGPASS")
            assert client.error("AUTH", "nobody", "secret").startswith("WRONGPASS")
            assert client.error("SHUTDOWN").startswith("NOAUTH")
            assert client.call("AUTH", "secret") == "OK"
            assert client.call("PING") == "PONG"
            assert client.call("RESET") == "RESET"
            assert client.error("PING").startswith("NOAUTH")
        with server.connect() as client:
            client.protocol = 3
            assert client.reply("HELLO", 3, "AUTH", "default", "secret").kind == "%"
            assert client.call("PING") == "PONG"

    def test_small_requests_only_before_auth(self, make_server: Callable[..., Server]) -> None:
        server = make_server(requirepass="secret")
        for request in (b"*100\r\n", b"*1\r\n$100000\r\n"):
            with server.connect() as client:
                client.send_raw(request)
                assert client.read_reply().value.startswith("ERR Protocol error: unauthenticated")
                assert client.closed()

    def test_changing_it_at_run_time(self, make_server: Callable[..., Server]) -> None:
        server = make_server()
        with server.connect() as early, server.connect() as late:
            assert early.call("CONFIG", "SET", "requirepass", "a b\x01") == "OK"
            assert early.call("PING") == "PONG"  # who is in stays in, as in Redis
            assert late.call("PING") == "PONG"
            with server.connect() as newcomer:
                assert newcomer.error("PING").startswith("NOAUTH")
                assert newcomer.call("AUTH", "a b\x01") == "OK"
            with server.connect() as waiting:
                assert waiting.error("PING").startswith("NOAUTH")
                assert early.call("CONFIG", "SET", "requirepass", "") == "OK"
                assert waiting.call("PING") == "PONG"
                assert "without any password" in waiting.error("AUTH", "x")
