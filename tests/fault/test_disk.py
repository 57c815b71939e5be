"""A disk that is full or cannot be written: clear errors, no partial file, and recovery.

The disk is full at a size: RLIMIT_FSIZE of the running server.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_files import DIRECTORY, INCREMENT, logged
from tests.support.persistence import persistence, rewritten, wait_for
from tests.support.servers import Server
from tests.support.waiting import wait_until

UNLIMITED = resource.RLIM_INFINITY


def limit(server: Server, size: int) -> None:
    """No file of the server may grow beyond this."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))


def increment(directory: Path) -> Path:
    return directory / DIRECTORY / INCREMENT


def test_everysec_refuses_writes_until_there_is_room(begin: Any, tmp_path: Path) -> None:
    server = begin(appendfsync="everysec")
    with server.connect() as client:
        client.call("SET", "small", "1")
        wait_for(server, aof_buffer_length=0, aof_pending_bio_fsync=0)
        size = increment(tmp_path).stat().st_size
        limit(server, size + 1000)
        client.call("SET", "big", "x" * 5000)  # the reply comes: everysec promises no more
        wait_for(server, aof_last_write_status="err")
        for command in (["SET", "c", "1"], ["PING"]):
            assert client.error(*command) == (
                "MISCONF Errors writing to the AOF file: No space left on device"
            )
        assert client.call("GET", "small") == b"1"
        assert increment(tmp_path).stat().st_size == size, "no part of a record stays"
        limit(server, UNLIMITED)
        wait_for(server, aof_last_write_status="ok")
        client.call("SET", "c", "1")
    wait_for(server, aof_buffer_length=0)
    server.kill()
    assert logged(increment(tmp_path))[1:] == ["SET small 1", "SET big " + "x" * 5000, "SET c 1"]
    with begin().connect() as client:
        assert client.call("DBSIZE") == 3


def test_always_ends_the_server_rather_than_lie(begin: Any, tmp_path: Path) -> None:
    server = begin(appendfsync="always")
    with server.connect() as client:
        client.call("SET", "small", "1")
        size = increment(tmp_path).stat().st_size
        limit(server, size + 1000)
        client.send("SET", "big", "x" * 5000)
        assert client.closed()
    assert server.process.wait(10) == 1
    assert "Can't recover from AOF write error" in server.tail()
    assert increment(tmp_path).stat().st_size == size
    with begin().connect() as client:
        assert client.call("DBSIZE") == 1


def test_a_rewrite_without_room_leaves_the_log_alone(begin: Any, tmp_path: Path) -> None:
    server = begin(aof_use_rdb_preamble="no")
    with server.connect() as client:
        client.call("MSET", *[word for i in range(5000) for word in (f"key:{i}", "value")])
        client.call("DEL", "key:0")
        wait_for(server, aof_buffer_length=0)
        limit(server, 50_000)
        client.call("BGREWRITEAOF")
        wait_for(server, aof_last_bgrewrite_status="err", aof_rewrite_in_progress=0)
        client.call("SET", "goes", "on")
        assert not list(tmp_path.glob("temp-*"))
        limit(server, UNLIMITED)
        rewritten(server)
    server.stop()
    with begin().connect() as client:
        assert client.call("DBSIZE") == 5000


def test_a_save_without_room_leaves_the_old_snapshot(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no", save="3600 100000")
    dump = tmp_path / "dump.rdb"
    with server.connect() as client:
        client.call("SET", "a", "1")
        client.call("SAVE")
        before = dump.read_bytes()
        client.call("MSET", *[word for i in range(5000) for word in (f"key:{i}", "value")])
        limit(server, 20_000)
        assert client.error("SAVE") == "ERR"
        assert dump.read_bytes() == before
        client.call("SET", "b", "1")
        client.call("BGSAVE")
        wait_for(server, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
        assert client.error("SET", "b", "1").startswith(
            "MISCONF Redis is configured to save RDB snapshots"
        )
        assert not list(tmp_path.glob("temp-*"))
        limit(server, UNLIMITED)
        client.call("BGSAVE")
        wait_for(server, rdb_last_bgsave_status="ok", rdb_bgsave_in_progress=0)
        client.call("SET", "b", "1")
    assert dump.stat().st_size > 20_000


def test_background_save_without_room(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no", save="3600 100000")
    with server.connect() as client:
        client.call("MSET", *[word for i in range(5000) for word in (f"key:{i}", "value")])
        limit(server, 20_000)
        client.call("BGSAVE")
        wait_for(server, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
        assert client.error("PING").startswith("MISCONF")
        client.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
        client.call("SET", "b", "1")
    assert not (tmp_path / "dump.rdb").exists()
    limit(server, UNLIMITED)


def test_something_else_where_the_directory_should_be(begin: Any, tmp_path: Path) -> None:
    (tmp_path / DIRECTORY).write_text("a file")
    with pytest.raises(RuntimeError, match="Can't open the append-only file"):
        begin()
    server = begin(appendonly="no")
    with server.connect() as client:
        assert client.error("CONFIG", "SET", "appendonly", "yes") == (
            "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn"
            " on AOF. Check server logs."
        )
        assert client.call("CONFIG", "GET", "appendonly") == [b"appendonly", b"no"]
        client.call("SET", "a", "1")
        assert client.error("BGREWRITEAOF").startswith("ERR Can't execute an AOF background")
        (tmp_path / DIRECTORY).unlink()
        client.call("CONFIG", "SET", "appendonly", "yes")
    wait_for(server, aof_enabled=1, aof_rewrite_in_progress=0)
    assert persistence(server)["aof_last_bgrewrite_status"] == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_read_only_directory(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no", save="3600 100000")
    with server.connect() as client:
        client.call("SET", "a", "1")
        tmp_path.chmod(0o555)
        try:
            assert client.error("SAVE") == "ERR"
            assert client.error("CONFIG", "SET", "appendonly", "yes").startswith("ERR CONFIG")
            client.call("BGSAVE")
            wait_for(server, rdb_last_bgsave_status="err", rdb_bgsave_in_progress=0)
            assert client.error("SET", "b", "1").startswith("MISCONF")
        finally:
            tmp_path.chmod(0o755)
        client.call("SAVE")
        client.call("SET", "b", "1")


def test_a_snapshot_that_cannot_be_renamed_is_not_left_behind(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no")
    (tmp_path / "dump.rdb").mkdir()
    with server.connect() as client:
        client.call("SET", "a", "1")
        assert client.error("SAVE") == "ERR"
        assert not list(tmp_path.glob("temp-*"))
        (tmp_path / "dump.rdb").rmdir()
        client.call("SAVE")
    wait_until((tmp_path / "dump.rdb").is_file, "the snapshot is there")
