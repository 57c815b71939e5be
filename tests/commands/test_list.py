"""List commands: replies, errors, encodings, events; and against real servers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from tests.support.client import Client, SocketClient
from tests.support.differential import SETTINGS, differential
from tests.support.generators import (
    COUNTS,
    INDEXES,
    INTEGERS,
    VALUES,
    command,
    counted,
    keys,
    many,
    options,
    sequence,
    words,
)
from tests.support.resp import Reply
from tests.support.servers import Server

Connect = Callable[..., SocketClient]
LISTS = keys("l")
SIDES = words("LEFT", "RIGHT", "left", "Right", "MIDDLE")
ELEMENTS = st.one_of(words("a", "b", "c", "1", ""), VALUES)
COMMANDS = st.one_of(
    command("LPUSH", LISTS, many(ELEMENTS)),
    command("RPUSH", LISTS, many(ELEMENTS)),
    command("RPUSH", LISTS, many(ELEMENTS, low=20, high=60)),
    command("LPUSHX", LISTS, many(ELEMENTS)),
    command("RPUSHX", LISTS, many(ELEMENTS)),
    command("LPOP", LISTS),
    command("RPOP", LISTS),
    command("LPOP", LISTS, COUNTS),
    command("RPOP", LISTS, COUNTS),
    command("LLEN", LISTS),
    command("LINDEX", LISTS, INDEXES),
    # Valkey 9 takes 2**32 for 0.
    command("LSET", LISTS, INDEXES.filter(lambda n: len(n) < 10), ELEMENTS),
    command("LRANGE", LISTS, INDEXES, INDEXES),
    command("LTRIM", LISTS, INDEXES, INDEXES),
    command("LREM", LISTS, INTEGERS, ELEMENTS),
    command("LINSERT", LISTS, words("BEFORE", "after", "WHERE"), ELEMENTS, ELEMENTS),
    command("LPOS", LISTS, ELEMENTS, options(["RANK", INTEGERS], ["COUNT", COUNTS],
                                             ["MAXLEN", COUNTS])),
    command("LMOVE", LISTS, LISTS, SIDES, SIDES),
    command("RPOPLPUSH", LISTS, LISTS),
    command("LMPOP", counted(LISTS), SIDES, options(["COUNT", COUNTS])),
    command("BLPOP", LISTS, "0.001"),
    command("BLMOVE", LISTS, LISTS, SIDES, SIDES, "0.001"),
    command("BLMPOP", "0.001", counted(LISTS), SIDES, options(["COUNT", COUNTS])),
    sequence("SET", LISTS, "text"),
    sequence("DEL", LISTS),
)  # fmt: skip
RUN = settings(SETTINGS, max_examples=8)
SMALL_NODES = {"list-max-listpack-size": 4}

TestLists = differential(COMMANDS, peer="valkey", run=RUN)
TestListsResp3 = differential(
    COMMANDS, peer="valkey", protocol=3, run=RUN
)
TestListsWithSmallNodes = differential(
    COMMANDS, peer="valkey", config=SMALL_NODES, run=RUN
)


def test_random_edits_of_a_long_list(connect: Connect) -> None:
    """Against a Python list, over all representations: embedded, one node, many nodes."""
    client: SocketClient = connect()
    chance = random.Random(7)
    model: list[bytes] = []
    for step in range(1500):
        element = b"%d" % chance.randrange(50) * chance.choice([1, 1, 1, 20, 200])
        where = chance.randrange(len(model) + 1)
        match chance.randrange(9):
            case 0 | 1 | 2:
                some = [element] * chance.choice([1, 3, 40])
                assert client.call("RPUSH", "l", *some) == len(model) + len(some)
                model += some
            case 3:
                client.call("LPUSH", "l", element)
                model.insert(0, element)
            case 4 if where < len(model):
                client.call("LSET", "l", where, element)
                model[where] = element
            case 5 if element in model:
                client.call("LINSERT", "l", "AFTER", element, b"new")
                model.insert(model.index(element) + 1, b"new")
            case 6:
                removed = client.call("LREM", "l", 2, element)
                assert removed == min(2, model.count(element))
                for _ in range(removed):
                    model.remove(element)
            case 7 if model:
                taken = client.call("RPOP", "l", where // 8 + 1)
                assert taken == model[::-1][: where // 8 + 1]
                del model[len(model) - len(taken) :]
            case 8 if step % 50 == 0:
                client.call("LTRIM", "l", where, -3)
                model = model[where : max(len(model) - 2, 0)]
        if step % 20 == 0:
            assert client.call("LRANGE", "l", 0, -1) == model
    assert client.call("LRANGE", "l", 0, -1) == model


def test_encoding_follows_the_limits(client: Client) -> None:
    for n in range(1000):
        client.call("RPUSH", "l", b"%08d" % n)
        if n in (0, 10, 100, 500):
            assert client.call("OBJECT", "ENCODING", "l") == b"listpack"
    assert client.call("OBJECT", "ENCODING", "l") == b"quicklist"
    assert client.call("LRANGE", "l", 998, -1) == [b"00000998", b"00000999"]
    client.call("LTRIM", "l", 0, 499)
    assert client.call("OBJECT", "ENCODING", "l") == b"quicklist"
    client.call("LTRIM", "l", 0, 99)
    assert client.call("OBJECT", "ENCODING", "l") == b"listpack"
    assert client.call("LPOP", "l", 98) == [b"%08d" % n for n in range(98)]
    assert client.call("LRANGE", "l", 0, -1) == [b"00000098", b"00000099"]


def test_limit_is_configurable(connect: Connect, server: Server) -> None:
    client: SocketClient = connect()
    with server.configured(list_max_listpack_size=3):
        client.call("RPUSH", "l", 1, 2, 3)
        assert client.call("OBJECT", "ENCODING", "l") == b"listpack"
        client.call("RPUSH", "l", 4)
        assert client.call("OBJECT", "ENCODING", "l") == b"quicklist"
        client.call("LPOP", "l", 2)
        assert client.call("OBJECT", "ENCODING", "l") == b"quicklist"
        client.call("LPOP", "l")
        assert client.call("OBJECT", "ENCODING", "l") == b"listpack"
        assert client.call("CONFIG", "GET", "list-max-ziplist-size")[1] == b"3"
    with server.configured(list_compress_depth=1):
        client.call("RPUSH", "m", *range(10_000))
        assert client.call("LINDEX", "m", 5000) == b"5000"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("LPOP l -1", "ERR value is out of range, must be positive"),
        ("LPOP l x", "ERR value is out of range, must be positive"),
        ("LPOP l 1 2", "ERR wrong number of arguments for 'lpop' command"),
        ("LSET none 0 x", "ERR no such key"),
        ("LSET l 9 x", "ERR index out of range"),
        ("LSET l -9223372036854775808 x", "ERR index out of range"),
        ("LPOS l a RANK 0", "ERR RANK can't be zero: use 1 to start from the first match, 2 from"
         " the second ... or use negative to start from the end of the list"),
        ("LPOS l a RANK -9223372036854775808", "ERR value is out of range, value must between"
         " -9223372036854775807 and 9223372036854775807"),
        ("LPOS l a COUNT -1", "ERR COUNT can't be negative"),
        ("LPOS l a MAXLEN -1", "ERR MAXLEN can't be negative"),
        ("LPOS l a COUNT", "ERR syntax error"),
        ("LREM l -9223372036854775808 a", "ERR value is out of range, value must between"
         " -9223372036854775807 and 9223372036854775807"),
        ("LMPOP 0 l LEFT", "ERR numkeys should be greater than 0"),
        ("LMPOP 9223372036854775807 l LEFT", "ERR syntax error"),
        ("LMPOP 1 l LEFT COUNT 0", "ERR count should be greater than 0"),
        ("LMPOP 1 l LEFT COUNT 1 COUNT 1", "ERR syntax error"),
        ("BLPOP l x", "ERR timeout is not a float or out of range"),
        ("BLPOP l -1", "ERR timeout is negative"),
        ("BLPOP l 1e30", "ERR timeout is out of range"),
        ("BLPOP l 9223372036854775", "ERR timeout is out of range"),
        ("LMOVEM l m LEFT LEFT COUNT 2", "ERR syntax error"),
        ("LMOVEM l m LEFT LEFT COUNT 2 OBO X", "ERR syntax error"),
        ("LMOVEM l m LEFT LEFT SOME 2 OBO", "ERR syntax error"),
        ("LMOVEM l m LEFT LEFT COUNT 2 ANY", "ERR syntax error"),
        ("LMOVEM l m LEFT LEFT EXACTLY 0 OBO", "ERR count should be greater than 0"),
        ("LMOVEM l m LEFT LEFT COUNT x BULK", "ERR count should be greater than 0"),
        ("LMOVEM l s LEFT LEFT", "WRONGTYPE Operation against a key holding the wrong kind of"
         " value"),
        ("LMOVE l s LEFT LEFT", "WRONGTYPE Operation against a key holding the wrong kind of"
         " value"),
    ],
)  # fmt: skip
def test_errors_change_nothing(client: Client, words: str, text: str) -> None:
    client.call("RPUSH", "l", "a", "b")
    client.call("SET", "s", "v")
    assert client.error(*words.split()) == text
    assert client.call("LRANGE", "l", 0, -1) == [b"a", b"b"]


def test_nulls_by_protocol(client: Client) -> None:
    null = Reply("_", None) if client.protocol == 3 else Reply("$", None)
    null_array = Reply("_", None) if client.protocol == 3 else Reply("*", None)
    for line in ("LPOP k", "LINDEX k 0", "LMOVE k l LEFT LEFT", "RPOPLPUSH k l", "LPOS k a"):
        assert client.reply(*line.split()) == null, line
    for line in (
        "LPOP k 0",
        "LMPOP 1 k LEFT",
        "LMOVEM k l LEFT LEFT",
        "LMOVEM k l LEFT LEFT EXACTLY 2 OBO",
        "BLPOP k 0.001",
        "BLMPOP 0.001 1 k LEFT",
        "BLMOVE k l LEFT LEFT 0.001",
        "BLMOVEM k l LEFT LEFT 0.001",
    ):
        assert client.reply(*line.split()) == null_array, line
    assert client.reply("LPOS", "k", "a", "COUNT", 0) == Reply("*", [])


@pytest.mark.parametrize(
    ("ends", "one_by_one", "bulk"),
    [("LEFT LEFT", "ba", "ab"), ("LEFT RIGHT", "ab", "ab"), ("RIGHT LEFT", "cd", "cd"),
     ("RIGHT RIGHT", "dc", "cd")],
)  # fmt: skip
@pytest.mark.parametrize("padding", [1, 3000])
def test_lmovem_order(client: Client, ends: str, one_by_one: str, bulk: str, padding: int) -> None:
    for order, expected in (("OBO", one_by_one), ("BULK", bulk)):
        client.call("DEL", "l", "m", "same")
        elements = [c * padding for c in "abcd"]
        client.call("RPUSH", "l", *elements)
        client.call("RPUSH", "same", *elements)
        client.call("RPUSH", "m", "x", "y")
        block = [c.encode() * padding for c in expected]
        moved = client.call("LMOVEM", "l", "m", *ends.split(), "COUNT", 2, order)
        assert moved == block
        left = ends.endswith("LEFT")
        there = client.call("LRANGE", "m", 0, -1)
        assert there == ([*block, b"x", b"y"] if left else [b"x", b"y", *block])
        rest = client.call("LRANGE", "l", 0, -1)
        assert client.call("LMOVEM", "same", "same", *ends.split(), "EXACTLY", 2, order) == block
        assert client.call("LRANGE", "same", 0, -1) == (block + rest if left else rest + block)


def test_lmovem_takes_all_or_nothing(client: Client) -> None:
    client.call("RPUSH", "l", *range(300))
    assert client.call("LMOVEM", "l", "m", "LEFT", "RIGHT", "EXACTLY", 301, "BULK") is None
    assert client.call("EXISTS", "m") == 0
    moved = client.call("LMOVEM", "l", "m", "RIGHT", "LEFT", "COUNT", 2**63 - 1, "OBO")
    assert moved == [b"%d" % n for n in range(300)]
    assert client.call("EXISTS", "l") == 0
    assert client.call("LRANGE", "m", 0, -1) == moved


def test_events(connect: Connect, server: Server) -> None:
    client: SocketClient = connect()
    listener: SocketClient = connect()
    with server.configured(notify_keyspace_events="KEA"):
        listener.call("PSUBSCRIBE", "__keyevent@0__:*")
        for line in ("RPUSH l a b c d", "LMOVE l m LEFT RIGHT", "LMOVEM l l LEFT RIGHT",
                     "LSET m 0 z", "LINSERT m BEFORE z y", "LREM m 1 y", "LTRIM l 0 0",
                     "LPOP l", "RPOP m 5"):  # fmt: skip
            client.call(*line.split())
        names = [listener.message()[2].split(b":")[1].decode() for _ in range(13)]
    moves = "rpush rpush lpop rpush lpop"
    assert " ".join(names) == f"{moves} lset linsert lrem ltrim lpop del rpop del"


def freed_in_background(client: SocketClient) -> int:
    text = client.call("INFO", "memory").decode() + client.call("INFO", "stats").decode()
    fields = dict(line.split(":", 1) for line in text.split() if ":" in line)
    return int(fields["lazyfreed_objects"]) + int(fields["lazyfree_pending_objects"])


def test_what_ltrim_cuts_off_is_freed_in_the_background(
    connect: Callable[..., SocketClient], server: Server
) -> None:
    client = connect()
    elements = [b"element:%06d" % n for n in range(150_000)]
    before = freed_in_background(client)
    for start, stop in ((10, 60_000), (60_000, -2), (-1, -1), (70_000, 80_000)):
        client.call("DEL", "l")
        for at in range(0, len(elements), 10_000):
            client.call("RPUSH", "l", *elements[at : at + 10_000])
        client.call("LTRIM", "l", start, stop)
        kept = elements[start : stop + 1 or None]
        assert client.call("LRANGE", "l", 0, -1) == kept
        assert client.call("DEBUG", "VERIFY") == "OK"
    assert freed_in_background(client) > before + 6
