"""What is logged, and how: effects, units, databases, times."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.support.client import SocketClient
from tests.support.log_files import DIRECTORY, INCREMENT, logged
from tests.support.persistence import wait_for
from tests.support.servers import Server


def log_of(server: Server, directory: Path) -> list[str]:
    wait_for(server, aof_buffer_length=0)
    return logged(directory / DIRECTORY / INCREMENT)


def test_effects_are_logged_not_commands(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        client.call("SADD", "set", "a")
        client.call("SPOP", "set")
        client.call("SET", "text", "v", "EX", "100")
        client.call("EXPIRE", "text", "1000")
        client.call("GETEX", "text", "PERSIST")
        client.call("GET", "text")
        client.call("INCRBYFLOAT", "number", "1.5")
        client.call("DEL", "nothing")
        client.call("EXPIRE", "text", "-1")
    found = log_of(server, tmp_path)
    assert found[:3] == ["SELECT 0", "SADD set a", "SREM set a"]
    assert found[3].startswith("SET text v PXAT 1")
    assert found[4].startswith("PEXPIREAT text 1")
    assert found[5:] == ["PERSIST text", "SET number 1.5 KEEPTTL", "DEL text"]


def test_a_transaction_is_a_unit_and_each_database_is_selected(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        client.call("MULTI")
        client.call("SET", "a", "1")
        client.call("GET", "a")
        client.call("INCR", "a")
        client.call("EXEC")
        client.call("SELECT", "5")
        client.call("MULTI")
        client.call("SET", "alone", "1")
        client.call("EXEC")
    assert log_of(server, tmp_path) == [
        "MULTI", "SELECT 0", "SET a 1", "INCR a", "EXEC", "SELECT 5", "SET alone 1",
    ]  # fmt: skip


def test_expired_keys_are_deleted_in_the_log(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.call("SET", "short", "v", "PX", "1")
        deadline = time.monotonic() + 5
        while client.call("GET", "short") is not None:
            assert time.monotonic() < deadline
    found = log_of(server, tmp_path)
    assert found[-1] == "DEL short"


def test_times_are_annotated(begin: Any, tmp_path: Path) -> None:
    server = begin(aof_timestamp_enabled="yes", aof_use_rdb_preamble="no")
    with server.connect() as client:
        client.call("SET", "a", "1")
        client.call("SET", "b", "1")
    found = log_of(server, tmp_path)
    assert found[0].startswith("#TS:1")
    assert [line for line in found if not line.startswith("#TS:")] == [
        "SELECT 0", "SET a 1", "SET b 1",
    ]  # fmt: skip
    server.stop()
    with begin().connect() as client:
        assert client.call("DBSIZE") == 2


def test_a_reply_leaves_after_its_write_even_when_another_client_causes_it(begin: Any) -> None:
    """What BLPOP gets because of another's push is on disk before either hears of it."""
    server = begin(appendfsync="always")
    with server.connect() as waiting, server.connect() as pushing:
        waiting.send("BLPOP", "list", "0")
        pushing.call("RPUSH", "list", "x")
        assert waiting.read_answer().value is not None
    server.kill()
    with begin().connect() as client:
        assert client.call("EXISTS", "list") == 0


def test_streams_and_pops_come_back(begin: Any) -> None:
    server = begin()
    with server.connect() as client:
        client.call("RPUSH", "list", *range(10))
        client.call("LMPOP", "2", "none", "list", "RIGHT", "COUNT", "3")
        client.call("ZADD", "zset", *[str(n) for i in range(10) for n in (i, i)])
        client.call("ZMPOP", "1", "zset", "MIN", "COUNT", "4")
        client.call("XADD", "stream", "*", "f", "v")
        client.call("XGROUP", "CREATE", "stream", "g", "0")
        client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">")
        before = digest(client)
    server.stop()
    with begin().connect() as client:
        assert digest(client) == before
        assert client.call("XPENDING", "stream", "g")[0] == 1


def digest(client: SocketClient) -> Any:
    return client.call("DEBUG", "DIGEST")


def test_debug_loadaof_replays(begin: Any) -> None:
    server = begin()
    with server.connect() as client:
        client.call("MSET", *[word for i in range(100) for word in (f"k{i}", i)])
        client.call("LPUSH", "list", "a", "b")
        before = digest(client)
        client.call("DEBUG", "LOADAOF")
        assert digest(client) == before
        client.call("SET", "after", "1")
    server.stop()
    with begin().connect() as client:
        assert client.call("DBSIZE") == 102


def test_replayed_commands_are_no_calls_of_clients(begin: Any) -> None:
    server = begin()
    with server.connect() as client:
        client.call("SET", "a", "1")
    server.stop()
    with begin().connect() as client:
        assert b"cmdstat_set" not in client.call("INFO", "commandstats")
