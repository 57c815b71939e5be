"""SORT: differentially, and the edges."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.client import Client
from tests.support.differential import differential
from tests.support.generators import command, many, mostly, number, options, words

LIST = words("list")
SOURCE = mostly(words("list", "zset", "set", "ints"), words("none", "text"))
ELEMENTS = mostly(number(-20, 20), words("a", "b", "", "1.5", "1e3", "x" * 30))
NUMBERS = mostly(number(-20, 20), words("0.5", "-2.25", "100000"))
WEIGHTS = mostly(NUMBERS, words("", "abc", "1x"))
PATTERNS = words("w*", "*", "w*->f", "hash*->f", "nosort", "#", "*w", "w*->", "none*", "w", "")
LIMIT = mostly(number(-2, 5), words("-9223372036854775808", "9223372036854775807", "x"))
OPTIONS = options(
    ["BY", PATTERNS], ["GET", PATTERNS], "ASC", "DESC", "ALPHA", ["LIMIT", LIMIT, LIMIT]
)
COMMANDS = st.one_of(
    command("RPUSH", LIST, many(NUMBERS)),
    command("RPUSH", LIST, many(ELEMENTS)),
    command("DEL", words("list", "zset", "dest")),
    command("ZADD", "zset", NUMBERS, NUMBERS),
    command("SADD", "ints", many(number(-9, 9))),
    command("SADD", "set", many(ELEMENTS)),
    command("SET", "text", "x"),
    command("SET", st.builds(lambda n: b"w%d" % n, st.integers(-20, 20)), WEIGHTS),
    command("SORT", SOURCE, OPTIONS),
    command("SORT_RO", SOURCE, OPTIONS),
    command("SORT", SOURCE, OPTIONS, "STORE", words("dest", "list")),
    command("SORT", SOURCE, words("STORE", "BY", "GET", "LIMIT", "FOO")),
    command("SORT_RO", SOURCE, "STORE", "dest"),
    command("LRANGE", words("dest", "list"), "0", "-1"),
)


def excuse(argv: list[bytes], mine: object, theirs: object) -> bool:
    """Without a full order the two may agree on the elements only."""
    upper = [word.upper() for word in argv]
    if not upper[0].startswith(b"SORT") or b"BY" not in upper or b"STORE" in upper:
        return False
    return getattr(mine, "kind", "") == getattr(theirs, "kind", "") == "*"


def no_ties(argv: list[bytes]) -> bool:
    """Redis leaves the order of equal weights open: such a result is not to be stored."""
    upper = [word.upper() for word in argv]
    return not (upper[0] == b"SORT" and b"STORE" in upper and b"BY" in upper)


TestSort = differential(COMMANDS.filter(no_ties), excuse=excuse, transactions=False)


def test_by_and_get(client: Client) -> None:
    client.call("RPUSH", "l", 1, 2, 3)
    for element, weight in ((1, 30), (2, 10), (3, 20)):
        client.call("SET", f"w{element}", weight)
    client.call("SET", "name2", "two")
    assert client.call("SORT", "l", "BY", "w*", "GET", "#", "GET", "name*") == [
        b"2", b"two", b"3", None, b"1", None,
    ]  # fmt: skip
    assert client.call("SORT", "l", "BY", "w*", "DESC", "LIMIT", 1, 1) == [b"3"]
    assert client.call("SORT", "l", "BY", "none", "DESC", "STORE", "d") == 3
    assert client.call("LRANGE", "d", 0, -1) == [b"1", b"2", b"3"]


def test_store_over_the_source(client: Client) -> None:
    client.call("RPUSH", "l", *range(500, 0, -1))
    assert client.call("SORT", "l", "STORE", "l") == 500
    assert client.call("LRANGE", "l", 0, -1) == [b"%d" % n for n in range(1, 501)]
    assert client.call("SORT", "none", "STORE", "l") == 0
    assert client.call("EXISTS", "l") == 0


def test_zset_in_its_own_order(client: Client) -> None:
    for size in (5, 500):
        client.call("DEL", "z")
        for n in range(size):
            client.call("ZADD", "z", -n, b"m%03d" % n)
        names = [b"m%03d" % n for n in reversed(range(size))]
        assert client.call("SORT", "z", "BY", "nosort") == names
        assert client.call("SORT", "z", "BY", "nosort", "DESC", "LIMIT", 0, 2) == names[::-1][:2]


def test_weights_must_be_numbers(client: Client) -> None:
    client.call("RPUSH", "l", "a", "b")
    message = "ERR One or more scores can't be converted into double"
    assert str(client.reply("SORT", "l").value) == message
    assert str(client.reply("SORT", "l", "STORE", "d").value) == message
    assert client.call("EXISTS", "d") == 0
    assert client.call("SORT", "l", "ALPHA", "DESC") == [b"b", b"a"]
