"""The bit commands: replies by every way in, errors, encodings, events, propagation."""

from __future__ import annotations

import pytest

from tests.support.effects import Effects

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
BAD_OFFSET = "ERR bit offset is not an integer or out of range"
BAD_BIT = "ERR bit is not an integer or out of range"
BAD_FIELD = (
    "ERR Invalid bitfield type. Use something like i16 u8."
    " Note that u64 is not supported but i64 is."
)


def test_single_bits(client):
    assert client.call("SETBIT", "k", 9, 1) == 0
    assert client.call("GET", "k") == b"\x00\x40"
    assert client.call("SETBIT", "k", 9, 0) == 1
    assert client.call("GETBIT", "k", 9) == 0
    assert client.call("GETBIT", "k", 10**9) == 0
    assert client.call("SETBIT", "k", 70_000, 1) == 0
    assert client.call("STRLEN", "k") == 8751
    assert client.call("BITCOUNT", "k") == 1
    assert client.call("BITPOS", "k", 1) == 70_000
    assert client.call("OBJECT", "ENCODING", "k") == b"raw"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("SETBIT k -1 1", BAD_OFFSET),
        ("SETBIT k 4294967296 1", BAD_OFFSET),
        ("SETBIT k 9223372036854775807 1", BAD_OFFSET),
        ("SETBIT k #1 1", BAD_OFFSET),
        ("SETBIT k 1 2", BAD_BIT),
        ("SETBIT k 1 x", BAD_BIT),
        ("GETBIT k x", BAD_OFFSET),
        ("BITCOUNT k 0", SYNTAX),
        ("BITCOUNT k 0 1 X", SYNTAX),
        ("BITCOUNT k 0 1 BIT 2", SYNTAX),
        ("BITPOS k 2", "ERR The bit argument must be 1 or 0."),
        ("BITPOS k 1 0 1 X", SYNTAX),
        ("BITPOS k 1 0 1 BIT 2", SYNTAX),
        ("BITOP FOO d k", SYNTAX),
        ("BITOP NOT d k k", "ERR BITOP NOT must be called with a single source key."),
        ("BITOP diff d k", "ERR BITOP DIFF must be called with multiple source keys."),
        ("BITOP ANDOR d k", "ERR BITOP ANDOR must be called with multiple source keys."),
        ("BITFIELD k GET u64 0", BAD_FIELD),
        ("BITFIELD k GET i65 0", BAD_FIELD),
        ("BITFIELD k GET i 0", BAD_FIELD),
        ("BITFIELD k GET i-1 0", BAD_FIELD),
        ("BITFIELD k GET u8 #9223372036854775807", BAD_OFFSET),
        ("BITFIELD k SET u8 0 x", "ERR value is not an integer or out of range"),
        ("BITFIELD k SET u8 0", SYNTAX),
        ("BITFIELD k OVERFLOW X", "ERR Invalid OVERFLOW type specified"),
        ("BITFIELD_RO k SET u8 0 1", "ERR BITFIELD_RO only supports the GET subcommand"),
    ],
)
def test_errors_change_nothing(client, line, text):
    client.call("SET", "k", "old")
    assert client.error(*line.split()) == text
    assert client.call("GET", "k") == b"old"
    assert client.call("DBSIZE") == 1


@pytest.mark.parametrize(
    "line",
    [
        "SETBIT l 0 1",
        "GETBIT l 0",
        "BITCOUNT l",
        "BITPOS l 1",
        "BITOP AND d l",
        "BITOP OR d k l",
        "BITFIELD l GET u8 0",
        "BITFIELD l SET u8 0 1",
        "BITFIELD_RO l GET u8 0",
    ],
)
def test_wrong_type(client, line):
    client.call("RPUSH", "l", "a")
    client.call("SET", "k", "v")
    assert client.error(*line.split()) == WRONG_TYPE
    assert client.call("DBSIZE") == 2


def test_newer_operations(client):
    client.call("MSET", "a", b"\xf0", "b", b"\x3c\xff", "c", b"\x18")
    for operation, expected in [
        ("DIFF", b"\xc0\x00"), ("DIFF1", b"\x0c\xff"), ("ANDOR", b"\x30\x00"),
        ("ONE", b"\xc4\xff"),
    ]:  # fmt: skip
        assert client.call("BITOP", operation, "d", "a", "b", "c") == 2
        assert client.call("GET", "d") == expected, operation
    assert client.call("OBJECT", "ENCODING", "d") == b"raw"
    assert client.call("BITOP", "AND", "d", "none") == 0
    assert client.call("EXISTS", "d") == 0


def test_bitop_into_a_source_and_over_another_type(client):
    client.call("MSET", "a", "abc", "b", "x")
    client.call("RPUSH", "l", "a")
    assert client.call("BITOP", "XOR", "a", "a", "a", "b") == 3
    assert client.call("GET", "a") == b"x\0\0"
    assert client.call("BITOP", "NOT", "l", "b") == 1
    assert client.call("TYPE", "l") == "string"


@pytest.mark.parametrize("before", ["none", "list", "short", "long", "source"])
def test_bitop_with_long_strings(client, before):
    """A long result is handed over as it is, whatever the key held."""
    size = 100_000
    client.call("SET", "a", b"\x0f" * size)
    client.call("SET", "b", b"\xff" * (size - 1))
    if before == "list":
        client.call("RPUSH", "d", "x")
    elif before != "none":
        client.call("SET", "d", {"short": b"x", "long": b"x" * size, "source": b"\xff"}[before])
        client.call("EXPIRE", "d", 1000)
    target = "a" if before == "source" else "d"
    assert client.call("BITOP", "XOR", target, "a", "b") == size
    assert client.call("GET", target) == b"\xf0" * (size - 1) + b"\x0f"
    assert client.call("TTL", target) == -1
    assert client.call("OBJECT", "ENCODING", target) == b"raw"


def test_bitfield(client):
    assert client.call("BITFIELD", "k", "INCRBY", "u2", 100, 1, "GET", "u4", 0) == [1, 0]
    line = "BITFIELD k OVERFLOW FAIL INCRBY u2 100 3 OVERFLOW SAT INCRBY u2 100 3 SET i8 #1 -1"
    assert client.call(*line.split()) == [None, 3, 0]
    assert client.call("BITFIELD_RO", "k", "GET", "i8", "#1", "GET", "i64", 5000) == [-1, 0]
    assert client.call("BITFIELD", "none", "GET", "u8", 0) == [0]
    assert client.call("EXISTS", "none") == 0


def test_effects():
    effects = Effects()
    for line, expected in [
        ("SETBIT k 1 1", ["setbit k"]),
        ("SETBIT k 1 1", []),
        ("SETBIT k 100 0", ["setbit k"]),
        ("BITFIELD k SET u1 1 1 GET u1 1", []),
        ("BITFIELD k SET u1 1 0", ["setbit k"]),
        ("BITOP OR d k", ["set d"]),
        ("BITOP OR d none", ["del d"]),
        ("BITOP OR d none", []),
    ]:
        assert effects.events(line) == expected, line
    assert effects.propagated("SETBIT k 1 0") == []
    assert effects.propagated("SETBIT k 1 1") == ["SETBIT k 1 1"]
    assert effects.propagated("BITFIELD k SET u1 1 1") == []
    assert effects.propagated("BITOP OR d none") == []
    effects.close()
