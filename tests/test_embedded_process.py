"""The process around an engine: forks, signals, threads, exceptions in the middle of a wait."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from carnelian.embedded import Client, Engine, ForkedError, ReentryError
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

WAITS: list[list[bytes]] = [
    [b"BLPOP", b"q", b"0"],
    [b"BRPOP", b"q", b"other", b"30"],
    [b"BLMOVE", b"q", b"to", b"LEFT", b"RIGHT", b"0"],
    [b"BLMPOP", b"0", b"1", b"q", b"LEFT"],
]


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that does some work and ends as a script does."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(20)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def text_of(reply: bytes) -> bytes:
    return reply.split(b"\r\n", 1)[1].removesuffix(b"\r\n")


def is_blocked(engine: Engine) -> bool:
    return b"blocked_clients:1" in engine.execute([b"INFO", b"clients"])


class Interrupted(Exception):
    pass


@contextmanager
def on_signal(handler: Callable[[], Any], engine_waits: Callable[[], bool]) -> Iterator[None]:
    """Send this process SIGUSR1, handled by `handler`, once somebody waits."""

    def send() -> None:
        wait_until(engine_waits, "it waits")
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def interrupt() -> None:
    raise Interrupted


# --- forks ---


def test_a_forked_child_is_refused(engine: Engine) -> None:
    engine.execute([b"SET", b"a", b"1"])
    other = engine.connect()

    def work() -> None:
        for call in (
            lambda: engine.execute([b"GET", b"a"]),
            lambda: other.execute([b"SET", b"a", b"2"]),
            other.take,
            engine.connect,
        ):
            with pytest.raises(ForkedError):
                call()
        engine.close()
        own = Engine()
        own.execute([b"SET", b"a", b"3"])
        assert own.execute([b"GET", b"a"]) == b"$1\r\n3\r\n"
        own.close()

    assert in_child(work) == 0
    assert engine.execute([b"GET", b"a"]) == b"$1\r\n1\r\n"


SCRIPT = """
import os, sys
from carnelian.embedded import Engine
directory, *settings = sys.argv[1:]
engine = Engine(dir=directory, **dict(setting.split("=") for setting in settings))
engine.execute([b"SET", b"a", b"1"])
pid = os.fork()
if pid == 0:
    for command in ([b"SET", b"c", b"1"], [b"DEL", b"a"]):
        try:
            engine.execute(command)
        except RuntimeError:
            pass
        else:
            os._exit(9)
    sys.exit(3)
assert engine.execute([b"SET", b"b", b"1"]) == b"+OK\\r\\n"
engine.close()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"save": "3600 1"},
        {"appendonly": "yes", "appendfsync": "everysec"},
        {"appendonly": "yes", "appendfsync": "always"},
    ],
    ids=lambda settings: "-".join(settings.values()).replace(" ", "_"),
)
def test_the_files_stay_the_parents(settings: dict[str, str], tmp_path: Path) -> None:
    words = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), *words], timeout=60, check=False
    )
    assert done.returncode == 3  # the child's own: it ended by itself
    engine = Engine(dir=str(tmp_path), **settings)
    assert engine.execute([b"MGET", b"a", b"b", b"c"]) == b"*3\r\n$1\r\n1\r\n$1\r\n1\r\n$-1\r\n"
    engine.close()


def test_a_child_outlives_its_parents_lock(tmp_path: Path) -> None:
    engine = Engine(dir=str(tmp_path), appendonly="yes")
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    engine.close()
    Engine(dir=str(tmp_path), appendonly="yes").close()
    os.close(writing)
    os.waitpid(pid, 0)
    os.close(reading)


def test_a_fork_while_others_call(engine: Engine) -> None:
    stopped = threading.Event()

    def call(client: Client) -> None:
        while not stopped.is_set():
            client.execute([b"INCR", b"n"])
            client.execute([b"SORT", b"missing"])

    threads = [threading.Thread(target=call, args=(engine.connect(),)) for _ in range(2)]
    for thread in threads:
        thread.start()

    def work() -> None:
        with pytest.raises(ForkedError):
            engine.execute([b"PING"])

    try:
        assert [in_child(work) for _ in range(20)] == [0] * 20
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert engine.execute([b"PING"]) == b"+PONG\r\n"


def test_a_fork_while_somebody_waits(engine: Engine) -> None:
    client = engine.connect()
    replies: list[bytes] = []
    thread = threading.Thread(target=lambda: replies.append(client.execute(WAITS[0])))
    thread.start()
    wait_until(lambda: is_blocked(engine), "it waits")

    def work() -> None:
        with pytest.raises(ForkedError):
            client.execute([b"PING"])

    assert in_child(work) == 0
    engine.execute([b"RPUSH", b"q", b"x"])
    thread.join(10)
    assert replies == [b"*2\r\n$1\r\nq\r\n$1\r\nx\r\n"]


@pytest.mark.parametrize("policy", ["everysec", "always", "no"])
def test_a_child_saves_an_engine_of_its_own_that_nobody_holds(tmp_path: Path, policy: str) -> None:
    def work() -> None:
        def fill() -> None:
            engine = Engine(dir=tmp_path, appendonly=True, appendfsync=policy)
            for i in range(200):
                engine.execute([b"SET", b"%d" % i, b"x"])

        gc.disable()
        fill()

    assert in_child(work) == 0
    with Engine(dir=tmp_path, appendonly=True) as engine:
        assert engine.execute([b"DBSIZE"]) == b":200\r\n"


# --- exceptions in a wait ---


@pytest.mark.parametrize("argv", WAITS, ids=lambda argv: argv[0].decode())
def test_an_exception_undoes_the_wait(engine: Engine, argv: list[bytes]) -> None:
    client = engine.connect()
    with on_signal(interrupt, lambda: is_blocked(engine)), pytest.raises(Interrupted):
        client.execute(argv)
    assert b"blocked_clients:0" in engine.execute([b"INFO", b"clients"])
    assert client.execute([b"PING"]) == b"+PONG\r\n"
    assert client.execute([b"RPUSH", b"q", b"x"]) == b":1\r\n"
    assert client.execute([b"LRANGE", b"q", b"0", b"-1"]) == b"*1\r\n$1\r\nx\r\n"


@pytest.mark.parametrize(
    "argv",
    [
        [b"XREAD", b"BLOCK", b"0", b"STREAMS", b"s", b"$"],
        [b"XREADGROUP", b"GROUP", b"g", b"c", b"BLOCK", b"0", b"STREAMS", b"s", b">"],
        [b"BZPOPMIN", b"z", b"0"],
    ],
    ids=lambda argv: argv[0].decode(),
)
def test_other_waits_are_undone_too(engine: Engine, argv: list[bytes]) -> None:
    engine.execute([b"XGROUP", b"CREATE", b"s", b"g", b"$", b"MKSTREAM"])
    client = engine.connect()
    with on_signal(interrupt, lambda: is_blocked(engine)), pytest.raises(Interrupted):
        client.execute(argv)
    assert client.execute([b"ECHO", b"x"]) == b"$1\r\nx\r\n"
    engine.execute([b"ZADD", b"z", b"1", b"m"])
    assert client.execute([b"ZCARD", b"z"]) == b":1\r\n"


def test_what_comes_while_the_handler_runs_is_kept(engine: Engine) -> None:
    """A push from inside the handler that then raises: the element stays in its list."""

    def push_and_raise() -> None:
        assert engine.execute([b"RPUSH", b"q", b"x"]) == b":1\r\n"
        raise Interrupted

    client = engine.connect()
    with on_signal(push_and_raise, lambda: is_blocked(engine)), pytest.raises(Interrupted):
        client.execute(WAITS[0])
    assert client.execute([b"LPOP", b"q"]) == b"$1\r\nx\r\n"


def test_a_handler_that_returns_serves_the_wait(engine: Engine) -> None:
    client = engine.connect()

    def push() -> None:
        assert engine.execute([b"RPUSH", b"q", b"x"]) == b":1\r\n"

    with on_signal(push, lambda: is_blocked(engine)):
        assert client.execute(WAITS[0]) == b"*2\r\n$1\r\nq\r\n$1\r\nx\r\n"


def test_an_interrupted_wait_keeps_its_deadline(engine: Engine) -> None:
    client = engine.connect()
    with on_signal(lambda: None, lambda: is_blocked(engine)):
        assert client.execute([b"BLPOP", b"q", b"0.2"]) == b"*-1\r\n"


def test_an_interrupt_from_the_keyboard(engine: Engine) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def send() -> None:
        wait_until(lambda: is_blocked(engine), "it waits")
        os.kill(os.getpid(), signal.SIGINT)

    client = engine.connect()
    sender = threading.Thread(target=send)
    sender.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            client.execute(WAITS[0])
    finally:
        sender.join()
        signal.signal(signal.SIGINT, before)
    assert client.execute([b"PING"]) == b"+PONG\r\n"


# --- one client in two places ---


def test_a_client_that_waits_is_refused_elsewhere(engine: Engine) -> None:
    client = engine.connect()
    replies: list[bytes] = []
    thread = threading.Thread(target=lambda: replies.append(client.execute(WAITS[0])))
    thread.start()
    wait_until(lambda: is_blocked(engine), "it waits")
    with pytest.raises(ReentryError):
        client.execute([b"PING"])
    assert client.take() == b""
    engine.execute([b"RPUSH", b"q", b"x"])
    thread.join(10)
    assert replies == [b"*2\r\n$1\r\nq\r\n$1\r\nx\r\n"]
    assert client.execute([b"PING"]) == b"+PONG\r\n"


def test_a_client_closed_while_it_waits(engine: Engine) -> None:
    client = engine.connect()
    failures: list[Exception] = []

    def wait() -> None:
        try:
            client.execute(WAITS[0])
        except ConnectionError as failed:
            failures.append(failed)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: is_blocked(engine), "it waits")
    client.close()
    thread.join(10)
    assert len(failures) == 1
    assert engine.execute([b"RPUSH", b"q", b"x"]) == b":1\r\n"
    assert engine.execute([b"LLEN", b"q"]) == b":1\r\n"


def test_a_handler_calls_at_any_moment(engine: Engine) -> None:
    """It runs its command, or is told that its thread is amid one: nothing waits for ever."""
    replies: list[bytes] = []
    refusals: list[Exception] = []
    other = engine.connect()

    def handle(*_: Any) -> None:
        try:
            replies.append(other.execute([b"INCR", b"n"]))
        except ReentryError as refused:
            refusals.append(refused)

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        wait_until(lambda: engine.execute([b"PING"]) == b"+PONG\r\n" and len(replies) > 9, "calls")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert int(engine.execute([b"GET", b"n"]).split()[1]) == len(replies)


def test_threads_take_turns(engine: Engine) -> None:
    """Many threads that wait and push: nothing is lost, nothing is served twice."""
    rounds, pairs = 200, 4
    taken: list[list[bytes]] = [[] for _ in range(pairs)]

    def push(number: int, client: Client) -> None:
        for i in range(rounds):
            client.execute([b"RPUSH", b"q", b"%d-%d" % (number, i)])

    def take(number: int, client: Client) -> None:
        for _ in range(rounds):
            reply = client.execute([b"BLPOP", b"q", b"0"])
            taken[number].append(reply.split(b"\r\n")[4])

    threads = [
        threading.Thread(target=work, args=(number, engine.connect()))
        for number in range(pairs)
        for work in (push, take)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = sorted(element for part in taken for element in part)
    assert found == sorted(b"%d-%d" % (n, i) for n in range(pairs) for i in range(rounds))
