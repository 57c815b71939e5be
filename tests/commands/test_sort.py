"""SORT: differentially, and the edges."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.client import Client
from tests.support.differential import SETTINGS, differential
from tests.support.generators import command, many, mostly, number, options, words
from tests.support.resp import Reply

LIST = words("list")
SOURCE = mostly(words("list", "zset", "set", "ints"), words("none", "text"))
ELEMENTS = mostly(number(-20, 20), words("a", "b", "1.5", "1e3", "x" * 30))
NUMBERS = mostly(number(-20, 20), words("0.5", "-2.25", "100000"))
WEIGHTS = mostly(NUMBERS, words("abc", "1x"))
PATTERNS = words("w*", "*", "w*->f", "hash*->f", "nosort", "#", "*w", "w*->", "none*", "w", "")
HASH = st.builds(lambda n: b"hash%d" % n, st.integers(-20, 20))
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
    command("HSET", HASH, "f", WEIGHTS),
    command("HSET", HASH, "other", words("x" * 100)),
    command("HDEL", HASH, "f", "other"),
    command("SORT", SOURCE, OPTIONS),
    command("SORT_RO", SOURCE, OPTIONS),
    command("SORT", SOURCE, OPTIONS, "STORE", "dest"),
    command("SORT", SOURCE, words("STORE", "BY", "GET", "LIMIT", "FOO")),
    command("SORT_RO", SOURCE, "STORE", "dest"),
    command("LRANGE", words("dest", "list"), "0", "-1"),
)


def is_open(argv: list[bytes]) -> bool:
    """Redis leaves the order of equal texts open, and a set has none. Equal numbers are in the
    order of the elements."""
    upper = [word.upper() for word in argv]
    patterns = [argv[i + 1] for i, word in enumerate(upper[:-1]) if word == b"BY"]
    if not upper[0].startswith(b"SORT") or not patterns:
        return False
    is_set = argv[1] in (b"set", b"ints")
    return b"ALPHA" in upper or (is_set and any(b"*" not in pattern for pattern in patterns))


def rows(argv: list[bytes], reply: Reply) -> list[str]:
    """What was found for each element, without their order."""
    width = sum(word.upper() == b"GET" for word in argv) or 1
    items = reply.value
    return sorted(repr(items[i : i + width]) for i in range(0, len(items), width))


def excuse(argv: list[bytes], mine: Reply, theirs: Reply) -> bool:
    """Where the order is open the elements must agree, or of a part of them the number."""
    if not is_open(argv) or not mine.kind == theirs.kind == "*":
        return False
    if b"LIMIT" in (word.upper() for word in argv):
        return len(mine.value) == len(theirs.value)
    return rows(argv, mine) == rows(argv, theirs)


def is_stored_open(argv: list[bytes]) -> bool:
    return is_open(argv) and b"STORE" in (word.upper() for word in argv)


RUN = settings(SETTINGS, max_examples=15)
STEADY = COMMANDS.filter(lambda argv: not is_stored_open(argv))
# SORT of a sorted set makes Redis unpack it.
TestSort = differential(STEADY, encodings=False, excuse=excuse, run=RUN)
TestSortResp3 = differential(
    STEADY, peer="valkey", protocol=3, encodings=False, excuse=excuse, run=RUN
)


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
    assert client.call("LRANGE", "d", 0, -1) == [b"3", b"2", b"1"]
    assert client.call("SORT", "l", "BY", "none", "DESC", "LIMIT", 0, 2) == [b"3", b"2"]


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


def test_empty_text_is_zero(client: Client) -> None:
    """As in Redis; Valkey 9 refuses it."""
    client.call("RPUSH", "l", 1, "", -1)
    assert client.call("SORT", "l") == [b"-1", b"", b"1"]


def test_fields_of_hashes_of_any_size(client: Client) -> None:
    client.call("RPUSH", "l", 1, 2, 3, 4)
    for n, size in ((1, 3), (2, 1000), (3, 2)):
        client.call("HSET", f"h{n}", "name", f"name {n}", "weight", -n)
        for field in range(size):
            client.call("HSET", f"h{n}", f"other{field}", "x" * size)
    client.call("HPEXPIREAT", "h3", 9_999_999_999_999, "FIELDS", 1, "name")
    assert client.call("SORT", "l", "BY", "h*->weight", "GET", "h*->name", "GET", "#") == [
        b"name 3", b"3", b"name 2", b"2", b"name 1", b"1", None, b"4",
    ]  # fmt: skip
    assert client.call("SORT", "l", "BY", "h*->name", "ALPHA", "GET", "h*->nope") == [None] * 4


def test_equal_texts_keep_the_order_of_the_elements(client: Client) -> None:
    client.call("RPUSH", "l", "c", "a", "b")
    assert client.call("SORT", "l", "BY", "none*", "ALPHA") == [b"a", b"b", b"c"]
    assert client.call("SORT", "l", "BY", "none*", "ALPHA", "DESC") == [b"c", b"b", b"a"]
