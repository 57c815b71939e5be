"""The set commands: replies by every way in, errors, encodings, events, propagation."""

from __future__ import annotations

import pytest

from tests.support.resp import Reply

MEMBERS_64_BIT = [str(2**63 - 1), str(-(2**63)), str(2**62), str(-(2**62) - 1)]
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NOT_POSITIVE = "ERR value is out of range, must be positive"
WRONG_TYPE_LINES = [
    "SADD k m",
    "SREM k m",
    "SMOVE k s m",
    "SMOVE s k m",
    "SISMEMBER k m",
    "SMISMEMBER k m",
    "SCARD k",
    "SMEMBERS k",
    "SPOP k",
    "SPOP k 1",
    "SRANDMEMBER k",
    "SRANDMEMBER k 1",
    "SINTER k",
    "SINTER s k",
    "SUNION s k",
    "SDIFF s k",
    "SINTERSTORE d s k",
    "SUNIONSTORE d k",
    "SDIFFSTORE d s k",
    "SINTERCARD 1 k",
    "SUNIONCARD 1 k",
    "SDIFFCARD 2 s k",
    "SSCAN k 0",
]


def members(client, key):
    return set(client.call("SMEMBERS", key))


def test_add_and_remove(client):
    assert client.call("SADD", "s", "a", "b", "a") == 2
    assert client.call("SADD", "s", "b", "c") == 1
    assert client.call("SCARD", "s") == 3
    assert client.call("SREM", "s", "a", "x", "b") == 2
    assert members(client, "s") == {b"c"}
    assert client.call("SREM", "s", "c") == 1
    assert client.call("EXISTS", "s") == 0


def test_shapes(client):
    client.call("SADD", "s", "a")
    kind = "~" if client.protocol == 3 else "*"
    for line in ["SMEMBERS s", "SINTER s", "SUNION s s", "SDIFF s", "SPOP s 1", "SPOP none 1"]:
        assert client.reply(*line.split()).kind == kind
        client.call("SADD", "s", "a")
    for line in ["SRANDMEMBER s 1", "SRANDMEMBER none 1", "SMISMEMBER s a"]:
        assert client.reply(*line.split()).kind == "*"
    assert client.call("SPOP", "none") is None
    assert client.call("SRANDMEMBER", "none") is None


@pytest.mark.parametrize("line", WRONG_TYPE_LINES)
def test_wrong_type_changes_nothing(client, line):
    client.call("SET", "k", "v")
    client.call("SADD", "s", "m")
    assert client.error(*line.split()) == WRONG_TYPE
    assert client.call("GET", "k") == b"v"
    assert members(client, "s") == {b"m"}
    assert client.call("EXISTS", "d") == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("SPOP s -1", NOT_POSITIVE),
        ("SPOP s x", NOT_POSITIVE),
        ("SPOP s 1 2", "ERR syntax error"),
        ("SRANDMEMBER s x", "ERR value is not an integer or out of range"),
        ("SRANDMEMBER s 1 2", "ERR syntax error"),
        (
            "SRANDMEMBER s -9223372036854775808",
            "ERR value is out of range, value must between"
            " -9223372036854775807 and 9223372036854775807",
        ),
        ("SRANDMEMBER s -9223372036854775807", "ERR value is out of range"),
        ("SINTERCARD 0 s", "ERR numkeys should be greater than 0"),
        ("SINTERCARD x s", "ERR numkeys should be greater than 0"),
        ("SINTERCARD 2 s", "ERR Number of keys can't be greater than number of args"),
        ("SINTERCARD 1 s LIMIT -1", "ERR LIMIT can't be negative"),
        ("SINTERCARD 1 s LIMIT", "ERR syntax error"),
        ("SINTERCARD 1 s APPROX", "ERR syntax error"),
        ("SUNIONCARD 1 s LIMIT x", "ERR LIMIT can't be negative"),
        ("SSCAN s x", "ERR invalid cursor"),
        ("SSCAN s 0 COUNT 0", "ERR syntax error"),
        ("SADD s", "ERR wrong number of arguments for 'sadd' command"),
    ],
)
def test_errors(client, line, text):
    client.call("SADD", "s", "a", "b")
    assert client.error(*line.split()) == text
    assert client.call("SCARD", "s") == 2


def test_encodings(client):
    client.call("SADD", "s", *range(512))
    assert client.call("OBJECT", "ENCODING", "s") == b"intset"
    client.call("SADD", "s", 512)
    assert client.call("OBJECT", "ENCODING", "s") == b"hashtable"
    client.call("SADD", "t", 1, 2)
    client.call("SADD", "t", "x")
    assert client.call("OBJECT", "ENCODING", "t") == b"listpack"
    client.call("SADD", "t", "y" * 65)
    assert client.call("OBJECT", "ENCODING", "t") == b"hashtable"
    assert members(client, "t") == {b"1", b"2", b"x", b"y" * 65}
    client.call("SADD", "u", *(f"m{n}" for n in range(128)))
    assert client.call("OBJECT", "ENCODING", "u") == b"listpack"
    client.call("SADD", "u", "m128")
    assert client.call("OBJECT", "ENCODING", "u") == b"hashtable"


@pytest.mark.parametrize("size", [5, 300, 1000])
@pytest.mark.parametrize("prefix", ["", "m"])
def test_every_encoding_does_the_same(client, prefix, size):
    content = {f"{prefix}{n}".encode() for n in range(size)}
    client.call("SADD", "s", *content)
    client.call("SADD", "t", *list(content)[: size // 2], "other", "77777")
    common = members(client, "t") & content
    assert members(client, "s") == content
    assert set(client.call("SINTER", "s", "t")) == common
    assert set(client.call("SINTER", "t", "s", "s")) == common
    assert set(client.call("SUNION", "s", "t")) == content | {b"other", b"77777"}
    assert set(client.call("SDIFF", "s", "t")) == content - common
    assert set(client.call("SDIFF", "t", "s")) == {b"other", b"77777"}
    assert client.call("SINTERCARD", 2, "s", "t") == len(common)
    assert client.call("SINTERCARD", 2, "s", "t", "LIMIT", 1) == 1
    assert client.call("SUNIONCARD", 2, "s", "t", "APPROX") == size + 2
    assert client.call("SUNIONCARD", 2, "s", "t", "LIMIT", 3) == 3
    assert client.call("SDIFFCARD", 2, "s", "t") == len(content - common)
    sample = client.call("SRANDMEMBER", "s", size // 2)
    assert len(sample) == len(set(sample)) == size // 2
    few = client.call("SRANDMEMBER", "s", 2)
    assert len(set(few)) == 2
    assert set(few) | set(sample) <= content
    assert len(client.call("SRANDMEMBER", "s", -2 * size)) == 2 * size
    popped = client.call("SPOP", "s", size - 1)
    assert len(set(popped)) == size - 1
    assert members(client, "s") == content - set(popped)
    assert client.call("SPOP", "s") in content
    assert client.call("EXISTS", "s") == 0


def test_members_at_the_edges_of_64_bits(client):
    client.call("SADD", "s", *MEMBERS_64_BIT)
    client.call("SADD", "big", *MEMBERS_64_BIT, *(f"m{n}" for n in range(200)))
    wanted = {member.encode() for member in MEMBERS_64_BIT}
    assert members(client, "s") == wanted
    assert set(client.call("SINTER", "big", "s")) == wanted
    assert client.call("SREM", "big", *MEMBERS_64_BIT) == 4


def test_difference_by_removal(client):
    """A large first set and many tiny ones takes the other algorithm."""
    client.call("SADD", "s", *range(1000))
    tiny = [f"t{n}" for n in range(5)]
    for n, key in enumerate(tiny):
        client.call("SADD", key, n, "none")
    left = {b"%d" % n for n in range(5, 1000)}
    assert set(client.call("SDIFF", "s", *tiny)) == left
    assert client.call("SDIFFSTORE", "d", "s", *tiny) == 995
    assert members(client, "d") == left
    assert client.call("SDIFFCARD", 6, "s", *tiny) == 995
    assert client.call("SDIFFCARD", 6, "s", *tiny, "LIMIT", 9) == 9
    assert client.call("SDIFFSTORE", "d", "s", "t0", "s") == 0
    assert client.call("EXISTS", "d") == 0


def test_store_replaces_whatever_was_there(client):
    client.call("SADD", "a", 1, 2)
    client.call("SET", "d", "text")
    client.call("EXPIRE", "d", 100)
    assert client.call("SUNIONSTORE", "d", "a") == 2
    assert client.call("TTL", "d") == -1
    assert client.call("SINTERSTORE", "a", "a", "d") == 2
    assert client.call("SINTERSTORE", "d", "a", "none") == 0
    assert client.call("EXISTS", "d") == 0


def test_move(client):
    client.call("SADD", "a", "x", "1")
    assert client.call("SMOVE", "a", "b", "x") == 1
    assert client.call("SMOVE", "a", "b", "x") == 0
    assert client.call("SMOVE", "a", "a", "1") == 1
    assert client.call("SMOVE", "a", "b", "1") == 1
    assert members(client, "b") == {b"x", b"1"}
    assert client.call("EXISTS", "a") == 0


def test_scan_sees_every_member(client):
    content = {f"m{n}".encode() for n in range(1000)} | {b"%d" % n for n in range(1000)}
    client.call("SADD", "s", *content)
    cursor, seen = b"0", set()
    while True:
        cursor, found = client.call("SSCAN", "s", cursor, "COUNT", 50)
        seen.update(found)
        if cursor == b"0":
            break
    assert seen == content
    assert client.call("SSCAN", "s", 0, "MATCH", "m7") == [b"0", [b"m7"]]
    client.call("SADD", "t", 1, 2, 31)
    cursor, found = client.call("SSCAN", "t", 0, "MATCH", "3*")
    assert (cursor, found) == (b"0", [b"31"])
    assert client.reply("SSCAN", "none", 0) == Reply("*", [Reply("$", b"0"), Reply("*", [])])


def test_random_members_are_fair(client):
    for count in (9, 300):
        client.call("SADD", "s", *(f"m{n}" for n in range(count)))
        drawn = client.call("SRANDMEMBER", "s", -100 * count)
        least = min(drawn.count(member) for member in set(drawn))
        assert len(set(drawn)) == count
        assert least > 40
        client.call("DEL", "s")
