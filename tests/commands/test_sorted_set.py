"""Sorted set commands case by case: errors, RESP3 shapes, encodings, events, propagation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.client import Client, SocketClient

Words = list[str | int]
INT64_MIN = -(1 << 63)
TOO_BIG = 1 << 63
NO_INTEGER = "ERR value is not an integer or out of range"
NO_FLOAT = "ERR value is not a valid float"
SYNTAX = "ERR syntax error"


@pytest.fixture
def abc(client: Client) -> Client:
    """`z` is a 1, b 2, c 3."""
    assert client.call("ZADD", "z", 1, "a", 2, "b", 3, "c") == 3
    return client


def scored(client: Client, flat: list[tuple[bytes, float]]) -> object:
    """Members with scores as RESP2 (flat) or RESP3 (pairs) shows them."""
    if client.protocol == 3:
        return [[member, score] for member, score in flat]
    return [word for member, score in flat for word in (member, b"%g" % score)]


ERRORS: list[tuple[Words, str]] = [
    (["ZADD", "z", "x", "m"], NO_FLOAT),
    (["ZADD", "z", "nan", "m"], NO_FLOAT),
    (["ZADD", "z", 1, "m", 2], SYNTAX),
    (["ZADD", "z", "NX", "CH", 1], SYNTAX),
    (["ZADD", "z", "NX", "XX", 1, "m"],
     "ERR XX and NX options at the same time are not compatible"),
    (["ZADD", "z", "GT", "LT", 1, "m"],
     "ERR GT, LT, and/or NX options at the same time are not compatible"),
    (["ZADD", "z", "NX", "GT", 1, "m"],
     "ERR GT, LT, and/or NX options at the same time are not compatible"),
    (["ZADD", "z", "INCR", 1, "m", 2, "n"],
     "ERR INCR option supports a single increment-element pair"),
    (["ZINCRBY", "z", "x", "m"], NO_FLOAT),
    (["ZRANK", "z", "a", "score"], SYNTAX),
    (["ZRANK", "z", "a", "WITHSCORE", "x"], "ERR wrong number of arguments for 'zrank' command"),
    (["ZCOUNT", "z", "a", 1], "ERR min or max is not a float"),
    (["ZCOUNT", "z", 1, "(nan"], "ERR min or max is not a float"),
    (["ZLEXCOUNT", "z", "a", "+"], "ERR min or max not valid string range item"),
    (["ZLEXCOUNT", "z", "", "+"], "ERR min or max not valid string range item"),
    (["ZLEXCOUNT", "z", "-", "+x"], "ERR min or max not valid string range item"),
    (["ZRANGE", "z", "a", 1], NO_INTEGER),
    (["ZRANGE", "z", 0, TOO_BIG], NO_INTEGER),
    (["ZRANGE", "z", 0, 1, "LIMIT", 0, 1],
     "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"),
    (["ZRANGE", "z", "-", "+", "BYLEX", "WITHSCORES"],
     "ERR syntax error, WITHSCORES not supported in combination with BYLEX"),
    (["ZRANGE", "z", 0, 1, "REV", "REV"], SYNTAX),
    (["ZRANGE", "z", 0, 1, "BYSCORE", "BYLEX"], SYNTAX),
    (["ZRANGE", "z", 0, 1, "BYSCORE", "LIMIT", 0, "x"], NO_INTEGER),
    (["ZRANGE", "z", 0, 1, "BYSCORE", "LIMIT", 0], SYNTAX),
    (["ZREVRANGE", "z", 0, 1, "REV"], SYNTAX),
    (["ZRANGESTORE", "d", "z", 0, 1, "WITHSCORES"], SYNTAX),
    (["ZREMRANGEBYRANK", "z", 0, "x"], NO_INTEGER),
    (["ZPOPMIN", "z", -1], "ERR value is out of range, must be positive"),
    (["ZPOPMIN", "z", "x"], "ERR value is out of range, must be positive"),
    (["ZPOPMIN", "z", 1, 2], SYNTAX),
    (["ZMPOP", 0, "z", "MIN"], "ERR numkeys should be greater than 0"),
    (["ZMPOP", "x", "z", "MIN"], "ERR numkeys should be greater than 0"),
    (["ZMPOP", 2, "z", "MIN"], SYNTAX),
    (["ZMPOP", 1 << 62, "z", "MIN"], SYNTAX),
    (["ZMPOP", 1, "z", "MIN", "COUNT", 0], "ERR count should be greater than 0"),
    (["ZMPOP", 1, "z", "MIN", "COUNT", 1, "COUNT", 1], SYNTAX),
    (["BZPOPMIN", "z", -1], "ERR timeout is negative"),
    (["BZPOPMIN", "z", "x"], "ERR timeout is not a float or out of range"),
    (["BZMPOP", "x", 1, "z", "MIN"], "ERR timeout is not a float or out of range"),
    (["ZUNION", 0, "z"], "ERR at least 1 input key is needed for 'zunion' command"),
    (["ZUNIONSTORE", "d", 0, "z"], "ERR at least 1 input key is needed for 'zunionstore' command"),
    (["ZUNION", "x", "z"], NO_INTEGER),
    (["ZUNION", 1 << 40, "z"], SYNTAX),
    (["ZUNION", 1, "z", "WEIGHTS", "x"], "ERR weight value is not a float"),
    (["ZUNION", 1, "z", "WEIGHTS"], SYNTAX),
    (["ZUNION", 1, "z", "AGGREGATE", "AVG"], SYNTAX),
    (["ZDIFF", 1, "z", "AGGREGATE", "SUM"], SYNTAX),
    (["ZINTERCARD", 1, "z", "LIMIT", -1], "ERR LIMIT can't be negative"),
    (["ZINTERCARD", 1, "z", "LIMIT", "x"], "ERR LIMIT can't be negative"),
    (["ZRANDMEMBER", "z", INT64_MIN],
     "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"),
    (["ZRANDMEMBER", "z", INT64_MIN + 1, "WITHSCORES"], "ERR value is out of range"),
    (["ZRANDMEMBER", "z", INT64_MIN + 1], "ERR value is out of range"),
    (["ZRANDMEMBER", "z", 1, "x"], SYNTAX),
    (["ZSCAN", "z", "x"], "ERR invalid cursor"),
    (["ZSCAN", "z", 0, "COUNT", 0], SYNTAX),
    (["ZSCAN", "z", 0, "COUNT", "x"], NO_INTEGER),
]  # fmt: skip


@pytest.mark.parametrize(("argv", "text"), ERRORS, ids=lambda value: str(value)[:60])
def test_refused(server: object, connect: Callable[..., SocketClient], argv: Words,
                 text: str) -> None:  # fmt: skip
    client = connect()
    client.call("ZADD", "z", 1, "a", 2, "b", 3, "c")
    assert client.error(*argv) == text
    assert client.call("ZRANGE", "z", 0, -1, "WITHSCORES") == [b"a", b"1", b"b", b"2", b"c", b"3"]


def test_wrong_type(connect: Callable[..., SocketClient]) -> None:
    client = connect()
    client.call("SET", "s", "text")
    for line in (
        "ZADD s 1 m", "ZINCRBY s 1 m", "ZREM s m", "ZCARD s", "ZSCORE s m", "ZMSCORE s m",
        "ZRANK s m", "ZCOUNT s 0 1", "ZLEXCOUNT s - +", "ZRANGE s 0 1", "ZRANGESTORE d s 0 1",
        "ZREMRANGEBYRANK s 0 1", "ZREMRANGEBYSCORE s 0 1", "ZREMRANGEBYLEX s - +", "ZPOPMIN s",
        "ZPOPMAX s 0", "ZMPOP 1 s MIN", "BZPOPMIN s 0", "BZMPOP 0 1 s MIN", "ZUNION 1 s",
        "ZINTER 2 none s", "ZDIFF 1 s", "ZINTERCARD 1 s", "ZUNIONSTORE d 1 s", "ZRANDMEMBER s",
        "ZSCAN s 0",
    ):  # fmt: skip
        assert client.error(*line.split()).startswith("WRONGTYPE"), line


def test_shapes(abc: Client) -> None:
    one, two = (1.0, 2.0) if abc.protocol == 3 else (b"1", b"2")
    assert abc.call("ZRANGE", "z", 0, 1, "WITHSCORES") == scored(abc, [(b"a", 1), (b"b", 2)])
    assert abc.call("ZRANK", "z", "b", "WITHSCORE") == [1, two]
    assert abc.call("ZRANK", "z", "x", "WITHSCORE") is None
    assert abc.call("ZMSCORE", "z", "a", "x") == [one, None]
    assert abc.call("ZUNION", 1, "z", "WITHSCORES")[:1] == scored(
        abc, [(b"a", 1), (b"b", 2), (b"c", 3)])[:1]  # type: ignore[index]
    assert abc.call("ZPOPMIN", "z") == [b"a", one]
    assert abc.call("ZPOPMIN", "z", 1) == scored(abc, [(b"b", 2)])
    assert abc.call("BZMPOP", 0.1, 2, "none", "z", "MAX", "COUNT", 9)[0] == b"z"
    assert abc.call("ZPOPMIN", "z") == []
    assert abc.call("ZMPOP", 1, "z", "MAX") is None
    assert abc.call("BZPOPMAX", "z", 0.01) is None
    assert abc.call("EXISTS", "z") == 0


def test_aggregate_count(client: Client) -> None:
    """Newer than both peers: the sum of the weights of the inputs that have the member."""
    client.call("ZADD", "x", 5, "a", 7, "b")
    client.call("ZADD", "y", 9, "b")
    client.call("SADD", "s", "b", "c")
    client.call("ZUNIONSTORE", "d", 3, "x", "y", "s", "AGGREGATE", "COUNT")
    assert client.call("ZRANGE", "d", 0, -1, "WITHSCORES") == scored(
        client, [(b"a", 1), (b"c", 1), (b"b", 3)])
    client.call("ZINTERSTORE", "d", 3, "x", "y", "s", "WEIGHTS", 2, 3, 4, "AGGREGATE", "COUNT")
    assert client.call("ZRANGE", "d", 0, -1, "WITHSCORES") == scored(client, [(b"b", 9)])


def test_infinities_and_zeros(client: Client) -> None:
    client.call("ZADD", "z", "inf", "a")
    assert client.error("ZINCRBY", "z", "-inf", "a") == (
        "ERR resulting score is not a number (NaN)")
    client.call("ZADD", "y", "-inf", "a", "-0", "zero")
    client.call("ZUNIONSTORE", "d", 2, "z", "y", "WEIGHTS", 1, 1)
    assert client.call("ZSCORE", "d", "a") in (b"0", 0.0)
    client.call("ZUNIONSTORE", "d", 1, "z", "WEIGHTS", 0)
    assert client.call("ZSCORE", "d", "a") in (b"0", 0.0)
    assert repr(client.call("ZSCORE", "y", "zero")) in ("b'0'", "0.0")


@pytest.fixture
def tiny(connect: Callable[..., SocketClient]) -> Iterator[SocketClient]:
    client = connect()
    client.call("CONFIG", "SET", "zset-max-ziplist-entries", 4, "zset-max-listpack-value", 8)
    yield client
    client.call("CONFIG", "SET", "zset-max-listpack-entries", 128, "zset-max-ziplist-value", 64)


@pytest.mark.parametrize("command", ["ZINTER", "ZINTERSTORE"])
def test_infinity_times_zero_in_an_intersection(client: Client, command: str) -> None:
    """As Redis: no number makes a sum 0 and is neither a minimum nor a maximum."""
    for key in ("a", "b"):
        client.call("ZADD", key, "inf", "m")

    def score(*options: str) -> bytes:
        if command == "ZINTERSTORE":
            client.call("ZINTERSTORE", "to", 2, "a", "b", *options)
            found: bytes = client.call("ZSCORE", "to", "m")
            return found
        both: list[bytes] = client.call("ZINTER", 2, "a", "b", *options, "WITHSCORES")
        return both[1]

    if client.protocol == 3:
        pytest.skip("the same numbers in another form")
    assert score("WEIGHTS", "1", "0") == b"0"
    assert score("WEIGHTS", "1", "0", "AGGREGATE", "MIN") == b"inf"
    assert score("WEIGHTS", "-1", "0", "AGGREGATE", "MAX") == b"-inf"
    assert score("WEIGHTS", "0", "1", "AGGREGATE", "MIN") == b"0"
    assert score("WEIGHTS", "0", "1") == b"inf"


def test_encodings(tiny: SocketClient) -> None:
    def encoding(key: str) -> object:
        return tiny.call("OBJECT", "ENCODING", key)

    tiny.call("ZADD", "z", 1, "a", 2, "b", 3, "c", 4, "d")
    assert encoding("z") == b"listpack"
    tiny.call("ZADD", "z", 5, "e")
    assert encoding("z") == b"skiplist"
    tiny.call("ZREM", "z", "e", "d", "c")
    assert encoding("z") == b"skiplist"
    tiny.call("ZADD", "long", 1, "123456789")
    assert encoding("long") == b"skiplist"
    tiny.call("ZRANGESTORE", "d", "z", 0, -1)
    assert encoding("d") == b"listpack"
    tiny.call("ZUNIONSTORE", "d", 2, "z", "long")
    assert encoding("d") == b"skiplist"
    tiny.call("ZADD", "many", *(word for n in range(5) for word in (1, "a")))
    assert encoding("many") == b"skiplist"
    assert tiny.call("ZSCAN", "long", 0) == [b"0", [b"123456789", b"1"]]


@pytest.mark.parametrize("members", [50, 5000])
def test_random_members(connect: Callable[..., SocketClient], members: int) -> None:
    client = connect()
    client.call("ZADD", "z", *(word for n in range(members) for word in (n, f"m{n}")))
    everyone = {b"m%d" % n for n in range(members)}
    assert client.call("ZRANDMEMBER", "z") in everyone
    for count in (1, 10, members // 2, members - 1):
        drawn = client.call("ZRANDMEMBER", "z", count)
        assert len(drawn) == len(set(drawn)) == count
        assert set(drawn) <= everyone
    assert set(client.call("ZRANDMEMBER", "z", members * 2)) == everyone
    assert len(client.call("ZRANDMEMBER", "z", -200, "WITHSCORES")) == 400
    assert len({client.call("ZRANDMEMBER", "z") for _ in range(100)}) > 10


def test_scan_meets_everyone(connect: Callable[..., SocketClient]) -> None:
    client = connect()
    client.call("ZADD", "z", *(word for n in range(3000) for word in (n / 7, f"m{n}")))
    seen: dict[bytes, bytes] = {}
    cursor = b"0"
    while True:
        cursor, items = client.call("ZSCAN", "z", cursor, "COUNT", 100)
        seen.update(zip(items[::2], items[1::2], strict=True))
        if cursor == b"0":
            break
    assert {name: float(score) for name, score in seen.items()} == {
        b"m%d" % n: n / 7 for n in range(3000)
    }


def test_removing_most_of_a_big_set(connect: Callable[..., SocketClient]) -> None:
    client = connect()
    for start in range(0, 20_000, 5000):
        client.call("ZADD", "z", *(w for n in range(start, start + 5000) for w in (n, f"m{n}")))
    assert client.call("ZREMRANGEBYRANK", "z", 100, -101) == 19_800
    assert client.call("ZRANGE", "z", 99, 100) == [b"m99", b"m19900"]
    assert client.call("ZRANK", "z", "m19999") == 199
    assert client.call("ZREMRANGEBYSCORE", "z", "-inf", "+inf") == 200
    assert client.call("EXISTS", "z") == 0


def test_waiting_clients_are_served_in_order(connect: Callable[..., SocketClient]) -> None:
    first, second, third, giver = (connect() for _ in range(4))
    first.send("BZPOPMIN", "z", "other", 5)
    first.readable(0.1)
    second.send("BZPOPMAX", "z", 5)
    second.readable(0.1)
    third.send("BZMPOP", 5, 1, "z", "MIN", "COUNT", 10)
    third.readable(0.1)
    giver.call("ZADD", "z", 1, "a", 2, "b", 3, "c", 4, "d")
    assert first.read_answer().value[1].value == b"a"
    assert second.read_answer().value[1].value == b"d"
    assert [pair.value[0].value for pair in third.read_answer().value[1].value] == [b"b", b"c"]
    assert giver.call("EXISTS", "z") == 0
