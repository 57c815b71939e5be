"""COMMAND, SLOWLOG, MONITOR, TIME, LOLWUT."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.support.client import Client


class TestCommand:
    def test_count_list_info(self, client: Client) -> None:
        names = client.call("COMMAND", "LIST")
        whole = client.call("COMMAND")
        assert client.call("COMMAND", "COUNT") == len(whole)
        assert {b"get", b"config|get"} <= set(names)
        first, missing = client.call("COMMAND", "INFO", "GeT", "nosuch")
        assert first[:2] == [b"get", 2]
        assert missing is None
        assert client.call("COMMAND", "INFO", "config|get")[0][0] == b"config|get"
        assert len(client.call("COMMAND", "INFO")) == len(whole)

    def test_list_filters(self, client: Client) -> None:
        found = client.call("COMMAND", "LIST", "FILTERBY", "PATTERN", "xadd*")
        assert found == [b"xadd"]
        assert b"get" in client.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "read")
        assert b"set" not in client.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "read")
        assert client.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "nosuch") == []
        assert client.call("COMMAND", "LIST", "FILTERBY", "MODULE", "nosuch") == []
        assert client.error("COMMAND", "LIST", "FILTERBY", "X", "y") == "ERR syntax error"
        assert client.error("COMMAND", "LIST", "bad_arg") == "ERR syntax error"

    def test_keys(self, client: Client) -> None:
        def keys(*line: str) -> Any:
            return client.call("COMMAND", "GETKEYS", *line)

        assert keys("GET", "a") == [b"a"]
        assert keys("MSET", "a", "1", "b", "2") == [b"a", b"b"]
        assert keys("ZUNIONSTORE", "d", "2", "a", "b") == [b"d", b"a", b"b"]
        assert keys("XREAD", "STREAMS", "a", "b", "0", "0") == [b"a", b"b"]
        assert keys("SORT", "a", "STORE", "d") == [b"a", b"d"]
        assert keys("MEMORY", "USAGE", "a") == [b"a"]
        assert client.error("COMMAND", "GETKEYS", "PING") == "ERR The command has no key arguments"
        assert client.error("COMMAND", "GETKEYS", "NOSUCH") == "ERR Invalid command specified"
        wrong = "ERR Invalid number of arguments specified for command"
        assert client.error("COMMAND", "GETKEYS", "GET") == wrong
        assert client.error("COMMAND", "GETKEYS", "ZUNION", "-1", "a").startswith("ERR Invalid arg")

    def test_keys_and_flags(self, client: Client) -> None:
        def flags(*line: str) -> Any:
            found = client.call("COMMAND", "GETKEYSANDFLAGS", *line)
            return [(key, sorted(bits)) for key, bits in found]

        assert flags("SET", "a", "1") == [(b"a", ["OW", "update"])]
        assert flags("SET", "a", "1", "GET") == [(b"a", ["RW", "access", "update"])]

    def test_docs(self, connect: Any) -> None:
        client = connect(3)
        found = client.call("COMMAND", "DOCS", "set", "nosuch", "config|get")
        assert list(found) == [b"set", b"config|get"]
        assert {b"summary", b"since", b"group", b"complexity", b"arguments"} <= set(found[b"set"])
        for name, entry in client.call("COMMAND", "DOCS").items():
            assert entry[b"summary"], name
            assert entry[b"since"], name


class TestSlowlog:
    @pytest.fixture
    def slow(self, client: Client) -> Any:
        """Everything is logged; the threshold is the process's, so it is put back."""
        client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
        client.call("SLOWLOG", "RESET")
        yield client
        client.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)
        client.call("CONFIG", "SET", "slowlog-max-len", 128)
        client.call("SLOWLOG", "RESET")

    def test_entries(self, slow: Client) -> None:
        slow.call("CLIENT", "SETNAME", "me")
        slow.call("SET", "a", "b")
        number, when, spent_us, words, address, name = slow.call("SLOWLOG", "GET", 1)[0]
        assert abs(when - time.time()) < 60
        assert spent_us >= 0
        assert (words, name) == ([b"SET", b"a", b"b"], b"me")
        assert number > 0
        assert isinstance(address, bytes)
        before = slow.call("SLOWLOG", "LEN")
        assert before == len(slow.call("SLOWLOG", "GET", -1)) - 1
        assert slow.error("SLOWLOG", "GET", -2).endswith(
            "count should be greater than or equal to -1"
        )
        assert slow.call("SLOWLOG", "RESET") == "OK"
        assert slow.call("SLOWLOG", "LEN") <= 1

    def test_length_is_bounded(self, slow: Client) -> None:
        slow.call("CONFIG", "SET", "slowlog-max-len", 3)
        for _ in range(10):
            slow.call("PING")
        assert slow.call("SLOWLOG", "LEN") == 3
        assert len(slow.call("SLOWLOG", "GET")) == 3

    def test_long_arguments_are_cut(self, slow: Client) -> None:
        slow.call("SADD", "set", *[str(i) for i in range(40)])
        words = slow.call("SLOWLOG", "GET", 1)[0][3]
        assert len(words) == 32
        assert words[-1] == b"... (11 more arguments)"
        slow.call("SET", "a", "x" * 200)
        words = slow.call("SLOWLOG", "GET", 1)[0][3]
        assert words[2] == b"x" * 128 + b"... (72 more bytes)"

    def test_passwords_are_not_shown(self, slow: Client) -> None:
        slow.call("CONFIG", "SET", "masterauth", "secret")
        slow.call("CONFIG", "SET", "masterauth", "")
        slow.reply("AUTH", "someone", "secret")
        shown = repr(slow.call("SLOWLOG", "GET", 10))
        assert "secret" not in shown
        assert "(redacted)" in shown

    def test_exec_is_not_an_entry_but_what_it_runs(self, slow: Client) -> None:
        slow.call("MULTI")
        slow.call("SET", "inside", "1")
        slow.call("EXEC")
        shown = [entry[3][0] for entry in slow.call("SLOWLOG", "GET", 3)]
        assert b"EXEC" not in shown
        assert b"SET" in shown


class TestMonitor:
    def test_what_is_shown(self, connect: Any) -> None:
        watching, client = connect(), connect()
        assert watching.call("MONITOR") == "OK"
        client.call("SELECT", 2)
        client.call("SET", "k\n\x01", 'a"b\\')
        client.call("GET", "k")
        lines = [watching.read_reply(5.0).value for _ in range(3)]
        assert lines[0].endswith('"SELECT" "2"')
        assert lines[1].endswith(' "SET" "k\\n\\x01" "a\\"b\\\\"')
        assert " [2 127.0.0.1:" in lines[2]

    def test_secrets_and_admin_commands_are_not(self, connect: Any) -> None:
        watching, client = connect(), connect()
        watching.call("MONITOR")
        client.reply("AUTH", "x", "secret")
        client.call("CONFIG", "GET", "port")
        client.call("HELLO", 2)
        client.call("PING")
        shown = []
        while not shown or "PING" not in shown[-1]:
            shown.append(watching.read_reply(5.0).value)
        assert not any("secret" in line or "CONFIG" in line for line in shown)

    def test_inside_a_transaction(self, connect: Any) -> None:
        watching, client = connect(), connect()
        watching.call("MONITOR")
        client.call("MULTI")
        client.call("SET", "a", "1")
        client.call("EXEC")
        shown = [watching.read_reply(5.0).value.rpartition("] ")[2] for _ in range(3)]
        assert sorted(shown) == ['"EXEC"', '"MULTI"', '"SET" "a" "1"']

    def test_reset_ends_it(self, connect: Any) -> None:
        watching, client = connect(), connect()
        watching.call("MONITOR")
        watching.send("RESET")
        assert watching.read_reply(5.0).value == "RESET"
        client.call("PING")
        assert watching.call("ECHO", "x") == b"x"


def test_time(client: Client) -> None:
    seconds, microseconds = client.call("TIME")
    assert abs(int(seconds) - time.time()) < 60
    assert 0 <= int(microseconds) < 1_000_000


def test_lolwut(client: Client) -> None:
    assert b"ver. " in client.call("LOLWUT")
    assert b"ver. " in client.call("LOLWUT", "VERSION", 5, 10, 10)
    assert client.error("LOLWUT", "VERSION") == "ERR syntax error"
