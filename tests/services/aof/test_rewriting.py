"""Rewriting the log, turning it on and off: which files there are, and that no write is lost."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.log_files import DIRECTORY, INCREMENT, MANIFEST, logged
from tests.support.persistence import (
    content,
    fill,
    names,
    persistence,
    rewritten,
    wait_for,
)
from tests.support.servers import Server
from tests.support.waiting import wait_until

MANY = 100_000
STEP = 5_000


def populate(server: Server, count: int = MANY) -> None:
    with server.connect() as client:
        for first in range(0, count, STEP):
            keys = range(first, first + STEP)
            client.call("MSET", *[word for i in keys for word in (f"key:{i}", f"value {i}")])


def digest(server: Server) -> Any:
    with server.connect() as client:
        return client.call("DEBUG", "DIGEST")


def crash(server: Server) -> None:
    """A kill when all is written: what waits for a running sync would be lost, as in Redis."""
    wait_for(server, aof_buffer_length=0)
    server.kill()


def settled(directory: Path, *wanted: str) -> None:
    """Until the directory holds exactly these files: history goes in the background."""
    wait_until(lambda: names(directory) == {*wanted, MANIFEST}, f"only {wanted} are left")


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_a_rewrite_replaces_all_files(preamble: str, begin: Any, tmp_path: Path) -> None:
    server = begin(aof_use_rdb_preamble=preamble)
    with server.connect() as client:
        client.call("SET", "a", "1")
    rewritten(server)
    with server.connect() as client:
        client.call("INCR", "a")
    kind = "rdb" if preamble == "yes" else "aof"
    directory = tmp_path / DIRECTORY
    settled(directory, f"appendonly.aof.2.base.{kind}", "appendonly.aof.2.incr.aof")
    assert (directory / MANIFEST).read_text() == (
        f"file appendonly.aof.2.base.{kind} seq 2 type b\n"
        "file appendonly.aof.2.incr.aof seq 2 type i\n"
    )
    assert logged(directory / "appendonly.aof.2.incr.aof") == ["SELECT 0", "INCR a"]
    if kind == "aof":
        assert logged(directory / "appendonly.aof.2.base.aof") == ["SELECT 0", "SET a 1"]


def write_for_ever(server: Server, stop: threading.Event, counts: list[int]) -> None:
    with server.connect() as client:
        while not stop.is_set():
            replies = client.pipeline([["RPUSH", "list", str(counts[0] + i)] for i in range(50)])
            counts[0] += len(replies)


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_writes_go_on_during_a_rewrite(preamble: str, begin: Any) -> None:
    server = begin(aof_use_rdb_preamble=preamble)
    populate(server)
    stop, counts = threading.Event(), [0]
    writer = threading.Thread(target=write_for_ever, args=(server, stop, counts))
    writer.start()
    try:
        for _ in range(2):
            rewritten(server)
    finally:
        stop.set()
        writer.join()
    before = digest(server)
    crash(server)
    again = begin()
    assert digest(again) == before
    with again.connect() as client:
        found = [int(word) for word in client.call("LRANGE", "list", "0", "-1")]
    assert found == list(range(counts[0]))


def test_it_grows_and_is_rewritten_by_itself(begin: Any) -> None:
    server = begin(auto_aof_rewrite_min_size="200kb", auto_aof_rewrite_percentage="50")
    with server.connect() as client:
        client.call("SET", "fixed", "x" * 100_000)
        wait_for(server, aof_rewrites=0)
        client.call("SET", "fixed", "x" * 150_000)
        wait_for(server, aof_rewrites=1, aof_rewrite_in_progress=0)
        wait_until(lambda: int(persistence(server)["aof_base_size"]) < 200_000, "it shrank")


def test_on_at_run_time(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no")
    with server.connect() as client:
        fill(client)
        assert not (tmp_path / DIRECTORY).exists()
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("SET", "after", "1")
        wait_for(server, aof_enabled=1, aof_rewrite_in_progress=0)
        client.call("SET", "later", "1")
        before = content(client)
    crash(server)
    with begin("redis").connect() as client:
        assert content(client) == before


def test_off_and_on_again(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        client.call("SET", "a", "1")
        client.call("CONFIG", "SET", "appendonly", "no")
        assert persistence(server)["aof_enabled"] == "0"
        client.call("SET", "b", "1")
        assert logged(tmp_path / DIRECTORY / INCREMENT) == ["SELECT 0", "SET a 1"]
        client.call("CONFIG", "SET", "appendonly", "yes")
        wait_for(server, aof_rewrite_in_progress=0)
        client.call("SET", "c", "1")
    crash(server)
    with begin().connect() as client:
        assert client.call("DBSIZE") == 3


def test_on_and_off_within_a_transaction(begin: Any) -> None:
    server = begin(appendonly="no")
    with server.connect() as client:
        for wanted in ("yes", "no", "yes"):
            client.call("MULTI")
            client.call("SET", "a", wanted)
            client.call("CONFIG", "SET", "appendonly", wanted)
            client.call("SET", "b", wanted)
            assert client.call("EXEC") == ["OK", "OK", "OK"]
    wait_for(server, aof_enabled=1, aof_rewrite_scheduled=0, aof_rewrite_in_progress=0)
    crash(server)
    with begin().connect() as client:
        assert client.call("MGET", "a", "b") == [b"yes", b"yes"]


def test_off_ends_a_running_rewrite(begin: Any, tmp_path: Path) -> None:
    server = begin(rdb_key_save_delay="1000")
    populate(server)
    with server.connect() as client:
        client.call("BGREWRITEAOF")
        assert client.error("BGREWRITEAOF") == (
            "ERR Background append only file rewriting already in progress"
        )
        client.call("CONFIG", "SET", "appendonly", "no")
    assert persistence(server)["aof_rewrite_in_progress"] == "0"
    wait_until(lambda: not list(tmp_path.glob("temp-*")), "no temporary file is left")


def test_a_rewrite_waits_for_a_save(begin: Any) -> None:
    server = begin(rdb_key_save_delay="100")
    populate(server)
    with server.connect() as client:
        client.call("BGSAVE")
        assert client.call("BGREWRITEAOF") == "Background append only file rewriting scheduled"
        assert persistence(server)["aof_rewrite_scheduled"] == "1"
        client.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        client.call("FLUSHALL")  # ends the save
    wait_for(server, aof_rewrites=1, aof_rewrite_scheduled=0, aof_rewrite_in_progress=0)


def test_a_save_is_refused_or_scheduled_while_rewriting(begin: Any) -> None:
    server = begin(rdb_key_save_delay="1000")
    populate(server)
    with server.connect() as client:
        client.call("BGREWRITEAOF")
        assert client.error("BGSAVE").startswith("ERR Another child process is active (AOF)")
        assert client.call("BGSAVE", "SCHEDULE") == "Background saving scheduled"
        kill_child(server)
        client.call("CONFIG", "SET", "rdb-key-save-delay", "0")
    wait_for(server, rdb_bgsave_in_progress=0, rdb_saves=1)


def kill_child(server: Server) -> None:
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    for pid in wait_until(lambda: children.read_text().split(), "there is a child"):
        os.kill(int(pid), signal.SIGKILL)


def test_a_killed_rewrite_leaves_another_increment(begin: Any, tmp_path: Path) -> None:
    server = begin(rdb_key_save_delay="1000")
    populate(server, 20_000)
    with server.connect() as client:
        for i in range(2):
            client.call("SET", f"before:{i}", "1")
            client.call("BGREWRITEAOF")
            client.call("SET", f"after:{i}", "1")
            kill_child(server)
            wait_for(server, aof_rewrites_consecutive_failures=i + 1)
        assert persistence(server)["aof_last_bgrewrite_status"] == "err"
    increments = [name for name in names(tmp_path / DIRECTORY) if "incr" in name]
    assert len(increments) == 3
    before = digest(server)
    crash(server)
    server = begin()
    assert digest(server) == before
    rewritten(server)
    settled(tmp_path / DIRECTORY, "appendonly.aof.2.base.rdb", "appendonly.aof.4.incr.aof")
    assert persistence(server)["aof_rewrites_consecutive_failures"] == "0"


def test_a_first_rewrite_that_is_killed_is_tried_again(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no", rdb_key_save_delay="1000")
    populate(server, 20_000)
    with server.connect() as client:
        client.call("CONFIG", "SET", "appendonly", "yes")
        client.call("SET", "during", "1")
        assert "temp-appendonly.aof.incr" in names(tmp_path / DIRECTORY)
        client.call("CONFIG", "SET", "rdb-key-save-delay", "0")
        kill_child(server)
        wait_for(server, aof_rewrites=2, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0)
        client.call("SET", "after", "1")
    settled(tmp_path / DIRECTORY, "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof")
    before = digest(server)
    crash(server)
    assert digest(begin()) == before


def test_a_rewrite_while_off_makes_a_base_alone(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no")
    with server.connect() as client:
        client.call("SET", "a", "1")
    rewritten(server)
    assert names(tmp_path / DIRECTORY) == {"appendonly.aof.1.base.rdb", MANIFEST}


def test_history_is_kept_on_demand(begin: Any, tmp_path: Path) -> None:
    server = begin(aof_disable_auto_gc="yes")
    rewritten(server)
    directory = tmp_path / DIRECTORY
    history = {"appendonly.aof.1.base.rdb", INCREMENT}
    assert history < names(directory)
    assert f"file {INCREMENT} seq 1 type h\n" in (directory / MANIFEST).read_text()
    server.stop()
    server = begin(aof_disable_auto_gc="yes")
    assert history < names(directory)
    with server.connect() as client:
        client.call("CONFIG", "SET", "aof-disable-auto-gc", "no")
    settled(directory, "appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof")


def test_sequences_go_on_after_a_restart(begin: Any, tmp_path: Path) -> None:
    for number in (2, 3):
        server = begin()
        rewritten(server)
        settled(
            tmp_path / DIRECTORY,
            f"appendonly.aof.{number}.base.rdb",
            f"appendonly.aof.{number}.incr.aof",
        )
        server.stop()


def flushed(client: SocketClient, command: str) -> None:
    client.call("SET", "a", "1")
    client.call(command)


@pytest.mark.parametrize("command", ["FLUSHALL", "FLUSHDB"])
def test_flushes_are_logged(command: str, begin: Any) -> None:
    server = begin()
    with server.connect() as client:
        flushed(client, command)
        client.call("SET", "b", "1")
    crash(server)
    with begin().connect() as client:
        assert client.call("KEYS", "*") == [b"b"]


def test_a_child_tells_how_far_it_is(begin: Any) -> None:
    """While it runs INFO shows its keys and its memory; afterwards nothing."""
    server = begin(appendonly="no")
    populate(server, 20_000)
    with server.connect() as client:
        client.call("CONFIG", "SET", "rdb-key-save-delay", "100")
        client.call("BGSAVE")
        shown = wait_until(
            lambda: (found := persistence(server))
            and int(found["current_cow_size"]) > 0
            and int(found["current_save_keys_processed"]) > 0
            and found,
            "the child tells of itself",
        )
        assert shown["current_save_keys_total"] == "20000"
        assert 0 < float(shown["current_fork_perc"]) <= 100
        assert int(shown["current_cow_peak"]) >= int(shown["current_cow_size"])
        assert int(shown["current_cow_size_age"]) >= 0
    wait_for(server, rdb_bgsave_in_progress=0)
    after = persistence(server)
    assert int(after["rdb_last_cow_size"]) > 0
    assert after["current_cow_size"] == after["current_cow_peak"] == "0"
