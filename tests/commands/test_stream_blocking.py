"""XREAD and XREADGROUP that wait: woken by what concerns them, each by its own reason."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_until

READERS = 1000


@pytest.fixture
def wait_for_blocked(server):
    """`wait_for_blocked(n)`: until so many clients wait."""
    with server.connect() as observer:

        def wait(count):
            wait_until(
                lambda: observer.call("CLIENT", "LIST").count(b" flags=b") == count,
                f"{count} clients wait",
            )

        yield wait


def read(key, after, *options):
    return ["XREAD", *options, "BLOCK", 0, "STREAMS", key, after]


def read_group(key, *options, consumer="c"):
    return ["XREADGROUP", "GROUP", "g", consumer, *options, "BLOCK", 0, "STREAMS", key, ">"]


def entries(client):
    value = client.read_reply(5).value
    return [entry.value[0].value for entry in value[0].value[1].value]


def test_dollar_is_the_end_at_the_time_of_waiting(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    writer.call("XADD", "s", "5-0", "a", "b")
    reader.send(*read("s", "$"))
    wait_for_blocked(1)
    writer.call("SET", "t", "")
    writer.call("XDEL", "s", "5-0")
    assert not reader.readable(0.05)
    writer.call("XADD", "s", "6-0", "a", "b")
    assert entries(reader) == [b"6-0"]


def test_added_and_deleted_at_once_does_not_wake(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    reader.send(*read("s", "$"))
    wait_for_blocked(1)
    writer.call("XADD", "s", "MAXLEN", 0, "1-0", "a", "b")
    writer.call("DEL", "s")
    writer.call("SET", "s", "text")
    writer.call("DEL", "s")
    assert not reader.readable(0.05)
    writer.call("XADD", "s", "2-0", "a", "b")
    assert entries(reader) == [b"2-0"]


def test_one_entry_serves_all_readers(connect, wait_for_blocked):
    readers = [connect() for _ in range(READERS)]
    for reader in readers:
        reader.send(*read("s", "$"))
    wait_for_blocked(READERS)
    writer = connect()
    writer.call("XADD", "s", "7-0", "a", "b")
    for reader in readers:
        assert entries(reader) == [b"7-0"]
    wait_for_blocked(0)


def test_group_entries_go_to_the_first(connect, wait_for_blocked):
    first, second, writer = connect(), connect(), connect()
    writer.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    for number, client in enumerate((first, second)):
        client.send(*read_group("s", "COUNT", 1, consumer=f"c{number}"))
        wait_for_blocked(number + 1)
    writer.call("XADD", "s", "1-0", "a", "b")
    assert entries(first) == [b"1-0"]
    assert not second.readable(0.05)
    writer.call("XADD", "s", "2-0", "a", "b")
    assert entries(second) == [b"2-0"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("DEL s", "NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"),
        ("FLUSHALL", "NOGROUP No such key"),
        ("XGROUP DESTROY s g", "NOGROUP No such key 's' or consumer group 'g'"),
        ("RENAME other s", "NOGROUP No such key"),
        ("SET s text", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ],
)
def test_what_vanishes_ends_the_wait_of_a_group(connect, wait_for_blocked, line, text):
    reader, writer = connect(), connect()
    writer.call("XADD", "other", "1-0", "a", "b")
    writer.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    reader.send(*read_group("s"))
    wait_for_blocked(1)
    writer.call(*line.split())
    reply = reader.read_reply(5)
    assert reply.is_error
    assert reply.value.startswith(text)


def test_renamed_stream_with_the_group_serves(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    writer.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    reader.send(*read_group("s"))
    wait_for_blocked(1)
    writer.call("XGROUP", "CREATE", "other", "g", "$", "MKSTREAM")
    writer.call("XADD", "other", "1-0", "a", "b")
    writer.call("RENAME", "other", "s")
    assert entries(reader) == [b"1-0"]


def test_timeouts(connect):
    client = connect()
    client.call("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
    for line in (
        "XREAD BLOCK 20 STREAMS s $",
        "XREAD BLOCK 20 STREAMS none 0",
        "XREADGROUP GROUP g c BLOCK 20 STREAMS s >",
        "XREADGROUP GROUP g c BLOCK 70 CLAIM 1000 STREAMS s >",
    ):
        assert client.reply(*line.split()).is_null
    assert len(client.call("XINFO", "CONSUMERS", "s", "g")) == 1


def test_claim_waits_for_what_idles(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    writer.call("XADD", "s", "1-0", "a", "b")
    writer.call("XGROUP", "CREATE", "s", "g", "0")
    writer.call("XREADGROUP", "GROUP", "g", "first", "STREAMS", "s", ">")
    reader.send(*read_group("s", "CLAIM", 150))
    wait_for_blocked(1)
    assert entries(reader) == [b"1-0"]
    reader.send(*read_group("s", "CLAIM", 60_000))
    wait_for_blocked(1)
    writer.call("XNACK", "s", "g", "FAIL", "IDS", 1, "1-0")
    assert entries(reader) == [b"1-0"]


def test_claim_waits_no_longer_than_it_must(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    writer.call("XADD", "s", "1-0", "a", "b")
    writer.call("XGROUP", "CREATE", "s", "g", "0")
    writer.call("XREADGROUP", "GROUP", "g", "first", "STREAMS", "s", ">")
    writer.call("XCLAIM", "s", "g", "first", 0, "1-0", "IDLE", 59_900, "JUSTID")
    reader.send(*read_group("s", "CLAIM", 60_000))
    wait_for_blocked(1)
    assert entries(reader) == [b"1-0"]


def test_unblock_ends_a_wait_to_claim(connect, wait_for_blocked):
    reader, writer = connect(), connect()
    number = reader.call("CLIENT", "ID")
    writer.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM")
    reader.send(*read_group("s", "CLAIM", 60_000))
    wait_for_blocked(1)
    writer.call("CLIENT", "UNBLOCK", number)
    assert reader.read_reply(5).is_null
