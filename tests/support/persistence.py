"""Data sets for tests of files: how to make one, and how to look at all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.client import Client
from tests.support.servers import Server
from tests.support.waiting import wait_until

COUNT = 60


def fill(client: Client) -> None:
    """Keys of every type, in small and big encodings, with numbers, binary and long values."""
    for i in range(COUNT):
        size = i * i % 300 + 1
        client.call("SET", f"text:{i}", b"\x00\xff" * (i * 40))
        client.call("SET", f"number:{i}", str((-7) ** i))
        client.call("RPUSH", f"list:{i}", *[f"element {j}" * (i % 4 + 1) for j in range(size)])
        client.call("SADD", f"integers:{i}", *[j * 77777 - 5 for j in range(size)])
        client.call("SADD", f"members:{i}", *[f"m{j}" for j in range(size)])
        scores = [word for j in range(size) for word in (str(j * 1.25 - i), f"m{j}")]
        client.call("ZADD", f"scores:{i}", *scores)
        client.call("ZADD", f"infinite:{i}", "inf", "a", "-inf", "b", "1e-300", "c")
        client.call("HSET", f"hash:{i}", *[w for j in range(size) for w in (f"f{j}", f"v{j * i}")])
        for j in range(i % 9 + 1):
            fields = ["a", f"{j}", "b", "x" * j] if j % 2 else ["number", str(j), "own", "-5"]
            client.call("XADD", f"stream:{i % 7}", f"{i + 1}-{j + 1}", *fields)
    client.call("SET", "long", "abc" * 100_000)
    client.call("PEXPIREAT", "text:1", "9999999999999")
    client.call("XGROUP", "CREATE", "stream:1", "group", "0")
    client.call("XREADGROUP", "GROUP", "group", "alice", "COUNT", "3", "STREAMS", "stream:1", ">")
    client.call("XREADGROUP", "GROUP", "group", "bob", "COUNT", "2", "STREAMS", "stream:1", ">")
    client.call("XGROUP", "CREATE", "stream:1", "idle", "$")
    client.call("XDEL", "stream:2", "3-1")
    client.call("SELECT", "3")
    client.call("SET", "elsewhere", "1")
    client.call("SELECT", "0")


READERS = {
    "string": ("GET",),
    "list": ("LRANGE", "0", "-1"),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", "0", "-1", "WITHSCORES"),
    "hash": ("HGETALL",),
    "stream": ("XRANGE", "-", "+"),
}


def content(client: Client) -> dict[bytes, Any]:
    """Every key of database 0 with its type, value and expiry."""
    found = {}
    for key in client.call("KEYS", "*"):
        kind = client.call("TYPE", key)
        command, *rest = READERS[kind]
        value = client.call(command, key, *rest)
        if kind == "set":
            value = sorted(value)
        elif kind == "hash":
            value = dict(zip(value[::2], value[1::2], strict=True))
        elif kind == "stream":
            groups = client.call("XINFO", "GROUPS", key)
            value = (value, [g[: g.index(b"lag")] for g in groups])
        found[key] = (kind, value, client.call("PEXPIRETIME", key))
    return found


def persistence(server: Server) -> dict[str, str]:
    """INFO persistence."""
    with server.connect() as client:
        lines = client.call("INFO", "persistence").decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def wait_for(server: Server, timeout_s: float = 10.0, **wanted: object) -> None:
    """Until INFO persistence shows these values."""
    wait_until(
        lambda: (shown := persistence(server))
        and all(shown.get(name) == str(value) for name, value in wanted.items()),
        f"INFO shows {wanted}",
        timeout_s,
    )


def rewritten(server: Server) -> None:
    """Have the append-only file rewritten, and wait for that."""
    with server.connect() as client:
        client.call("BGREWRITEAOF")
    wait_for(server, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)
    assert persistence(server)["aof_last_bgrewrite_status"] == "ok"


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}
