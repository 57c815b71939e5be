"""The primary's side, spoken to by hand: handshake, snapshots, the stream byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.following import fields
from tests.support.raw_replica import RawReplica
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]
CAPA = ("capa", "eof", "capa", "psync2", "listening-port", "7777")
SELECT_0 = [b"SELECT", b"0"]


@pytest.fixture
def primary(make_server: Make) -> Server:
    return make_server(repl_diskless_sync_delay=0)


def attach(primary: Server, *options: str) -> RawReplica:
    replica = RawReplica(primary, *(options or CAPA))
    replica.full_sync()
    wait_until(lambda: "state=online" in fields(primary)["slave0"], "online")
    return replica


def set_keys(primary: Server, *names: str) -> None:
    with primary.connect() as client:
        for name in names:
            client.call("SET", name, "value")


class TestSnapshot:
    def test_diskless(self, primary: Server) -> None:
        set_keys(primary, "a", "b")
        with RawReplica(primary, *CAPA) as replica:
            body = replica.full_sync()
            assert body.startswith(b"REDIS0010")
            assert b"repl-id\x28" + replica.replid.encode() in body
            assert b"repl-stream-db" in body
            assert b"repl-offset" in body
            wait_until(lambda: "state=online" in fields(primary)["slave0"], "online")
            assert fields(primary)["slave0"].startswith("ip=127.0.0.1,port=7777,state=online")
        assert fields(primary, "stats")["sync_full"] == "1"

    @pytest.mark.parametrize(
        ("config", "options"),
        [("yes", ("capa", "psync2")), ("no", CAPA)],
        ids=["without capa eof", "configured"],
    )
    def test_from_a_file(self, make_server: Make, config: str, options: tuple[str, ...]) -> None:
        primary = make_server(repl_diskless_sync=config)
        set_keys(primary, "a")
        with RawReplica(primary, *options) as replica:
            assert replica.psync() == "+FULLRESYNC"
            set_keys(primary, "during")
            head = replica.line()
            assert not head.startswith("$EOF")
            assert replica.client.exact(int(head[1:])).startswith(b"REDIS0010")
            # no acknowledgement is needed before the stream begins
            assert replica.commands(2) == [SELECT_0, [b"SET", b"during", b"value"]]
        with primary.connect() as client:
            assert client.call("LASTSAVE") > 0
            assert fields(primary, "persistence")["rdb_saves"] == "1"

    def test_sync(self, primary: Server) -> None:
        with RawReplica(primary) as replica:
            replica.client.send("SYNC")
            assert replica.snapshot().startswith(b"REDIS")
            set_keys(primary, "a")
            assert replica.commands(2) == [SELECT_0, [b"SET", b"a", b"value"]]

    def test_only_the_snapshot(self, primary: Server) -> None:
        with RawReplica(primary, "capa", "eof", "rdb-only", "1") as replica:
            assert replica.psync() == "+FULLRESYNC"
            assert replica.snapshot().startswith(b"REDIS")
            assert replica.closed()

    def test_filter(self, primary: Server) -> None:
        set_keys(primary, "a-key-of-ours")
        with RawReplica(primary, "capa", "eof", "rdb-filter-only", "functions") as replica:
            assert b"a-key-of-ours" not in replica.full_sync()
        with RawReplica(primary, "rdb-filter-only", "functions") as replica:
            assert replica.client.error("PSYNC", "?", "-1") == (
                "ERR Filtered replica requires EOF capability"
            )

    def test_shared_by_those_who_wait(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync_max_replicas=2, repl_diskless_sync_delay=60)
        first, second = RawReplica(primary, *CAPA), RawReplica(primary, *CAPA)
        with first, second:
            first.client.send("PSYNC", "?", -1)
            wait_until(lambda: fields(primary)["connected_slaves"] == "1", "the first waits")
            assert "wait_bgsave" in fields(primary)["slave0"]
            second.client.send("PSYNC", "?", -1)
            for replica in (first, second):
                assert replica.line().startswith("+FULLRESYNC")
            assert first.snapshot() == second.snapshot()
        assert fields(primary, "stats")["total_forks"] in ("0", "1")

    def test_join_a_save_under_way(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync="no", rdb_key_save_delay=100_000)
        set_keys(primary, *(str(i) for i in range(30)))
        first, second = RawReplica(primary, *CAPA), RawReplica(primary, *CAPA)
        with first, second:
            assert first.psync() == "+FULLRESYNC"
            set_keys(primary, "in between")
            assert second.psync() == "+FULLRESYNC"
            assert first.offset == second.offset
            assert first.snapshot() == second.snapshot()
            wanted = [SELECT_0, [b"SET", b"in between", b"value"]]
            assert first.commands(2) == second.commands(2) == wanted


class TestStream:
    def test_messages_for_the_listeners_of_replicas(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            client.call("PUBLISH", "c", "one")
            client.call("MULTI")
            client.call("PUBLISH", "c", "two")
            client.call("SET", "a", "1")
            client.call("EXEC")
            assert replica.commands(2) == [SELECT_0, [b"PUBLISH", b"c", b"one"]]
            assert replica.commands(4) == [
                [b"MULTI"], [b"PUBLISH", b"c", b"two"], [b"SET", b"a", b"1"], [b"EXEC"],
            ]  # fmt: skip

    def test_units(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            client.call("SET", "a", "1")
            client.call("SELECT", 5)
            client.call("MULTI")
            client.call("INCR", "n")
            client.call("INCR", "n")
            client.call("EXEC")
            client.call("GET", "n")
            client.call("SET", "timed", "x", "PX", 100_000)
            client.call("SET", "soon", "x", "PX", 1)
            wanted = [
                SELECT_0, [b"SET", b"a", b"1"], [b"MULTI"], [b"SELECT", b"5"],
                [b"INCR", b"n"], [b"INCR", b"n"], [b"EXEC"],
            ]  # fmt: skip
            assert replica.commands(len(wanted)) == wanted
            assert replica.command()[:2] == [b"SET", b"timed"]
            assert replica.command()[:2] == [b"SET", b"soon"]
            assert replica.command() in ([b"DEL", b"soon"], [b"UNLINK", b"soon"])
            assert int(fields(primary)["master_repl_offset"]) == replica.offset

    def test_ping(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync_delay=0, repl_ping_replica_period=1)
        with attach(primary) as replica:
            assert replica.command(5) == [b"PING"]
            before = replica.offset
            assert replica.command(5) == [b"PING"]
            assert replica.offset == before + len("*1\r\n$4\r\nPING\r\n")

    def test_big_values_cross_blocks(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            values = [bytes([i]) * (i * 9973) for i in range(20)]
            for i, value in enumerate(values):
                client.call("SET", f"k{i}", value)
            found = replica.until([b"SET", b"k19", values[19]])
            assert [words[2] for words in found if words[0] == b"SET"] == values

    def test_replies_end_it(self, primary: Server) -> None:
        with attach(primary) as replica:
            replica.client.send("GET", "a")
            assert replica.closed()

    def test_newlines_are_nothing(self, primary: Server) -> None:
        with attach(primary) as replica:
            replica.client.send_raw(b"\n\r\n\n")
            set_keys(primary, "a")
            assert replica.commands(2)[1] == [b"SET", b"a", b"value"]


class TestPartial:
    def test_goes_on(self, primary: Server) -> None:
        with attach(primary) as replica:
            set_keys(primary, "a")
            replica.commands(2)
            replid, offset = replica.replid, replica.offset
        set_keys(primary, "b", "c")
        with RawReplica(primary, *CAPA) as replica:
            assert replica.psync(replid.upper(), offset + 1) == "+CONTINUE"
            assert replica.replid == replid
            assert replica.commands(2) == [[b"SET", b, b"value"] for b in (b"b", b"c")]
        with RawReplica(primary) as replica:  # no capa psync2: no ID
            assert replica.psync(replid, offset + 1) == "+CONTINUE"
            assert replica.command() == [b"SET", b"b", b"value"]
        assert fields(primary, "stats")["sync_partial_ok"] == "2"

    @pytest.mark.parametrize("case", ["id", "ahead", "before", "negative"])
    def test_cannot(self, primary: Server, case: str) -> None:
        with attach(primary) as replica:
            set_keys(primary, "a")
            replica.commands(2)
            replid, offset = replica.replid, replica.offset
        asked = {
            "id": ("f" * 40, offset + 1),
            "ahead": (replid, offset + 2),
            "before": (replid, 0),
            "negative": (replid, -(2**62)),
        }[case]
        with RawReplica(primary, *CAPA) as replica:
            assert replica.psync(*asked) == "+FULLRESYNC"
        stats = fields(primary, "stats")
        assert (stats["sync_partial_err"], stats["sync_full"]) == ("1", "2")

    def test_backlog_is_bounded(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync_delay=0, repl_backlog_size=100_000)
        with attach(primary) as replica:
            replid, offset = replica.replid, replica.offset
        with primary.connect() as client:
            for _ in range(60):
                client.call("SET", "a", "x" * 10_000)
        found = fields(primary)
        assert 100_000 <= int(found["repl_backlog_histlen"]) <= 100_000 + 2 * 65536
        assert int(found["repl_backlog_first_byte_offset"]) + int(
            found["repl_backlog_histlen"]
        ) == int(found["master_repl_offset"]) + 1
        with RawReplica(primary, *CAPA) as replica:
            assert replica.psync(replid, offset + 1) == "+FULLRESYNC"

    def test_backlog_is_freed(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync_delay=0, repl_backlog_ttl=1)
        with attach(primary) as replica:
            replid = replica.replid
        wait_until(lambda: fields(primary)["repl_backlog_active"] == "0", "freed")
        assert fields(primary)["master_replid"] != replid

    def test_after_a_restart(self, make_server: Make) -> None:
        primary = make_server(repl_diskless_sync_delay=0)
        with attach(primary) as replica:
            set_keys(primary, "a")
            replica.commands(2)
            replid, offset = replica.replid, replica.offset
            with primary.connect() as client:
                client.call("SET", "gone", "x", "PX", 10)
                replica.until([b"DEL", b"gone"])
                offset = replica.offset
                client.call("SAVE")
        again = make_server(dir=str(primary.directory))
        found = fields(again)
        assert (found["master_replid2"], int(found["second_repl_offset"])) == (replid, offset + 1)
        with RawReplica(again, *CAPA) as replica:
            assert replica.psync(replid, offset + 1) == "+CONTINUE"
            assert replica.replid == found["master_replid"] != replid
            set_keys(again, "b")
            assert replica.commands(2) == [SELECT_0, [b"SET", b"b", b"value"]]


class TestRules:
    def test_refused(self, primary: Server, make_server: Make) -> None:
        with primary.connect() as client:
            client.call("MULTI")
            assert "not allowed inside a transaction" in client.error("PSYNC", "?", "-1")
            client.call("DISCARD")
            assert client.error("PSYNC", "?", "x").startswith("ERR value is not an integer")
            assert "can't be sent to a master" in client.error("PSYNC", "?", "-1", "FAILOVER")
            client.send("PING")
            client.send_raw(b"*1\r\n$4\r\nPING\r\n*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n")
            replies = [client.read_reply() for _ in range(3)]
            assert replies[2].value == "ERR SYNC and PSYNC are invalid with pending output"
        replica = make_server(replicaof=["127.0.0.1", "1"])
        with replica.connect() as client:
            assert client.error("PSYNC", "?", "-1").startswith("NOMASTERLINK Can't SYNC while not")

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (("x",), "ERR syntax error"),
            (("x", "1"), "ERR Unrecognized REPLCONF option: x"),
            (("listening-port", "x"), "ERR value is not an integer or out of range"),
            (("ip-address", "x" * 300), "ERR REPLCONF ip-address provided by replica instance is"
             " too long: 300 bytes"),
            (("rdb-only", "7"), "ERR value is out of range"),
            (("rdb-filter-only", "x"), "ERR Unsupported rdb-filter-only option: x"),
        ],
    )  # fmt: skip
    def test_replconf(self, primary: Server, words: tuple[str, ...], text: str) -> None:
        with primary.connect() as client:
            assert client.error("REPLCONF", *words) == text
            assert client.call("REPLCONF") == "OK"
            assert client.call("REPLCONF", "capa", "unheard-of") == "OK"
            client.send("REPLCONF", "ACK", "5")  # no answer to that
            assert client.call("PING") == "PONG"

    def test_output_limit(self, make_server: Make) -> None:
        """A replica that reads nothing is cut; the primary's memory stays bounded."""
        primary = make_server(
            repl_diskless_sync_delay=0,
            repl_backlog_size="1mb",
            client_output_buffer_limit=["replica", "4mb", "0", "0"],
        )
        replica = attach(primary)
        with replica, primary.connect() as client:
            before = int(fields(primary, "memory")["used_memory"])
            for _ in range(300):
                client.call("SET", "a", "x" * 100_000)
            assert fields(primary)["connected_slaves"] == "0"
            assert int(fields(primary, "memory")["used_memory"]) - before < 6 << 20
            assert int(fields(primary)["repl_backlog_histlen"]) < 2 << 20
            stats = fields(primary, "stats")
            assert stats["client_output_buffer_limit_disconnections"] == "1"

    def test_silent_replica_is_cut(self, make_server: Make) -> None:
        quick = {"repl_timeout": 1, "repl_ping_replica_period": 9}
        primary = make_server(repl_diskless_sync_delay=0, **quick)
        with attach(primary) as replica:
            assert replica.closed()
        assert fields(primary)["connected_slaves"] == "0"

    def test_clients(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            lines = client.call("CLIENT", "LIST", "TYPE", "replica").decode().splitlines()
            assert len(lines) == 1
            assert " flags=S " in lines[0]
            assert client.call("CLIENT", "KILL", "TYPE", "replica") == 1
            assert replica.closed()
            assert fields(primary)["connected_slaves"] == "0"

    def test_role(self, primary: Server) -> None:
        with primary.connect() as client:
            assert client.call("ROLE") == [b"master", 0, []]
            with attach(primary, *CAPA, "ip-address", "10.1.2.3") as replica:
                replica.ack(12)
                wanted = [[b"10.1.2.3", b"7777", b"12"]]
                wait_until(lambda: client.call("ROLE")[2] == wanted, "acknowledged")

    def test_changed_id(self, primary: Server) -> None:
        with primary.connect() as client:
            before = fields(primary)["master_replid"]
            client.call("DEBUG", "CHANGE-REPL-ID")
            assert fields(primary)["master_replid"] != before


class TestWaiting:
    def test_wait(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            assert client.call("WAIT", 0, 0) == 1
            client.call("SET", "a", "1")
            assert client.call("WAIT", 1, 10) == 0
            assert replica.until([b"REPLCONF", b"GETACK", b"*"])
            client.send("WAIT", 1, 0)
            replica.command()
            assert not client.readable(0.05)
            replica.ack()
            assert client.read_answer().value == 1
            client.call("MULTI")
            client.call("WAIT", 2, 0)
            assert client.call("EXEC") == [1]
            assert "negative" in client.error("WAIT", 1, -1)
            assert "not an integer" in client.error("WAIT", "x", 1)
            assert "not an integer" in client.error("WAIT", 1, "x")

    def test_unblock(self, primary: Server) -> None:
        with primary.connect() as client, primary.connect() as other:
            number = client.call("CLIENT", "ID")
            client.send("WAIT", 5, 0)
            wait_until(lambda: other.call("CLIENT", "UNBLOCK", number) == 1, "it is blocked")
            assert client.read_answer().value == 0

    def test_waitaof(self, primary: Server) -> None:
        with attach(primary) as replica, primary.connect() as client:
            client.call("SET", "a", "1")
            assert client.call("WAITAOF", 0, 1, 10) == [0, 0]
            assert "appendonly is disabled" in client.error("WAITAOF", 1, 1, 10)
            assert "out of range" in client.error("WAITAOF", 2, 1, 10)
            replica.until([b"REPLCONF", b"GETACK", b"*"])
            replica.ack(aof_offset=replica.offset)
            assert client.call("WAITAOF", 0, 1, 0)[1] == 1

    def test_min_replicas(self, make_server: Make) -> None:
        primary = make_server(
            repl_diskless_sync_delay=0, min_replicas_to_write=1, min_replicas_max_lag=1
        )
        with primary.connect() as client:
            assert client.error("SET", "a", "1").startswith("NOREPLICAS Not enough good replicas")
            assert client.call("GET", "a") is None
            assert client.call("PING") == "PONG"
            with attach(primary) as replica:
                replica.ack()
                assert client.call("SET", "a", "1") == "OK"
                assert fields(primary)["min_slaves_good_slaves"] == "1"
                client.call("MULTI")
                client.call("SET", "a", "2")
                wait_until(lambda: fields(primary)["min_slaves_good_slaves"] == "0", "lag")
                assert client.error("EXEC").startswith("EXECABORT")
            client.call("CONFIG", "SET", "min-replicas-to-write", 0)
            assert client.call("SET", "a", "1") == "OK"


class TestFailover:
    def test_refused(self, primary: Server) -> None:
        with primary.connect() as client:
            assert client.error("FAILOVER", "x") == "ERR syntax error"
            assert client.error("FAILOVER", "ABORT") == "ERR No failover in progress."
            assert client.error("FAILOVER") == "ERR FAILOVER requires connected replicas."
            assert "greater than 0" in client.error("FAILOVER", "TIMEOUT", 0)
            with attach(primary):
                assert client.error("FAILOVER", "TO", "127.0.0.1", 1) == (
                    "ERR FAILOVER target HOST and PORT is not a replica."
                )
                assert "requires both" in client.error("FAILOVER", "FORCE")

    def test_writes_wait(self, primary: Server) -> None:
        with attach(primary), primary.connect() as client, primary.connect() as writer:
            client.call("SET", "a", "1")
            assert client.call("FAILOVER", "TIMEOUT", 300) == "OK"
            assert fields(primary)["master_failover_state"] == "waiting-for-sync"
            assert client.error("FAILOVER") == "ERR FAILOVER already in progress."
            assert client.call("GET", "a") == b"1"
            writer.send("SET", "a", "2")
            assert not writer.readable(0.05)
            with RawReplica(primary, *CAPA) as other:
                assert "failing over" in other.client.error("PSYNC", "?", "-1")
            assert writer.read_answer().value == "OK"  # time is over
            assert fields(primary)["master_failover_state"] == "no-failover"

    def test_abort(self, primary: Server) -> None:
        with attach(primary), primary.connect() as client, primary.connect() as writer:
            client.call("SET", "a", "1")
            client.call("FAILOVER")
            writer.send("SET", "a", "2")
            assert client.call("FAILOVER", "ABORT") == "OK"
            assert writer.read_answer().value == "OK"


def test_lone_server_encodes_nothing(make_server: Make) -> None:
    primary = make_server()
    set_keys(primary, "a")
    found: dict[str, Any] = fields(primary)
    assert (found["master_repl_offset"], found["repl_backlog_active"]) == ("0", "0")


def test_many_waiters(primary: Server) -> None:
    with attach(primary) as replica:
        clients: list[SocketClient] = [primary.connect() for _ in range(20)]
        for i, client in enumerate(clients):
            client.call("SET", f"k{i}", "x")
            client.send("WAIT", 1, 0)
        replica.until([b"SET", b"k19", b"x"])
        replica.until([b"REPLCONF", b"GETACK", b"*"])
        replica.ack(int(fields(primary)["master_repl_offset"]))
        assert [client.read_answer().value for client in clients] == [1] * 20
        for client in clients:
            client.close()
