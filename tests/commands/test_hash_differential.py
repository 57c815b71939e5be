"""Hash commands against real servers, with tiny thresholds so that encodings change often."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.differential import SETTINGS, Words, differential
from tests.support.generators import (
    COUNTS,
    FIELDS,
    FLOATS,
    INTEGERS,
    PATTERNS,
    SECONDS,
    VALUES,
    command,
    counted,
    keys,
    many,
    options,
    words,
)
from tests.support.resp import Reply

KEYS = keys("h")
CONDITION = options("NX", "XX", "GT", "LT")
FAR = words("4000000000000", "4000000000001", "5000000000000", "1", "0", "-1", "x")
CONFIG = {"hash-max-listpack-entries": 4, "hash-max-listpack-value": 20}
RUN = settings(SETTINGS, max_examples=12, stateful_step_count=25)
OPTIONS: dict[str, Any] = {"run": RUN, "transactions": False}

COMMANDS = st.one_of(
    command("HSET", KEYS, many(FIELDS, VALUES, high=4)),
    command("HSET", KEYS, many(FIELDS, VALUES, high=4)),
    command("HMSET", KEYS, many(FIELDS, VALUES, high=4)),
    command("HSETNX", KEYS, FIELDS, VALUES),
    command("HGET", KEYS, FIELDS),
    command("HMGET", KEYS, many(FIELDS)),
    command("HGETALL", KEYS),
    command("HKEYS", KEYS),
    command("HVALS", KEYS),
    command("HLEN", KEYS),
    command("HSTRLEN", KEYS, FIELDS),
    command("HEXISTS", KEYS, FIELDS),
    command("HDEL", KEYS, many(FIELDS)),
    command("HINCRBY", KEYS, FIELDS, INTEGERS),
    command("HINCRBYFLOAT", KEYS, FIELDS, FLOATS),
    command("HSCAN", KEYS, "0", options(["MATCH", PATTERNS], ["COUNT", COUNTS])),
    command("SET", KEYS, VALUES),
)
EXPIRY = st.one_of(
    command("HPEXPIREAT", KEYS, FAR, CONDITION, "FIELDS", counted(FIELDS)),
    command("HEXPIRE", KEYS, SECONDS, CONDITION, "FIELDS", counted(FIELDS)),
    command("HPEXPIRETIME", KEYS, "FIELDS", counted(FIELDS)),
    command("HPERSIST", KEYS, "FIELDS", counted(FIELDS)),
    command("HGETEX", KEYS, options(["PXAT", FAR], "PERSIST"), "FIELDS", counted(FIELDS)),
    command(
        "HSETEX", KEYS, options("FNX", "FXX", "KEEPTTL", ["PXAT", FAR]), "FIELDS",
        counted(FIELDS, VALUES),
    ),
    command("HGETDEL", KEYS, "FIELDS", counted(FIELDS)),
)  # fmt: skip


NEW = {b"HGETEX", b"HSETEX", b"HPEXPIREAT", b"HEXPIRE"}


def both_refuse(argv: Words, mine: Reply, theirs: Reply) -> bool:
    """Of several mistakes in a line Redis 8 (followed here) and Valkey 9 name different ones."""
    return argv[0].upper() in NEW and mine.is_error and theirs.is_error


TestHashes = differential(COMMANDS, config=CONFIG, **OPTIONS)
TestHashesResp3 = differential(COMMANDS, peer="valkey", protocol=3, config=CONFIG, **OPTIONS)
TestFieldExpiry = differential(
    st.one_of(COMMANDS, EXPIRY),
    peer="valkey",
    config=CONFIG,
    encodings=False,
    excuse=both_refuse,
    **OPTIONS,
)
