"""A replica of a real redis-server, and of Carnelian: data, stream, and what its clients may do."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.client import Client, SocketClient
from tests.support.fake_primary import FakePrimary, command, snapshot
from tests.support.following import (
    differences,
    digest,
    fields,
    follow,
    info,
    servers,
    start_on_port,
    wait_in_step,
    wait_up,
)
from tests.support.leaks import check_for_leaks, note_baseline
from tests.support.servers import Server, free_port
from tests.support.waiting import wait_until

Make = Callable[..., Server]
PRIMARIES = ["redis", "carnelian"]
COUNT = 30


def fill(client: Client) -> None:
    """Keys of every type, small and big, some of them with an expiry."""
    for i in range(COUNT):
        size = i * i // 2 + 1
        client.call("SET", f"text:{i}", b"\x00\xff" * (i * 40))
        client.call("SET", f"number:{i}", str((-7) ** i), "PX", 10_000_000 + i)
        client.call("RPUSH", f"list:{i}", *[f"element {j}" for j in range(size)])
        client.call("SADD", f"integers:{i}", *[j * 77777 - 5 for j in range(size)])
        client.call("SADD", f"members:{i}", *[f"m{j}" for j in range(size)])
        scores = [word for j in range(size) for word in (str(j * 1.25 - i), f"m{j}")]
        client.call("ZADD", f"scores:{i}", *scores)
        client.call("HSET", f"hash:{i}", *[w for j in range(size) for w in (f"f{j}", f"v{j}")])
        client.call("XADD", "stream", f"{i + 1}-1", "field", f"value {i}")
        client.call("PFADD", f"hll:{i}", *range(size))
        client.call("GEOADD", "places", i, i, f"place {i}")
        client.call("SETBIT", "bits", i * 1000, 1)
    client.call("XGROUP", "CREATE", "stream", "group", "0")
    client.call("XREADGROUP", "GROUP", "group", "alice", "COUNT", "3", "STREAMS", "stream", ">")
    client.call("SELECT", "7")
    client.call("SET", "elsewhere", "1")
    client.call("SELECT", "0")


def change(client: Client, rng: random.Random) -> None:
    """One write, now and then one that is not propagated as it is."""
    key = str(rng.randrange(COUNT))
    written = rng.choice([
        ("SET", "text:" + key, rng.random()),
        ("SET", "text:" + key, rng.random(), "EX", 1000),
        ("GETSET", "text:" + key, "x"),
        ("INCRBYFLOAT", "float", rng.random()),
        ("APPEND", "text:" + key, "more"),
        ("LPUSH", "list:" + key, rng.random()),
        ("RPOPLPUSH", "list:" + key, "list:0"),
        ("LTRIM", "list:" + key, 1, -2),
        ("SADD", "members:" + key, rng.random()),
        ("SPOP", "members:" + key, 2),
        ("ZADD", "scores:" + key, rng.random(), "m"),
        ("ZPOPMIN", "scores:" + key),
        ("HSET", "hash:" + key, rng.randrange(99), rng.random()),
        ("HINCRBY", "counters", key, 3),
        ("XADD", "stream", "MAXLEN", "~", 1000, "*", "f", "v"),
        ("XREADGROUP", "GROUP", "group", "bob", "COUNT", 1, "STREAMS", "stream", ">"),
        ("XACK", "stream", "group", key + "-1"),
        ("PFADD", "hll:" + key, rng.random()),
        ("EXPIRE", "hash:" + key, 5000),
        ("PERSIST", "number:" + key),
        ("DEL", "integers:" + key),
        ("COPY", "text:" + key, "copy:" + key, "REPLACE"),
        ("SET", "short:" + key, "x", "PX", rng.randrange(1, 40)),
        ("RESTORE", "restored:" + key, 0, DUMPED, "REPLACE"),
        ("SORT", "integers:" + key, "STORE", "sorted:" + key),
    ])  # fmt: skip
    if rng.random() < 0.1:
        client.call("MULTI")
        client.reply(*written)
        client.reply("INCR", "transactions")
        client.call("EXEC")
    else:
        client.reply(*written)


DUMPED = b"\x00\x01v\x0a\x00"  # completed by a checksum below


@pytest.fixture(scope="module", autouse=True)
def dumped() -> None:
    global DUMPED
    with servers(("carnelian", {})) as (one,), one.connect() as client:
        client.call("SET", "v", "v")
        DUMPED = client.call("DUMP", "v")


@pytest.mark.parametrize("diskless", ["no", "yes"])
@pytest.mark.parametrize("name", PRIMARIES)
def test_everything_arrives_under_load(name: str, diskless: str) -> None:
    """Writers go on all the while: before, during and after the full synchronisation, and after
    the link was cut."""
    config = {"repl-diskless-sync": diskless, "repl-diskless-sync-delay": 0}
    load = {"repl-diskless-load": "disabled" if diskless == "no" else "swapdb"}
    with servers((name, config), ("carnelian", load)) as (primary, replica):
        with primary.connect() as client:
            fill(client)
        stop = threading.Event()

        def write() -> None:
            rng = random.Random(1)
            with primary.connect() as client:
                while not stop.is_set():
                    change(client, rng)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            follow(replica, primary)
            wait_up(replica)
            for _ in range(3):
                with replica.connect() as client:
                    client.call("CLIENT", "KILL", "TYPE", "MASTER")
                wait_up(replica)
        finally:
            stop.set()
            writer.join()
        wait_in_step(primary, replica)
        assert fields(primary, "stats")["sync_full"] == "1"
        assert int(fields(primary, "stats")["sync_partial_ok"]) >= 1
        with primary.connect() as client:
            for i in range(COUNT):
                client.call("DEL", f"short:{i}")
        wait_in_step(primary, replica)
        if digest(primary) != digest(replica):
            pytest.fail(f"differ: {differences(primary, replica)}")
        assert "CRITICAL" not in replica.log.read_text()
        with replica.connect() as client:
            client.call("DEBUG", "VERIFY")
            assert client.call("DBSIZE") > COUNT


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Server, Server]]:
    """A real redis-server and its replica."""
    with servers(("redis", {"repl-diskless-sync-delay": 0}), ("carnelian", {})) as running:
        follow(running[1], running[0])
        wait_up(running[1])
        yield running[0], running[1]


@pytest.fixture
def both(pair: tuple[Server, Server]) -> Iterator[tuple[SocketClient, SocketClient]]:
    with pair[0].connect() as primary, pair[1].connect() as replica:
        primary.call("FLUSHALL")
        wait_in_step(*pair)
        yield primary, replica


def step(pair: tuple[Server, Server]) -> None:
    wait_in_step(*pair)


def test_scripts_arrive_as_effects(pair: Any, both: Any) -> None:
    primary, replica = both
    primary.call(
        "EVAL", "redis.call('SET', KEYS[1], redis.call('TIME')[2]); redis.call('INCR', 'n')", 1, "t"
    )
    step(pair)
    assert replica.call("GET", "t") == primary.call("GET", "t")
    assert replica.call("GET", "n") == b"1"


def test_clients_may_read_only(both: Any) -> None:
    _, replica = both
    refusal = "READONLY You can't write against a read only replica."
    assert replica.error("SET", "k", "v") == refusal
    assert replica.error("FLUSHALL") == refusal
    assert replica.error("BLPOP", "k", 1) == refusal
    assert replica.call("GET", "k") is None
    assert replica.call("PUBLISH", "c", "m") == 0
    replica.call("MULTI")
    assert replica.error("INCR", "k") == refusal
    assert replica.error("EXEC").startswith("EXECABORT")
    replica.call("MULTI")
    replica.call("GET", "k")
    assert replica.call("EXEC") == [None]


def test_what_it_says_of_itself(pair: Any, both: Any) -> None:
    primary, replica = both
    step(pair)
    found = info(replica)
    assert found["role"] == "slave"
    assert (found["master_host"], found["master_port"]) == ("127.0.0.1", str(pair[0].port))
    assert found["master_link_status"] == "up"
    assert 0 <= int(found["master_last_io_seconds_ago"]) < 30
    assert found["master_sync_in_progress"] == "0"
    assert found["slave_read_repl_offset"] == found["slave_repl_offset"]
    assert found["slave_priority"] == "100"
    assert found["slave_read_only"] == found["replica_announced"] == "1"
    assert found["master_replid"] == info(primary)["master_replid"]
    assert found["repl_backlog_active"] == "1"
    assert "master_link_down_since_seconds" not in found
    role = replica.call("ROLE")
    assert role[:4] == [b"slave", b"127.0.0.1", pair[0].port, b"connected"]
    assert role[4] == int(found["slave_repl_offset"])
    assert replica.call("HELLO")[11] == b"slave"


def test_the_primary_is_a_client(pair: Any, both: Any) -> None:
    primary, replica = both
    primary.call("SELECT", 5)
    primary.call("SET", "k", "v")
    step(pair)
    listed = replica.call("CLIENT", "LIST", "TYPE", "master").decode()
    assert "flags=M" in listed
    assert f"addr=127.0.0.1:{pair[0].port}" in listed
    assert "db=5" in listed


def test_expired_keys_wait_for_the_primary(pair: Any, both: Any) -> None:
    """They are hidden from clients and there for the primary, whose writes must find them."""
    primary, replica = both
    primary.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
    try:
        primary.call("SET", "k", "old", "PX", 1)
        primary.call("RPUSH", "list", "a", "b")
        primary.call("PEXPIRE", "list", 1)
        primary.call("SET", "other", "x", "PX", 1)
        step(pair)
        wait_until(lambda: not replica.call("EXISTS", "k", "list", "other"), "they have expired")
        assert replica.call("GET", "k") is None
        assert replica.call("DBSIZE") == 3
        assert replica.call("TTL", "k") == -2
        assert replica.call("KEYS", "*") == []
        assert replica.call("SCAN", "0", "COUNT", 100)[1] == []
        assert replica.call("TYPE", "list") == "none"
        assert replica.call("DUMP", "k") is None
    finally:
        primary.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    wait_until(lambda: primary.call("DBSIZE") == 0, "the primary deletes them")
    step(pair)
    assert replica.call("DBSIZE") == 0
    replica.call("DEBUG", "VERIFY")


def test_writes_to_keys_that_look_expired(make_server: Make) -> None:
    """The primary's clock is behind: it writes to what the replica holds for expired."""
    replica = make_server()
    with FakePrimary() as primary, replica.connect() as client:
        follow(replica, primary.port)
        talk = primary.accept()
        talk.synchronise(snapshot({}))
        stream = b"".join(
            command(*words)
            for words in (
                ("SELECT", 0),
                ("SET", "a", "1", "PXAT", 1000),
                ("INCR", "a"),
                ("RPUSH", "l", "x"),
                ("PEXPIREAT", "l", 1000),
                ("RPUSH", "l", "y"),
                ("SADD", "s", "x"),
                ("PEXPIREAT", "s", 1000),
                ("SET", "s", "now text", "KEEPTTL"),
                ("HSET", "h", "f", "1"),
                ("PEXPIREAT", "h", 1000),
                ("HINCRBY", "h", "f", 1),
                ("SET", "from", "x", "PXAT", 1000),
                ("RENAME", "from", "to"),
                ("SET", "gone", "x", "PXAT", 1000),
                ("DEL", "gone"),
                ("SET", "back", "x", "PXAT", 1000),
                ("PERSIST", "back"),
            )
        )
        talk.send_raw(stream)
        talk.wait_acked(len(stream))
        client.call("DEBUG", "VERIFY")
        assert client.call("DBSIZE") == 6
        assert client.call("KEYS", "*") == [b"back"]
        more = b"".join(command("PERSIST", key) for key in ("a", "l", "s", "h", "to"))
        talk.send_raw(more)
        talk.wait_acked(len(stream + more))
        assert client.call("GET", "a") == b"2"
        assert client.call("LRANGE", "l", 0, -1) == [b"x", b"y"]
        assert client.call("GET", "s") == b"now text"
        assert client.call("HGET", "h", "f") == b"2"
        assert client.call("GET", "to") == b"x"
        assert "CRITICAL" not in replica.log.read_text()


def test_writable_replicas(make_server: Make) -> None:
    replica = make_server(replica_read_only="no")
    with FakePrimary() as primary, replica.connect() as client:
        follow(replica, primary.port)
        talk = primary.accept()
        talk.synchronise(snapshot({}))
        wait_up(replica)
        assert info(client)["slave_read_only"] == "0"
        assert client.call("SET", "mine", "1") == "OK"
        assert client.call("SET", "short", "1", "PX", 1) == "OK"
        wait_until(lambda: client.call("GET", "short") is None, "it has expired")
        assert client.call("SETNX", "short", "2") == 1
        assert client.call("GET", "short") == b"2"
        client.call("RPUSH", "list", "a")
        client.call("PEXPIREAT", "list", 1000)
        assert client.call("RPUSH", "list", "b") == 1
        assert client.call("LRANGE", "list", 0, -1) == [b"b"]
        client.call("PEXPIREAT", "list", 1000)
        assert client.call("DEL", "list") == 0
        client.call("DEBUG", "VERIFY")
        before = info(client)["slave_repl_offset"]
        client.call("SET", "k", "v")
        assert info(client)["slave_repl_offset"] == before
        client.call("CONFIG", "SET", "replica-read-only", "yes")
        assert client.error("SET", "k", "v").startswith("READONLY")


def test_stale_data(make_server: Make) -> None:
    replica = make_server(replica_serve_stale_data="no")
    with replica.connect() as client:
        client.call("SET", "k", "v")
        follow(replica, free_port())
        refusal = client.error("GET", "k")
        assert refusal == (
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
        )
        found = info(client)
        assert found["master_link_status"] == "down"
        assert found["master_link_down_since_seconds"] == "-1"
        client.call("CONFIG", "SET", "replica-serve-stale-data", "yes")
        assert client.call("GET", "k") == b"v"
        client.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        client.call("REPLICAOF", "NO", "ONE")
        assert client.call("GET", "k") == b"v"


def test_blocked_clients_are_told(make_server: Make) -> None:
    server = make_server()
    with server.connect() as waiting, server.connect() as client:
        waiting.send("BLPOP", "k", 0)
        wait_until(lambda: info(client, "clients")["blocked_clients"] == "1", "it waits")
        follow(server, free_port())
        assert waiting.read_reply().value == (
            "UNBLOCKED force unblock from blocking operation, instance state changed (master ->"
            " replica?)"
        )
        assert waiting.closed()


def test_readers_wait_for_the_stream(pair: Any, both: Any) -> None:
    """XREAD BLOCK on a replica is served by its primary's writes, and events are sent."""
    primary, replica = both
    with pair[1].connect() as reader, pair[1].connect() as listener:
        replica.call("CONFIG", "SET", "notify-keyspace-events", "EA")
        listener.call("SUBSCRIBE", "__keyevent@0__:set")
        reader.send("XREAD", "BLOCK", 0, "STREAMS", "stream", "$")
        wait_until(lambda: info(replica, "clients")["blocked_clients"] == "1", "it waits")
        primary.call("XADD", "stream", "1-1", "f", "v")
        primary.call("SET", "k", "v")
        assert reader.read_reply().value[0].value[0].value == b"stream"
        assert listener.message()[2] == b"k"
        replica.call("CONFIG", "SET", "notify-keyspace-events", "")


@pytest.mark.parametrize("name", PRIMARIES)
def test_published_messages_arrive(name: str) -> None:
    """And are nothing for the append-only file."""
    config = {"appendonly": "yes", "repl-diskless-sync-delay": 0}
    with servers((name, config), ("carnelian", config)) as (primary, replica):
        follow(replica, primary)
        wait_up(replica)
        with replica.connect() as listener, primary.connect() as client:
            listener.call("SUBSCRIBE", "c")
            client.call("PUBLISH", "c", "message 1")
            client.call("MULTI")
            client.call("SET", "k", "v")
            client.call("PUBLISH", "c", "message 2")
            client.call("EXEC")
            assert listener.message() == [b"message", b"c", b"message 1"]
            assert listener.message() == [b"message", b"c", b"message 2"]
        wait_in_step(primary, replica)
        logs = b"".join(path.read_bytes() for path in replica.directory.rglob("*.aof"))
        assert b"message" not in logs


def test_fields_that_expire() -> None:
    with (
        servers(("carnelian", {}), ("carnelian", {})) as (primary, replica),
        primary.connect() as client,
        replica.connect() as reader,
    ):
        client.call("HSET", "before", "f", "v", "g", "w")
        client.call("HPEXPIRE", "before", 10_000_000, "FIELDS", 1, "f")
        follow(replica, primary)
        wait_up(replica)
        client.call("HSET", "h", "f", "v", "g", "w")
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.call("HPEXPIRE", "h", 1, "FIELDS", 1, "f")
        wait_in_step(primary, replica)
        wait_until(lambda: reader.call("HGET", "h", "f") is None, "it has expired")
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        wait_until(lambda: client.call("HLEN", "h") == 1, "the primary deletes it")
        wait_in_step(primary, replica)
        assert reader.call("HLEN", "h") == 1
        assert digest(primary) == digest(replica)


def test_no_memory_is_lost(make_server: Make) -> None:
    """Synchronisations, cut links and changes of role leave nothing behind."""
    replica = make_server(repl_diskless_load="swapdb")
    with FakePrimary() as primary, replica.connect() as client:

        def once() -> None:
            follow(replica, primary.port)
            talk = primary.accept()
            talk.synchronise(snapshot({f"k{i}": "v" for i in range(100)}))
            talk.send_raw(command("MULTI") + command("SET", "a", "x" * 100_000))
            wait_until(lambda: int(info(client)["slave_read_repl_offset"]) > 100_000, "it came")
            talk.cut()
            talk = primary.accept()
            talk.greet()
            talk.send_raw(b"+CONTINUE\r\n" + command("SET", "b", "1"))
            talk.wait_acked(len(command("SET", "b", "1")))
            client.call("REPLICAOF", "NO", "ONE")
            client.call("FLUSHALL")

        once()
        note_baseline(replica)
        for _ in range(5):
            once()
    check_for_leaks(replica)


# --- REPLICAOF ---

def test_replicaof_arguments(make_server: Make) -> None:
    with make_server().connect() as client:
        assert client.call("REPLICAOF", "no", "one") == "OK"
        for port in ("65536", "-1", "x", "", "1.5", "99999999999999999999"):
            assert client.error("REPLICAOF", "host", port) == "ERR Invalid master port"
        port = free_port()
        assert client.call("SLAVEOF", "127.0.0.1", port) == "OK"
        again = client.call("REPLICAOF", "127.0.0.1", port)
        assert again == "OK Already connected to specified master"
        assert client.call("REPLICAOF", "localhost", port) == "OK"
        assert client.call("CONFIG", "GET", "replicaof")[1] == f"localhost {port}".encode()
        assert client.error("CONFIG", "SET", "replicaof", "a 1").endswith("immutable config")
        assert client.call("REPLICAOF", "NO", "ONE") == "OK"
        assert client.call("CONFIG", "GET", "replicaof")[1] == b""


def test_names_are_resolved(redis_port: int, make_server: Make) -> None:
    replica = make_server()
    with replica.connect() as client:
        client.call("REPLICAOF", "no.such.host.invalid", redis_port)
        wait_until(lambda: "Unable to resolve" in replica.log.read_text(), "it is looked up")
        client.call("REPLICAOF", "localhost", redis_port)
        wait_up(replica)


@pytest.fixture
def redis_port() -> Iterator[int]:
    with start_on_port("redis", {"repl-diskless-sync-delay": 0}) as primary:
        with primary.connect() as client:
            client.call("SET", "k", "v")
        assert primary.port is not None
        yield primary.port


@pytest.mark.parametrize("form", ["words", "one word", "file", "slaveof"])
def test_configured(redis_port: int, form: str, tmp_path: Any) -> None:
    place = f"127.0.0.1 {redis_port}"
    config: dict[str, Any] = {}
    arguments: list[str] = []
    if form == "words":
        config = {"replicaof": place.split()}
    elif form == "one word":
        config = {"replicaof": place}
    else:
        name = "replicaof" if form == "file" else "slaveof"
        (tmp_path / "carnelian.conf").write_text(f"{name} {place}\n")
        arguments = [str(tmp_path / "carnelian.conf")]
    with start_on_port("carnelian", config, arguments=arguments) as replica:
        wait_up(replica)
        with replica.connect() as client:
            assert client.call("GET", "k") == b"v"
            if form == "file":
                client.call("CONFIG", "REWRITE")
                assert f"replicaof {place}" in (tmp_path / "carnelian.conf").read_text()
                client.call("REPLICAOF", "NO", "ONE")
                client.call("CONFIG", "REWRITE")
                assert "replicaof" not in (tmp_path / "carnelian.conf").read_text()


@pytest.mark.parametrize("user", ["", "copier"])
def test_a_primary_with_a_password(user: str) -> None:
    acl = f"user {user} on >p +@all ~* &*" if user else None
    with (
        servers(("redis", {"requirepass": "secret"}), ("carnelian", {})) as (primary, replica),
        primary.connect() as admin,
        replica.connect() as client,
    ):
        admin.call("AUTH", "secret")
        if acl:
            admin.call("ACL", "SETUSER", *acl.split()[1:])
        follow(replica, primary)
        wait_until(lambda: "check masterauth" in replica.log.read_text(), "it is refused")
        client.call("CONFIG", "SET", "masteruser", user, "masterauth", "p" if user else "wrong")
        if not user:
            wait_until(lambda: "Unable to AUTH" in replica.log.read_text(), "it is refused")
            client.call("CONFIG", "SET", "masterauth", "secret")
        wait_up(replica)


def test_announced_address(redis_port: int) -> None:
    config = {
        "replicaof": ["127.0.0.1", redis_port],
        "replica-announce-ip": "replica.example",
        "replica-announce-port": 7777,
    }
    with start_on_port("carnelian", config) as replica:
        wait_up(replica)
        with SocketClient(("127.0.0.1", redis_port)) as client:
            assert "ip=replica.example,port=7777" in info(client)["slave0"]


def test_a_restarted_replica_continues(redis_port: int) -> None:
    """The snapshot it leaves tells where in the stream it was."""
    with start_on_port("carnelian", {"replicaof": ["127.0.0.1", redis_port]}) as replica:
        wait_up(replica)
        with replica.connect() as client, SocketClient(("127.0.0.1", redis_port)) as primary:
            primary.call("SELECT", 2)
            primary.call("SET", "a", "1")
            wait_until(lambda: info(client, "keyspace").get("db2") is not None, "it arrives")
            client.call("SAVE")
            before = int(info(primary, "stats")["sync_full"])
            config = {
                "replicaof": ["127.0.0.1", redis_port],
                "dir": str(replica.directory),
            }
            with pytest.raises(ConnectionError):
                client.call("SHUTDOWN", "NOSAVE")
            primary.call("SET", "b", "2")
            with start_on_port("carnelian", config) as again:
                wait_up(again)
                with again.connect() as reader:
                    reader.call("SELECT", 2)
                    assert reader.call("MGET", "a", "b") == [b"1", b"2"]
                assert int(info(primary, "stats")["sync_full"]) == before
