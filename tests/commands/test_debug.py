"""DEBUG: what tests ask of a server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.servers import Server


@pytest.fixture(params=[2, 3])
def client(request: pytest.FixtureRequest, connect: Any) -> Client:
    """By a socket: in-process engines do not allow DEBUG."""
    opened: Client = connect(request.param)
    return opened


def fill(client: Client) -> None:
    client.call("SET", "s", "text")
    client.call("SET", "n", "12", "EX", 1000)
    client.call("RPUSH", "l", "a", "b", "c")
    client.call("SADD", "set", "x", "y", "1")
    client.call("ZADD", "z", "1.5", "one", "2", "two")
    client.call("HSET", "h", "f", "v")
    client.call("XADD", "x", "1-1", "f", "v")


def test_digest(client: Client) -> None:
    assert client.call("DEBUG", "DIGEST") == "0" * 40
    fill(client)
    first = client.call("DEBUG", "DIGEST")
    assert first != "0" * 40
    client.call("SET", "s", "text2")
    assert client.call("DEBUG", "DIGEST") != first
    client.call("SET", "s", "text")
    assert client.call("DEBUG", "DIGEST") == first
    client.call("RENAME", "l", "other")
    values = client.call("DEBUG", "DIGEST-VALUE", "other", "nothing")
    client.call("RENAME", "other", "l")
    assert values == client.call("DEBUG", "DIGEST-VALUE", "l", "nothing")
    assert values[1] == "0" * 40


def test_digest_ignores_the_order_of_sets(client: Client) -> None:
    client.call("SADD", "a", "1", "2", "x")
    client.call("SADD", "b", "x", "2", "1")
    one, two = client.call("DEBUG", "DIGEST-VALUE", "a", "b")
    assert one == two


def test_reload(connect: Any) -> None:
    client = connect()
    fill(client)
    before = client.call("DEBUG", "DIGEST")
    client.call("WATCH", "s")
    assert client.call("DEBUG", "RELOAD") == "OK"
    assert client.call("DEBUG", "DIGEST") == before
    assert client.call("MULTI") == "OK"
    assert client.call("PING") == "QUEUED"
    assert client.call("EXEC") is None
    client.call("SET", "unsaved", "1")
    assert client.call("DEBUG", "RELOAD", "NOSAVE") == "OK"
    assert client.call("EXISTS", "unsaved") == 0
    assert client.call("DEBUG", "DIGEST") == before
    assert client.error("DEBUG", "RELOAD", "NOPE").startswith("ERR DEBUG RELOAD only supports")


def test_populate(client: Client) -> None:
    assert client.call("DEBUG", "POPULATE", 10) == "OK"
    assert client.call("GET", "key:3") == b"value:3"
    assert client.call("DEBUG", "POPULATE", 12, "p", 100) == "OK"
    assert len(client.call("GET", "p:11")) == 100
    assert client.call("DBSIZE") == 22
    client.error("DEBUG", "POPULATE", -1)
    client.error("DEBUG", "POPULATE", 1, "p", -9223372036854775808)


def test_object_and_audits(client: Client) -> None:
    fill(client)
    assert " encoding:listpack " in client.call("DEBUG", "OBJECT", "l")
    assert client.error("DEBUG", "OBJECT", "nothing") == "ERR no such key"
    assert client.call("DEBUG", "VERIFY") == "OK"
    assert b"number of elements: 7" in client.call("DEBUG", "HTSTATS", 0)
    assert client.error("DEBUG", "HTSTATS", 99) == "ERR Out of range database"
    assert client.call("DEBUG", "ALLOCATIONS")


def test_replies(client: Client) -> None:
    assert client.error("DEBUG", "ERROR", "ERR of mine") == "ERR of mine"
    assert client.call("DEBUG", "PROTOCOL", "integer") == 12345
    client.error("DEBUG", "PROTOCOL", "nothing")
    assert client.call("DEBUG", "SLEEP", 0) == "OK"
    assert client.call("DEBUG", "STRINGMATCH-LEN", 1000, "*a*b") == "OK"
    assert client.error("DEBUG", "NOSUCH").startswith("ERR unknown subcommand or wrong number")
    assert client.error("DEBUG", "SET-DISABLE-DENY-SCRIPTS", 1).startswith("ERR unknown sub")
    assert "HELP" in client.call("DEBUG", "HELP")


def test_replication_id_changes(client: Client) -> None:
    def replid() -> str:
        text: str = client.call("INFO", "replication").decode()
        return text.partition("master_replid:")[2].split()[0]

    before = replid()
    client.call("DEBUG", "CHANGE-REPL-ID")
    assert replid() != before


def test_the_clock_can_be_stopped(server: Server, connect: Any) -> None:
    client = connect()
    assert client.call("DEBUG", "PAUSE-CRON", 1) == "OK"
    assert client.call("DEBUG", "PAUSE-CRON", 0) == "OK"


@pytest.mark.parametrize("allowed", ["no", "local"])
def test_only_where_it_is_allowed(make_server: Any, allowed: str) -> None:
    server = make_server(enable_debug_command=allowed)
    with server.connect() as client:
        if allowed == "local":
            assert client.call("DEBUG", "SLEEP", 0) == "OK"
        else:
            assert client.error("DEBUG", "SLEEP", 0).startswith("ERR DEBUG command not allowed.")
