"""EXEC: what goes to replicas and the AOF, and what WATCH makes of expired keys and SWAPDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.effects import Effects
from tests.support.waiting import wait_until


@pytest.fixture
def effects() -> Iterator[Effects]:
    opened = Effects()
    yield opened
    opened.close()


def queue(effects: Effects, *lines: str) -> list[str]:
    """What EXEC of these commands feeds to the log."""
    assert effects.propagated("MULTI") == []
    for line in lines:
        assert effects.propagated(line) == []
    return effects.propagated("EXEC")


def test_several_writes_are_a_unit(effects: Effects) -> None:
    found = queue(effects, "SET a 1", "GET a", "INCR a")
    assert found == ["MULTI", "SET a 1", "INCR a", "EXEC"]


def test_one_write_needs_no_frame_or_has_one(effects: Effects) -> None:
    assert [line for line in queue(effects, "SET a 1") if line not in ("MULTI", "EXEC")] == [
        "SET a 1"
    ]


def test_reads_and_failures_feed_nothing(effects: Effects) -> None:
    effects.propagated("SET s text")
    assert queue(effects, "GET s", "LPUSH s x", "DEL nothing") == []


def test_discard_feeds_nothing(effects: Effects) -> None:
    effects.propagated("MULTI")
    effects.propagated("SET a 1")
    assert effects.propagated("DISCARD") == []


def test_rewritten_commands_stay_inside(effects: Effects) -> None:
    effects.propagated("SADD s one")
    found = queue(effects, "SPOP s", "SET a 1 EX 100")
    assert found[0] == "MULTI"
    assert found[1] in ("SREM s one", "DEL s")
    assert found[2].startswith("SET a 1 PXAT ")
    assert found[3] == "EXEC"


def test_a_selected_database_goes_along(effects: Effects) -> None:
    effects.sink.fed.clear()
    for line in ("MULTI", "SELECT 3", "SET a 1", "SET b 1", "EXEC"):
        effects.client.reply(*line.split())
    assert [(db, argv[0]) for db, argv in effects.sink.fed][1:3] == [(3, b"SET"), (3, b"SET")]


class TestWatchAndExpiry:
    @pytest.fixture
    def client(self, connect: Any) -> Iterator[Any]:
        opened = connect()
        opened.call("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        yield opened
        opened.call("DEBUG", "SET-ACTIVE-EXPIRE", 1)

    @staticmethod
    def stale(client: Any, db: int, value: str = "x") -> None:
        """A key that is past its time and still there."""
        client.call("SELECT", db)
        client.call("SET", "k", value, "PX", 1)
        # Nothing looks at the key itself: that would delete it.
        end = int(client.call("TIME")[1]) + 3000
        wait_until(lambda: not 0 <= end - int(client.call("TIME")[1]) <= 3000, "it is over")
        assert client.call("DBSIZE") == 1

    @staticmethod
    def unchanged(client: Any) -> bool:
        client.call("MULTI")
        client.call("PING")
        return client.call("EXEC") == ["PONG"]

    def test_stale_key_comes_where_none_was(self, client: Any) -> None:
        self.stale(client, 0)
        client.call("SELECT", 1)
        client.call("WATCH", "k")
        client.call("SWAPDB", 0, 1)
        assert self.unchanged(client)

    def test_stale_key_for_stale_key(self, client: Any) -> None:
        self.stale(client, 1)
        self.stale(client, 0, "y")
        client.call("SELECT", 1)
        client.call("WATCH", "k")
        client.call("SWAPDB", 0, 1)
        assert self.unchanged(client)

    def test_live_key_for_stale_key(self, client: Any) -> None:
        self.stale(client, 1)
        client.call("SELECT", 0)
        client.call("SET", "k", "y")
        client.call("SELECT", 1)
        client.call("WATCH", "k")
        client.call("SWAPDB", 0, 1)
        assert not self.unchanged(client)

    def test_stale_key_goes_and_another_comes(self, client: Any) -> None:
        self.stale(client, 0)
        client.call("WATCH", "k")
        client.call("SWAPDB", 0, 1)
        client.call("SET", "k", "new")
        assert not self.unchanged(client)

    def test_flush_of_a_stale_key(self, client: Any) -> None:
        self.stale(client, 0)
        client.call("WATCH", "k")
        client.call("FLUSHALL")
        assert self.unchanged(client)
