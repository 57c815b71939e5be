"""The hash commands: replies by every way in, errors, encodings, fields with a time to live."""

from __future__ import annotations

import pytest

from tests.support.resp import Reply
from tests.support.waiting import wait_until

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
BAD_NUMFIELDS = "ERR numfields should be greater than 0 and match the provided number of fields"
FAR_MS = 4_000_000_000_000
LONG = "v" * 20_000
WRONG_TYPE_LINES = [
    "HSET k f v",
    "HMSET k f v",
    "HSETNX k f v",
    "HGET k f",
    "HMGET k f",
    "HGETALL k",
    "HKEYS k",
    "HVALS k",
    "HLEN k",
    "HSTRLEN k f",
    "HEXISTS k f",
    "HDEL k f",
    "HINCRBY k f 1",
    "HINCRBYFLOAT k f 1",
    "HRANDFIELD k",
    "HRANDFIELD k 1",
    "HSCAN k 0",
    "HEXPIRE k 1 FIELDS 1 f",
    "HTTL k FIELDS 1 f",
    "HPERSIST k FIELDS 1 f",
    "HGETEX k FIELDS 1 f",
    "HGETDEL k FIELDS 1 f",
    "HSETEX k FIELDS 1 f v",
]


def content(client, key):
    reply = client.call("HGETALL", key)
    if isinstance(reply, dict):
        return reply
    return dict(zip(reply[::2], reply[1::2], strict=True))


def test_set_and_get(client):
    assert client.call("HSET", "h", "a", 1, "b", 2, "a", 3) == 2
    assert client.call("HSET", "h", "b", 4, "c", 5) == 1
    assert client.call("HGET", "h", "a") == b"3"
    assert client.call("HGET", "h", "x") is None
    assert client.call("HGET", "none", "x") is None
    assert client.call("HMGET", "h", "a", "x", "c") == [b"3", None, b"5"]
    assert client.call("HMGET", "none", "a", "b") == [None, None]
    assert content(client, "h") == {b"a": b"3", b"b": b"4", b"c": b"5"}
    assert set(client.call("HKEYS", "h")) == {b"a", b"b", b"c"}
    assert set(client.call("HVALS", "h")) == {b"3", b"4", b"5"}
    assert client.call("HLEN", "h") == 3
    assert client.call("HEXISTS", "h", "a") == 1
    assert client.call("HEXISTS", "h", "x") == 0
    assert client.call("HSTRLEN", "h", "a") == 1
    assert client.call("HSETNX", "h", "a", 9) == 0
    assert client.call("HSETNX", "h", "d", 9) == 1
    assert client.reply("HMSET", "h", "e", 1) == Reply("+", "OK")
    assert client.call("HDEL", "h", "a", "x", "b", "c", "d") == 4
    assert client.call("HDEL", "h", "e") == 1
    assert client.call("EXISTS", "h") == 0


def test_shapes(client):
    client.call("HSET", "h", "a", 1)
    kind = "%" if client.protocol == 3 else "*"
    assert client.reply("HGETALL", "h").kind == kind
    assert client.reply("HGETALL", "none").kind == kind
    assert client.reply("HKEYS", "none") == Reply("*", [])
    assert client.reply("HRANDFIELD", "none").is_null
    pair = [Reply("$", b"a"), Reply("$", b"1")]
    wanted = [Reply("*", pair)] if client.protocol == 3 else pair
    assert client.reply("HRANDFIELD", "h", 1, "WITHVALUES") == Reply("*", wanted)


@pytest.mark.parametrize("line", WRONG_TYPE_LINES)
def test_wrong_type_changes_nothing(client, line):
    client.call("SET", "k", "v")
    assert client.error(*line.split()) == WRONG_TYPE
    assert client.call("GET", "k") == b"v"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("HSET h a", "ERR wrong number of arguments for 'hset' command"),
        ("HSET h a 1 b", "ERR wrong number of arguments for 'hset' command"),
        ("HMSET h a 1 b", "ERR wrong number of arguments for 'hmset' command"),
        ("HINCRBY h t x", "ERR value is not an integer or out of range"),
        ("HINCRBY h t 1", "ERR hash value is not an integer"),
        ("HINCRBY h n 9223372036854775807", "ERR increment or decrement would overflow"),
        ("HINCRBYFLOAT h n x", "ERR value is not a valid float"),
        ("HINCRBYFLOAT h t 1", "ERR hash value is not a float"),
        ("HINCRBYFLOAT h n inf", "ERR value is NaN or Infinity"),
        ("HRANDFIELD h x", "ERR value is not an integer or out of range"),
        ("HRANDFIELD h 1 VALUES", "ERR syntax error"),
        ("HRANDFIELD h -9223372036854775807 WITHVALUES", "ERR value is out of range"),
        ("HRANDFIELD h -9223372036854775807", "ERR value is out of range"),
        ("HSCAN h x", "ERR invalid cursor"),
        ("HEXPIRE h 10 FIELDS 2 n", BAD_NUMFIELDS),
        ("HEXPIRE h 10 FIELDS -9223372036854775808 n", BAD_NUMFIELDS),
        ("HEXPIRE h -1 FIELDS 1 n", "ERR invalid expire time in 'hexpire' command"),
        (
            "HEXPIRE h 9223372036854775807 FIELDS 1 n",
            "ERR invalid expire time in 'hexpire' command",
        ),
        ("HEXPIRE h 10 XY FIELDS 1 n", "ERR Unsupported option XY"),
        ("HSETEX h EX 10 PX 10 FIELDS 1 n 1", "ERR syntax error"),
        ("HSETEX h FNX FXX FIELDS 1 n 1", "ERR syntax error"),
        ("HSETEX h EX FIELDS 1 n 1", "ERR syntax error"),
        ("HSETEX h FIELDS 1 n 1 2 3", BAD_NUMFIELDS),
        ("HGETEX h KEEPTTL FIELDS 1 n", "ERR syntax error"),
        ("HGETDEL h FIELDS 0 n", BAD_NUMFIELDS),
    ],
)
def test_errors_change_nothing(client, line, text):
    client.call("HSET", "h", "n", 1, "t", "text")
    assert client.error(*line.split()) == text
    assert content(client, "h") == {b"n": b"1", b"t": b"text"}
    assert client.call("HTTL", "h", "FIELDS", 2, "n", "t") == [-1, -1]


def test_counting(client):
    assert client.call("HINCRBY", "h", "n", 5) == 5
    assert client.call("HINCRBY", "h", "n", -7) == -2
    assert client.call("HINCRBYFLOAT", "h", "n", "3.5") == b"1.5"
    assert client.call("HINCRBYFLOAT", "h", "x", "5.0e3") == b"5000"


def test_encodings(client):
    client.call("HSET", "h", *(word for n in range(512) for word in (f"f{n}", n)))
    assert client.call("OBJECT", "ENCODING", "h") == b"listpack"
    client.call("HSET", "h", "f512", "x")
    assert client.call("OBJECT", "ENCODING", "h") == b"hashtable"
    client.call("HSET", "t", "f", "v" * 64)
    assert client.call("OBJECT", "ENCODING", "t") == b"listpack"
    client.call("HEXPIRE", "t", 100, "FIELDS", 1, "f")
    assert client.call("OBJECT", "ENCODING", "t") == b"listpackex"
    client.call("HSET", "t", "g", "v" * 65)
    assert client.call("OBJECT", "ENCODING", "t") == b"hashtable"
    assert client.call("HTTL", "t", "FIELDS", 2, "f", "g") == [100, -1]


@pytest.mark.parametrize("size", [10, 1000])
def test_every_encoding_does_the_same(client, size):
    wanted = {b"f%d" % n: b"%d" % n for n in range(size)}
    client.call("HSET", "h", *(word for pair in wanted.items() for word in pair))
    assert content(client, "h") == wanted
    sample = client.call("HRANDFIELD", "h", size // 2)
    assert len(set(sample)) == size // 2
    assert set(sample) <= wanted.keys()
    assert len(set(client.call("HRANDFIELD", "h", 3))) == 3
    assert len(client.call("HRANDFIELD", "h", -2 * size)) == 2 * size
    assert client.call("HRANDFIELD", "h") in wanted
    seen, cursor = {}, b"0"
    while True:
        cursor, found = client.call("HSCAN", "h", cursor, "COUNT", 30)
        seen.update(zip(found[::2], found[1::2], strict=True))
        if cursor == b"0":
            break
    assert seen == wanted
    assert client.call("HSCAN", "h", 0, "MATCH", "f7", "NOVALUES") == [b"0", [b"f7"]]
    assert client.call("HDEL", "h", *list(wanted)[1:]) == size - 1
    assert content(client, "h") == {b"f0": b"0"}


def test_long_values(client):
    client.call("HSET", "h", "a", LONG, "b" * 300, "x" * 300)
    assert client.call("HGET", "h", "a") == LONG.encode()
    client.call("HEXPIRE", "h", 100, "FIELDS", 1, "a")
    assert client.call("HSTRLEN", "h", "a") == len(LONG)
    client.call("HPERSIST", "h", "FIELDS", 1, "a")
    assert client.call("HMGET", "h", "a", "b" * 300) == [LONG.encode(), b"x" * 300]
    client.call("HSET", "h", "a", "short")
    assert client.call("HGET", "h", "a") == b"short"


@pytest.fixture(params=[0, 600])
def hash_key(client, request):
    """A hash with fields a, b, c in either encoding."""
    client.call("HSET", "h", "a", 1, "b", 2, "c", 3)
    for n in range(request.param):
        client.call("HSET", "h", f"f{n}", n)
    return "h"


def test_expiry_of_fields(client, hash_key):
    h = hash_key
    assert client.call("HPEXPIREAT", h, FAR_MS, "FIELDS", 2, "a", "x") == [1, -2]
    assert client.call("HPEXPIRETIME", h, "FIELDS", 3, "a", "b", "x") == [FAR_MS, -1, -2]
    assert client.call("HEXPIRETIME", h, "FIELDS", 1, "a") == [FAR_MS // 1000]
    for condition, answer in [("NX", 0), ("XX", 1), ("GT", 0), ("LT", 0)]:
        line = ("HPEXPIREAT", h, FAR_MS, condition, "FIELDS", 1, "a")
        assert client.call(*line) == [answer]
    assert client.call("HPEXPIREAT", h, FAR_MS + 1, "GT", "FIELDS", 2, "a", "b") == [1, 0]
    assert client.call("HPEXPIREAT", h, FAR_MS, "LT", "FIELDS", 2, "a", "b") == [1, 1]
    assert client.call("HPERSIST", h, "FIELDS", 3, "a", "c", "x") == [1, -1, -2]
    assert client.call("HTTL", h, "FIELDS", 1, "a") == [-1]
    client.call("HINCRBY", h, "b", 1)
    assert client.call("HPEXPIRETIME", h, "FIELDS", 1, "b") == [FAR_MS]
    client.call("HSET", h, "b", 1)
    assert client.call("HTTL", h, "FIELDS", 1, "b") == [-1]
    assert client.call("HEXPIRE", h, 0, "FIELDS", 2, "b", "x") == [2, -2]
    assert client.call("HGET", h, "b") is None
    assert client.call("HTTL", "none", "FIELDS", 1, "a") == [-2]
    assert client.call("HEXPIRE", "none", 1, "FIELDS", 1, "a") == [-2]


def test_fields_expire(client, hash_key):
    h = hash_key
    count = client.call("HLEN", h)
    client.call("HPEXPIRE", h, 20, "FIELDS", 2, "a", "b")
    wait_until(lambda: not client.call("HEXISTS", h, "a"), "the fields have expired")
    assert client.call("HMGET", h, "a", "b", "c") == [None, None, b"3"]
    assert client.call("HLEN", h) == count - 2
    assert b"a" not in content(client, h)
    assert client.call("HSET", h, "a", 9) == 1
    assert client.call("HTTL", h, "FIELDS", 1, "a") == [-1]


def test_the_last_field_takes_the_key_along(client):
    client.call("HSET", "h", "a", 1)
    client.call("HPEXPIRE", "h", 10, "FIELDS", 1, "a")
    wait_until(lambda: client.call("HGETALL", "h") in ([], {}), "the field has expired")
    assert client.call("EXISTS", "h") == 0


def test_active_expiry_deletes_fields_nobody_asks_for(server):
    with_ttl = server.connect(2)
    with_ttl.call("HSET", "h", "a", 1)
    with_ttl.call("HSET", "big", *(word for n in range(500) for word in (f"f{n}", n)))
    with_ttl.call("HPEXPIRE", "h", 20, "FIELDS", 1, "a")
    with_ttl.call("HPEXPIRE", "big", 20, "FIELDS", 500, *(f"f{n}" for n in range(500)))
    wait_until(lambda: with_ttl.call("DBSIZE") == 0, "all is expired")
    with_ttl.close()


def test_timers_follow_the_key(client):
    """A hash keeps its fields' time through RENAME, COPY and MOVE; a new one starts without."""
    client.call("HSET", "h", "a", 1, "b", 2)
    client.call("HPEXPIREAT", "h", FAR_MS, "FIELDS", 1, "a")
    client.call("RENAME", "h", "g")
    client.call("COPY", "g", "c")
    for key in ("g", "c"):
        assert client.call("HPEXPIRETIME", key, "FIELDS", 2, "a", "b") == [FAR_MS, -1]
    client.call("DEL", "g")
    client.call("HSET", "g", "a", 1)
    assert client.call("HTTL", "g", "FIELDS", 1, "a") == [-1]
    client.call("HPEXPIRE", "c", 10, "FIELDS", 1, "a")
    wait_until(lambda: not client.call("HEXISTS", "c", "a"), "the field has expired")
    assert content(client, "c") == {b"b": b"2"}


def test_hsetex(client, hash_key):
    h = hash_key
    line = ("HSETEX", h, "PXAT", FAR_MS, "FIELDS", 2, "a", "x", "n", "y")
    assert client.call(*line) == 1
    assert client.call("HPEXPIRETIME", h, "FIELDS", 3, "a", "n", "b") == [FAR_MS, FAR_MS, -1]
    assert client.call("HSETEX", h, "KEEPTTL", "FIELDS", 1, "a", "z") == 1
    assert client.call("HPEXPIRETIME", h, "FIELDS", 1, "a") == [FAR_MS]
    assert client.call("HSETEX", h, "FIELDS", 1, "a", "z") == 1
    assert client.call("HTTL", h, "FIELDS", 1, "a") == [-1]
    assert client.call("HSETEX", h, "FNX", "FIELDS", 2, "a", 1, "q", 1) == 0
    assert client.call("HSETEX", h, "FXX", "FIELDS", 2, "a", 1, "q", 1) == 0
    assert client.call("HEXISTS", h, "q") == 0
    assert client.call("HSETEX", h, "PXAT", 1, "FIELDS", 1, "a", 1) == 1
    assert client.call("HEXISTS", h, "a") == 0
    assert client.call("HSETEX", "none", "EX", 0, "FIELDS", 1, "a", 1) == 1
    assert client.call("EXISTS", "none") == 0


def test_hgetex_and_hgetdel(client, hash_key):
    h = hash_key
    line = ("HGETEX", h, "PXAT", FAR_MS, "FIELDS", 2, "a", "x")
    assert client.call(*line) == [b"1", None]
    assert client.call("HPEXPIRETIME", h, "FIELDS", 1, "a") == [FAR_MS]
    assert client.call("HGETEX", h, "PERSIST", "FIELDS", 1, "a") == [b"1"]
    assert client.call("HTTL", h, "FIELDS", 1, "a") == [-1]
    assert client.call("HGETEX", h, "PXAT", 1, "FIELDS", 1, "a") == [b"1"]
    assert client.call("HEXISTS", h, "a") == 0
    assert client.call("HGETDEL", h, "FIELDS", 3, "b", "b", "x") == [b"2", None, None]
    client.call("DEL", h)
    client.call("HSET", h, "a", 1)
    assert client.call("HGETDEL", h, "FIELDS", 1, "a") == [b"1"]
    assert client.call("EXISTS", h) == 0
