"""No password in MONITOR and SLOWLOG: both as Redis shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.servers import Server

SECRET = "hidden" * 60
LINES = [
    ["AUTH", SECRET],
    ["AUTH", "default", SECRET],
    ["HELLO", "2", "AUTH", "default", SECRET, "SETNAME", "me"],
    ["HELLO", "2", "SETNAME", "me", "auth", "default", SECRET],
    ["CONFIG", "SET", "requirepass", SECRET],
    ["CONFIG", "SET", "requirepass", ""],
    ["CONFIG", "set", "maxmemory", "0", "MasterAuth", SECRET, "masteruser", SECRET],
    ["CONFIG", "SET", "masterauth", "", "masteruser", ""],
    ["ECHO", "auth"],
]


def monitored(client: SocketClient, watcher: SocketClient) -> list[bytes]:
    """What MONITOR shows of the lines, without time and address."""
    assert watcher.call("MONITOR") == "OK"
    for line in LINES:
        client.reply(*line)
    shown = []
    while not shown or b"ECHO" not in shown[-1]:
        shown.append(str(watcher.read_reply().value).encode().partition(b"] ")[2])
    return shown


def logged(client: SocketClient) -> list[list[bytes]]:
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
    client.call("SLOWLOG", "RESET")
    for line in LINES:
        client.reply(*line)
    entries: list[list[Any]] = client.call("SLOWLOG", "GET", -1)
    client.call("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
    return [entry[3] for entry in entries]


@pytest.mark.parametrize("what", ["monitor", "slowlog"])
def test_as_redis(server: Server, redis_server: Server, what: str) -> None:
    seen = []
    for each in (server, redis_server):
        with each.connect() as client, each.connect() as watcher:
            seen.append(monitored(client, watcher) if what == "monitor" else logged(client))
    assert seen[0] == seen[1]
    assert SECRET[:50] not in repr(seen)


def test_commands_in_a_transaction(connect: Callable[..., SocketClient]) -> None:
    client, watcher = connect(), connect()
    watcher.call("MONITOR")
    client.pipeline([["MULTI"], ["CONFIG", "SET", "masterauth", SECRET], ["PING"], ["EXEC"]])
    client.call("CONFIG", "SET", "masterauth", "")
    shown = [str(watcher.read_reply().value).partition("] ")[2] for _ in range(3)]
    assert shown == ['"MULTI"', '"PING"', '"EXEC"']
