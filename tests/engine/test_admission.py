"""Who may run what is decided in one place: the same for a command that comes alone, from the queue
of EXEC, or again after a wait. And what is left behind when it is refused: nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from carnelian import commands  # noqa: F401
from carnelian.engine.engine import Engine
from carnelian.engine.errors import error
from carnelian.engine.local_session import LocalSession
from carnelian.engine.turn import Turn

FULL = error("the disk is full")
Call = Callable[..., bytes]


@pytest.fixture
def engine() -> Any:
    return Engine(2)


@pytest.fixture
def turn(engine: Any) -> Iterator[Turn]:
    with Turn(engine) as turn:
        yield turn


@pytest.fixture
def connect(engine: Any, turn: Turn) -> Iterator[Callable[[], Call]]:
    sessions = []

    def client() -> Call:
        session = LocalSession(engine, turn)
        sessions.append(session)
        return lambda line: bytes(session.execute(line.split()))

    yield client
    for session in sessions:
        session.close()


@pytest.fixture
def call(connect: Callable[[], Call]) -> Call:
    return connect()


def refuse_writes(engine: Any) -> None:
    engine.refusals.set("save", lambda writes, saves: FULL if writes else None)


def test_a_write_alone_is_refused(engine: Any, call: Call) -> None:
    refuse_writes(engine)
    assert call(b"SET a 1") == b"-ERR the disk is full\r\n"
    assert call(b"GET a") == b"$-1\r\n"
    engine.refusals.set("save", None)
    assert call(b"SET a 1") == b"+OK\r\n"


def test_exec_is_refused_for_what_it_would_run(engine: Any, call: Call) -> None:
    call(b"WATCH a")
    call(b"MULTI")
    assert call(b"SET a 1") == b"+QUEUED\r\n"
    refuse_writes(engine)
    assert call(b"EXEC") == (
        b"-EXECABORT Transaction discarded because of: the disk is full\r\n")
    assert call(b"EXEC") == b"-ERR EXEC without MULTI\r\n"
    assert b" watch=0 " in call(b"CLIENT INFO")


def test_exec_of_reads_is_not(engine: Any, call: Call) -> None:
    call(b"MULTI")
    call(b"GET a")
    refuse_writes(engine)
    assert call(b"EXEC") == b"*1\r\n$-1\r\n"


def test_a_refused_command_spoils_the_transaction(engine: Any, call: Call) -> None:
    refuse_writes(engine)
    call(b"MULTI")
    assert call(b"SET a 1") == b"-ERR the disk is full\r\n"
    assert call(b"EXEC").startswith(b"-EXECABORT")
    assert b" multi=-1 " in call(b"CLIENT INFO")


def test_the_first_of_those_who_refuse_speaks(engine: Any, call: Call) -> None:
    engine.refusals.set("replicas", lambda writes, saves: error("too few"))
    refuse_writes(engine)
    assert call(b"SET a 1") == b"-ERR the disk is full\r\n"
    engine.refusals.set("save", None)
    assert call(b"SET a 1") == b"-ERR too few\r\n"


def test_while_loading_little_may_run(engine: Any, call: Call) -> None:
    engine.set_loading(True)
    assert call(b"GET a").startswith(b"-LOADING")
    assert call(b"CLIENT ID").startswith(b":")
    call(b"MULTI")
    assert call(b"EXEC") == b"*0\r\n"
    engine.set_loading(False)
    assert call(b"GET a") == b"$-1\r\n"


def test_a_read_only_replica_hears_its_clients_reads(engine: Any, call: Call) -> None:
    engine.set_replica(True, True, False)
    assert call(b"SET a 1").startswith(b"-READONLY")
    assert call(b"GET a") == b"$-1\r\n"
    engine.set_replica(True, False, True)
    assert call(b"GET a").startswith(b"-MASTERDOWN")
    engine.set_replica(False, True, True)
    assert call(b"SET a 1") == b"+OK\r\n"


@pytest.mark.parametrize("leaving", [b"EXEC", b"DISCARD", b"RESET"])
def test_however_a_transaction_is_left_nothing_stays(
    connect: Callable[[], Call], leaving: bytes
) -> None:
    call, other = connect(), connect()
    call(b"WATCH a")
    call(b"MULTI")
    call(b"SET b 1")
    other(b"SET a 1")
    call(leaving)
    info = call(b"CLIENT INFO")
    assert b" multi=-1 watch=0 " in info
    assert b" multi-mem=0 " in info
    other(b"SET a 2")
    call(b"MULTI")
    assert call(b"EXEC") == b"*0\r\n"


def test_events_reach_listeners_and_nobody_else(engine: Any, connect: Callable[[], Call]) -> None:
    call, listener = connect(), connect()
    engine.events.choose(2 | 8)  # KEYEVENT of strings
    listener(b"SUBSCRIBE __keyevent@0__:set")
    call(b"SET a 1")
    call(b"LPUSH l 1")
    got = listener(b"PING")
    assert got.count(b"message") == 1
    engine.events.choose(0)
    call(b"SET a 2")
    assert b"message" not in listener(b"PING")
