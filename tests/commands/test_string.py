"""The string commands: replies by every way in, errors, encodings, events, propagation."""

from __future__ import annotations

import time

import pytest

from tests.support.effects import Effects
from tests.support.resp import Reply

WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"
SYNTAX = "ERR syntax error"
NOT_INTEGER = "ERR value is not an integer or out of range"
TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
DIGEST_LENGTH = "ERR digest must be exactly 16 hexadecimal characters"
FUTURE_MS = 4_000_000_000_000


@pytest.fixture
def effects():
    recorder = Effects()
    yield recorder
    recorder.close()


def test_set_conditions(client):
    assert client.call("SET", "k", "1", "XX") is None
    assert client.call("SET", "k", "1", "NX") == "OK"
    assert client.call("SET", "k", "2", "NX") is None
    assert client.call("SET", "k", "2", "NX", "GET") == b"1"
    assert client.call("SET", "k", "2", "XX", "GET") == b"1"
    assert client.call("SET", "none", "2", "XX", "GET") is None
    assert client.call("SET", "none", "2", "NX", "GET") is None
    assert client.call("GET", "none") == b"2"


def test_set_comparisons(client):
    for option in ("IFEQ", "IFDEQ"):
        assert client.call("SET", "k", "v", option, "0" * 16) is None
    assert client.call("EXISTS", "k") == 0
    assert client.call("SET", "k", "hello", "IFNE", "v") == "OK"
    assert client.call("SET", "k", "x", "IFNE", "hello") is None
    assert client.call("SET", "k", "x", "IFEQ", "other", "GET") == b"hello"
    digest = client.call("DIGEST", "k")
    assert digest == b"9555e8555c62dcfd"
    assert client.call("SET", "k", "x", "IFDNE", digest) is None
    assert client.call("SET", "k", "x", "IFDEQ", digest.upper()) == "OK"
    assert client.call("SET", "k", "y", "IFDEQ", "z" * 16) is None
    assert client.call("SET", "k", "y", "IFDNE", "z" * 16, "GET") == b"x"
    assert client.call("SET", "k", "z", "IFEQ", "y", "EX", 100) == "OK"
    assert 90 < client.call("TTL", "k") <= 100
    assert client.error("SET", "k", "z", "IFDEQ", "123") == DIGEST_LENGTH


def test_digest(client):
    for value, digest in [("", b"2d06800538d394c2"), ("123", b"404a763b3f4c8c9a")]:
        client.call("SET", "k", value)
        assert client.call("DIGEST", "k") == digest
    assert client.call("DIGEST", "none") is None


def test_delex(client):
    assert client.call("DELEX", "k") == 0
    assert client.call("DELEX", "k", "FOO", "x") == 0
    client.call("SET", "k", "v8")
    assert client.error("DELEX", "k", "FOO", "x") == (
        "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"
    )
    assert client.error("DELEX", "k", "IFDEQ", "x") == DIGEST_LENGTH
    assert client.call("DELEX", "k", "IFEQ", "x") == 0
    assert client.call("DELEX", "k", "IFNE", "v8") == 0
    assert client.call("DELEX", "k", "ifdeq", "0cc76dbb41381419") == 1
    client.call("RPUSH", "l", "a")
    assert client.error("DELEX", "l", "IFEQ", "a") == (
        "ERR Key should be of string type if conditions are specified"
    )
    assert client.call("DELEX", "l") == 1
    for line in ("DELEX k IFEQ", "DELEX k IFEQ a b"):
        assert client.error(*line.split()) == "ERR wrong number of arguments for 'delex' command"
    client.call("SET", "k", "v")
    assert client.call("DELIFEQ", "k", "x") == 0
    assert client.call("DELIFEQ", "k", "v") == 1
    assert client.call("EXISTS", "k") == 0


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("SET k v NX XX", SYNTAX),
        ("SET k v IFEQ", SYNTAX),
        ("SET k v IFEQ a NX", SYNTAX),
        ("SET k v XX IFDNE a", SYNTAX),
        ("SET k v IFEQ a IFEQ b", SYNTAX),
        ("SET k v EX", SYNTAX),
        ("SET k v EX 1 PX 1", SYNTAX),
        ("SET k v KEEPTTL EX 1", SYNTAX),
        ("SET k v PERSIST", SYNTAX),
        ("SET k v EX x", NOT_INTEGER),
        ("SET k v EX 0", "ERR invalid expire time in 'set' command"),
        ("SET k v EX 9223372036854775807", "ERR invalid expire time in 'set' command"),
        ("SET k v PX 9223372036854775807", "ERR invalid expire time in 'set' command"),
        ("SETEX k -1 v", "ERR invalid expire time in 'setex' command"),
        ("PSETEX k -9223372036854775808 v", "ERR invalid expire time in 'psetex' command"),
        ("GETEX k EX 0", "ERR invalid expire time in 'getex' command"),
        ("GETEX k KEEPTTL", SYNTAX),
        ("GETEX k EX 1 PERSIST", SYNTAX),
        ("MSET k v k", "ERR wrong number of arguments for 'mset' command"),
        ("MSETNX k v k", "ERR wrong number of arguments for 'msetnx' command"),
        ("MSETEX 0 k v", "ERR invalid numkeys value or out of range"),
        ("MSETEX -9223372036854775808 k v", "ERR invalid numkeys value or out of range"),
        ("MSETEX 2147483648 k v", "ERR invalid numkeys value or out of range"),
        ("MSETEX 2147483647 k v", SYNTAX),
        ("MSETEX 1 k v a b", SYNTAX),
        ("MSETEX 1 k v EX 0", "ERR invalid expire time in 'msetex' command"),
        ("SETRANGE k -1 v", "ERR offset is out of range"),
        ("SETRANGE k 9223372036854775807 v", TOO_LONG),
        ("SETRANGE k 536870911 vv", TOO_LONG),
        ("GETRANGE k a 1", NOT_INTEGER),
        ("INCRBY k 1.5", NOT_INTEGER),
        ("DECRBY n -9223372036854775808", "ERR decrement would overflow"),
        ("INCRBY n 9223372036854775807", "ERR increment or decrement would overflow"),
        ("INCR k", NOT_INTEGER),
        ("INCRBYFLOAT k 1", "ERR value is not a valid float"),
        ("INCRBYFLOAT n nan", "ERR value is not a valid float"),
        ("INCRBYFLOAT n inf", "ERR increment would produce NaN or Infinity"),
        ("LCS k n LEN IDX",
         "ERR If you want both the length and indexes, please just use IDX."),
        ("LCS k l", "ERR The specified keys must contain string values"),
        ("LCS k n MINMATCHLEN x", NOT_INTEGER),
        ("LCS k n FOO", SYNTAX),
    ],
)  # fmt: skip
def test_errors_change_nothing(client, line, text):
    client.call("MSET", "k", "old", "n", 10)
    client.call("RPUSH", "l", "a")
    assert client.error(*line.split()) == text
    assert client.call("MGET", "k", "n", "l") == [b"old", b"10", None]
    assert client.call("DBSIZE") == 3


@pytest.mark.parametrize(
    "line",
    [
        "GET k",
        "SET k v GET",
        "SET k v IFEQ a",
        "SET k v NX GET",
        "GETSET k v",
        "GETDEL k",
        "GETEX k",
        "GETEX k EX 5",
        "APPEND k v",
        "STRLEN k",
        "GETRANGE k 0 1",
        "SUBSTR k 0 1",
        "SETRANGE k 1 v",
        "SETRANGE k 1 ",
        "INCR k",
        "DECR k",
        "INCRBY k 1",
        "DECRBY k 1",
        "INCRBYFLOAT k 1",
        "INCREX k",
        "INCREX k BYFLOAT 1",
        "DELIFEQ k a",
        "DIGEST k",
    ],
)
def test_wrong_type(client, line):
    client.call("RPUSH", "k", "a")
    assert client.error(*line.split(" ")) == WRONG_TYPE
    assert client.call("LRANGE", "k", 0, -1) == [b"a"]


def test_expiry(client):
    now_ms = int(time.time() * 1000)
    client.call("SET", "k", "v", "PXAT", now_ms + 50_000)
    assert client.call("PEXPIRETIME", "k") == now_ms + 50_000
    client.call("SET", "k", "w", "KEEPTTL")
    assert client.call("PEXPIRETIME", "k") == now_ms + 50_000
    client.call("APPEND", "k", "x")
    client.call("SETRANGE", "k", 0, "y" * 3000)
    assert client.call("PEXPIRETIME", "k") == now_ms + 50_000
    client.call("SET", "k", "v")
    assert client.call("TTL", "k") == -1
    assert client.call("GETEX", "k", "EXAT", now_ms // 1000 + 50) == b"v"
    assert client.call("EXPIRETIME", "k") == now_ms // 1000 + 50
    assert client.call("GETEX", "k") == b"v"
    assert client.call("GETEX", "k", "PERSIST") == b"v"
    assert client.call("TTL", "k") == -1
    assert client.call("GETEX", "k", "PXAT", 1) == b"v"
    assert client.call("EXISTS", "k") == 0
    client.call("SET", "k", "v", "EXAT", 1)
    assert client.call("GET", "k") is None
    client.call("SETEX", "k", 100, "v")
    assert client.call("GETSET", "k", "w") == b"v"
    assert client.call("TTL", "k") == -1


def test_many(client):
    assert client.call("MSETNX", "a", 1, "a", 2, "b", 3) == 1
    assert client.call("MSETNX", "c", 1, "a", 2) == 0
    assert client.call("MGET", "a", "b", "c") == [b"2", b"3", None]
    assert client.call("MSETEX", 2, "a", 5, "c", 6, "NX") == 0
    assert client.call("MSETEX", 2, "a", 5, "c", 6, "XX") == 0
    assert client.call("MSETEX", 2, "a", 5, "c", 6, "EX", 100) == 1
    assert client.call("MSETEX", 2, "a", 7, "c", 8, "XX", "KEEPTTL") == 1
    assert client.call("MGET", "a", "c") == [b"7", b"8"]
    assert 90 < client.call("TTL", "a") <= 100


def encoding(client, key="k"):
    return client.call("OBJECT", "ENCODING", key)


def test_encodings(client):
    for value, expected in [
        ("12", b"int"), ("-9223372036854775808", b"int"), ("9223372036854775808", b"embstr"),
        ("012", b"embstr"), ("", b"embstr"), ("x" * 44, b"embstr"), ("x" * 45, b"raw"),
        ("x" * 5000, b"raw"),
    ]:  # fmt: skip
        client.call("SET", "k", value)
        assert encoding(client) == expected
    client.call("SET", "k", "12")
    client.call("APPEND", "k", "3")
    assert encoding(client) == b"raw"
    assert client.call("INCR", "k") == 124
    assert encoding(client) == b"int"
    client.call("INCRBYFLOAT", "k", "1")
    assert encoding(client) == b"embstr"
    client.call("SETRANGE", "k", 0, "")
    assert encoding(client) == b"embstr"
    client.call("SETRANGE", "k", 0, "9")
    assert encoding(client) == b"raw"
    client.call("DEL", "k")
    client.call("APPEND", "k", "3")
    assert encoding(client) == b"int"


def test_growth_across_representations(client):
    """Appending and overwriting around the sizes where a value leaves its entry."""
    expected = b""
    for step in (1, 250, 10, 700, 60, 4, 1, 3000, 20_000, 1):
        expected += b"%c" % (65 + step % 26) * step
        assert client.call("APPEND", "k", expected[-step:]) == len(expected)
        assert client.call("GET", "k") == expected
    client.call("SET", "k", "a")
    assert client.call("SETRANGE", "k", 1030, "z") == 1031
    assert client.call("GET", "k") == b"a" + b"\0" * 1029 + b"z"


def test_incrbyfloat_spelling(client):
    client.call("SET", "k", "3.0e3")
    assert client.call("INCRBYFLOAT", "k", "200") == b"3200"
    assert client.call("INCRBYFLOAT", "new", "-0.25") == b"-0.25"


def test_increx_integers(client):
    assert client.call("INCREX", "k") == [1, 1]
    assert client.call("INCREX", "k", "BYINT", 100, "UBOUND", 80, "SATURATE") == [80, 79]
    assert client.call("INCREX", "k", "BYINT", 5, "UBOUND", 80, "EX", 10) == [80, 0]
    assert client.call("TTL", "k") == -1
    assert client.call("INCREX", "k", "BYINT", -100, "LBOUND", 0, "SATURATE") == [0, -80]
    assert client.call("INCREX", "new", "UBOUND", 0) == [0, 0]
    assert client.call("EXISTS", "new") == 0
    client.call("SET", "k", 2**63 - 8)
    assert client.call("INCREX", "k", "BYINT", 2**62) == [2**63 - 8, 0]
    assert client.call("INCREX", "k", "BYINT", 2**62, "SATURATE") == [2**63 - 1, 7]
    assert client.error("INCREX", "k", "SATURATE", "UBOUND", -(2**63)) == (
        "ERR applied increment would overflow"
    )


def test_increx_floats(client):
    client.call("SET", "k", "1.5")
    kind = "," if client.protocol == 3 else "$"
    reply = client.reply("INCREX", "k", "BYFLOAT", "0.25")
    assert [item.kind for item in reply.value] == [kind, kind]
    assert client.call("GET", "k") == b"1.75"
    saturated = client.call("INCREX", "k", "BYFLOAT", 100, "UBOUND", "42.5", "SATURATE")
    assert [float(number) for number in saturated] == [42.5, 40.75]
    assert encoding(client) == b"embstr"
    assert client.error("INCREX", "k", "BYFLOAT", "inf") == (
        "ERR BYFLOAT increment cannot be Infinity"
    )
    client.call("SET", "k", "-inf")
    assert client.error("INCREX", "k", "BYFLOAT", 1) == "ERR value cannot be Infinity"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("FOO", SYNTAX),
        ("BYINT", SYNTAX),
        ("BYINT 1 BYFLOAT 1", SYNTAX),
        ("EX 1 PX 1", SYNTAX),
        ("EX 1 EX 1", SYNTAX),
        ("PERSIST ENX", SYNTAX),
        ("ENX PERSIST", SYNTAX),
        ("SATURATE SATURATE", SYNTAX),
        ("LBOUND 1 LBOUND 1", SYNTAX),
        ("ENX", "ERR ENX flag requires an expiration"),
        ("BYINT 1.5", "ERR Increment is not an integer or out of range"),
        ("BYFLOAT x", "ERR Increment is not a valid float"),
        ("UBOUND x", "ERR UBOUND is not an integer or out of range"),
        ("LBOUND 2 UBOUND 1", "ERR LBOUND can't be greater than UBOUND"),
        ("BYFLOAT 1 LBOUND 2 UBOUND 1", "ERR LBOUND can't be greater than UBOUND"),
        ("EX 0", "ERR invalid expire time in 'increx' command"),
    ],
)
def test_increx_errors(client, options, text):
    assert client.error("INCREX", "k", *options.split()) == text
    assert client.call("EXISTS", "k") == 0


def test_lcs(client):
    client.call("MSET", "a", "ohmytext", "b", "mynewtext")
    assert client.call("LCS", "a", "b") == b"mytext"
    assert client.call("LCS", "a", "b", "LEN") == 6
    assert client.call("LCS", "a", "none") == b""
    matches = client.reply("LCS", "a", "b", "IDX", "MINMATCHLEN", 4, "WITHMATCHLEN")
    assert matches.kind == ("%" if client.protocol == 3 else "*")
    reply = client.call("LCS", "a", "b", "IDX")
    if client.protocol == 2:
        assert reply == [b"matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], b"len", 6]


def test_lcs_memory_limit(client):
    client.call("SETRANGE", "a", 20_000, "x")
    client.call("SETRANGE", "b", 20_000, "x")
    assert client.error("LCS", "a", "b") == (
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    )


def test_length_limit_follows_configuration(connect, make_server):
    client = make_server(proto_max_bulk_len="1mb").connect()
    client.call("SETRANGE", "k", 2**20 - 1, "x")
    assert client.error("APPEND", "k", "x") == TOO_LONG
    assert client.error("SETRANGE", "k", 2**20, "x") == TOO_LONG
    assert client.call("STRLEN", "k") == 2**20


def test_events(effects):
    for line, expected in [
        ("SET k v", ["set k"]),
        ("SET k v EX 100", ["set k", "expire k"]),
        ("SET k v NX", []),
        ("SET k v XX GET", ["set k"]),
        ("SETEX k 100 v", ["set k", "expire k"]),
        ("GETEX k PERSIST", ["persist k"]),
        ("GETEX k PERSIST", []),
        ("GETEX k EX 100", ["expire k"]),
        ("GETEX k EXAT 1", ["del k"]),
        ("MSET a 1 b 2", ["set a", "set b"]),
        ("MSETEX 1 a 1 EX 10", ["set a", "expire a"]),
        ("APPEND a 2", ["append a"]),
        ("SETRANGE a 0 1", ["setrange a"]),
        ("SETRANGE a 0 ", []),
        ("DECR a", ["incrby a"]),
        ("INCRBYFLOAT a 1", ["incrbyfloat a"]),
        ("INCREX a BYFLOAT 1 PERSIST", ["incrbyfloat a", "persist a"]),
        ("INCREX b EX 100", ["incrby b", "expire b"]),
        ("INCREX b EX 100 ENX", ["incrby b"]),
        ("INCREX a EXAT 1 BYFLOAT 1", ["del a"]),
        ("DELEX b", ["del b"]),
        ("GETSET k 1", ["set k"]),
        ("GETDEL k", ["del k"]),
    ]:
        assert effects.events(line) == expected, line


def test_propagation(effects):
    for line, expected in [
        ("SET k v", "SET k v"),
        ("SET k v KEEPTTL GET", "SET k v KEEPTTL"),
        ("SET k v XX", "SET k v XX"),
        ("SET k v get XX GET", "SET k v XX"),
        (f"SET k v PXAT {FUTURE_MS} GET", f"SET k v PXAT {FUTURE_MS} GET"),
        (f"SET k v EXAT {FUTURE_MS // 1000}", f"SET k v PXAT {FUTURE_MS}"),
        ("SET k w IFEQ v", "SET k w"),
        ("SET k w NX", None),
        ("GETSET k v", "SET k v"),
        (f"GETEX k EXAT {FUTURE_MS // 1000}", f"PEXPIREAT k {FUTURE_MS}"),
        ("GETEX k PERSIST", "PERSIST k"),
        ("GETEX k", None),
        ("GETEX k PXAT 1", "DEL k"),
        ("INCRBYFLOAT f 1.5", "SET f 1.5 KEEPTTL"),
        ("INCREX f BYFLOAT 1", "SET f 2.5 KEEPTTL"),
        ("INCREX n", "SET n 1 KEEPTTL"),
        (f"INCREX n PXAT {FUTURE_MS}", f"SET n 2 PXAT {FUTURE_MS}"),
        ("INCREX n EX 10 ENX", "SET n 3 KEEPTTL"),
        ("INCREX n PERSIST", "SET n 4"),
        ("INCREX n UBOUND 0", None),
        ("INCREX n EXAT 1", "DEL n"),
        ("INCR n", "INCR n"),
        (f"MSETEX 1 a 1 PXAT {FUTURE_MS} NX", f"MSETEX 1 a 1 PXAT {FUTURE_MS}"),
        ("DELIFEQ a 1", "DEL a"),
        ("GETDEL f", "DEL f"),
        ("GETDEL f", None),
    ]:
        assert effects.propagated(line) == ([] if expected is None else [expected]), line


def test_null_shapes(client):
    null = Reply("_", None) if client.protocol == 3 else Reply("$", None)
    for line in ("GET x", "GETDEL x", "GETEX x", "SET x v XX", "DIGEST x", "SET x v XX GET"):
        assert client.reply(*line.split()) == null
