"""Big values are freed by a thread of its own, which yields to the one that runs commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.following import info
from tests.support.servers import Server
from tests.support.waiting import wait_until

NICENESS_FIELD = 18  # of /proc/PID/task/TID/stat, counted from 1; the name before may hold spaces
BIG = 1000


def nicenesses(server: Server) -> list[int]:
    found = []
    for stat in Path(f"/proc/{server.process.pid}/task").glob("*/stat"):
        after_name = stat.read_text().rpartition(")")[2].split()
        found.append(int(after_name[NICENESS_FIELD - 2 - 1]))
    return sorted(found)


def lose_by_del(client: Client) -> None:
    client.call("DEL", "big")


def lose_by_overwriting(client: Client) -> None:
    client.call("SET", "big", "small")


def lose_by_renaming(client: Client) -> None:
    client.call("SET", "small", "")
    client.call("RENAME", "small", "big")


def lose_by_expiry(client: Client) -> None:
    client.call("PEXPIRE", "big", 1)
    wait_until(lambda: client.call("DBSIZE") == 0, "the key is gone")


@pytest.mark.parametrize(
    "lose", [lose_by_del, lose_by_overwriting, lose_by_renaming, lose_by_expiry]
)
def test_big_values_are_freed_in_the_background(
    make_server: Callable[..., Server], lose: Callable[[Client], None]
) -> None:
    server = make_server()
    with server.connect() as client:
        client.call("SADD", "big", *range(BIG), "not a number")
        assert info(client, "memory")["lazyfreed_objects"] == "0"
        before = nicenesses(server)
        lose(client)
        wait_until(lambda: info(client, "memory")["lazyfreed_objects"] == "1", "it is freed")
        assert info(client, "memory")["lazyfree_pending_objects"] == "0"
        assert max(nicenesses(server)) > before[0]
