"""Random bit commands against Valkey."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support import generators as g
from tests.support.differential import differential
from tests.support.resp import Reply

OFFSETS = g.mostly(g.number(0, 130), g.BAD_INTEGERS)
BITS = g.mostly(g.words("0", "1"), g.INTEGERS)
FIELD_TYPES = g.words("u1", "u8", "i8", "u17", "i5", "i64", "u63", "u64", "x", "i0")
FIELD_OFFSETS = st.one_of(OFFSETS, g.words("#0", "#1", "#3", "#x"))
FIELD_OPERATIONS = st.one_of(
    g.sequence("GET", FIELD_TYPES, FIELD_OFFSETS),
    g.sequence("SET", FIELD_TYPES, FIELD_OFFSETS, g.INTEGERS),
    g.sequence("INCRBY", FIELD_TYPES, FIELD_OFFSETS, g.INTEGERS),
    g.sequence("OVERFLOW", g.words("WRAP", "SAT", "FAIL", "X")),
)
UNITS = g.optional(g.words("BIT", "byte", "x"))
COMMANDS = st.one_of(
    g.command("SETBIT", g.KEYS, OFFSETS, BITS),
    g.command("GETBIT", g.KEYS, OFFSETS),
    g.command("BITCOUNT", g.KEYS),
    g.command("BITCOUNT", g.KEYS, g.INDEXES, g.INDEXES, UNITS),
    g.command("BITPOS", g.KEYS, BITS),
    g.command("BITPOS", g.KEYS, BITS, g.INDEXES),
    g.command("BITPOS", g.KEYS, BITS, g.INDEXES, g.INDEXES, UNITS),
    g.command("BITOP", g.words("AND", "or", "XOR", "NOT"), g.KEYS, g.many(g.KEYS)),
    g.command("BITFIELD", g.KEYS, g.many(FIELD_OPERATIONS, low=0)),
    g.command("BITFIELD_RO", g.KEYS, g.many(FIELD_OPERATIONS)),
    g.command("SET", g.KEYS, g.VALUES),
    g.command("RPUSH", g.KEYS, "x"),
    g.command("DEL", g.KEYS),
)


def excuse(argv: list[bytes], mine: Reply, theirs: Reply) -> bool:
    """Valkey's BITCOUNT needs no end, and looks at the unit before the numbers."""
    if argv[0].upper() != b"BITCOUNT":
        return False
    return len(argv) == 3 or (mine.is_error and theirs.is_error)


# Not Redis 7.0: it lets some wrong arguments pass when there is no such key. What Valkey 9 calls
# embstr depends on the length of the key.
TestAgainstValkey = differential(COMMANDS, peer="valkey", encodings=False, excuse=excuse)
