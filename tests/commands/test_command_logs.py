"""COMMANDLOG: slow commands, large requests, large replies; as Valkey has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.servers import PeerMissing, Server, start

KINDS = ("slow", "large-request", "large-reply")


@pytest.fixture(scope="module", params=["carnelian", "valkey"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The same is expected of both."""
    limits = {"commandlog-request-larger-than": 1000, "commandlog-reply-larger-than": 1000}
    try:
        running = start(request.param, {"slowlog-log-slower-than": -1, **limits})
    except PeerMissing as missing:
        pytest.skip(str(missing))
    with running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with server.connect() as client:
        client.call("FLUSHALL")
        for kind in KINDS:
            client.call("COMMANDLOG", "RESET", kind)
        yield client


def lengths(client: Client) -> list[int]:
    return [client.call("COMMANDLOG", "LEN", kind) for kind in KINDS]


def test_requests(client: Client) -> None:
    client.call("CLIENT", "SETNAME", "me")
    client.call("SET", "k", "x" * 900)
    client.call("SET", "k", "x" * 1000)
    client.call("MSET", "a", "x" * 500, "b", "x" * 500)
    assert lengths(client) == [0, 2, 0]
    newest, oldest = client.call("COMMANDLOG", "GET", -1, "Large-Request")
    number, _, size, words, _, name = oldest
    assert 1000 <= size < 1040
    assert words[0:2] == [b"SET", b"k"]
    assert words[2] == b"x" * 128 + b"... (872 more bytes)"
    assert name == b"me"
    assert newest[0] == number + 1
    assert newest[3][0] == b"MSET"


def test_replies(client: Client) -> None:
    client.call("SET", "k", "x" * 990)
    client.call("GET", "k")
    client.call("APPEND", "k", "x" * 10)
    client.call("GET", "k")
    assert client.call("COMMANDLOG", "LEN", "large-reply") == 1
    (entry,) = client.call("COMMANDLOG", "GET", 10, "large-reply")
    assert entry[3] == [b"GET", b"k"]
    assert 1000 <= entry[2] < 1020


def test_of_transactions_each_command_is_logged(client: Client) -> None:
    client.call("MULTI")
    client.call("SET", "k", "x" * 1200)
    client.call("GET", "k")
    client.call("EXEC")
    logged = [entry[3][0] for entry in client.call("COMMANDLOG", "GET", 10, "large-reply")]
    assert b"GET" in logged


def test_slow_is_the_slow_log(client: Client) -> None:
    client.call("CONFIG", "SET", "commandlog-execution-slower-than", 0)
    client.call("PING")
    client.call("CONFIG", "SET", "slowlog-log-slower-than", -1)
    assert client.call("SLOWLOG", "LEN") == client.call("COMMANDLOG", "LEN", "slow") > 0
    assert client.call("SLOWLOG", "GET", 1) == client.call("COMMANDLOG", "GET", 1, "slow")


def test_limits(client: Client) -> None:
    client.call("CONFIG", "SET", "commandlog-large-request-max-len", 3)
    for _ in range(5):
        client.call("SET", "k", "x" * 1000)
    assert client.call("COMMANDLOG", "LEN", "large-request") == 3
    client.call("CONFIG", "SET", "commandlog-large-request-max-len", 128)
    client.call("CONFIG", "SET", "commandlog-request-larger-than", -1)
    client.call("SET", "k", "x" * 1000)
    assert client.call("COMMANDLOG", "LEN", "large-request") == 3
    client.call("CONFIG", "SET", "commandlog-request-larger-than", 1000)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("GET", -2, "slow"), "count should be greater than or equal to -1"),
        (("GET", "x", "slow"), "count should be greater than or equal to -1"),
        (("GET", 1, "x"), "type should be one of the following: slow, large-request, large-reply"),
        (("LEN", "x"), "type should be one of the following: slow, large-request, large-reply"),
        (("RESET", "x"), "type should be one of the following: slow, large-request, large-reply"),
    ],
)
def test_errors(client: Client, words: tuple[Any, ...], text: str) -> None:
    assert client.error("COMMANDLOG", *words) == f"ERR {text}"
