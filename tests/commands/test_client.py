"""CLIENT: its subcommands, errors as Redis's, filters as Valkey's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import Client, SocketClient
from tests.support.servers import Server
from tests.support.waiting import wait_until

Connect = Callable[..., SocketClient]

SAME_AS_REDIS: list[list[str]] = [
    ["CLIENT"],
    ["CLIENT", "NONSENSE"],
    ["CLIENT", "GETNAME"],
    ["CLIENT", "SETNAME", "a b"],
    ["CLIENT", "SETNAME", "a\n"],
    ["CLIENT", "SETNAME", ""],
    ["CLIENT", "SETNAME"],
    ["CLIENT", "ID", "x"],
    ["CLIENT", "KILL"],
    ["CLIENT", "KILL", "1.2.3.4:5"],
    ["CLIENT", "KILL", "ID", "0"],
    ["CLIENT", "KILL", "ID", "x"],
    ["CLIENT", "KILL", "ID", "99999999"],
    ["CLIENT", "KILL", "ID", "10", "NONSENSE"],
    ["CLIENT", "KILL", "TYPE", "nonsense"],
    ["CLIENT", "KILL", "TYPE", "pubsub"],
    ["CLIENT", "KILL", "USER", "nobody"],
    ["CLIENT", "KILL", "SKIPME", "maybe"],
    ["CLIENT", "KILL", "ADDR", "x", "LADDR", "y"],
    ["CLIENT", "LIST", "TYPE", "nonsense"],
    ["CLIENT", "LIST", "NONSENSE"],
    ["CLIENT", "LIST", "TYPE", "replica"],
    ["CLIENT", "PAUSE"],
    ["CLIENT", "PAUSE", "x"],
    ["CLIENT", "PAUSE", "-1"],
    ["CLIENT", "PAUSE", "1", "NONSENSE"],
    ["CLIENT", "UNPAUSE"],
    ["CLIENT", "REPLY", "ON"],
    ["CLIENT", "REPLY", "MAYBE"],
    ["CLIENT", "NO-EVICT", "ON"],
    ["CLIENT", "NO-EVICT", "MAYBE"],
    ["CLIENT", "UNBLOCK", "x"],
    ["CLIENT", "UNBLOCK", "99999999"],
    ["CLIENT", "UNBLOCK", "1", "NONSENSE"],
]
SAME_AS_VALKEY: list[list[str]] = [
    ["CLIENT", "PAUSE", "9223372036854775807"],
    ["CLIENT", "NO-TOUCH", "OFF"],
    ["CLIENT", "NO-TOUCH", "x"],
    ["CLIENT", "SETINFO", "LIB-NAME", "a b"],
    ["CLIENT", "SETINFO", "lib-ver", "1\n"],
    ["CLIENT", "SETINFO", "nonsense", "1"],
    ["CLIENT", "SETINFO", "LIB-NAME", ""],
    ["CLIENT", "KILL", "MAXAGE", "x"],
    ["CLIENT", "KILL", "MAXAGE", "0"],
    ["CLIENT", "KILL", "MAXAGE", "9999999999999999999"],
    ["CLIENT", "KILL", "ID", "9998", "9999"],
    ["CLIENT", "LIST", "ID", "9998", "9999"],
    ["CLIENT", "LIST", "FLAGS", "q"],
    ["CLIENT", "LIST", "IDLE", "0"],
    ["CLIENT", "LIST", "DB", "99"],
    ["CLIENT", "LIST", "DB", "7"],
    ["CLIENT", "LIST", "NAME", "nobody"],
    ["CLIENT", "LIST", "NOT-USER", "nobody"],
    ["CLIENT", "LIST", "NOT-SKIPME", "yes"],
    ["CLIENT", "LIST", "LIB-NAME"],
]


@pytest.mark.parametrize("command", SAME_AS_REDIS, ids=" ".join)
def test_same_as_redis(command: list[str], server: Server, redis_server: Server) -> None:
    with server.connect() as ours, redis_server.connect() as theirs:
        assert ours.reply(*command) == theirs.reply(*command)


@pytest.mark.parametrize("command", SAME_AS_VALKEY, ids=" ".join)
def test_same_as_valkey(command: list[str], server: Server, valkey_server: Server) -> None:
    with server.connect() as ours, valkey_server.connect() as theirs:
        assert ours.reply(*command) == theirs.reply(*command)


def fields(line: str) -> dict[str, str]:
    return dict(field.split("=", 1) for field in line.split(" "))


def info(client: Client) -> dict[str, str]:
    return fields(client.call("CLIENT", "INFO").decode().rstrip("\n"))


def ids(client: Client, *filters: str | int) -> set[int]:
    lines = client.call("CLIENT", "LIST", *filters).decode().splitlines()
    return {int(fields(line)["id"]) for line in lines}


def test_info_has_the_fields_of_redis(connect: Connect, redis_server: Server) -> None:
    ours = info(connect())
    with redis_server.connect() as theirs:
        known = list(info(theirs))
    new = ["lib-name", "lib-ver", "tot-net-in", "tot-net-out", "tot-cmds"]
    assert [name for name in ours if name != "watch"] == known + new
    assert ours["cmd"] == "client|info"
    assert ours["flags"] == "N"
    assert ours["events"] == "r"
    assert ours["multi"] == "-1"


def test_one_self(client: Client) -> None:
    assert client.call("CLIENT", "ID") > 0
    assert client.call("CLIENT", "GETNAME") is None
    assert client.call("CLIENT", "SETNAME", "me") == "OK"
    assert client.call("CLIENT", "SETINFO", "LIB-NAME", "redis-py") == "OK"
    assert client.call("CLIENT", "SETINFO", "LIB-VER", "5.0") == "OK"
    mine = info(client)
    assert mine["name"] == "me"
    assert mine["lib-name"] == "redis-py"
    assert mine["lib-ver"] == "5.0"
    assert mine["resp"] == str(client.protocol)
    assert client.call("CLIENT", "SETNAME", "") == "OK"
    assert client.call("CLIENT", "GETNAME") is None
    assert client.reply("CLIENT", "LIST").kind == ("=" if client.protocol == 3 else "$")
    assert all(line.kind == "+" for line in client.reply("CLIENT", "HELP").value)


def test_filters(connect: Connect) -> None:
    me, other = connect(), connect()
    mine, its = me.call("CLIENT", "ID"), other.call("CLIENT", "ID")
    other.call("CLIENT", "SETNAME", "other")
    other.call("SELECT", 9)
    both = {mine, its}
    assert ids(me) >= both
    assert ids(me, "ID", mine, its) == both
    assert ids(me, "ID", mine, its, "SKIPME", "yes") == {its}
    assert ids(me, "NAME", "other") == {its}
    assert ids(me, "NOT-NAME", "other", "ID", mine, its) == {mine}
    assert ids(me, "DB", 9) == {its}
    assert ids(me, "NOT-ID", mine, "ID", mine, its) == {its}
    assert ids(me, "ADDR", info(other)["addr"]) == {its}
    assert ids(me, "LADDR", info(me)["laddr"]) >= both
    assert ids(me, "IP", "127.0.0.1") >= both
    assert ids(me, "FLAGS", "e", "ID", its) == set()
    assert me.error("CLIENT", "LIST", "ID", "x") == "ERR Invalid client ID"
    other.call("CLIENT", "NO-EVICT", "ON")
    assert ids(me, "FLAGS", "e", "ID", its) == {its}


class TestKill:
    def test_by_address(self, connect: Connect) -> None:
        me, other = connect(), connect()
        assert me.call("CLIENT", "KILL", info(other)["addr"]) == "OK"
        assert other.closed()
        assert me.call("CLIENT", "KILL", info(me)["addr"]) == "OK"
        assert me.closed()

    def test_by_filters(self, connect: Connect) -> None:
        me, other, third = connect(), connect(), connect()
        three = [c.call("CLIENT", "ID") for c in (me, other, third)]
        assert me.call("CLIENT", "KILL", "ID", *three) == 2
        assert other.closed()
        assert third.closed()
        assert me.call("CLIENT", "KILL", "ID", three[0], "SKIPME", "no") == 1
        assert me.closed()

    def test_a_killed_client_gets_no_element(self, connect: Connect) -> None:
        me, waiting, pusher = connect(), connect(), connect()
        its = waiting.call("CLIENT", "ID")
        waiting.send("BLPOP", "queue", 0)
        wait_until(lambda: ids(me, "FLAGS", "b", "ID", its), "it is blocked")
        replies = me.pipeline([("CLIENT", "KILL", "ID", its), ("RPUSH", "queue", "x")])
        assert [reply.value for reply in replies] == [1, 1]
        assert pusher.call("LLEN", "queue") == 1
        assert waiting.closed()


class TestReply:
    def test_off_and_on(self, connect: Connect) -> None:
        client = connect()
        client.send("CLIENT", "REPLY", "OFF")
        client.send("PING", "lost")
        client.send("NONSENSE")
        assert client.call("CLIENT", "REPLY", "ON") == "OK"
        assert client.call("PING") == "PONG"

    def test_skip_drops_one(self, connect: Connect) -> None:
        client = connect()
        client.send("CLIENT", "REPLY", "SKIP")
        client.send("PING", "lost")
        assert client.call("PING", "kept") == b"kept"
        client.send("CLIENT", "REPLY", "SKIP")
        assert client.call("CLIENT", "REPLY", "ON") == "OK"


class TestPause:
    @pytest.fixture(autouse=True)
    def unpaused(self, connect: Connect) -> Connect:
        return connect

    def test_writes_wait_reads_do_not(self, connect: Connect) -> None:
        me, writer = connect(), connect()
        me.call("CLIENT", "PAUSE", 60000, "WRITE")
        writer.send("SET", "paused", "1")
        writer.send("PING")
        wait_until(lambda: ids(me, "FLAGS", "b"), "the write is held back")
        assert me.call("GET", "paused") is None
        assert not writer.readable(0.05)
        assert me.call("CLIENT", "UNPAUSE") == "OK"
        assert writer.read_reply().value == "OK"
        assert writer.read_reply().value == "PONG"

    def test_all_wait_until_the_time_is_over(self, connect: Connect) -> None:
        me, reader = connect(), connect()
        me.call("CLIENT", "PAUSE", 150)
        reader.send("PING")
        assert not reader.readable(0.05)
        assert reader.read_reply().value == "PONG"

    def test_a_shorter_or_weaker_pause_changes_nothing(self, connect: Connect) -> None:
        me, reader = connect(), connect()
        assert [r.value for r in me.pipeline([
            ("CLIENT", "PAUSE", 200, "ALL"),
        ])] == ["OK"]
        reader.send("PING")
        assert not reader.readable(0.1)
        assert reader.read_reply().value == "PONG"

    def test_who_is_killed_in_a_pause_runs_nothing_after_it(self, connect: Connect) -> None:
        me, killer, victim = connect(), connect(), connect()
        me.call("DEL", "ghost")
        its = victim.call("CLIENT", "ID")
        me.call("CLIENT", "PAUSE", 250, "ALL")
        killer.send("CLIENT", "KILL", "ID", its)
        assert not killer.readable(0.05)
        victim.send("SET", "ghost", "1")
        assert killer.read_reply().value == 1
        assert me.call("GET", "ghost") is None

    def test_expired_keys_stay_while_paused(self, connect: Connect) -> None:
        me = connect()
        me.call("SET", "short", "x")
        me.call("PEXPIRE", "short", 20)
        me.call("CLIENT", "PAUSE", 60000, "WRITE")
        wait_until(lambda: me.call("GET", "short") is None, "it expires")
        assert me.call("DBSIZE") == 1
        me.call("CLIENT", "UNPAUSE")
        wait_until(lambda: me.call("DBSIZE") == 0, "it is deleted")


class TestUnblock:
    def test_as_timeout_and_with_error(self, connect: Connect) -> None:
        me, waiting = connect(), connect()
        its = waiting.call("CLIENT", "ID")
        assert me.call("CLIENT", "UNBLOCK", its) == 0
        waiting.send("BLPOP", "nothing", 0)
        wait_until(lambda: ids(me, "FLAGS", "b", "ID", its), "it is blocked")
        assert me.call("CLIENT", "UNBLOCK", its) == 1
        assert waiting.read_reply().is_null
        waiting.send("BLPOP", "nothing", 0)
        wait_until(lambda: ids(me, "FLAGS", "b", "ID", its), "it is blocked")
        assert me.call("CLIENT", "UNBLOCK", its, "ERROR") == 1
        assert waiting.read_reply().value.startswith("UNBLOCKED ")
        assert waiting.call("PING") == "PONG"
