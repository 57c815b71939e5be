"""The generic commands: differentially, and what a peer cannot show."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from tests.support.client import Client, SocketClient
from tests.support.differential import SETTINGS, differential
from tests.support.generators import command, keys, many, mostly, number, optional, options, words
from tests.support.resp import Reply
from tests.support.servers import Server
from tests.support.waiting import wait_until

KEY = keys("k")
VALUES = words("", "1", "-7", "text", "x" * 70, "y" * 2000, "3.5")
PATTERNS = words("*", "k*", "*1", "k?", "k[1-2]", "nothing", "", "\\k1", "k1")
TIMES = mostly(number(1000, 100_000), words("0", "-1", "x", "9223372036854775807", ""))
MOMENTS = mostly(
    words("33333333333333", "99999999999"), words("0", "1", "-5", "x", "9223372036854775807")
)
CONDITIONS = st.lists(words("NX", "xx", "GT", "LT", "??"), max_size=2)
DATABASES = mostly(words("0", "1"), words("16", "-1", "x", "99999999999", ""))
COMMANDS = st.one_of(
    command("SET", KEY, VALUES),
    command("SET", KEY, VALUES),
    command("RPUSH", KEY, many(VALUES)),
    command("DEL", many(KEY)),
    command("UNLINK", many(KEY)),
    command("EXISTS", many(KEY)),
    command("TOUCH", many(KEY)),
    command("TYPE", KEY),
    command("KEYS", PATTERNS),
    command("SCAN", "0", options(["MATCH", PATTERNS], ["COUNT", number(1, 20)])),
    command("SCAN", "0", options(["TYPE", words("string", "LIST", "hash")])),
    command("SCAN", words("x", "1x", "1.5")),
    command("SCAN", "0", options(["COUNT", words("0", "-1", "x")], "NOPE", "MATCH")),
    command("RENAME", KEY, KEY),
    command("RENAMENX", KEY, KEY),
    command("COPY", KEY, KEY, options(["DB", DATABASES], "REPLACE", "FOO")),
    command("MOVE", KEY, DATABASES),
    command("SWAPDB", DATABASES, DATABASES),
    command("DBSIZE"),
    command("FLUSHDB", optional(words("ASYNC", "sync", "x"))),
    command("OBJECT", words("ENCODING", "refcount", "FREQ", "nope"), words("k1")),
    command("EXPIRE", KEY, TIMES, CONDITIONS),
    command("PEXPIRE", KEY, mostly(number(10**7, 10**9), words("-1", "x")), CONDITIONS),
    command("EXPIREAT", KEY, MOMENTS, CONDITIONS),
    command("PEXPIREAT", KEY, MOMENTS, CONDITIONS),
    command("PERSIST", KEY),
    command("TTL", KEY),
    command("PTTL", KEY),
    command("HSET", KEY, "f", VALUES),
    command("ZADD", KEY, "1", VALUES),
    command("SADD", KEY, many(VALUES)),
    command("EXPIRETIME", KEY),
    command("PEXPIRETIME", KEY),
    command("SELECT", words("0", "1")),
)


def excuse(argv: list[bytes], mine: Reply, theirs: Reply) -> bool:
    """Redis shares small integers among keys, and says so."""
    is_refcount = [word.upper() for word in argv[:2]] == [b"OBJECT", b"REFCOUNT"]
    return is_refcount and mine.kind == theirs.kind == ":"


# Redis 7.0 has no lists in one listpack.
WITHOUT_LISTS = COMMANDS.filter(
    lambda argv: [word.upper() for word in argv[:2]] != [b"OBJECT", b"ENCODING"]
)
TestKeys = differential(WITHOUT_LISTS, encodings=False, excuse=excuse, run=SETTINGS)
TestKeysResp3 = differential(COMMANDS, peer="valkey", protocol=3, excuse=excuse, run=SETTINGS)


def scan_all(client: Client, *options: str | int) -> list[bytes]:
    found: list[bytes] = []
    cursor = b"0"
    while True:
        cursor, items = client.call("SCAN", cursor, *options)
        found += items
        if cursor == b"0":
            return found


# --- SCAN and KEYS ---


def test_scan_finds_every_key_once_when_nothing_changes(client: Client) -> None:
    names = {b"key:%d" % n for n in range(3000)}
    for name in names:
        client.call("SET", name, "x")
    for count in (1, 10, 1000, 10**18):
        found = scan_all(client, "COUNT", count)
        assert len(found) == len(names)
        assert set(found) == names
    assert set(scan_all(client, "MATCH", "key:1*", "COUNT", 50)) == {
        name for name in names if name.startswith(b"key:1")
    }
    assert client.call("SCAN", 0, "MATCH", "key:77") == [b"0", [b"key:77"]]
    assert client.call("SCAN", 12345, "MATCH", "none") == [b"0", []]
    assert set(client.call("KEYS", "*")) == names
    assert client.call("KEYS", "key:77") == [b"key:77"]


def test_scan_keeps_its_promise_while_the_table_changes(client: Client) -> None:
    """What was there all the time is found, however the table grows and shrinks."""
    stay = {b"stay:%d" % n for n in range(500)}
    for name in stay:
        client.call("SET", name, "x")
    found: set[bytes] = set()
    cursor = b"0"
    step = 0
    while True:
        cursor, items = client.call("SCAN", cursor, "COUNT", 10)
        found.update(items)
        step += 1
        for n in range(100):
            name = b"go:%d:%d" % (step % 10, n)
            client.call(*(["SET", name, "x"] if step % 20 < 10 else ["DEL", name]))
        if cursor == b"0":
            break
    assert stay <= found


def test_count_is_about_what_is_looked_at(client: Client) -> None:
    for n in range(1000):
        client.call("SET", b"key:%d" % n, "x")
    _, items = client.call("SCAN", 0, "COUNT", 100)
    assert 100 <= len(items) <= 120
    cursor, items = client.call("SCAN", 0, "COUNT", 100, "MATCH", "nothing*")
    assert cursor != b"0"
    assert items == []


def test_any_cursor_is_safe(client: Client) -> None:
    for n in range(100):
        client.call("SET", b"key:%d" % n, "x")
    for cursor in (1, 2**31, 2**48 - 1, 2**63, 2**64 - 1, "007"):
        assert len(client.call("SCAN", cursor)) == 2


def test_star_finds_the_empty_key(client: Client) -> None:
    client.call("SET", "", "x")
    assert client.call("KEYS", "*") == [b""]
    assert client.call("SCAN", 0, "MATCH", "*") == [b"0", [b""]]
    assert client.call("KEYS", "") == [b""]


def test_scan_unknown_type(client: Client) -> None:
    assert str(client.reply("SCAN", 0, "TYPE", "blob").value) == "ERR unknown type name 'blob'"


# --- expiry ---


def test_expired_keys_vanish_by_themselves(server: Server, connect: Callable[..., Client]) -> None:
    client = connect()
    for n in range(2000):
        client.call("SET", b"key:%d" % n, "x")
        client.call("PEXPIRE", b"key:%d" % n, 150 + n % 50)
    client.call("SET", "stay", "x")
    wait_until(lambda: client.call("DBSIZE") == 1, "the keys to expire")


@pytest.mark.parametrize("relative", ["EXPIRE", "PEXPIRE"])
def test_ttl_of_a_key_just_set(client: Client, relative: str) -> None:
    client.call("SET", "k", "x")
    unit = 1000 if relative == "EXPIRE" else 1
    client.call(relative, "k", 100_000 // unit)
    assert client.call("TTL", "k") == 100
    assert 99_000 < client.call("PTTL", "k") <= 100_000
    assert client.call("EXPIRETIME", "k") in (
        client.call("PEXPIRETIME", "k") // 1000 + extra for extra in (0, 1)
    )


def test_moving_keeps_the_expiry(client: Client) -> None:
    client.call("SET", "a", "x")
    client.call("PEXPIREAT", "a", 9_999_999_999_999)
    client.call("RENAME", "a", "b")
    client.call("COPY", "b", "c")
    client.call("MOVE", "b", 1)
    assert client.call("PEXPIRETIME", "c") == 9_999_999_999_999
    client.call("SELECT", 1)
    assert client.call("PEXPIRETIME", "b") == 9_999_999_999_999


def test_long_names_and_values(client: Client) -> None:
    for name in (b"n" * 300, b"n" * 70_000):
        for value in (b"", b"v" * 300, b"v" * 70_000):
            client.call("SET", "a", value)
            client.call("EXPIRE", "a", 1000)
            client.call("RENAME", "a", name)
            client.call("COPY", name, "b", "REPLACE")
            client.call("PERSIST", name)
            client.call("APPEND", "b", "!")
            assert client.call("GET", name) == value
            assert client.call("GET", "b") == value + b"!"
            client.call("FLUSHALL")


# --- events ---


def events_of(
    connect: Callable[..., SocketClient], lines: list[str]
) -> list[tuple[bytes, bytes]]:
    client = connect()
    listener = connect()
    client.call("CONFIG", "SET", "notify-keyspace-events", "EA")
    listener.call("PSUBSCRIBE", "__keyevent*")
    for line in lines:
        client.call(*line.split())
    client.call("PUBLISH", "__keyevent@end", "")
    events = []
    while True:
        _, _, channel, key = listener.read_reply().value
        if channel.value == b"__keyevent@end":
            client.call("CONFIG", "SET", "notify-keyspace-events", "")
            return events
        events.append((channel.value.removeprefix(b"__keyevent@"), key.value))


def test_events(server: Server, connect: Callable[..., SocketClient]) -> None:
    assert events_of(
        connect,
        [
            "SET a x", "COPY a b", "RENAME a c", "MOVE c 1", "EXPIRE b 100", "PERSIST b",
            "PERSIST b", "EXPIRE b -1", "SET d x", "UNLINK d nope",
        ],
    ) == [
        (b"0__:set", b"a"), (b"0__:copy_to", b"b"),
        (b"0__:rename_from", b"a"), (b"0__:rename_to", b"c"),
        (b"0__:move_from", b"c"), (b"1__:move_to", b"c"),
        (b"0__:expire", b"b"), (b"0__:persist", b"b"), (b"0__:del", b"b"),
        (b"0__:set", b"d"), (b"0__:del", b"d"),
    ]  # fmt: skip
