"""Set commands against real servers, with tiny thresholds so that encodings change all the time."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.differential import SETTINGS, differential
from tests.support.generators import (
    COUNTS,
    MEMBERS,
    PATTERNS,
    VALUES,
    command,
    counted,
    keys,
    many,
    options,
)

KEYS = keys("s")
CONFIG = {
    "set-max-intset-entries": 4,
    "set-max-listpack-entries": 5,
    "set-max-listpack-value": 20,
}
RUN = settings(SETTINGS, max_examples=12, stateful_step_count=25)
OPTIONS: dict[str, Any] = {"run": RUN, "transactions": False}

COMMANDS = st.one_of(
    command("SADD", KEYS, many(MEMBERS)),
    command("SADD", KEYS, many(MEMBERS)),
    command("SADD", KEYS, MEMBERS),
    command("SREM", KEYS, many(MEMBERS)),
    command("SISMEMBER", KEYS, MEMBERS),
    command("SMISMEMBER", KEYS, many(MEMBERS)),
    command("SCARD", KEYS),
    command("SMEMBERS", KEYS),
    command("SPOP", KEYS),
    command("SPOP", KEYS, COUNTS),
    command("SMOVE", KEYS, KEYS, MEMBERS),
    command("SINTER", many(KEYS)),
    command("SUNION", many(KEYS)),
    command("SDIFF", many(KEYS)),
    command("SINTERSTORE", KEYS, many(KEYS)),
    command("SUNIONSTORE", KEYS, many(KEYS)),
    command("SDIFFSTORE", KEYS, many(KEYS)),
    command("SINTERCARD", counted(KEYS), options(["LIMIT", COUNTS])),
    command("SSCAN", KEYS, "0", options(["MATCH", PATTERNS], ["COUNT", COUNTS])),
    command("SET", KEYS, VALUES),
)
# Redis 7.0 has no packed sets yet.
OLD_CONFIG = {"set-max-intset-entries": 4}

TestSets = differential(COMMANDS, config=OLD_CONFIG, encodings=False, **OPTIONS)
TestSetsResp3 = differential(COMMANDS, peer="valkey", protocol=3, config=CONFIG, **OPTIONS)
