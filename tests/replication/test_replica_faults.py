"""A replica whose primary says strange things, or dies in the midst of them: it retries, says why,
and keeps serving the last good data."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.fake_primary import MARK, REPLID, FakePrimary, Talk, command, snapshot
from tests.support.following import fields, follow, info, wait_up
from tests.support.servers import Server
from tests.support.waiting import wait_until

OTHER_ID = "b" * 40
FULL = b"+FULLRESYNC " + REPLID.encode() + b" 0\r\n"
Make = Callable[..., Server]


@pytest.fixture
def primary() -> Iterator[FakePrimary]:
    with FakePrimary() as fake:
        yield fake


@pytest.fixture
def replica(make_server: Make) -> Server:
    return make_server(repl_timeout=5)


@pytest.fixture
def client(replica: Server) -> Iterator[SocketClient]:
    with replica.connect() as opened:
        yield opened


def logged(server: Server, text: str) -> None:
    wait_until(lambda: text in server.log.read_text(), f"the log says {text!r}")


def synchronised(replica: Server, primary: FakePrimary, offset: int = 0, **pairs: str) -> Talk:
    """A replica that follows and has `pairs`."""
    follow(replica, primary.port)
    talk = primary.accept()
    talk.synchronise(snapshot(pairs), offset)
    wait_up(replica)
    talk.wait_acked(offset)
    return talk


# --- every stage ---

STAGES: dict[str, tuple[bytes, ...]] = {
    "at once": (),
    "garbage instead of PONG": (b"\x00\x01\x02\r\n",),
    "an endless line": (b"+" + b"x" * 70000,),
    "after PONG": (b"+PONG\r\n",),
    "in an answer": (b"+PONG\r\n", b"+O"),
    "FULLRESYNC cut": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"+FULLRE"),
    "FULLRESYNC wrong": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"+FULLRESYNC what now\r\n"),
    "CONTINUE wrong": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"+CONTINUE short\r\n"),
    "NOMASTERLINK": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"-NOMASTERLINK not now\r\n"),
    "before the header": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"\n"),
    "in the header": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"$12"),
    "a wrong header": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"what?\r\n"),
    "an absurd length": (
        b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"$9223372036854775807\r\nREDIS",
    ),
    "no snapshot": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"$100\r\n" + b"x" * 100),
    "in the snapshot": (b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"$100\r\nREDIS0010"),
    "in a diskless one": (
        b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL", b"$EOF:" + MARK + b"\r\nREDIS0010",
    ),
    "a truncated snapshot": (
        b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL",
        b"$%d\r\n" % len(snapshot({"a": "1"}, b"")) + snapshot({"a": "1"}, b""),
    ),
    "a wrong checksum": (
        b"+PONG\r\n", b"+OK\r\n+OK\r\n", b"FULL",
        b"$%d\r\n" % len(snapshot({"a": "1"})) + snapshot({"a": "1"}, b"\xff" + b"12345678"),
    ),
}  # fmt: skip


def say(talk: Talk, lines: tuple[bytes, ...]) -> None:
    for line in lines:
        talk.send_raw(FULL if line == b"FULL" else line)


def test_links_cut_at_every_stage(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    """Each costs one attempt, and none the data; the log tells them apart."""
    client.call("SET", "old", "data")
    for lines in STAGES.values():
        client.call("REPLICAOF", "NO", "ONE")  # the next attempt is to come at once
        follow(replica, primary.port)
        talk = primary.accept()
        with suppress(OSError):  # the replica may have hung up before
            say(talk, lines)
            talk.half_close()
        assert client.call("GET", "old") == b"data"
        assert talk.closed()
        talk.close()
    talk = primary.accept()
    talk.synchronise(snapshot({"new": "data"}))
    wait_up(replica)
    assert client.call("KEYS", "*") == [b"new"]
    log = replica.log.read_text()
    failures = [line for line in log.splitlines() if f"MASTER 127.0.0.1:{primary.port}" in line]
    assert len(failures) >= len(STAGES)
    assert "internal error" not in log
    wait_until(lambda: not list(replica.directory.glob("temp-*")), "no temporary file is left")


@pytest.mark.parametrize("load", ["disabled", "on-empty-db", "swapdb"])
@pytest.mark.parametrize("diskless", [False, True])
def test_ways_to_load(
    make_server: Make, primary: FakePrimary, load: str, diskless: bool
) -> None:
    replica = make_server(repl_diskless_load=load)
    follow(replica, primary.port)
    talk = primary.accept()
    talk.synchronise(snapshot({"k": "v"}), 5, diskless=diskless)
    talk.wait_acked(5)
    with replica.connect() as client:
        assert client.call("GET", "k") == b"v"
        assert client.call("CONFIG", "GET", "repl-diskless-load")[1] == load.encode()
    kept = (replica.directory / "dump.rdb").exists
    if load == "disabled":
        wait_until(kept, "the snapshot has its name")
    else:
        assert not kept()
    talk.cut()
    again = primary.accept()
    again.synchronise(snapshot({"l": "w"}), 50, diskless=diskless)
    again.wait_acked(50)
    with replica.connect() as client:
        assert client.call("KEYS", "*") == [b"l"]


def test_sync_files_can_be_deleted(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server(rdb_del_sync_files="yes")
    synchronised(replica, primary, k="v")
    assert not list(replica.directory.glob("*.rdb"))


def test_damage_found_while_loading(make_server: Make, primary: FakePrimary) -> None:
    """What no checksum protects: with swapdb the old data stays, else there is none."""
    damaged = snapshot({}, b"\x09\x01k\x05what?\xff" + bytes(8))
    for load, left in (("swapdb", [b"old"]), ("disabled", [])):
        replica = make_server(repl_diskless_load=load)
        with replica.connect() as client:
            client.call("SET", "old", "1")
            follow(replica, primary.port)
            talk = primary.accept()
            talk.synchronise(damaged)
            logged(replica, "Failed trying to load the MASTER synchronization DB")
            assert client.call("KEYS", "*") == left
            talk = primary.accept()
            asked = talk.greet()
            assert (asked[1] == "?") == (load == "disabled")


# --- the stream ---

STREAM = [
    command("SELECT", 0),
    command("SET", "a", "1"),
    b"\n",
    command("PING"),
    command("MULTI"),
    command("INCR", "a"),
    command("SELECT", 3),
    command("SET", "b", "x" * 5000),
    command("EXEC"),
    command("RPUSH", "list", *range(300)),
]


def test_only_what_is_applied_counts(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    """The stream is cut everywhere within a transaction: it goes on exactly after what counted,
    in the database that was selected."""
    talk = synchronised(replica, primary, offset=1000)
    whole = b"".join(STREAM)
    multi = len(b"".join(STREAM[:4]))
    after_exec = len(b"".join(STREAM[:9]))
    places = sorted({*range(multi - 3, multi + 40, 7), after_exec - 1, after_exec, len(whole) - 2})
    done = 0
    for place in places:
        talk.send_raw(whole[done:place])
        expected = max(
            n for n in (0, *(len(b"".join(STREAM[: i + 1])) for i in range(len(STREAM))))
            if n <= place and not multi < n < after_exec
        )
        talk.wait_acked(1000 + expected)
        talk.cut()
        talk = primary.accept()
        asked = talk.greet()
        assert asked[1:] == [REPLID, str(1000 + expected + 1)]
        talk.send_raw(b"+CONTINUE\r\n")
        done = expected
    talk.send_raw(whole[done:])
    talk.wait_acked(1000 + len(whole))
    assert client.call("GET", "a") == b"2"
    client.call("SELECT", 3)
    assert client.call("LLEN", "list") == 300
    assert info(client)["slave_repl_offset"] == str(1000 + len(whole))
    assert "CRITICAL" not in replica.log.read_text()


def test_one_byte_at_a_time(replica: Server, primary: FakePrimary, client: SocketClient) -> None:
    talk = synchronised(replica, primary)
    whole = b"".join(STREAM)
    for i in range(0, 300):
        talk.send_raw(whole[i : i + 1])
    talk.send_raw(whole[300:] + command("REPLCONF", "GETACK", "*"))
    talk.wait_acked(len(whole))
    assert client.call("GET", "a") == b"2"


def test_getack_is_answered_at_once_and_nothing_else(
    replica: Server, primary: FakePrimary
) -> None:
    talk = synchronised(replica, primary)
    getack = command("REPLCONF", "GETACK", "*")
    asked = command("GET", "a") + command("INFO") + command("REPLCONF", "WHAT", "x")
    for i in range(1, 21):
        talk.send_raw(asked + getack)
        talk.wait_acked(i * len(asked + getack) - len(getack))  # the question does not count
    talk.wait_acked(20 * len(asked + getack))


def test_each_getack_is_answered_with_the_offset_before_it(
    replica: Server, primary: FakePrimary
) -> None:
    talk = synchronised(replica, primary)
    getack = command("REPLCONF", "GETACK", "*")
    talk.send_raw(getack + command("PING") + getack)
    assert [talk.acked(), talk.acked()] == [0, 51]


HELD = command("SELECT", "0") + command("SET", "a", "1")
UNIT = command("MULTI") + command("INCR", "a") + command("EXEC")


def arrived(client: SocketClient, count: int) -> None:
    wait_until(lambda: info(client)["slave_read_repl_offset"] == str(count), "it has arrived")


def test_a_pause_of_writes_holds_the_stream(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    talk = synchronised(replica, primary)
    client.call("CLIENT", "PAUSE", "60000", "WRITE")
    talk.send_raw(HELD)
    arrived(client, len(HELD))
    assert client.call("GET", "a") is None
    assert info(client)["slave_repl_offset"] == "0"
    talk.send_raw(UNIT)
    arrived(client, len(HELD + UNIT))
    client.call("CLIENT", "UNPAUSE")
    wait_until(lambda: client.call("GET", "a") == b"2", "the stream goes on")
    talk.send_raw(command("INCR", "a"))
    wait_until(lambda: client.call("GET", "a") == b"3", "and on")


def test_the_stream_goes_on_when_a_pause_ends_by_itself(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    talk = synchronised(replica, primary)
    client.call("CLIENT", "PAUSE", "1500", "ALL")
    talk.send_raw(HELD)
    assert talk.acked() == 0
    talk.wait_acked(len(HELD))
    assert client.call("GET", "a") == b"1"


def test_a_link_that_ends_while_it_is_held(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    talk = synchronised(replica, primary)
    client.call("CLIENT", "PAUSE", "60000", "WRITE")
    talk.send_raw(HELD)
    arrived(client, len(HELD))
    talk.cut()
    talk = primary.accept()
    assert talk.greet() == ["PSYNC", REPLID, "1"]
    talk.send_raw(b"+CONTINUE\r\n" + HELD)
    client.call("CLIENT", "UNPAUSE")
    talk.wait_acked(len(HELD))
    assert client.call("GET", "a") == b"1"


def test_a_name_with_a_line_end_writes_one_line(replica: Server, client: SocketClient) -> None:
    client.call("REPLICAOF", "127.0.0.1\n1:M forged", "1")
    logged(replica, "Unable to resolve")
    client.call("REPLICAOF", "NO", "ONE")
    lines = replica.log.read_text().splitlines()
    assert not [line for line in lines if line.startswith("1:M forged")]
    assert [line for line in lines if "127.0.0.1\\n1:M forged:1" in line]


def test_a_new_name_for_the_same_history(replica: Server, primary: FakePrimary) -> None:
    talk = synchronised(replica, primary, offset=10)
    talk.cut()
    talk = primary.accept()
    talk.greet()
    talk.send_raw(f"+CONTINUE {OTHER_ID}\r\n".encode())
    talk.wait_acked(10)
    found = fields(replica)
    assert found["master_replid"] == OTHER_ID
    assert found["master_replid2"] == REPLID
    assert found["second_repl_offset"] == "11"


BAD_STREAMS = {
    "garbage": b"*1\r\nGARBAGE\r\n",
    "an absurd count": b"*2147483648\r\n",
    "an absurd length": b"*1\r\n$9223372036854775807\r\n",
    "too long a line": b"x" * 70000,
}


def test_garbage_in_the_stream(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    talk = synchronised(replica, primary, k="v")
    for garbage in BAD_STREAMS.values():
        talk.send_raw(garbage)
        assert talk.closed()
        talk = primary.accept()
        assert talk.greet()[2] == "1"
        talk.send_raw(b"+CONTINUE\r\n")
    assert client.call("GET", "k") == b"v"
    assert "protocol error" in replica.log.read_text()


def test_a_command_that_fails_is_reported(
    replica: Server, primary: FakePrimary, client: SocketClient
) -> None:
    talk = synchronised(replica, primary, k="v")
    failing = command("LPUSH", "k", "x") + command("NOSUCH") + command("SET", "k", "w")
    talk.send_raw(failing)
    talk.wait_acked(len(failing))
    assert client.call("GET", "k") == b"w"
    log = replica.log.read_text()
    assert "CRITICAL" in log
    assert "WRONGTYPE" in log


def test_a_primary_that_falls_silent(make_server: Make, primary: FakePrimary) -> None:
    """At any stage `repl-timeout` ends it; lines that keep alive are no silence."""
    replica = make_server(repl_timeout=1, hz=50)
    follow(replica, primary.port)
    talk = primary.accept()
    assert talk.request() == ["PING"]
    assert talk.closed()
    logged(replica, "Timeout connecting to the MASTER")
    talk = primary.accept()
    talk.greet()
    talk.send_raw(f"+FULLRESYNC {REPLID} 0\r\n\n$100\r\nREDIS".encode())
    assert talk.closed()
    logged(replica, "Timeout receiving bulk data from MASTER")
    talk = primary.accept()
    talk.synchronise(snapshot({"k": "v"}))
    wait_up(replica)
    assert talk.closed()
    logged(replica, "MASTER timeout: no data nor PING received")
    assert primary.accept().greet()[1] == REPLID


# --- itself ---

def test_following_itself_does_not_hang(replica: Server, client: SocketClient) -> None:
    assert replica.port is not None
    follow(replica, replica.port)
    logged(replica, "NOMASTERLINK")
    assert client.call("PING") == "PONG"
    client.call("REPLICAOF", "NO", "ONE")
    assert client.call("SET", "k", "v") == "OK"


def test_killed_by_a_client(replica: Server, primary: FakePrimary, client: SocketClient) -> None:
    talk = synchronised(replica, primary)
    listed = client.call("CLIENT", "LIST", "TYPE", "MASTER").decode()
    assert "flags=M" in listed
    assert client.call("CLIENT", "KILL", "TYPE", "MASTER") == 1
    assert talk.closed()
    assert primary.accept().greet()[1] == REPLID


@pytest.mark.parametrize("words", [("REPLICAOF", "NO", "ONE"), ("SHUTDOWN", "NOSAVE")])
def test_the_stream_ends_the_link(replica: Server, primary: FakePrimary, words: Any) -> None:
    talk = synchronised(replica, primary)
    talk.send_raw(command("SET", "a", "1") + command(*words) + command("SET", "b", "1"))
    assert talk.closed()
    if words[0] == "REPLICAOF":
        with replica.connect() as client:
            assert client.call("KEYS", "*") == [b"a"]
            assert info(client)["role"] == "master"


# --- the replica's own trouble ---

def test_a_full_disk(replica: Server, primary: FakePrimary, client: SocketClient) -> None:
    """The snapshot does not fit: what there is stays, until it does."""
    client.call("SET", "old", "data")
    data = snapshot({f"key:{i:05}": "x" * 60 for i in range(5000)})
    limits = resource.prlimit(replica.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(replica.pid, resource.RLIMIT_FSIZE, (200_000, limits[1]))
    follow(replica, primary.port)
    talk = primary.accept()
    with suppress(OSError):
        talk.synchronise(data)
    logged(replica, "Write error or short write writing to the DB dump file")
    assert client.call("GET", "old") == b"data"
    assert not list(replica.directory.glob("temp-*"))
    resource.prlimit(replica.pid, resource.RLIMIT_FSIZE, limits)
    primary.accept().synchronise(data)
    wait_up(replica)
    assert client.call("DBSIZE") == 5000


def test_while_it_receives_and_loads(make_server: Make, primary: FakePrimary) -> None:
    """It serves the old data while the snapshot arrives, and tells how far that is."""
    replica = make_server()
    data = snapshot({f"key:{i}": "x" for i in range(1000)})
    with replica.connect() as client:
        client.call("SET", "old", "data")
        follow(replica, primary.port)
        talk = primary.accept()
        talk.greet()
        talk.send_raw(FULL + b"\n\n$%d\r\n" % len(data) + data[:1000])
        wait_until(lambda: info(client).get("master_sync_read_bytes") == "1000", "it arrives")
        found = info(client)
        assert found["master_sync_in_progress"] == "1"
        assert found["master_sync_total_bytes"] == str(len(data))
        assert found["master_sync_left_bytes"] == str(len(data) - 1000)
        assert found["master_link_status"] == "down"
        assert client.call("ROLE")[3:] == [b"sync", -1]
        assert client.call("GET", "old") == b"data"
        talk.send_raw(data[1000:])
        wait_up(replica)
        assert client.call("DBSIZE") == 1000


def test_shutdown_leaves_no_half_snapshot(make_server: Make, primary: FakePrimary) -> None:
    replica = make_server()
    follow(replica, primary.port)
    talk = primary.accept()
    talk.greet()
    talk.send_raw(FULL + b"$5000\r\nREDIS0010")
    wait_until(lambda: list(replica.directory.glob("temp-*")), "it receives")
    with replica.connect() as client, suppress(ConnectionError):
        client.call("SHUTDOWN", "NOSAVE")
    replica.process.wait(10)
    assert not list(replica.directory.glob("temp-*"))


def test_room_grows_with_what_arrives(replica: Server, primary: FakePrimary) -> None:
    talk = synchronised(replica, primary)
    before = replica.rss_bytes()
    talk.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000000\r\n" + b"x" * 1000)
    wait_until(lambda: fields(replica)["slave_read_repl_offset"] > "1000", "it has arrived")
    assert replica.rss_bytes() - before < 20 << 20
