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
    SCORE_BOUNDS,
    SCORES,
    command,
    counted,
    keys,
    many,
    mostly,
    number,
    options,
    words,
)

KEYS = keys("z")
# Lexicographical ranges mean something only where all scores are equal.
LEX_KEYS = words("lex1", "lex2")
SOURCES = st.one_of(KEYS, KEYS, words("set1"))
FEW = mostly(number(-5, 6), BAD_INTEGERS)
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
    command("ZCOUNT", KEYS, SCORE_BOUNDS, SCORE_BOUNDS),
    command("ZLEXCOUNT", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS),
    command("ZRANGE", KEYS, INDEXES, INDEXES, options("REV", "WITHSCORES", LIMIT)),
    command(
        "ZRANGE", KEYS, SCORE_BOUNDS, SCORE_BOUNDS, "BYSCORE", options("REV", "WITHSCORES", LIMIT)
    ),
    command("ZRANGE", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, "BYLEX", options("REV", LIMIT)),
    command("ZREVRANGE", KEYS, INDEXES, INDEXES, options("WITHSCORES")),
    command("ZRANGEBYSCORE", KEYS, SCORE_BOUNDS, SCORE_BOUNDS, options("WITHSCORES", LIMIT)),
    command("ZREVRANGEBYSCORE", KEYS, SCORE_BOUNDS, SCORE_BOUNDS, options("WITHSCORES", LIMIT)),
    command("ZRANGEBYLEX", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, options(LIMIT)),
    command("ZREVRANGEBYLEX", LEX_KEYS, LEX_BOUNDS, LEX_BOUNDS, options(LIMIT)),
    command("ZRANGESTORE", KEYS, KEYS, INDEXES, INDEXES, options("REV", LIMIT)),
    command("ZRANGESTORE", KEYS, KEYS, SCORE_BOUNDS, SCORE_BOUNDS, "BYSCORE", options(LIMIT)),
    command("ZREMRANGEBYRANK", KEYS, INDEXES, INDEXES),
    command("ZREMRANGEBYSCORE", KEYS, SCORE_BOUNDS, SCORE_BOUNDS),
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
    command("SET", KEYS, "text"),
    command("DEL", KEYS),
)
TINY = {"zset-max-listpack-entries": 3, "zset-max-listpack-value": 12}
ONCE = settings(SETTINGS, max_examples=30)

NO_MULTI = {"transactions": False}

TestSmall = differential(COMMANDS, peer="valkey", run=ONCE, **NO_MULTI)
TestSmallResp3 = differential(COMMANDS, peer="valkey", protocol=3, run=ONCE, **NO_MULTI)
TestBig = differential(COMMANDS, peer="valkey", config=TINY, run=ONCE, **NO_MULTI)
TestBigResp3 = differential(COMMANDS, peer="valkey", protocol=3, config=TINY, run=ONCE, **NO_MULTI)
