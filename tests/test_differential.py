"""The comparison itself, redis-server against redis-server: it agrees, and it sees differences."""

from __future__ import annotations

import unittest

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from tests.support.differential import SETTINGS, Difference, Pair, connect, differential
from tests.support.generators import (
    BAD_INTEGERS,
    COUNTS,
    FIELDS,
    FLOATS,
    IDS,
    INDEXES,
    INTEGERS,
    KEYS,
    LEX_BOUNDS,
    MEMBERS,
    PATTERNS,
    SCORE_BOUNDS,
    SCORES,
    SECONDS,
    STREAM_IDS,
    VALUES,
    command,
    counted,
    keys,
    many,
    optional,
    options,
)
from tests.support.normalize import same
from tests.support.resp import Reply

STRINGS, LISTS, HASHES, SETS, ZSETS, STREAMS = map(keys, ["str", "l", "h", "set", "z", "x"])
ANY_KEY = st.one_of(STRINGS, LISTS, HASHES, SETS, ZSETS, STREAMS)
COMMANDS = st.one_of(
    command("SET", STRINGS, VALUES, options("NX", "XX", "GET", "KEEPTTL", ["EX", SECONDS])),
    command("INCRBY", STRINGS, INTEGERS),
    command("INCRBYFLOAT", STRINGS, FLOATS),
    command("GETRANGE", STRINGS, INDEXES, INDEXES),
    command("EXPIRE", ANY_KEY, SECONDS, options("NX", "XX", "GT", "LT")),
    command("TTL", ANY_KEY),
    command("RPUSH", LISTS, many(VALUES)),
    command("LPOP", LISTS, optional(COUNTS)),
    command("HSET", HASHES, many(FIELDS, VALUES)),
    command("HGETALL", HASHES),
    command("HSCAN", HASHES, "0", options(["MATCH", PATTERNS], ["COUNT", COUNTS])),
    command("SADD", SETS, many(MEMBERS)),
    command("SPOP", SETS, optional(COUNTS)),
    command("SRANDMEMBER", SETS, optional(COUNTS)),
    command("SINTERCARD", counted(SETS), options(["LIMIT", COUNTS])),
    command("ZADD", ZSETS, options("NX", "XX", "GT", "LT", "CH", "INCR"), many(SCORES, MEMBERS)),
    command("ZRANGEBYSCORE", ZSETS, SCORE_BOUNDS, SCORE_BOUNDS, optional("WITHSCORES")),
    command("ZRANGEBYLEX", ZSETS, LEX_BOUNDS, LEX_BOUNDS),
    command("XADD", STREAMS, IDS, many(FIELDS, VALUES)),
    command("XRANGE", STREAMS, STREAM_IDS, STREAM_IDS),
    command("XGROUP", "CREATE", STREAMS, "group", STREAM_IDS, optional("MKSTREAM")),
    command("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", STREAMS, ">"),
    command("XPENDING", STREAMS, "group", "-", "+", COUNTS),
    command("SCAN", "0", options(["MATCH", PATTERNS], ["TYPE", "string"])),
    command("NOSUCH", KEYS, BAD_INTEGERS),
    command("DEL", ANY_KEY),
)
OTHER = {"maxclients": 1000}  # makes it another server
FEW = settings(SETTINGS, max_examples=15)

TestAgreesInResp2 = differential(COMMANDS, subject="redis", subject_config=OTHER, run=FEW)
TestAgreesInResp3 = differential(
    COMMANDS, subject="redis", subject_config=OTHER, protocol=3, run=FEW
)


def two_clients() -> tuple[Pair, Pair]:
    """A pair of unlike servers, and the same pair with every difference excused."""
    try:
        clients = connect("redis", 2, OTHER), connect("redis", 2, None)
    except unittest.SkipTest as missing:
        pytest.skip(str(missing))
    pair = Pair(*clients)
    pair.reset()
    return pair, Pair(*clients, excuse=lambda argv, mine, theirs: True)


def test_differences_are_seen() -> None:
    pair, excused = two_clients()
    pair.run([b"SET", b"k", b"v"])
    pair.compare_content()
    pair.peer.call("SET", "k", "w")
    with pytest.raises(Difference, match="subject: Reply"):
        pair.run([b"GET", b"k"])
    excused.run([b"GET", b"k"])
    with pytest.raises(Difference, match="content of b'k'"):
        pair.compare_content()
    pair.peer.call("SET", "k", "v", "EX", 1000)
    with pytest.raises(Difference, match="ttl of b'k'"):
        pair.compare_content()
    pair.peer.call("DEL", "k")
    with pytest.raises(Difference, match="keys"):
        pair.compare_content()
    with pytest.raises(Difference, match="GET k"):
        pair.run_transaction([[b"GET", b"k"]])


def test_replies_of_another_kind_differ() -> None:
    assert not same(Reply("+", "OK"), Reply("$", b"OK"))
    assert not same(Reply(":", 1), Reply("#", True))
    assert not same(Reply("$", None), Reply("*", None))
    assert same(Reply("*", [Reply(":", 1)]), Reply("*", [Reply(":", 1)]))
