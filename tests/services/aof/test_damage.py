"""Logs damaged at random: read to some good point, never a crash, and good up to that point."""

from __future__ import annotations

import random

import carnelian.commands  # noqa: F401  the names of all commands
from carnelian.engine.engine import Engine
from carnelian.services.persistence.aof.replay import LogDamage, LogReader
from tests.support.log_files import encoded

LOG = b"#TS:1700000000\r\n" + encoded(
    "SELECT 0",
    "SET a 1",
    "MULTI",
    "INCR a",
    "RPUSH list one two three",
    "EXEC",
    "HSET hash f v g w",
    "ZADD zset 1.5 m",
    "XADD stream 1-1 f v",
    "SELECT 2",
    "PEXPIREAT a 1",
    "SADD set 1 2 3",
    "SPOP set",
)
ROUNDS = 1500


def read(data: bytes, engine: Engine | None = None) -> LogReader:
    """Read all of it; LogDamage goes up."""
    reader = LogReader(engine, data)
    try:
        while not reader.load_some(40):
            pass
    finally:
        reader.close()
    return reader


def mutated(dice: random.Random) -> bytes:
    data = bytearray(LOG)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data))
        kind = dice.randrange(5)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data[at : at + 1] = dice.choice((b"\r\n", b"*", b"$", b"-", b"9", b"0", b"99999999999"))
        elif kind == 2:
            del data[at : at + dice.randint(1, 30)]
        elif kind == 3:
            data[at:at] = data[dice.randrange(len(data)) :][: dice.randint(1, 40)]
        else:
            del data[max(at, 1) :]
    return bytes(data)


def test_a_whole_log_is_good() -> None:
    reader = read(LOG)
    assert (reader.good, reader.torn, reader.commands) == (len(LOG), False, 13)
    assert reader.stamp_s == 1_700_000_000


def test_every_cut_is_torn_and_good_before() -> None:
    for size in range(len(LOG)):
        reader = read(LOG[:size])
        assert reader.torn == (reader.good < size)
        again = read(LOG[: reader.good])
        assert (again.good, again.torn) == (reader.good, False)


def test_damage_is_found_and_what_is_before_it_is_good() -> None:
    dice = random.Random(4)
    damaged = 0
    for _ in range(ROUNDS):
        data = mutated(dice)
        reader = LogReader(None, data)
        found: LogDamage | None = None
        try:
            while not reader.load_some(40):
                pass
        except LogDamage as damage:
            damaged += 1
            found = damage
        if found is not None:
            assert reader.good <= found.offset <= len(data)
        assert read(data[: reader.good]).good == reader.good
    assert damaged > ROUNDS // 4


def test_damaged_logs_are_executed_without_a_crash() -> None:
    dice = random.Random(7)
    engine = Engine(16)
    for _ in range(ROUNDS // 3):
        try:
            read(mutated(dice), engine)
        except LogDamage:
            pass
        assert engine.verify()
    assert engine.figures()["internal_errors"] == 0


def test_errors_of_commands_are_counted_not_fatal() -> None:
    engine = Engine(16)
    reader = read(encoded("SET a x", "INCR a", "SET b 1"), engine)
    assert (reader.errors, reader.commands) == (1, 3)
