"""Engines in this process that keep their data in files."""

from __future__ import annotations

import errno
import gc
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from carnelian.embedded import Engine, FilesError
from carnelian.services.persistence.aof import log_file
from tests.support.log_files import DIRECTORY, INCREMENT, logged
from tests.support.servers import start
from tests.support.waiting import wait_until


def opened(directory: Path, **settings: str) -> Engine:
    return Engine(**({"dir": str(directory), "appendonly": "yes"} | settings))


def bulk(reply: bytes) -> bytes:
    return reply.split(b"\r\n", 1)[1][:-2]


def persistence(engine: Engine) -> dict[bytes, bytes]:
    lines = engine.execute([b"INFO", b"persistence"]).split(b"\r\n")
    return {line.split(b":")[0]: line.split(b":")[1] for line in lines if line.count(b":") == 1}


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_what_was_written_is_there_again(policy: str, tmp_path: Path) -> None:
    engine = opened(tmp_path, appendfsync=policy)
    engine.execute([b"SET", b"k", b"1"])
    engine.execute([b"MULTI"])
    engine.execute([b"INCR", b"k"])
    engine.execute([b"INCR", b"k"])
    engine.execute([b"EXEC"])
    wanted = ["SET k 1", "MULTI", "INCR k", "INCR k", "EXEC"]
    if policy == "everysec":  # a write may wait for a sync that is running
        wait_until(lambda: persistence(engine)[b"aof_buffer_length"] == b"0", "it is written")
    assert logged(tmp_path / DIRECTORY / INCREMENT)[1:] == wanted
    engine.close()
    engine = opened(tmp_path)
    assert bulk(engine.execute([b"GET", b"k"])) == b"3"
    engine.close()
    engine.close()
    with pytest.raises(ConnectionError):
        engine.execute([b"PING"])


def test_files_are_those_of_a_server(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    engine.execute([b"RPUSH", b"list", b"a", b"b"])
    engine.close()
    settings = {"dir": str(tmp_path), "appendonly": "yes"}
    with start("carnelian", settings) as server, server.connect() as client:
        assert client.call("LRANGE", "list", "0", "-1") == [b"a", b"b"]
        client.call("RPUSH", "list", "c")
    engine = opened(tmp_path)
    assert engine.execute([b"LLEN", b"list"]) == b":3\r\n"
    engine.close()


def test_a_blocked_command_is_logged_before_it_is_answered(tmp_path: Path) -> None:
    engine = opened(tmp_path, appendfsync="always")
    other = engine.connect()
    seen: list[list[str]] = []

    def wait() -> None:
        other.execute([b"BLPOP", b"list", b"10"])
        seen.append(logged(tmp_path / DIRECTORY / INCREMENT))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    wait_until(lambda: b"flags=b" in engine.execute([b"CLIENT", b"LIST"]), "it waits")
    engine.execute([b"RPUSH", b"list", b"x"])
    waiting.join(10)
    assert "LPOP list" in seen[0]
    engine.close()


def test_one_engine_to_a_directory(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    with pytest.raises(FilesError, match="another engine uses the files"):
        opened(tmp_path)
    engine.close()
    opened(tmp_path).close()


def test_damage_is_told(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    engine.execute([b"SET", b"k", b"v"])
    engine.close()
    file = tmp_path / DIRECTORY / INCREMENT
    damaged = file.read_bytes().replace(b"SET", b"SEX")
    file.write_bytes(damaged)
    with pytest.raises(FilesError, match="unknown command 'SEX'"):
        opened(tmp_path)
    assert file.read_bytes() == damaged
    file.write_bytes(damaged.replace(b"SEX", b"SET"))
    opened(tmp_path).close()


def test_rewriting_and_saving_in_the_background(tmp_path: Path) -> None:
    engine = opened(tmp_path)
    for i in range(100):
        engine.execute([b"SET", b"k", b"%d" % i])
    assert b"started" in engine.execute([b"BGREWRITEAOF"])
    wait_until(lambda: persistence(engine)[b"aof_rewrite_in_progress"] == b"0", "it is rewritten")
    assert persistence(engine)[b"aof_last_bgrewrite_status"] == b"ok"
    engine.execute([b"BGSAVE"])
    wait_until(lambda: persistence(engine)[b"rdb_bgsave_in_progress"] == b"0", "it is saved")
    assert (tmp_path / "dump.rdb").exists()
    engine.close()
    engine = opened(tmp_path)
    assert bulk(engine.execute([b"GET", b"k"])) == b"99"
    engine.close()


def test_a_background_save_of_an_engine_without_files_ends(tmp_path: Path) -> None:
    engine = Engine(dir=str(tmp_path))
    engine.execute([b"BGSAVE"])
    wait_until(lambda: persistence(engine)[b"rdb_bgsave_in_progress"] == b"0", "it is saved")
    assert engine.execute([b"SAVE"]) == b"+OK\r\n"
    assert b"told of its files when it is made" in engine.execute(
        [b"CONFIG", b"SET", b"appendonly", b"yes"]
    )
    engine.close()


def test_save_points(tmp_path: Path) -> None:
    engine = Engine(dir=str(tmp_path), save="3600 1")
    engine.execute([b"SET", b"k", b"v"])
    engine.close()
    engine = Engine(dir=str(tmp_path), save="3600 1")
    assert bulk(engine.execute([b"GET", b"k"])) == b"v"
    engine.execute([b"CONFIG", b"SET", b"appendonly", b"yes"])
    engine.execute([b"SET", b"k", b"w"])
    engine.close()  # when the first rewrite is done
    engine = opened(tmp_path)
    assert bulk(engine.execute([b"GET", b"k"])) == b"w"
    engine.close()


def test_with_always_a_failed_sync_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(tmp_path, appendfsync="always")
    failing = [True]

    def sync(fd: int) -> None:
        if failing:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(log_file, "sync", sync)
    with pytest.raises(OSError, match="Can't persist AOF for fsync error"):
        engine.execute([b"SET", b"k", b"v"])
    assert engine.execute([b"SET", b"k", b"w"]).startswith(b"-MISCONF Errors writing to the AOF")
    assert bulk(engine.execute([b"GET", b"k"])) == b"v"
    failing.clear()
    wait_until(lambda: engine.execute([b"SET", b"k", b"w"]) == b"+OK\r\n", "it works again")
    engine.close()


def test_with_always_a_full_disk_is_raised(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    engine = opened(tmp_path, appendfsync="always")
    try:
        engine.execute([b"SET", b"small", b"1"])
        size = (tmp_path / DIRECTORY / INCREMENT).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, before[1]))
        with pytest.raises(OSError, match="Can't recover from AOF write error"):
            engine.execute([b"SET", b"big", b"x" * 5000])
        assert (tmp_path / DIRECTORY / INCREMENT).stat().st_size == size
        assert engine.execute([b"SET", b"k", b"w"]).startswith(b"-MISCONF")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    wait_until(lambda: engine.execute([b"SET", b"k", b"w"]) == b"+OK\r\n", "there is room again")
    engine.close()
    engine = opened(tmp_path)
    assert engine.execute([b"DBSIZE"]) == b":3\r\n"
    engine.close()


SCRIPT = """
import sys
from carnelian.embedded import Engine
engine = Engine(dir=sys.argv[1], appendonly="yes", appendfsync=sys.argv[2])
for i in range(200):
    engine.execute([b"RPUSH", b"list", b"%d" % i])
print("written", flush=True)
"""


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_a_process_that_does_not_close(ends: str, tmp_path: Path) -> None:
    script = SCRIPT + ("" if ends == "by itself" else "sys.stdin.read()\n")
    policy = "everysec" if ends == "by itself" else "always"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), policy],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    if ends == "killed":
        process.kill()
    _, errors = process.communicate(timeout=20)
    assert errors == b""
    engine = opened(tmp_path)
    assert engine.execute([b"LLEN", b"list"]) == b":200\r\n"
    engine.close()


def test_an_engine_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    engine: Any = opened(tmp_path)
    engine.execute([b"SET", b"k", b"v"])
    del engine
    gc.collect()
    opened(tmp_path).close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="Linux tells")
def test_a_closed_engine_holds_no_descriptor_and_no_thread(tmp_path: Path) -> None:
    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    before = held()
    for _ in range(3):
        engine = opened(tmp_path, appendfsync="everysec")
        engine.execute([b"SET", b"k", b"v"])
        engine.execute([b"BGREWRITEAOF"])
        engine.close()

    def is_less(now: tuple[int, int]) -> bool:
        return now[0] <= before[0] and now[1] <= before[1]

    wait_until(lambda: is_less(held()), "threads have ended")


def test_an_engine_that_nobody_holds_is_closed_at_once(tmp_path: Path) -> None:
    gc.disable()
    try:
        engine = Engine(dir=tmp_path, save="3600 1")
        engine.execute([b"SET", b"k", b"1"])
        client = engine.connect()
        del engine
        client.execute([b"INCR", b"k"])  # a client keeps its engine
        del client
        with Engine(dir=tmp_path, save="3600 1") as engine:
            assert bulk(engine.execute([b"GET", b"k"])) == b"2"
    finally:
        gc.enable()


def test_there_are_two_protocols() -> None:
    with Engine() as engine:
        for wrong in (1, 4):
            with pytest.raises(ValueError, match="2 or 3"):
                engine.connect(protocol=wrong)
        assert engine.connect(3).execute([b"GET", b"none"]) == b"_\r\n"
    with pytest.raises(ConnectionError):
        engine.execute([b"PING"])


def test_what_expired_since_had_not_when_it_was_logged(tmp_path: Path) -> None:
    """A log is replayed as of then: RESTORE with a time that has passed, fields read by SORT."""
    with opened(tmp_path, enable_debug_command="yes") as engine:
        engine.execute([b"SET", b"src", b"hello"])
        payload = bulk(engine.execute([b"DUMP", b"src"]))
        engine.execute([b"SET", b"old", b"x"])
        for key in (b"new", b"old"):
            engine.execute([b"RESTORE", key, b"40", payload, b"REPLACE"])
            engine.execute([b"PERSIST", key])
        for number, field in ((b"1", b"5"), (b"2", b"1")):
            engine.execute(
                [b"HSETEX", b"h" + number, b"PX", b"40", b"FIELDS", b"1", b"f", field]
            )
        engine.execute([b"RPUSH", b"l", b"1", b"2"])
        engine.execute([b"SORT", b"l", b"BY", b"h*->f", b"GET", b"h*->f", b"STORE", b"sorted"])
        engine.execute([b"SET", b"clock", b"1", b"PX", b"60"])
        wait_until(lambda: engine.execute([b"EXISTS", b"clock"]) == b":0\r\n", "times pass")
        digest = engine.execute([b"DEBUG", b"DIGEST"])
    with opened(tmp_path, enable_debug_command="yes") as engine:
        assert engine.execute([b"MGET", b"new", b"old"]).count(b"hello") == 2
        assert engine.execute([b"LRANGE", b"sorted", b"0", b"-1"]) == (
            b"*2\r\n$1\r\n1\r\n$1\r\n5\r\n"
        )
        assert engine.execute([b"DEBUG", b"DIGEST"]) == digest
