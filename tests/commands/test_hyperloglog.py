"""The HyperLogLog commands: replies by every way in, errors, events, propagation."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from tests.support import generators as g
from tests.support.differential import differential
from tests.support.effects import Effects

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
NOT_HYPERLOGLOG = "WRONGTYPE Key is not a valid HyperLogLog string value."
CORRUPT = "INVALIDOBJ Corrupted HLL object detected"


def test_add_and_count(client):
    assert client.call("PFADD", "h") == 1
    assert client.call("PFADD", "h") == 0
    assert client.call("PFCOUNT", "h") == 0
    assert client.call("PFADD", "h", "a", "b", "a") == 1
    assert client.call("PFADD", "h", "b") == 0
    assert client.call("PFCOUNT", "h") == 2
    assert client.call("PFADD", "i", "b", "c") == 1
    assert client.call("PFCOUNT", "h", "i", "none") == 3
    assert client.call("PFMERGE", "i", "h") == "OK"
    assert client.call("PFCOUNT", "i") == 3
    assert client.call("PFMERGE", "new") == "OK"
    assert client.call("PFCOUNT", "new") == 0
    assert client.call("OBJECT", "ENCODING", "h") == b"raw"


def test_turning_dense(client):
    client.call("SETEX", "h", 100, "x")
    client.call("DEL", "h")
    client.call("PFADD", "h", *range(100))
    assert client.call("PFDEBUG", "ENCODING", "h") == "sparse"
    client.call("EXPIRE", "h", 100)
    client.call("PFADD", "h", *range(5000))
    assert client.call("PFDEBUG", "ENCODING", "h") == "dense"
    assert client.call("STRLEN", "h") == 12304
    assert abs(client.call("PFCOUNT", "h") - 5000) < 250
    assert client.call("TTL", "h") > 90
    client.call("PFADD", "small", "a")
    client.call("PFMERGE", "small", "h")
    assert client.call("PFDEBUG", "ENCODING", "small") == "dense"


def test_debug(client):
    client.call("PFADD", "h", "x")
    assert client.call("PFDEBUG", "DECODE", "h") == b"Z:16374 v:2,1 z:9"
    registers = client.call("PFDEBUG", "GETREG", "h")
    assert len(registers) == 16384
    assert registers[16374] == 2
    assert sum(registers) == 2
    assert client.call("PFDEBUG", "ENCODING", "h") == "dense"
    assert client.error("PFDEBUG", "DECODE", "h") == "ERR HLL encoding is not sparse"
    assert client.call("PFDEBUG", "TODENSE", "h") == 0
    assert client.error("PFDEBUG", "FOO", "h") == "ERR Unknown PFDEBUG subcommand 'FOO'"
    assert client.error("PFDEBUG", "GETREG", "x") == "ERR The specified key does not exist"


def test_selftest(server):
    assert server.connect().call("PFSELFTEST") == "OK"


@pytest.mark.parametrize("line", ["PFADD k a", "PFCOUNT k", "PFCOUNT h k", "PFMERGE k h",
                                  "PFMERGE h k", "PFDEBUG ENCODING k"])  # fmt: skip
def test_wrong_values(client, line):
    client.call("PFADD", "h", "a")
    client.call("SET", "k", "HYLL")
    assert client.error(*line.split()) == NOT_HYPERLOGLOG
    client.call("DEL", "k")
    client.call("RPUSH", "k", "a")
    assert client.error(*line.split()) == WRONG_TYPE
    assert client.call("PFCOUNT", "h") == 1


@pytest.mark.parametrize("line", ["PFADD k a", "PFCOUNT k", "PFCOUNT h k", "PFMERGE k h",
                                  "PFMERGE h k", "PFDEBUG GETREG k"])  # fmt: skip
def test_corruption(client, line):
    client.call("PFADD", "h", "a")
    value = b"HYLL\x01\0\0\0" + b"\0" * 7 + b"\x80" + b"\x7f"
    client.call("SET", "k", value)
    assert client.error(*line.split()) == CORRUPT
    assert client.call("GET", "k") == value


def test_effects():
    effects = Effects()
    assert effects.events("PFADD h a") == ["pfadd h"]
    assert effects.events("PFADD h a") == []
    assert effects.propagated("PFCOUNT h") == ["PFCOUNT h"]
    assert effects.propagated("PFCOUNT h") == []
    assert effects.events("PFMERGE i h") == ["pfadd i"]
    assert effects.propagated("PFDEBUG TODENSE h") == ["PFDEBUG TODENSE h"]
    effects.close()


ELEMENTS = st.one_of(g.MEMBERS, g.number(0, 3000))
COMMANDS = st.one_of(
    g.command("PFADD", g.KEYS, g.many(ELEMENTS, low=0)),
    g.command("PFCOUNT", g.many(g.KEYS)),
    g.command("PFMERGE", g.KEYS, g.many(g.KEYS, low=0)),
    g.command("PFDEBUG", g.words("encoding", "TODENSE", "DECODE", "x"), g.KEYS),
    g.command("GET", g.KEYS),
    g.command("GETRANGE", g.KEYS, "0", "15"),
    g.command("SET", g.KEYS, g.VALUES),
    g.command("DEL", g.KEYS),
)
TestAgainstRedis = differential(COMMANDS, config={"hll-sparse-max-bytes": "60"})
