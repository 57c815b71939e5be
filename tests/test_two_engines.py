"""Two engines in one process, in two threads: each has a heap of its own."""

from __future__ import annotations

import gc
import os
import threading

from carnelian.base import memory
from carnelian.embedded import Engine
from tests.support.waiting import wait_until

ROUNDS = 30
MINE = b"a" * 40


def info(engine: Engine, section: bytes) -> dict[bytes, bytes]:
    lines = engine.execute([b"INFO", section]).split(b"\r\n")
    return dict(line.split(b":", 1) for line in lines if b":" in line)


def used(engine: Engine) -> int:
    return int(info(engine, b"memory")[b"used_memory"])


def fill(engine: Engine, count: int, tag: bytes) -> None:
    for number in range(count):
        word = b"%b:%d" % (tag, number)
        engine.execute([b"SET", word, MINE * (number % 90)])
        engine.execute([b"SADD", b"set:" + tag, word])
        engine.execute([b"HSET", b"hash", word, word])
        engine.execute([b"ZADD", b"zset", b"%d" % number, word])
        engine.execute([b"XADD", b"stream", b"*", word, word])
        engine.execute([b"RPUSH", b"list", word])


def write_and_delete(engine: Engine, stop: threading.Event, failed: list[object]) -> None:
    try:
        number = 0
        while not stop.is_set():
            fill(engine, 60, b"%d" % (number % 5))
            number += 1
            if number % 3 == 0:
                assert engine.execute([b"DEL", b"zset", b"set:%d" % (number % 5)])[:1] == b":"
            if number % 7 == 0:
                assert engine.execute([b"FLUSHALL", b"ASYNC"]) == b"+OK\r\n"
    except BaseException as error:
        failed.append(error)


def test_one_saves_and_loads_while_the_other_writes(tmp_path):
    """SAVE runs without the GIL: the other engine's thread allocates and frees at the same time."""
    one = Engine(dir=str(tmp_path), save="3600 1", enable_debug_command="yes")
    other = Engine()
    fill(one, 3000, b"one")
    stop, failed = threading.Event(), []
    writer = threading.Thread(target=write_and_delete, args=(other, stop, failed))
    writer.start()
    try:
        for number in range(ROUNDS):
            assert one.execute([b"SAVE"]) == b"+OK\r\n"
            assert one.execute([b"DEBUG", b"RELOAD"]) == b"+OK\r\n"
            assert one.execute([b"SET", b"round", b"%d" % number]) == b"+OK\r\n"
    finally:
        stop.set()
        writer.join()
    assert not failed
    assert one.execute([b"DBSIZE"]) == b":3006\r\n"
    for engine in (one, other):
        assert engine.instance.engine.verify()
        engine.close()


def test_used_memory_is_of_the_engine_asked():
    one, other = Engine(), Engine()
    starts = [used(engine) for engine in (one, other)]
    fill(one, 2000, b"x")
    grown = used(one) - starts[0]
    assert grown > 4_000_000
    assert abs(used(other) - starts[1]) < 10_000
    peak = int(info(other, b"memory")[b"used_memory_peak"])
    assert peak < starts[1] + 100_000
    fill(other, 100, b"y")
    assert abs(used(one) - starts[0] - grown) < 10_000
    for engine, start in ((one, starts[0]), (other, starts[1])):
        assert engine.execute([b"FLUSHALL"]) == b"+OK\r\n"
        wait_until(lambda: abs(used(engine) - start) < 10_000, "all of it is freed")  # noqa: B023
        engine.close()


def test_nothing_of_an_engine_is_left_when_it_ends():
    gc.collect()
    before = memory.stats()["live"]
    for close in (True, False):
        engine = Engine()
        client = engine.connect()
        fill(engine, 3000, b"z")
        client.execute([b"FLUSHALL", b"ASYNC"])
        fill(engine, 300, b"z")
        if close:
            client.close()
            engine.close()
        del engine, client
        gc.collect()
        gc.collect()               # finalizers ran in the first round
        assert memory.stats()["live"] <= before


def test_an_engine_takes_its_thread_along():
    def threads() -> int:
        return len(os.listdir("/proc/self/task"))

    engine = Engine()
    before = threads()
    fill(engine, 1000, b"w")
    engine.execute([b"FLUSHALL", b"ASYNC"])
    assert threads() == before + 1
    engine.close()
    wait_until(lambda: threads() == before, "the thread is gone")
