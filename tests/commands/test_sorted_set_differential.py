"""Sorted set commands give Valkey's replies and leave Valkey's content, in both encodings."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.differential import SETTINGS, differential
from tests.support.generators import (
    BAD_INTEGERS,
    COUNTS,
    EDGES,
    INDEXES,
    LEX_BOUNDS,
    MEMBERS,
    PATTERNS,
    command,
    counted,
    keys,
    many,
    mostly,
    number,
    options,
    words,
)
from tests.support.generators import SCORES as ANY_SCORES

KEYS = keys("z")
# Lexicographical ranges mean something only where all scores are equal.
LEX_KEYS = words("lex1", "lex2")
SOURCES = st.one_of(KEYS, KEYS, words("set1"))
FEW = mostly(number(-5, 6), BAD_INTEGERS)
# Valkey 9 reads no hexadecimal numbers.
SCORES = ANY_SCORES.filter(lambda text: b"x" not in text)
# Redis reads a bound with strtod, Valkey with a stricter function: what both know.
BOUNDS = st.tuples(
    words("", "", "("),
    mostly(
        st.one_of(number(-12, 12), words("1.5", "-2.5e-3", "1e10", "inf", "-inf", "+inf", "0.1")),
        words("nan", "abc", "1x", "--1", "(1"),
    ),
).map(b"".join)
LIMIT = ["LIMIT", mostly(number(-2, 4), EDGES), mostly(number(-2, 4), EDGES)]
WEIGHTS = ["WEIGHTS", many(SCORES, high=3)]
AGGREGATE = ["AGGREGATE", words("SUM", "MIN", "MAX", "max", "x")]

COMMANDS = st.one_of(
    command("ZADD", KEYS, many(SCORES, MEMBERS)),
    command("ZADD", KEYS, options("NX", "XX", "GT", "LT", "CH", "INCR"), many(SCORES, MEMBERS)),
    command("ZADD", KEYS, options("GT", "LT", "CH", "INCR"), SCORES, MEMBERS),
    command("ZADD", LEX_KEYS, "0", MEMBERS),
    command("ZINCRBY", KEYS, SCORES, MEMBERS),
    command("ZREM", KEYS, many(MEMBERS, high=3)),
    command("ZCARD", KEYS),
    command("ZSCORE", KEYS, MEMBERS),
    command("ZMSCORE", KEYS, many(MEMBERS)),
    command("ZRANK", KEYS, MEMBERS, options("WITHSCORE")),
    command("ZREVRANK", KEYS, MEMBERS, options("WITHSCORE")),
    command("ZCOUNT", KEYS, BOUNDS, BOUNDS),
    command("ZLEXCOUNT", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS),
    command("ZRANGE", KEYS, INDEXES, INDEXES, options("REV", "WITHSCORES", LIMIT)),
    command(
        "ZRANGE", KEYS, BOUNDS, BOUNDS, "BYSCORE", options("REV", "WITHSCORES", LIMIT)
    ),
    command("ZRANGE", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, "BYLEX", options("REV", LIMIT)),
    command("ZREVRANGE", KEYS, INDEXES, INDEXES, options("WITHSCORES")),
    command("ZRANGEBYSCORE", KEYS, BOUNDS, BOUNDS, options("WITHSCORES", LIMIT)),
    command("ZREVRANGEBYSCORE", KEYS, BOUNDS, BOUNDS, options("WITHSCORES", LIMIT)),
    command("ZRANGEBYLEX", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, options(LIMIT)),
    command("ZREVRANGEBYLEX", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, options(LIMIT)),
    command("ZRANGESTORE", KEYS, KEYS, INDEXES, INDEXES, options("REV", LIMIT)),
    command("ZRANGESTORE", KEYS, KEYS, BOUNDS, BOUNDS, "BYSCORE", options(LIMIT)),
    command("ZREMRANGEBYRANK", KEYS, INDEXES, INDEXES),
    command("ZREMRANGEBYSCORE", KEYS, BOUNDS, BOUNDS),
    command("ZREMRANGEBYLEX", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS),
    command("ZPOPMIN", KEYS, options(COUNTS)),
    command("ZPOPMAX", KEYS, options(COUNTS)),
    command("ZMPOP", counted(KEYS), words("MIN", "MAX", "x"), options(["COUNT", COUNTS])),
    command("ZUNION", counted(SOURCES), options(WEIGHTS, AGGREGATE, "WITHSCORES")),
    command("ZINTER", counted(SOURCES), options(WEIGHTS, AGGREGATE, "WITHSCORES")),
    command("ZDIFF", counted(SOURCES), options("WITHSCORES", AGGREGATE)),
    command("ZUNIONSTORE", KEYS, counted(SOURCES), options(WEIGHTS, AGGREGATE)),
    command("ZINTERSTORE", KEYS, counted(SOURCES), options(WEIGHTS, AGGREGATE)),
    command("ZDIFFSTORE", KEYS, counted(SOURCES), options("WITHSCORES")),
    command("ZINTERCARD", counted(SOURCES), options(["LIMIT", COUNTS])),
    command("ZRANDMEMBER", KEYS, options([FEW, options("WITHSCORES")])),
    command("ZSCAN", KEYS, "0", options(["MATCH", PATTERNS], ["COUNT", COUNTS])),
    command("SADD", "set1", many(MEMBERS)),
    command("SET", KEYS, "text"),
    command("DEL", KEYS),
)
TINY = {"zset-max-listpack-entries": 3, "zset-max-listpack-value": 12}
ONCE = settings(SETTINGS, max_examples=20)

TestSmall = differential(COMMANDS, peer="valkey", run=ONCE)
TestSmallResp3 = differential(COMMANDS, peer="valkey", protocol=3, run=ONCE)
TestBig = differential(COMMANDS, peer="valkey", config=TINY, run=ONCE)
TestBigResp3 = differential(COMMANDS, peer="valkey", protocol=3, config=TINY, run=ONCE)
