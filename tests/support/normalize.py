"""What two correct servers may answer differently: order, cursors, clocks and chance.

`normalize(argv, reply)` turns such a reply into one that is equal on both sides, and leaves all
others exactly as they are. Times become what `same` compares with a tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.resp import Reply

SECONDS_TOLERANCE = 2
MILLISECONDS_TOLERANCE = 2000
WALL_CLOCK_MIN = 10**11  # a number above is a time in ms


class Around(int):
    """A number that need not be met exactly; `tolerance` is by how much."""

    tolerance: int

    def __new__(cls, value: int, tolerance: int) -> Around:
        number = super().__new__(cls, value)
        number.tolerance = tolerance
        return number


def same(one: Any, other: Any) -> bool:
    """Equality of normalized replies, types included."""
    if isinstance(one, Around) and isinstance(other, Around):
        special = one <= 0 or other <= 0
        return one == other if special else abs(one - other) <= one.tolerance
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def unordered(reply: Reply) -> Reply:
    return Reply(reply.kind, sorted(reply.value, key=repr))


def unordered_pairs(reply: Reply) -> Reply:
    """A map, or the flat list it is in RESP2."""
    if reply.kind == "%":
        return unordered(reply)
    pairs = zip(reply.value[::2], reply.value[1::2], strict=True)
    return Reply(reply.kind, sorted(pairs, key=repr))


def shape(reply: Reply) -> Reply:
    """The kinds, without the values: for chance."""
    if isinstance(reply.value, list):
        return Reply(reply.kind, [shape(item) for item in reply.value])
    return Reply(reply.kind, None if reply.value is None else "any")


def around(tolerance: int) -> Callable[[Reply], Reply]:
    def change(reply: Reply) -> Reply:
        if reply.kind == ":":
            return Reply(":", Around(reply.value, tolerance))
        if isinstance(reply.value, list):
            return Reply(reply.kind, [change(item) for item in reply.value])
        return reply

    return change


def without_times(reply: Reply) -> Reply:
    """Wall-clock times in ms, as in XINFO and XPENDING, made equal."""
    if reply.kind == ":" and reply.value >= WALL_CLOCK_MIN:
        return Reply(":", WALL_CLOCK_MIN)
    if reply.kind == "%":
        pairs = [(without_times(name), without_times(item)) for name, item in reply.value]
        return Reply("%", pairs)
    if isinstance(reply.value, list):
        return Reply(reply.kind, [without_times(item) for item in reply.value])
    return reply


CHANGES: dict[str, Callable[[Reply], Reply]] = {
    **dict.fromkeys(["SMEMBERS", "SUNION", "SINTER", "SDIFF", "KEYS", "HKEYS", "HVALS"], unordered),
    "HGETALL": unordered_pairs,
    "CONFIG": unordered_pairs,
    **dict.fromkeys(["SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "RANDOMKEY", "TIME"], shape),
    **dict.fromkeys(["TTL", "EXPIRETIME", "HTTL", "HEXPIRETIME"], around(SECONDS_TOLERANCE)),
    **dict.fromkeys(
        ["PTTL", "PEXPIRETIME", "HPTTL", "HPEXPIRETIME"], around(MILLISECONDS_TOLERANCE)
    ),
    "XINFO": without_times,
    "XPENDING": without_times,
}


def normalize(argv: list[bytes], reply: Reply) -> Reply:
    if reply.is_error or reply.is_null or not argv:
        return reply
    change = CHANGES.get(argv[0].decode("latin-1").upper())
    if change is None or (change is unordered_pairs and not isinstance(reply.value, list)):
        return reply
    if change is unordered and not isinstance(reply.value, list):
        return reply
    return change(reply)
