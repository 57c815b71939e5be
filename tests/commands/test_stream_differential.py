"""Streams side by side with real servers: entries with Redis 7.0, groups with Valkey too."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.support.differential import SETTINGS, differential
from tests.support.generators import BAD_INTEGERS, command, mostly, number, options, words
from tests.support.resp import Reply

# No NUL in them: Redis cuts its NOGROUP texts there.
KEYS = mostly(words("s1", "s2", "s3"), words("a", "b"))
GROUPS = mostly(words("g1", "g2"), words("g3", ""))
CONSUMERS = mostly(words("c1", "c2"), words("c3", ""))
GOOD_IDS = st.builds(lambda ms, seq: b"%d-%d" % (ms, seq), st.integers(0, 9), st.integers(0, 3))
EDGE_IDS = words(
    "0-0", "0-1", "5", "7-*", "18446744073709551615-18446744073709551615", "18446744073709551615-*",
    "18446744073709551615", "18446744073709551615-0", "18446744073709551616-0", "1-1-1", "-1-1", "",
    "a", "1-", "-", "+", "$", ">", "(1-1", "0-*", "1-18446744073709551615",
)  # fmt: skip
IDS = mostly(GOOD_IDS, EDGE_IDS)
NEW_IDS = mostly(st.one_of(GOOD_IDS, st.integers(0, 30).map(lambda ms: b"%d-*" % ms)), EDGE_IDS)
BOUNDS = mostly(
    st.one_of(words("-", "+"), GOOD_IDS, GOOD_IDS.map(lambda text: b"(" + text)), EDGE_IDS
)
COUNTS = mostly(number(0, 12), st.one_of(BAD_INTEGERS, words("-1", str(1 << 62))))
# More than a stream ever had is brought down to that, as in Redis 8, by none of the peers.
READ_COUNTS = mostly(words("0", "-1"), BAD_INTEGERS)
PAIRS = st.lists(
    st.tuples(words("a", "b", "", "12"), words("1", "-70000", "x" * 70, "", b"\x00\xff")),
    min_size=1,
    max_size=3,
).map(lambda pairs: [text for pair in pairs for text in pair])
SIGN: SearchStrategy[list[bytes]] = st.sampled_from(
    [[], [], [b"="], [b"="], [b"~"], [b"~"], [b"~", b"~"]]
)
TRIM = st.one_of(
    st.builds(lambda sign, n: [b"MAXLEN", *sign, n], SIGN, COUNTS),
    st.builds(lambda sign, bound: [b"MINID", *sign, bound], SIGN, IDS),
)
LIMIT: SearchStrategy[list[bytes]] = st.one_of(
    st.just([]), st.just([]), COUNTS.map(lambda n: [b"LIMIT", n])
)

ADDS = command("XADD", KEYS, NEW_IDS, PAIRS)
ENTRIES = st.one_of(
    ADDS,
    ADDS,
    command("XADD", KEYS, options("NOMKSTREAM"), TRIM, LIMIT, NEW_IDS, PAIRS),
    command("XADD", KEYS, NEW_IDS, words("a", "b")),
    command("XTRIM", KEYS, TRIM, LIMIT),
    command("XLEN", KEYS),
    command("XRANGE", KEYS, BOUNDS, BOUNDS, options(["COUNT", COUNTS])),
    command("XREVRANGE", KEYS, BOUNDS, BOUNDS, options(["COUNT", COUNTS])),
    command("XDEL", KEYS, st.lists(IDS, min_size=1, max_size=3)),
    command("XSETID", KEYS, IDS, options(["ENTRIESADDED", COUNTS], ["MAXDELETEDID", IDS])),
    command("XREAD", options(["COUNT", COUNTS]), "STREAMS", KEYS, IDS),
    command("XREAD", "STREAMS", KEYS, KEYS, IDS, IDS),
    command("XREAD", "BLOCK", words("1", "-1", "x"), "STREAMS", KEYS, IDS),
    command("XINFO", "STREAM", KEYS, options("FULL")),
    command("DEL", KEYS),
)
MIN_IDLE = mostly(words("0", "99999999"), words("-1", "x"))
CLAIM_OPTIONS = options(
    "FORCE", "JUSTID", ["RETRYCOUNT", COUNTS], ["LASTID", IDS], ["IDLE", COUNTS],
    ["TIME", words("0", "5000", "x")],
)  # fmt: skip
READ_GROUP = command(
    "XREADGROUP", "GROUP", GROUPS, CONSUMERS, options(["COUNT", COUNTS], "NOACK"), "STREAMS", KEYS,
    mostly(words(">", ">", "0"), IDS),
)  # fmt: skip
GROUP_COMMANDS = st.one_of(
    ADDS,
    ADDS,
    command("XDEL", KEYS, st.lists(IDS, min_size=1, max_size=3)),
    command("XTRIM", KEYS, TRIM),
    command("XSETID", KEYS, IDS, options(["ENTRIESADDED", COUNTS], ["MAXDELETEDID", IDS])),
    command(
        "XGROUP", "CREATE", KEYS, GROUPS, mostly(words("$", "0"), IDS),
        options("MKSTREAM", ["ENTRIESREAD", READ_COUNTS]),
    ),
    command(
        "XGROUP", "CREATE", KEYS, GROUPS, mostly(words("$", "0"), IDS), "MKSTREAM",
    ),
    command(
        "XGROUP", "SETID", KEYS, GROUPS, mostly(words("$", "0"), IDS),
        options(["ENTRIESREAD", READ_COUNTS]),
    ),
    command("XGROUP", "DESTROY", KEYS, GROUPS),
    command("XGROUP", words("CREATECONSUMER", "DELCONSUMER"), KEYS, GROUPS, CONSUMERS),
    READ_GROUP,
    READ_GROUP,
    READ_GROUP,
    command(
        "XREADGROUP", "GROUP", GROUPS, CONSUMERS, "STREAMS", KEYS, KEYS, words(">", "0"),
        words(">", "0"),
    ),
    command("XACK", KEYS, GROUPS, st.lists(IDS, min_size=1, max_size=3)),
    command("XPENDING", KEYS, GROUPS),
    command(
        "XPENDING", KEYS, GROUPS, options(["IDLE", MIN_IDLE]), BOUNDS, BOUNDS, COUNTS,
        options(CONSUMERS),
    ),
    command(
        "XCLAIM", KEYS, GROUPS, CONSUMERS, MIN_IDLE, st.lists(IDS, min_size=1, max_size=3),
        CLAIM_OPTIONS,
    ),
    command(
        "XAUTOCLAIM", KEYS, GROUPS, CONSUMERS, MIN_IDLE, BOUNDS,
        options(["COUNT", COUNTS], "JUSTID"),
    ),
    command("XINFO", "GROUPS", KEYS),
    command("XINFO", "CONSUMERS", KEYS, GROUPS),
    command("XINFO", words("STREAM", "HELP", "NONE"), KEYS, options("FULL", ["COUNT", COUNTS])),
    command("DEL", KEYS),
)  # fmt: skip

CLOCKS = {b"idle", b"inactive", b"seen-time", b"active-time"}
# The lag is told where Redis 7 and Valkey guess or do not know; tests of the encoding cover it.
OURS = {b"radix-tree-keys", b"radix-tree-nodes", b"lag"}


def timeless(reply: Any) -> Any:
    """A reply of XINFO without what clocks and layouts say, or how far a group lags."""
    if not isinstance(reply, Reply) or not isinstance(reply.value, list):
        return reply
    if reply.kind == "%":
        return [(name.value, timeless(item)) for name, item in reply.value
                if name.value not in CLOCKS | OURS]  # fmt: skip
    kept = []
    hidden = False
    for item in reply.value:
        if not hidden:
            kept.append(timeless(item))
        hidden = isinstance(item, Reply) and item.kind == "$" and item.value in CLOCKS | OURS
    return kept


def idle_left_out(reply: Reply) -> Any:
    """A reply of XPENDING with a range without the idle times."""
    return [[*item.value[:2], item.value[3]] for item in reply.value]


def excuse(argv: list[bytes], mine: Reply, theirs: Reply) -> bool:
    if argv[0].upper() == b"XREAD" and b"+" in argv:
        return True  # since 7.4
    if mine.is_error and theirs.is_error:
        return "Unbalanced" in mine.value and "Unbalanced" in theirs.value  # no quotes in 7.0
    if mine.kind != theirs.kind or not isinstance(mine.value, list):
        return False
    if argv[0].upper() == b"XINFO":
        return bool(timeless(mine) == timeless(theirs))
    if argv[0].upper() == b"XPENDING" and len(argv) > 3 and isinstance(theirs.value, list):
        return bool(idle_left_out(mine) == idle_left_out(theirs))
    return False


RUN = settings(SETTINGS, max_examples=25)
OPTIONS: dict[str, Any] = {"excuse": excuse, "run": RUN, "transactions": False}
# Nodes that end after so many entries, not bytes: approximate trimming sees them.
CONFIG = {"stream-node-max-entries": 3, "stream-node-max-bytes": 0}

TestEntries = differential(ENTRIES, config=CONFIG, **OPTIONS)
TestEntriesResp3 = differential(ENTRIES, peer="valkey", protocol=3, config=CONFIG, **OPTIONS)
TestGroups = differential(GROUP_COMMANDS, peer="valkey", config=CONFIG, **OPTIONS)
TestGroupsResp3 = differential(GROUP_COMMANDS, peer="valkey", protocol=3, **OPTIONS)
