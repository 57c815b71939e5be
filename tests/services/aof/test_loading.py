"""Loading: good directories of any make, an upgrade, torn tails, and what must be refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.log_files import (
    BASE,
    DIRECTORY,
    GOOD_MANIFEST,
    INCREMENT,
    MANIFEST,
    encoded,
    make,
    snapshot,
)
from tests.support.persistence import content, fill, names, wait_for
from tests.support.servers import Server
from tests.support.waiting import wait_until

SET_FOO = encoded("SELECT 0", "SET foo hello")
INCREMENTS = encoded("SELECT 0", "SET n 1", "INCR n", "INCR n")
OPTIONS = ("--appendonly", "yes", "--save", "", "--port", "0", "--bind", "127.0.0.1")


def refused(directory: Path, *options: str) -> str:
    """A server that must not start: its log. No file may change."""
    before = snapshot(directory)
    places = ("--dir", str(directory), "--announce-port-file", str(directory / "port"))
    ended = subprocess.run(
        [sys.executable, "-m", "carnelian", *places, *OPTIONS, *options],
        check=False,
        capture_output=True,
        timeout=20,
    )
    assert ended.returncode == 1, ended.stdout
    assert snapshot(directory) == before
    return ended.stdout.decode()


# --- the manifest ---

BAD_MANIFESTS = {
    "": "Found an empty AOF manifest",
    "\n": "Invalid AOF manifest file format",
    f"file {BASE} seq 1 type b\n\nfile {INCREMENT} seq 1 type i\n": "Invalid AOF manifest",
    f"file {INCREMENT} seq 2 type i\nfile other seq 1 type i\n": "Found a non-monotonic sequence",
    f"file {BASE} seq 1 type b\nfile other seq 2 type b\n": "Found duplicate base file",
    f"file {BASE} seq 1 type x\n": "Unknown AOF file type",
    f"filx {BASE} seq 1 type b\n": "Invalid AOF manifest file format",
    f"file {BASE} seq 1 type\n": "Invalid AOF manifest file format",
    f"file {BASE} seq 1\n": "Invalid AOF manifest file format",
    "file ../x.aof seq 1 type b\n": "File can't be a path, just a filename",
    f"file {'n' * 1024} seq 1 type b\n": "The AOF manifest file contains too long line",
    f"file {BASE} seq 0 type b\n": "Invalid AOF manifest file format",
    f'file "{BASE} seq 1 type b\n': "Invalid AOF manifest file format",
}


@pytest.mark.parametrize("text", list(BAD_MANIFESTS))
def test_a_bad_manifest_is_refused(text: str, tmp_path: Path) -> None:
    make(tmp_path, text, base=SET_FOO, increment=b"")
    log = refused(tmp_path)
    assert "FATAL AOF MANIFEST FILE ERROR" in log
    assert BAD_MANIFESTS[text] in log


def test_a_manifest_is_checked_even_without_appendonly(tmp_path: Path) -> None:
    make(tmp_path, "nonsense\n")
    assert "line 1" in refused(tmp_path, "--appendonly", "no")


@pytest.mark.parametrize("missing", [BASE, INCREMENT])
def test_a_missing_file_is_refused(missing: str, tmp_path: Path) -> None:
    place = make(tmp_path, base=SET_FOO, increment=INCREMENTS)
    (place / missing).unlink()
    assert missing in refused(tmp_path)


def test_comments_new_keys_gaps_and_any_order_of_kinds(begin: Any, tmp_path: Path) -> None:
    make(
        tmp_path,
        f"# made by hand\nfile i.7.aof seq 7 type i\nfile {BASE} seq 3 type b startoffset 5\n"
        f"file i.9.aof seq 9 type i endoffset 8\nfile gone.aof seq 1 type h\n",
        base=SET_FOO,
        i_7_aof=encoded("SELECT 1", "SET one 1"),
        i_9_aof=encoded("SELECT 0", "APPEND foo !"),
    )
    with begin().connect() as client:
        assert client.call("GET", "foo") == b"hello!"
    text = (tmp_path / DIRECTORY / MANIFEST).read_text()
    assert "gone.aof" not in text
    assert text.endswith("file i.9.aof seq 9 type i\n")


@pytest.mark.parametrize("empty", [["base"], ["increment"], ["base", "increment"]])
def test_empty_files_are_fine(empty: list[str], begin: Any, tmp_path: Path) -> None:
    files = {"base": SET_FOO, "increment": INCREMENTS} | dict.fromkeys(empty, b"")
    make(tmp_path, **files)
    with begin().connect() as client:
        assert client.call("DBSIZE") == 2 - len(empty)


def test_a_log_comes_before_a_snapshot(begin: Any, tmp_path: Path) -> None:
    first = begin(appendonly="no")
    with first.connect() as client:
        client.call("SET", "from", "snapshot")
        client.call("SAVE")
    first.stop()
    with begin().connect() as client:
        assert client.call("DBSIZE") == 0, "the log is on, and there is none yet"
    assert (tmp_path / "dump.rdb").exists()


def test_a_name_with_blanks_is_quoted(begin: Any, tmp_path: Path) -> None:
    name = 'a b "c".aof'
    first = begin(appendfilename=name)
    with first.connect() as client:
        client.call("SET", "a", "1")
    first.stop()
    assert f"{name}.1.incr.aof" in names(tmp_path / DIRECTORY)
    for server in ("redis", "carnelian"):
        again = begin(server, appendfilename=name)
        with again.connect() as client:
            assert client.call("GET", "a") == b"1"
        again.stop()


# --- one file of an older version ---


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_an_old_single_file_moves_into_the_directory(
    preamble: str, begin: Any, tmp_path: Path
) -> None:
    first = begin("redis", appendonly="no")
    with first.connect() as client:
        fill(client)
        client.call("SAVE")
        before = content(client)
    first.stop()
    head = (tmp_path / "dump.rdb").read_bytes() if preamble == "yes" else b""
    (tmp_path / "appendonly.aof").write_bytes(head + SET_FOO)
    server = begin()
    with server.connect() as client:
        found = content(client)
        assert found.pop(b"foo")[1] == b"hello"
        assert found == (before if head else {})
    assert not (tmp_path / "appendonly.aof").exists()
    assert names(tmp_path / DIRECTORY) == {"appendonly.aof", INCREMENT, MANIFEST}


def test_an_interrupted_upgrade_goes_on(begin: Any, tmp_path: Path) -> None:
    make(tmp_path, "file appendonly.aof seq 1 type b\n")
    (tmp_path / "appendonly.aof").write_bytes(SET_FOO)
    with begin().connect() as client:
        assert client.call("GET", "foo") == b"hello"


def test_an_old_file_beside_a_directory_is_left_alone(begin: Any, tmp_path: Path) -> None:
    make(tmp_path, base=SET_FOO, increment=b"")
    (tmp_path / "appendonly.aof").write_bytes(encoded("SET old 1"))
    with begin().connect() as client:
        assert client.call("KEYS", "*") == [b"foo"]
    assert (tmp_path / "appendonly.aof").exists()


# --- torn ends ---

CUTS = range(1, len(encoded("INCR n")))


@pytest.mark.parametrize("cut", [1, 2, 7, 12, len(CUTS)])
def test_a_torn_command_is_cut_off(cut: int, begin: Any, tmp_path: Path) -> None:
    place = make(tmp_path, base=SET_FOO, increment=INCREMENTS[:-cut])
    log = refused(tmp_path, "--aof-load-truncated", "no")
    whole = len(INCREMENTS) - len(encoded("INCR n"))
    assert f"Unexpected end of file reading the append only file {INCREMENT}" in log
    assert f"at offset {whole}" in log
    server = begin()
    with server.connect() as client:
        assert client.call("GET", "n") == b"2"
        assert (place / INCREMENT).stat().st_size == whole
        client.call("INCR", "n")
    server.stop()
    with begin().connect() as client:
        assert client.call("GET", "n") == b"3"


def test_a_transaction_without_end_is_cut_off(begin: Any, tmp_path: Path) -> None:
    torn = INCREMENTS + encoded("MULTI", "SET n 100", "INCR n")
    place = make(tmp_path, base=SET_FOO, increment=torn)
    assert "Revert incomplete MULTI/EXEC" in refused(tmp_path, "--aof-load-truncated", "no")
    with begin().connect() as client:
        assert client.call("GET", "n") == b"3"
    assert (place / INCREMENT).read_bytes() == INCREMENTS


def test_only_the_last_file_may_be_torn(tmp_path: Path) -> None:
    make(tmp_path, base=SET_FOO[:-3], increment=INCREMENTS)
    assert "the truncated file is not the last file" in refused(tmp_path)
    make(tmp_path, base=SET_FOO[:-3], increment=b"")
    assert "the truncated file is not the last file" in refused(tmp_path)


def test_an_increment_may_be_torn_if_nothing_was_logged_after_it(
    begin: Any, tmp_path: Path
) -> None:
    """As Redis leaves it if the machine crashes while a rewrite begins."""
    second = "appendonly.aof.2.incr.aof"
    manifest = f"{GOOD_MANIFEST}file {second} seq 2 type i\n"
    files = {"base": SET_FOO, "increment": INCREMENTS[:-3]}
    make(tmp_path, manifest, appendonly_aof_2_incr_aof=INCREMENTS, **files)
    assert "the truncated file is not the last file" in refused(tmp_path)
    place = make(tmp_path, manifest, appendonly_aof_2_incr_aof=b"", **files)
    with begin().connect() as client:
        assert client.call("GET", "n") == b"2"
        client.call("INCR", "n")
    assert (place / INCREMENT).read_bytes() == INCREMENTS[: INCREMENTS.rindex(b"*2")]
    with begin().connect() as client:
        assert client.call("GET", "n") == b"3"


# --- damage ---


def damaged(at: int, by: bytes) -> bytes:
    return INCREMENTS[:at] + by + INCREMENTS[at + len(by) :]


DAMAGES = {
    "a bad head": (damaged(0, b"!"), 0),
    "a bad word head": (INCREMENTS.replace(b"$3\r\nSET", b"!3\r\nSET"), 27),
    "too short a word": (INCREMENTS.replace(b"$3\r\nSET", b"$2\r\nSET"), 33),
    "no number": (INCREMENTS.replace(b"$3\r\nSET", b"$x\r\nSET"), 27),
    "a negative length": (INCREMENTS.replace(b"$3\r\nSET", b"$-3\r\nSET"), 32),
    "no words": (INCREMENTS.replace(b"*2\r\n$4\r\nINCR", b"*0\r\n$4\r\nINCR", 1), 54),
    "zeros behind": (INCREMENTS + bytes(64), len(INCREMENTS)),
    "an unknown command": (INCREMENTS.replace(b"INCR", b"INCS", 1), 50),
    "too few words": (INCREMENTS + encoded("SET n") + INCREMENTS, len(INCREMENTS)),
    "a length that swallows the rest": (INCREMENTS.replace(b"$3\r\nSET", b"$999\r\nSET"), 33),
}


@pytest.mark.parametrize("name", list(DAMAGES))
def test_damage_is_refused(name: str, tmp_path: Path) -> None:
    data, offset = DAMAGES[name]
    make(tmp_path, base=SET_FOO, increment=data)
    log = refused(tmp_path)
    assert INCREMENT in log
    assert f"offset {offset}" in log, log


def test_damage_in_a_snapshot_is_refused(begin: Any, tmp_path: Path) -> None:
    first = begin()
    first.stop()
    base = tmp_path / DIRECTORY / "appendonly.aof.1.base.rdb"
    data = bytearray(base.read_bytes())
    data[-1] ^= 1
    base.write_bytes(data)
    log = refused(tmp_path)
    assert "Error reading the RDB base file appendonly.aof.1.base.rdb" in log
    assert "checksum" in log


def test_words_in_values_are_no_damage(begin: Any, tmp_path: Path) -> None:
    """A value that looks like a log is cut off like any other... only if nothing could be lost."""
    value = SET_FOO.decode()
    whole = b"*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$%d\r\n%b\r\n" % (len(value), value.encode())
    make(tmp_path, base=SET_FOO, increment=INCREMENTS + whole)
    with begin().connect() as client:
        assert client.call("GET", "v") == value.encode()


def test_clients_are_told_while_loading(begin: Any, tmp_path: Path) -> None:
    assert GOOD_MANIFEST.endswith("type i\n")
    make(tmp_path, base=SET_FOO, increment=INCREMENTS)
    server = begin()
    with server.connect() as client:
        info = client.call("INFO", "persistence").decode()
    assert "loading:0" in info
    assert "loading_start_time" not in info


def connected(path: str) -> SocketClient | None:
    try:
        return SocketClient(path)
    except OSError:
        return None


def slow(directory: Path, count: int) -> None:
    """A log that takes a while with key-load-delay."""
    make(directory, base=SET_FOO, increment=encoded(*(f"SET k{i} {i}" for i in range(count))))


def test_answers_while_loading(tmp_path: Path) -> None:
    slow(tmp_path, 20_000)
    path = str(tmp_path / "socket")
    config = {"dir": str(tmp_path), "appendonly": "yes", "unixsocket": path}
    server = Server("carnelian", config | {"key-load-delay": "500"})
    try:
        with wait_until(lambda: connected(path), "it listens") as client:
            assert client.error("GET", "foo") == "LOADING Redis is loading the dataset in memory"
            info = client.call("INFO", "persistence").decode()
            assert "loading:1" in info
            total = int(info.split("loading_total_bytes:")[1].split("\r")[0])
            assert total == sum(
                (tmp_path / DIRECTORY / name).stat().st_size for name in (BASE, INCREMENT)
            )
            client.send("SHUTDOWN")
            assert client.closed()
        assert server.process.wait(10) == 0
    finally:
        server.stop()


@pytest.mark.parametrize("wanted", ["yes", "no"])
def test_switched_while_loading(wanted: str, begin: Any, tmp_path: Path) -> None:
    """The log that is there is stale when the snapshot was loaded: a new one must be begun."""
    make(tmp_path, base=SET_FOO, increment=INCREMENTS)
    first = begin(appendonly="no")
    with first.connect() as client:
        client.call("MSET", *[word for i in range(2_000) for word in (f"key:{i}", "x")])
        client.call("SAVE")
    first.stop()
    path = str(tmp_path / "socket")
    config = {"dir": str(tmp_path), "appendonly": "no", "unixsocket": path, "key-load-delay": 300}
    with (
        Server("carnelian", config) as server,
        wait_until(lambda: connected(path), "it listens") as client,
    ):
        client.call("CONFIG", "SET", "appendonly", wanted)
        wait_until(lambda: not client.reply("GET", "key:0").is_error, "it has loaded")
        assert client.call("DBSIZE") == 2_000
        wait_for(server, aof_enabled=int(wanted == "yes"), aof_rewrite_in_progress=0)
    with begin(appendonly="yes").connect() as client:
        assert client.call("DBSIZE") == (2_000 if wanted == "yes" else 2)
