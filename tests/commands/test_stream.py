"""The stream commands: shapes, errors, what servers 7 lack, propagation, events."""

from __future__ import annotations

from typing import Any

import pytest

from carnelian.embedded import Engine
from native.recording_sink import RecordingSink
from tests.support.client import InProcessClient
from tests.support.keyspace import pairs

INVALID_ID = "ERR Invalid stream ID specified as stream command argument"
WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


def fill(client: Any, key: str = "s", count: int = 3) -> None:
    for number in range(1, count + 1):
        client.call("XADD", key, f"{number}-0", "n", number)


def ids(entries: list[Any]) -> list[bytes]:
    return [entry[0] for entry in entries]


# --- replies ----------------------------------------------------------------------------------


def test_add_and_range(client):
    assert client.call("XADD", "s", "1-1", "a", "1", "b", "") == b"1-1"
    assert client.call("XADD", "s", "1-*", "a", "2") == b"1-2"
    auto = client.call("XADD", "s", "*", "x", "y")
    assert client.call("XRANGE", "s", "-", "+") == [
        [b"1-1", [b"a", b"1", b"b", b""]],
        [b"1-2", [b"a", b"2"]],
        [auto, [b"x", b"y"]],
    ]
    assert ids(client.call("XREVRANGE", "s", "(2", "(1-1")) == [b"1-2"]
    assert client.call("XLEN", "s") == 3
    assert client.call("OBJECT", "ENCODING", "s") == b"stream"
    assert client.call("TYPE", "s") == "stream"


def test_read_is_a_map_in_resp3(client):
    fill(client, "s", 1)
    fill(client, "t", 1)
    entries = [[b"1-0", [b"n", b"1"]]]
    read = client.call("XREAD", "STREAMS", "s", "none", "t", "0", "0", "0")
    client.call("XGROUP", "CREATE", "s", "g", "0")
    grouped = client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    if client.protocol == 3:
        assert read == {b"s": entries, b"t": entries}
        assert grouped == {b"s": entries}
    else:
        assert read == [[b"s", entries], [b"t", entries]]
        assert grouped == [[b"s", entries]]
    assert client.reply("XREAD", "STREAMS", "s", "5").is_null
    assert client.reply("XREAD", "BLOCK", "1", "STREAMS", "s", "$").is_null


def test_null_shapes(client):
    fill(client)
    assert client.reply("XADD", "none", "NOMKSTREAM", "*", "a", "b").is_null
    assert client.call("EXISTS", "none") == 0
    assert client.reply("XRANGE", "s", "-", "+", "COUNT", "0").is_null
    assert client.call("XRANGE", "none", "-", "+", "COUNT", "0") == []
    client.call("XGROUP", "CREATE", "s", "g", "$")
    assert client.call("XPENDING", "s", "g") == [0, None, None, None]


@pytest.mark.parametrize(
    "line",
    [
        "XADD k * a b",
        "XLEN k",
        "XRANGE k - +",
        "XREVRANGE k + -",
        "XDEL k 1",
        "XTRIM k MAXLEN 0",
        "XSETID k 9",
        "XREAD STREAMS k 0",
        "XREADGROUP GROUP g c STREAMS k >",
        "XGROUP CREATE k g 0 MKSTREAM",
        "XGROUP SETID k g 0",
        "XGROUP DESTROY k g",
        "XGROUP CREATECONSUMER k g c",
        "XGROUP DELCONSUMER k g c",
        "XACK k g 1",
        "XPENDING k g",
        "XCLAIM k g c 0 1",
        "XAUTOCLAIM k g c 0 0",
        "XINFO STREAM k",
        "XINFO GROUPS k",
        "XINFO CONSUMERS k g",
        "XDELEX k IDS 1 1-0",
        "XACKDEL k g IDS 1 1-0",
        "XNACK k g FAIL IDS 1 1-0",
    ],
)
def test_wrong_type_changes_nothing(client, line):
    client.call("SET", "k", "v")
    assert client.error(*line.split()) == WRONG_TYPE
    assert client.call("GET", "k") == b"v"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("XADD s 3-0 a b", "ERR The ID specified in XADD is equal or smaller than the target"
         " stream top item"),
        ("XADD s 0-0 a b", "ERR The ID specified in XADD must be greater than 0-0"),
        ("XADD s - a b", INVALID_ID),
        ("XADD s * a", "ERR wrong number of arguments for 'xadd' command"),
        ("XADD s MAXLEN -1 * a b", "ERR The MAXLEN argument must be >= 0."),
        ("XADD s MAXLEN 1 MINID 1 * a b", "ERR syntax error, MAXLEN and MINID options at the same"
         " time are not compatible"),
        ("XADD s MAXLEN = 1 LIMIT 1 * a b", "ERR syntax error, LIMIT cannot be used without the"
         " special ~ option"),
        ("XTRIM s MAXLEN -9223372036854775808", "ERR The MAXLEN argument must be >= 0."),
        ("XRANGE s (18446744073709551615-18446744073709551615 +",
         "ERR invalid start ID for the interval"),
        ("XDEL s 1-0 x", INVALID_ID),
        ("XSETID none 1", "ERR no such key"),
        ("XREAD STREAMS s >", "ERR The > ID can be specified only when calling XREADGROUP using"
         " the GROUP <group> <consumer> option."),
        ("XREAD NOACK STREAMS s 0", "ERR The NOACK option is only supported by XREADGROUP. You"
         " called XREAD instead."),
        ("XREAD BLOCK -1 STREAMS s 0", "ERR timeout is negative"),
        ("XREADGROUP GROUP g c STREAMS s >", "NOGROUP No such key 's' or consumer group 'g' in"
         " XREADGROUP with GROUP option"),
        ("XCLAIM s g c 0 1", "NOGROUP No such key 's' or consumer group 'g'"),
        ("XGROUP SETID s g 0", "NOGROUP No such consumer group 'g' for key name 's'"),
        ("XDELEX s IDS 0 1-0", "ERR Number of IDs must be a positive integer"),
        ("XDELEX s IDS 2 1-0", "ERR The `numids` parameter must match the number of arguments"),
        ("XDELEX s IDS 1 1-0 2-0", "ERR The `numids` parameter must match the number of arguments"),
        ("XDELEX s SOME IDS 1 1-0", "ERR syntax error"),
        ("XNACK s g HOW IDS 1 1-0", "ERR syntax error"),
    ],
)  # fmt: skip
def test_errors_change_nothing(client, line, text):
    fill(client)
    before = client.call("XINFO", "STREAM", "s", "FULL")
    assert client.error(*line.split()) == text
    assert client.call("XINFO", "STREAM", "s", "FULL") == before


def test_exhausted_stream(client):
    last = "18446744073709551615-18446744073709551615"
    client.call("XADD", "s", last, "a", "b")
    text = "ERR The stream has exhausted the last possible ID, unable to add more items"
    assert client.error("XADD", "s", "*", "a", "b") == text
    assert client.call("XLEN", "s") == 1


def test_read_last_entry(client):
    fill(client)
    client.call("XDEL", "s", "3-0")
    reply = client.call("XREAD", "STREAMS", "s", "+")
    entries = reply[b"s"] if client.protocol == 3 else reply[0][1]
    assert entries == [[b"2-0", [b"n", b"2"]]]


def test_limits_over_all_streams(client):
    fill(client, "s", 3)
    fill(client, "t", 3)
    reply = client.call("XREAD", "MAXCOUNT", "4", "STREAMS", "s", "t", "0", "0")
    lists = list(reply.values()) if client.protocol == 3 else [pair[1] for pair in reply]
    assert [len(entries) for entries in lists] == [3, 1]
    reply = client.call("XREAD", "MAXSIZE", "1", "STREAMS", "s", "t", "0", "0")
    assert len(reply) == 1


# --- references -------------------------------------------------------------------------------


def with_group(client: Any, count: int = 4) -> None:
    fill(client, "s", count)
    client.call("XGROUP", "CREATE", "s", "g", "0")
    client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 2, "STREAMS", "s", ">")


def test_delete_heeds_references(client):
    with_group(client)
    assert client.call("XDELEX", "s", "ACKED", "IDS", 3, "1-0", "3-0", "9-0") == [2, 2, -1]
    assert client.call("XDELEX", "s", "IDS", 1, "1-0") == [1]
    assert client.call("XPENDING", "s", "g")[0] == 2
    assert client.call("XDELEX", "s", "DELREF", "IDS", 2, "1-0", "2-0") == [-1, 1]
    assert client.call("XPENDING", "s", "g")[0] == 0
    assert client.call("XDELEX", "none", "IDS", 2, "1-0", "2-0") == [-1, -1]


def test_acknowledge_and_delete(client):
    with_group(client)
    client.call("XGROUP", "CREATE", "s", "h", "1-0")
    assert client.call("XACKDEL", "s", "g", "ACKED", "IDS", 2, "1-0", "2-0") == [1, 2]
    assert client.call("XACKDEL", "s", "g", "IDS", 2, "1-0", "3-0") == [-1, -1]
    assert client.call("XACKDEL", "s", "none", "IDS", 1, "3-0") == [-1]
    assert ids(client.call("XRANGE", "s", "-", "+")) == [b"2-0", b"3-0", b"4-0"]


def test_trim_heeds_references(client):
    with_group(client)
    client.call("XACK", "s", "g", "1-0")
    assert client.call("XTRIM", "s", "MAXLEN", 0, "ACKED") == 1
    assert client.call("XADD", "s", "DELREF", "MAXLEN", 1, "9-0", "a", "b") == b"9-0"
    assert client.call("XLEN", "s") == 1
    assert client.call("XPENDING", "s", "g")[0] == 0


def test_give_back(client):
    with_group(client)
    assert client.call("XNACK", "s", "g", "SILENT", "IDS", 1, "1-0") == 1
    assert client.call("XNACK", "s", "g", "FATAL", "IDS", 2, "2-0", "3-0") == 1
    assert client.call("XNACK", "s", "g", "FAIL", "IDS", 1, "3-0", "RETRYCOUNT", 7, "FORCE") == 1
    pending = client.call("XPENDING", "s", "g", "-", "+", 10)
    assert [(entry[0], entry[1], entry[3]) for entry in pending] == [
        (b"1-0", b"", 0), (b"2-0", b"", 2**63 - 1), (b"3-0", b"", 7),
    ]  # fmt: skip
    assert client.call("XPENDING", "s", "g")[3] == []
    assert client.call("XAUTOCLAIM", "s", "g", "d", 3_600_000, "0", "JUSTID") == [
        b"0-0", [b"1-0", b"2-0", b"3-0"], [],
    ]  # fmt: skip
    client.call("XNACK", "s", "g", "FAIL", "IDS", 1, "1-0")
    client.call("XDEL", "s", "1-0")
    assert client.call("XAUTOCLAIM", "s", "g", "d", 0, "0", "COUNT", 1)[2] == [b"1-0"]


def test_read_with_claim(client):
    with_group(client)
    client.call("XDEL", "s", "2-0")
    reply = client.call("XREADGROUP", "GROUP", "g", "d", "CLAIM", 0, "STREAMS", "s", ">")
    entries = reply[b"s"] if client.protocol == 3 else reply[0][1]
    assert [(entry[0], entry[1], entry[3]) for entry in entries] == [
        (b"1-0", [b"n", b"1"], 1),
        (b"3-0", [b"n", b"3"], 0),
        (b"4-0", [b"n", b"4"], 0),
    ]
    assert client.call("XPENDING", "s", "g")[3] == [[b"d", b"3"]]
    reply = client.reply("XREADGROUP", "GROUP", "g", "c", "CLAIM", 900_000, "STREAMS", "s", ">")
    assert reply.is_null


def test_claim_takes_what_idles_longest_first(client):
    with_group(client)
    client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    for id, idle in (("1-0", 5000), ("3-0", 9000), ("4-0", 7000)):
        client.call("XCLAIM", "s", "g", "c", 0, id, "IDLE", idle, "JUSTID")
    client.call("XDEL", "s", "4-0")

    def claim(*words):
        reply = client.call("XREADGROUP", "GROUP", "g", "d", *words, "STREAMS", "s", ">")
        entries = (reply or {}).get(b"s") if client.protocol == 3 else reply and reply[0][1]
        return [entry[0] for entry in entries or []]

    assert claim("CLAIM", 6000, "COUNT", 1) == [b"3-0"]
    assert claim("CLAIM", 6000) == []
    assert client.call("XPENDING", "s", "g", "4-0", "4-0", 1) == [], "it was deleted"
    assert claim("CLAIM", 4000) == [b"1-0"]
    assert claim("CLAIM", 4000) == []
    assert sorted(claim("CLAIM", 0)) == [b"1-0", b"2-0", b"3-0"]


# --- effects ----------------------------------------------------------------------------------


class Recorded:
    """An engine whose propagated commands are kept."""

    def __init__(self) -> None:
        engine = Engine()
        self.client = InProcessClient(engine.execute, 2, engine.close)
        self.sink = RecordingSink()
        engine.instance.engine.propagation.attach(self.sink)

    def after(self, *argv: Any) -> list[str]:
        self.sink.fed.clear()
        self.client.call(*argv)
        return [b" ".join(words).decode() for _, words in self.sink.fed]


@pytest.fixture
def recorded():
    one = Recorded()
    fill(one.client)
    one.client.call("XGROUP", "CREATE", "s", "g", "0")
    yield one
    one.client.close()


def test_additions_are_propagated_with_their_id(recorded):
    assert recorded.after("XADD", "s", "5-5", "a", "b") == ["XADD s 5-5 a b"]
    assert recorded.after("XADD", "s", "5-*", "a", "b") == ["XADD s 5-6 a b"]
    (line,) = recorded.after("XADD", "s", "MAXLEN", "~", "2", "LIMIT", "5", "*", "a", "b")
    last = recorded.client.call("XINFO", "STREAM", "s")[7].decode()
    assert line == f"XADD s MAXLEN = 6 LIMIT 5 {last} a b"
    assert recorded.after("XADD", "none", "NOMKSTREAM", "*", "a", "b") == []
    assert recorded.after("XTRIM", "s", "MINID", "~", "2") == []
    assert recorded.after("XTRIM", "s", "MAXLEN", "5") == ["XTRIM s MAXLEN 5"]
    assert recorded.after("XDEL", "s", "99-0") == []


def test_deliveries_are_propagated_as_claims(recorded):
    lines = recorded.after("XREADGROUP", "GROUP", "g", "c", "COUNT", "1", "STREAMS", "s", ">")
    assert [line.split()[0] for line in lines] == ["MULTI", "XCLAIM", "XGROUP", "EXEC"]
    assert lines[1].startswith("XCLAIM s g c 0 1-0 TIME ")
    assert lines[1].endswith(" RETRYCOUNT 1 FORCE JUSTID LASTID 1-0")
    assert lines[2] == "XGROUP SETID s g 1-0 ENTRIESREAD 1"
    lines = recorded.after("XREADGROUP", "GROUP", "g", "d", "NOACK", "STREAMS", "s", ">")
    assert lines[1:3] == ["XGROUP CREATECONSUMER s g d", "XGROUP SETID s g 3-0 ENTRIESREAD 3"]
    assert recorded.after("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "0") == []
    (line,) = recorded.after("XAUTOCLAIM", "s", "g", "e", "0", "0")
    assert line.startswith("XCLAIM s g e 0 1-0 TIME ")
    assert recorded.after("XCLAIM", "s", "g", "e", "0", "2-0", "LASTID", "8-0") == [
        "XGROUP SETID s g 8-0 ENTRIESREAD 3"
    ]
    assert recorded.after("XACK", "s", "g", "7-0") == []
    assert recorded.after("XACK", "s", "g", "1-0") == ["XACK s g 1-0"]


def test_events(connect):
    listener, client = connect(3), connect()
    client.call("CONFIG", "SET", "notify-keyspace-events", "Kt")
    listener.send("SUBSCRIBE", "__keyspace@0__:s")
    assert listener.message()[0] == b"subscribe"
    lines = [
        ("XADD s MAXLEN 0 1-0 a b", ["xadd", "xtrim"]),
        ("XADD s 2-0 a b", ["xadd"]),
        ("XGROUP CREATE s g 0", ["xgroup-create"]),
        ("XREADGROUP GROUP g c STREAMS s >", ["xgroup-createconsumer"]),
        ("XDEL s 2-0 3-0", ["xdel"]),
        ("XSETID s 9-0", ["xsetid"]),
        ("XGROUP DELCONSUMER s g c", ["xgroup-delconsumer"]),
        ("XGROUP SETID s g 0", ["xgroup-setid"]),
        ("XGROUP DESTROY s g", ["xgroup-destroy"]),
        ("XLEN s", []),
    ]
    for line, events in lines:
        client.call(*line.split())
        for event in events:
            assert listener.message()[2] == event.encode()
    client.call("PUBLISH", "__keyspace@0__:s", "end")
    assert listener.message()[2] == b"end"


def test_a_group_has_read_no_more_than_there_was(client):
    for i in range(3):
        client.call("XADD", "s", f"{i + 1}-0", "f", "v")

    def counters():
        found = client.call("XINFO", "GROUPS", "s")[0]
        facts = dict(pairs(found))
        return facts[b"entries-read"], facts[b"lag"]

    client.call("XGROUP", "CREATE", "s", "g", "1-0", "ENTRIESREAD", 7)
    assert counters() == (3, 0)
    client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
    assert counters() == (3, 0)
    client.call("XGROUP", "SETID", "s", "g", "2-0", "ENTRIESREAD", 1 << 60)
    assert counters() == (3, 0)
    client.call("XGROUP", "CREATE", "new", "g", "0", "MKSTREAM", "ENTRIESREAD", 5)
    client.call("XSETID", "s", "3-0", "ENTRIESADDED", 9)
    client.call("XGROUP", "SETID", "s", "g", "3-0", "ENTRIESREAD", 9)
    client.call("XSETID", "s", "3-0", "ENTRIESADDED", 3)
    assert counters()[1] == 0
