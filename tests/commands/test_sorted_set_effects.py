"""What sorted set commands do besides replying: keyspace events, propagation, memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from carnelian.base import memory
from tests.support.effects import Effects
from tests.support.waiting import wait_until

# A line, the events it causes and what it propagates (None: itself).
LINES: list[tuple[str, list[str], list[str] | None]] = [
    ("ZADD z 1 a 2 b 3 c 4 d", ["zadd z"], None),
    ("ZADD z 1 a", [], []),
    ("ZADD z XX 1 x", [], []),
    ("ZADD none XX 1 x", [], []),
    ("ZADD z INCR 1 a", ["zincr z"], None),
    ("ZINCRBY z -1 a", ["zincr z"], None),
    ("ZREM z x", [], []),
    ("ZRANGESTORE d z 0 1", ["zrangestore d"], None),
    ("ZRANGESTORE d none 0 1", ["del d"], None),
    ("ZRANGESTORE d none 0 1", [], []),
    ("ZUNIONSTORE d 2 z z", ["zunionstore d"], None),
    ("ZINTERSTORE d 2 z z", ["zinterstore d"], None),
    ("ZDIFFSTORE d 2 z none", ["zdiffstore d"], None),
    ("ZDIFFSTORE d 2 z z", ["del d"], None),
    ("ZPOPMIN z", ["zpopmin z"], None),
    ("ZPOPMIN none", [], []),
    ("BZPOPMAX none z 0", ["zpopmax z"], ["ZPOPMAX z"]),
    ("ZMPOP 2 none z MIN COUNT 9", ["zpopmin z", "del z"], ["ZPOPMIN z 2"]),
    ("ZADD z 1 a 2 b 3 c 4 d 5 e", ["zadd z"], None),
    ("BZMPOP 0 1 z MAX", ["zpopmax z"], ["ZPOPMAX z 1"]),
    ("ZREMRANGEBYRANK z 0 0", ["zremrangebyrank z"], None),
    ("ZREMRANGEBYSCORE z 2 2", ["zremrangebyscore z"], None),
    ("ZREMRANGEBYLEX z - [c", ["zremrangebylex z"], None),
    ("ZREM z d", ["zrem z", "del z"], None),
    ("GEOADD g 1 1 m", ["zadd g"], ["ZADD g 3377822707026402 m"]),
    ("GEOADD g NX CH 1 1 m 2 2 n", ["zadd g"],
     ["ZADD g NX CH 3377822707026402 m 3378191666521995 n"]),
    ("GEOADD g XX 1 1 m", [], []),
    ("GEOSEARCHSTORE d g FROMLONLAT 1 1 BYRADIUS 1 km", ["geosearchstore d"], None),
    ("GEORADIUS g 1 1 1 km STORE d", ["georadiusstore d"], None),
    ("GEORADIUS none 1 1 1 km STORE d", ["del d"], None),
]


@pytest.fixture
def effects() -> Iterator[Effects]:
    opened = Effects()
    yield opened
    opened.close()


def test_propagation(effects: Effects) -> None:
    for line, _, expected in LINES:
        assert effects.propagated(line) == ([line] if expected is None else expected), line


def test_events(effects: Effects) -> None:
    for line, expected, _ in LINES:
        assert effects.events(line) == expected, line


def test_nothing_leaks(effects: Effects) -> None:
    def work() -> None:
        for line, _, _ in LINES:
            effects.client.reply(*line.split())
        words = " ".join(f"{n} member:{n}" for n in range(300))
        for line in (
            f"ZADD big {words}", "ZADD z 5 a 6 c", "ZUNION 2 big z", "ZINTER 2 big z WITHSCORES",
            "ZUNIONSTORE d 2 big z", "ZRANDMEMBER big 5", "ZRANDMEMBER big -5", "ZSCAN big 0",
            "ZUNION 2 big z WEIGHTS 1 x", "ZREMRANGEBYRANK big 1 -2", "ZPOPMAX big 5",
            "GEOSEARCH d BYPOLYGON 3 1 1 2 2 x y", "GEOSEARCH d BYPOLYGON 3 1 1 2 2 3 3",
            "ZREVRANGE z 0 -1", "ZADD z 1 a x b", "DEL z d big g",
        ):  # fmt: skip
            effects.client.reply(*line.split())

    rounds = 30
    before = memory.stats()["live"]
    for _ in range(rounds):
        work()
    # Pools and tables of the engine keep some blocks; big values are freed on another thread.
    wait_until(lambda: memory.stats()["live"] < before + 2 * rounds, "all values are freed")
