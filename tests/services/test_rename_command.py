"""rename-command: other names for commands, or none, as Redis does it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import SocketClient
from tests.support.servers import PeerMissing, program, start
from tests.support.waiting import wait_until

LINES = """
rename-command FLUSHALL ""
rename-command CONFIG conf-17
rename-command SET Put
rename-command OBJECT thing
"""


def file_with(directory: Path, lines: str) -> Path:
    path = directory / "names.conf"
    path.write_text(lines)
    return path


@pytest.fixture(params=["carnelian", "redis"])
def renamed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SocketClient]:
    """The same is expected of both."""
    settings = {"include": str(file_with(tmp_path, LINES)), "appendonly": "yes"}
    try:
        server = start(request.param, settings)
    except PeerMissing as missing:
        pytest.skip(str(missing))
    with server, server.connect() as client:
        yield client


def test_old_names_are_unknown(renamed: SocketClient) -> None:
    for name in ("FLUSHALL", "CONFIG", "SET", "OBJECT"):
        assert renamed.error(name, "a", "b").startswith(f"ERR unknown command '{name}'")


def test_new_names_in_any_case(renamed: SocketClient) -> None:
    assert renamed.call("pUT", "k", "v") == "OK"
    assert renamed.call("CONF-17", "GET", "appendonly") == [b"appendonly", b"yes"]
    assert renamed.call("thing", "ENCODING", "k") == b"embstr"
    assert renamed.error("THING", "NOSUCH") == "ERR unknown subcommand 'NOSUCH'. Try THING HELP."
    assert renamed.call("THING", "HELP")[0].startswith("THING <subcommand>")


def test_what_commands_tell_of_themselves(renamed: SocketClient) -> None:
    renamed.call("PUT", "k", "v")
    assert renamed.call("COMMAND", "INFO", "SET", "FLUSHALL") == [None, None]
    assert renamed.call("COMMAND", "INFO", "put")[0][0] == b"set"
    assert renamed.call("COMMAND", "INFO", "thing|encoding")[0][0] == b"object|encoding"
    assert renamed.call("COMMAND", "DOCS", "put")[0] == b"set"
    names = renamed.call("COMMAND", "LIST")
    assert b"set" in names
    assert b"flushall" not in names
    assert b"put" not in names
    assert renamed.call("COMMAND", "COUNT") == len(renamed.call("COMMAND"))
    assert renamed.call("COMMAND", "GETKEYS", "PUT", "k", "v") == [b"k"]
    assert renamed.error("COMMAND", "GETKEYS", "SET", "k", "v") == "ERR Invalid command specified"
    assert renamed.error("PUT", "k") == "ERR wrong number of arguments for 'set' command"
    assert b"cmdstat_set:calls=1" in renamed.call("INFO", "commandstats")


def test_monitor_and_transactions(renamed: SocketClient) -> None:
    renamed.call("MULTI")
    assert renamed.call("PUT", "k", "v") == "QUEUED"
    assert renamed.error("SET", "k", "v").startswith("ERR unknown command")
    assert renamed.error("EXEC").startswith("EXECABORT")


def test_passwords_stay_secret_under_another_name(tmp_path: Path) -> None:
    settings = {
        "include": str(file_with(tmp_path, LINES)), "slowlog-log-slower-than": "0",
    }  # fmt: skip
    with start("carnelian", settings) as server, server.connect() as client:
        client.call("CONF-17", "SET", "masterauth", "geheim")
        assert b"geheim" not in repr(client.call("SLOWLOG", "GET")).encode()


def test_the_log_is_read_whatever_the_names_are_by_then(tmp_path: Path) -> None:
    """Under the names of now, those of the time it was written, and those we write ourselves."""
    data = tmp_path / "data"
    data.mkdir()
    settings = {"dir": str(data), "appendonly": "yes", "aof-use-rdb-preamble": "no"}
    with start("carnelian", settings) as server, server.connect() as client:
        client.call("SET", "a", "1")
        client.call("SET", "c", "1", "EX", "1000")
        client.call("DEBUG", "SLEEP", "0")
    file = file_with(tmp_path, 'rename-command SET Put\nrename-command PEXPIREAT ""\n')
    settings["include"] = str(file)
    with start("carnelian", settings) as server, server.connect() as client:
        assert client.call("MGET", "a", "c") == [b"1", b"1"]
        client.call("PUT", "b", "2")
        client.call("EXPIRE", "b", "1000")
    with start("carnelian", settings) as server, server.connect() as client:
        assert client.call("MGET", "a", "b", "c") == [b"1", b"2", b"1"]
        assert client.call("TTL", "b") > 900


def test_a_primary_may_use_the_old_names(tmp_path: Path) -> None:
    file = file_with(tmp_path, 'rename-command FLUSHALL ""\nrename-command SET Put\n')
    with start("carnelian") as primary:
        settings = {"include": str(file), "replicaof": ["127.0.0.1", str(primary.port)]}
        replica = start("carnelian", settings)
        with replica, primary.connect() as writer, replica.connect() as reader:
            writer.call("SET", "a", "1")
            wait_until(lambda: reader.call("GET", "a") == b"1", "the replica has it")
            writer.call("FLUSHALL")
            assert writer.call("WAIT", 1, 5000) == 1
            assert reader.call("GET", "a") is None
            writer.call("SET", "a", "2")
            assert writer.call("WAIT", 1, 5000) == 1
            assert reader.call("GET", "a") == b"2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("rename-command NOSUCH x", "No such command in rename-command"),
        ("rename-command SET get", "Target command name already exists"),
        ("rename-command SET SET2\nrename-command GET set2", "Target command name already exists"),
        ("rename-command SET x\nrename-command SET y", "No such command in rename-command"),
    ],
)
def test_errors(line: str, reason: str, tmp_path: Path) -> None:
    words, executable = program("carnelian")
    path = file_with(tmp_path, line)
    done = subprocess.run(
        [*words, str(path), "--port", "0"], executable=executable, cwd=tmp_path, timeout=30,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert reason in done.stderr
    assert line.splitlines()[-1] in done.stderr
