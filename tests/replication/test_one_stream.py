"""The log and the replicas get the same writes, each with databases selected as it needs them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.support.client import Client
from tests.support.following import fields
from tests.support.log_files import DIRECTORY, INCREMENT, logged
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
CAPA = ("capa", "eof", "capa", "psync2", "listening-port", "7777")
LOOSE = {"PING", "REPLCONF GETACK *"}
LONGEST = 100_000  # across blocks of the backlog
LAST = "SET last one"


def write_something(client: Client, rng: random.Random) -> None:
    size = rng.choice([1, 10, 1000, LONGEST])
    kind = rng.randrange(6)
    if kind == 0:
        client.call("SELECT", rng.randrange(3))
    elif kind == 1:
        client.pipeline([["MULTI"], ["SET", "a", "x" * size], ["PUBLISH", "c", "m"], ["EXEC"]])
    elif kind == 2:
        client.call("PUBLISH", "c", "m" * size)
    elif kind == 3:
        client.pipeline([["MULTI"], ["INCR", "n"], ["SELECT", "1"], ["INCR", "n"], ["EXEC"]])
    else:
        client.call("SET", f"key:{rng.randrange(9)}", "y" * size)


def effects(commands: list[str]) -> list[tuple[int, str]]:
    """What the commands write, and in which database; units whose only effect lies elsewhere are
    no units of the log."""
    found: list[tuple[int, str]] = []
    database = 0
    for line in commands:
        word = line.split(" ", 1)[0]
        if word == "SELECT":
            database = int(line.split()[1])
        elif word not in {"MULTI", "EXEC", "PUBLISH"} and line not in LOOSE:
            found.append((database, line))
    return found


def test_log_and_replica_get_the_same(make_server: Make, tmp_path: Path) -> None:
    server = make_server(
        repl_diskless_sync_delay=0, appendonly="yes", appendfsync="always", dir=str(tmp_path)
    )
    rng = random.Random(11)
    with server.connect() as client, RawReplica(server, *CAPA) as replica:
        for _ in range(20):
            write_something(client, rng)
        client.call("SELECT", 2)
        client.call("SET", "joins", "here")
        replica.full_sync()
        wait_until(lambda: "state=online" in fields(server)["slave0"], "online")
        for _ in range(300):
            write_something(client, rng)
        client.call(*LAST.split())
        stream = [b" ".join(words).decode() for words in replica.until([*LAST.encode().split()])]
    log = effects(logged(tmp_path / DIRECTORY / INCREMENT))
    seen = effects(stream)
    assert seen
    assert log[-len(seen) :] == seen
    assert log[-len(seen) - 1] == (2, "SET joins here")
    assert "PUBLISH" not in {line.split(" ", 1)[0] for _, line in log}
