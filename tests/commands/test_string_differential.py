"""Random string commands against Redis and Valkey."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support import generators as g
from tests.support.differential import differential
from tests.support.resp import Reply

EXPIRIES = (
    ["EX", g.SECONDS], ["PX", g.MILLISECONDS], ["EXAT", g.words("4000000000", "0", "x")],
    ["PXAT", g.words("4000000000000", "-1")], "KEEPTTL",
)  # fmt: skip
# The other type is a hash: a small list has another encoding since Redis 7.2.
COMMON = (
    g.command("SET", g.KEYS, g.VALUES),
    g.command("SET", g.KEYS, g.VALUES, g.options("NX", "XX", "GET", *EXPIRIES)),
    g.command("GET", g.KEYS),
    g.command("SETNX", g.KEYS, g.VALUES),
    g.command("SETEX", g.KEYS, g.SECONDS, g.VALUES),
    g.command("PSETEX", g.KEYS, g.MILLISECONDS, g.VALUES),
    g.command("GETSET", g.KEYS, g.VALUES),
    g.command("GETDEL", g.KEYS),
    g.command("GETEX", g.KEYS, g.options("PERSIST", *EXPIRIES[:4])),
    g.command("MGET", g.many(g.KEYS)),
    g.command("MSET", g.many(g.KEYS, g.VALUES)),
    g.command("MSETNX", g.many(g.KEYS, g.VALUES)),
    g.command("APPEND", g.KEYS, g.VALUES),
    g.command("STRLEN", g.KEYS),
    g.command("SETRANGE", g.KEYS, g.mostly(g.number(0, 60), g.BAD_INTEGERS), g.VALUES),
    g.command(g.words("INCR", "DECR"), g.KEYS),
    g.command(g.words("INCRBY", "DECRBY"), g.KEYS, g.INTEGERS),
    g.command("INCRBYFLOAT", g.KEYS, g.FLOATS),
    g.command(
        "LCS", g.KEYS, g.KEYS, g.options("LEN", "IDX", "WITHMATCHLEN", ["MINMATCHLEN", g.INTEGERS])
    ),
    g.command("PTTL", g.KEYS),
    g.command("HSET", g.KEYS, "f", "x"),
    g.command("DEL", g.KEYS),
)
OLDER = (
    g.command(g.words("GETRANGE", "SUBSTR"), g.KEYS, g.INDEXES, g.INDEXES),
    g.command("OBJECT", "ENCODING", g.KEYS),
)
NEWER = (
    g.command("SET", g.KEYS, g.VALUES, "IFEQ", g.VALUES, g.options("GET", *EXPIRIES)),
    g.command("DELIFEQ", g.KEYS, g.VALUES),
    g.command("MSETEX", g.counted(g.KEYS, g.VALUES), g.options("NX", "XX", *EXPIRIES)),
)

def excuse(argv: g.Words, mine: Reply, theirs: Reply) -> bool:
    """GETEX of no key looks at no times, as in Redis; in Valkey 9 it does."""
    return argv[0].upper() == b"GETEX" and mine.is_null and theirs.is_error


TestAgainstRedis = differential(st.one_of(*COMMON, *OLDER))
# What Valkey 9 calls embstr depends on the length of the key.
TestAgainstValkey = differential(
    st.one_of(*COMMON, *NEWER), peer="valkey", protocol=3, encodings=False, excuse=excuse
)
