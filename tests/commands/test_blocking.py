"""Commands that wait: who is served, when, in which order, and what ends a wait."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.client import SocketClient
from tests.support.resp import Reply
from tests.support.waiting import wait_until

Connect = Callable[..., SocketClient]


class Waiter:
    """A connection with a command that waits."""

    def __init__(self, connect: Connect, *words: str | int | float, protocol: int = 2) -> None:
        self.client = connect(protocol)
        self.id = self.client.call("CLIENT", "ID")
        self.client.send(*words)

    def answer(self) -> Reply:
        return self.client.read_answer()

    @property
    def waits(self) -> bool:
        return not self.client.readable(0.02)


def blocked(client: SocketClient) -> int:
    listed = client.call("CLIENT", "LIST")
    return sum(b"flags=b" in line for line in listed.split(b"\n"))


def until_blocked(client: SocketClient, count: int = 1) -> None:
    wait_until(lambda: blocked(client) == count, f"{count} clients are blocked")


def bulks(*values: bytes) -> Reply:
    return Reply("*", [Reply("$", value) for value in values])


def test_five_hundred_waiters_in_order(connect: Connect) -> None:
    client = connect()
    waiters = []
    for n in range(500):
        waiters.append(Waiter(connect, "BLPOP", "q", 0))
        if n % 100 == 99:
            until_blocked(client, n + 1)
    for n in range(0, 500, 5):
        client.call("RPUSH", "q", *range(n, n + 5))
    for n, waiter in enumerate(waiters):
        assert waiter.answer() == bulks(b"q", b"%d" % n)
    assert blocked(client) == 0
    assert client.call("EXISTS", "q") == 0


def test_push_cost_does_not_grow_with_waiters(connect: Connect) -> None:
    """Popping and pushing beside many waiters of another type and of the same key."""
    client = connect()
    waiters = [Waiter(connect, "BLPOP", "q", 0) for _ in range(300)]
    until_blocked(client, 300)
    started = time.perf_counter()
    client.pipeline([["SET", "q", "x"], ["DEL", "q"]] * 2000)
    assert time.perf_counter() - started < 2
    assert all(waiter.waits for waiter in waiters[:3])


def test_first_key_of_the_command_wins(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "BLPOP", "a", "b", "a", 0)
    until_blocked(client)
    client.call("MULTI")
    client.call("RPUSH", "b", 1)
    client.call("RPUSH", "a", 2)
    client.call("EXEC")
    assert waiter.answer() == bulks(b"a", b"2")
    assert client.call("LLEN", "b") == 1


def test_push_and_delete_in_one_transaction_wakes_nobody(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client)
    for words in (["MULTI"], ["RPUSH", "q", "x"], ["DEL", "q"], ["SET", "q", "y"], ["EXEC"]):
        client.call(*words)
    assert waiter.waits
    client.call("DEL", "q")
    client.call("RPUSH", "q", "z")
    assert waiter.answer() == bulks(b"q", b"z")


def test_other_type_keeps_waiting_and_times_out_with_null(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "BLPOP", "q", 0.15)
    until_blocked(client)
    client.call("SET", "q", "text")
    assert waiter.waits
    assert waiter.answer() == Reply("*", None)
    assert Waiter(connect, "BLPOP", "q", 0).answer().is_error


@pytest.mark.parametrize(
    "lines",
    [
        ["RPUSH other x", "RENAME other q"],
        ["RPUSH other x", "COPY other q"],
        ["SELECT 1", "RPUSH q x", "MOVE q 0"],
        ["SELECT 1", "RPUSH q x", "SWAPDB 0 1"],
        ["RPUSH other x", "LMOVE other q LEFT LEFT"],
        ["RPUSH other 1", "SORT other BY nosort STORE q"],
    ],
)
@pytest.mark.parametrize("command", ["BLPOP q 0", "BLMOVE q done LEFT LEFT 0", "BLMPOP 0 1 q LEFT"])
def test_every_way_a_list_comes_to_be(connect: Connect, lines: list[str], command: str) -> None:
    client = connect()
    waiter = Waiter(connect, *command.split())
    until_blocked(client)
    for line in lines:
        client.call(*line.split())
    assert not waiter.answer().is_null
    assert blocked(client) == 0


def test_moves_wake_others_in_a_chain(connect: Connect) -> None:
    client = connect()
    second = Waiter(connect, "BLMOVE", "b", "c", "LEFT", "LEFT", 0)
    third = Waiter(connect, "BLPOP", "c", 0)
    until_blocked(client, 2)
    first = Waiter(connect, "BLMOVE", "a", "b", "LEFT", "LEFT", 0)
    until_blocked(client, 3)
    client.call("RPUSH", "a", "x")
    assert first.answer() == second.answer() == Reply("$", b"x")
    assert third.answer() == bulks(b"c", b"x")
    assert client.call("DBSIZE") == 0


def test_circular_moves_end(connect: Connect) -> None:
    client = connect()
    there = Waiter(connect, "BRPOPLPUSH", "a", "b", 0)
    back = Waiter(connect, "BRPOPLPUSH", "b", "a", 0)
    until_blocked(client, 2)
    client.call("RPUSH", "a", "x")
    assert there.answer() == back.answer() == Reply("$", b"x")
    assert client.call("LRANGE", "a", 0, -1) == [b"x"]
    itself = Waiter(connect, "BLMOVE", "s", "s", "LEFT", "RIGHT", 0)
    until_blocked(client)
    client.call("RPUSH", "s", "1", "2")
    assert itself.answer() == Reply("$", b"1")
    assert client.call("LRANGE", "s", 0, -1) == [b"2", b"1"]


def test_failing_move_leaves_the_element_to_the_next(connect: Connect) -> None:
    client = connect()
    client.call("SET", "text", "x")
    failing = Waiter(connect, "BLMOVE", "q", "text", "LEFT", "LEFT", 0)
    until_blocked(client)
    working = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client, 2)
    client.call("RPUSH", "q", "x")
    assert failing.answer().value.startswith("WRONGTYPE")
    assert working.answer() == bulks(b"q", b"x")


def test_blmovem_keeps_its_turn(connect: Connect) -> None:
    client = connect()
    two = Waiter(connect, "BLMOVEM", "q", "d", "LEFT", "RIGHT", 0, "EXACTLY", 2, "BULK")
    until_blocked(client)
    one = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client, 2)
    another = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client, 3)
    client.call("RPUSH", "q", "a")
    assert one.answer() == bulks(b"q", b"a")
    client.call("RPUSH", "q", "b", "c")
    assert two.answer() == bulks(b"b", b"c")
    assert another.waits
    client.call("RPUSH", "q", "d")
    assert another.answer() == bulks(b"q", b"d")


@pytest.mark.parametrize("grow", ["RPUSH q 9", "LINSERT q BEFORE 1 0", "LMOVE f q LEFT LEFT"])
def test_blmovem_waits_for_growth(connect: Connect, grow: str) -> None:
    client = connect()
    client.call("RPUSH", "q", 1, 2)
    client.call("RPUSH", "f", 7)
    waiter = Waiter(connect, "BLMOVEM", "q", "d", "LEFT", "RIGHT", 0, "EXACTLY", 3, "OBO")
    until_blocked(client)
    assert client.call("LLEN", "q") == 2
    client.call(*grow.split())
    assert len(waiter.answer().value) == 3
    assert client.call("EXISTS", "q") == 0


def test_timeouts_have_fractions_and_stay_when_woken_in_vain(connect: Connect) -> None:
    client = connect()
    started = time.monotonic()
    waiter = Waiter(connect, "BLMOVEM", "q", "d", "LEFT", "LEFT", 0.3, "EXACTLY", 9, "BULK")
    until_blocked(client)
    while waiter.waits:
        client.call("RPUSH", "q", 1)
        client.call("LPOP", "q")
        assert time.monotonic() - started < 5
    assert waiter.answer() == Reply("*", None)
    assert 0.29 < time.monotonic() - started < 1.5


def test_timeouts_end_in_order(connect: Connect) -> None:
    client = connect()
    late = Waiter(connect, "BLPOP", "q", 0.2)
    early = Waiter(connect, "BRPOP", "q", "0.05", protocol=3)
    forever = Waiter(connect, "BLPOP", "q", -0.0001)
    until_blocked(client, 3)
    assert early.answer() == Reply("_", None)
    assert late.waits
    assert late.answer() == Reply("*", None)
    assert forever.waits


def test_client_unblock(connect: Connect) -> None:
    client = connect()
    by_timeout = Waiter(connect, "BLMOVE", "q", "r", "LEFT", "LEFT", 0)
    by_error = Waiter(connect, "BLPOP", "q", 0, protocol=3)
    until_blocked(client, 2)
    assert client.call("CLIENT", "UNBLOCK", by_timeout.id) == 1
    assert client.call("CLIENT", "UNBLOCK", by_error.id, "ERROR") == 1
    assert by_timeout.answer() == Reply("*", None)
    assert by_error.answer() == Reply("-", "UNBLOCKED client unblocked via CLIENT UNBLOCK")
    assert client.call("CLIENT", "UNBLOCK", by_error.id) == 0
    client.call("RPUSH", "q", "x")
    assert client.call("LLEN", "q") == 1
    assert by_error.client.call("PING") == "PONG"


@pytest.mark.parametrize(("how", "failed"), [("ERROR", 1), ("TIMEOUT", 0)])
def test_an_unblocked_command_is_counted(how: str, failed: int, connect: Connect) -> None:
    client = connect()
    client.call("CONFIG", "RESETSTAT")
    waiter = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client, 1)
    assert client.call("CLIENT", "UNBLOCK", waiter.id, how) == 1
    waiter.answer()
    found = client.call("INFO", "commandstats").decode()
    line = next(line for line in found.splitlines() if line.startswith("cmdstat_blpop:"))
    assert line.startswith("cmdstat_blpop:calls=1,")
    assert f",failed_calls={failed}" in line


def test_killed_and_gone_clients_take_nothing(connect: Connect) -> None:
    client = connect()
    killed = Waiter(connect, "BLPOP", "q", 0)
    gone = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client, 2)
    gone.client.close()
    until_blocked(client, 1)
    client.pipeline([["CLIENT", "KILL", "ID", killed.id], ["RPUSH", "q", "x"]])
    assert killed.client.closed()
    assert client.call("LRANGE", "q", 0, -1) == [b"x"]


def test_commands_behind_a_waiting_one_follow_it(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "BLPOP", "q", 0)
    waiter.client.send("INCR", "n")
    waiter.client.send("BLPOP", "q", 0)
    waiter.client.send("INCR", "n")
    until_blocked(client)
    assert client.call("EXISTS", "n") == 0
    client.call("RPUSH", "q", "x")
    assert waiter.answer() == bulks(b"q", b"x")
    assert waiter.answer() == Reply(":", 1)
    until_blocked(client)
    client.call("RPUSH", "q", "y")
    assert waiter.answer() == bulks(b"q", b"y")
    assert waiter.answer() == Reply(":", 2)


def test_reply_skip_holds_until_the_answer(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "PING")
    waiter.answer()
    waiter.client.send("CLIENT", "REPLY", "SKIP")
    waiter.client.send("BLPOP", "q", 0)
    until_blocked(client)
    client.call("RPUSH", "q", "x")
    until_blocked(client, 0)
    assert waiter.client.call("PING") == "PONG"


def test_nothing_waits_inside_a_transaction(connect: Connect) -> None:
    client = connect()
    client.call("MULTI")
    for line in ("BLPOP q 0", "BLMOVE q r LEFT LEFT 0", "BLMPOP 0 1 q LEFT",
                 "BLMOVEM q r LEFT LEFT 0", "BRPOPLPUSH q r 0"):  # fmt: skip
        client.call(*line.split())
    assert client.reply("EXEC").value == [
        Reply("*", None), Reply("$", None), Reply("*", None), Reply("*", None), Reply("$", None),
    ]  # fmt: skip


def test_a_served_wait_changes_the_key_for_watchers(connect: Connect) -> None:
    client = connect()
    watcher = connect()
    waiter = Waiter(connect, "BLMOVE", "q", "r", "LEFT", "LEFT", 0)
    until_blocked(client)
    watcher.call("WATCH", "r")
    watcher.call("MULTI")
    watcher.call("PING")
    client.call("RPUSH", "q", "x")
    waiter.answer()
    assert watcher.reply("EXEC").is_null


def test_key_that_expired_meanwhile(connect: Connect) -> None:
    client = connect()
    waiter = Waiter(connect, "BLPOP", "q", 0)
    until_blocked(client)
    client.call("MULTI")
    client.call("RPUSH", "q", "x")
    client.call("PEXPIREAT", "q", 1)
    client.call("EXEC")
    assert waiter.waits
    client.call("RPUSH", "q", "y")
    assert waiter.answer() == bulks(b"q", b"y")


def test_timeouts_never_end_early(client: SocketClient) -> None:
    """By the clock of the client, which begins before the server's does."""
    for timeout_ms in (1, 2, 3, 5) * 10:
        started = time.monotonic()
        assert client.call("BLPOP", "none", timeout_ms / 1000) is None
        assert time.monotonic() - started >= timeout_ms / 1000
