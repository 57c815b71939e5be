"""check-aof and check-rdb: what they say, what they mend, and that they agree with the loader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.log_files import (
    BASE,
    DIRECTORY,
    INCREMENT,
    MANIFEST,
    encoded,
    make,
    snapshot,
)
from tests.support.persistence import fill, rewritten

GOOD = encoded("SELECT 0", "SET foo hello", "SET bar x")
TORN = GOOD[:-5]


def check(tool: str, *words: object, answer: str = "") -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "carnelian", tool, *map(str, words)],
        check=False,
        input=answer.encode(),
        capture_output=True,
        timeout=20,
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def test_good_directories(begin: Any, tmp_path: Path) -> None:
    server = begin()
    with server.connect() as client:
        fill(client)
        client.call("SAVE")
    rewritten(server)
    server.stop()
    code, text = check("check-aof", tmp_path / DIRECTORY / MANIFEST)
    assert code == 0, text
    assert "All AOF files and manifest are valid" in text
    code, text = check("check-rdb", tmp_path / "dump.rdb")
    assert code == 0, text
    assert "RDB looks OK!" in text
    assert "489 keys read" in text


def test_a_torn_end_is_shown_and_mended(tmp_path: Path) -> None:
    place = make(tmp_path, base=GOOD, increment=TORN)
    before = snapshot(tmp_path)
    code, text = check("check-aof", place / MANIFEST)
    good = len(encoded("SELECT 0", "SET foo hello"))
    assert code == 1
    assert f"0x{good:16x}: Reached EOF inside of this command" in text
    assert f"AOF {INCREMENT} is not valid. Use the --fix option to try fixing it." in text
    assert f"ok_up_to={good}" in text
    code, text = check("check-aof", "--fix", place / MANIFEST, answer="n\n")
    assert code == 1
    assert snapshot(tmp_path) == before
    code, text = check("check-aof", "--fix", place / MANIFEST, answer="y\n")
    assert code == 0, text
    assert f"Successfully truncated AOF {INCREMENT}" in text
    assert (place / INCREMENT).stat().st_size == good


def test_only_the_last_file_is_cut(tmp_path: Path) -> None:
    place = make(tmp_path, base=TORN, increment=GOOD)
    before = snapshot(tmp_path)
    code, text = check("check-aof", "--fix", place / MANIFEST, answer="y\n")
    assert code == 1
    assert f"Failed to truncate AOF {BASE} because it is not the last file" in text
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (GOOD + b"!nonsense\r\n", "expected '*'"),
        (GOOD + encoded("MULTI", "SET a 1"), "Reached EOF before reading EXEC for MULTI"),
        (GOOD + encoded("EXEC"), "EXEC without MULTI"),
        (GOOD + encoded("MULTI", "MULTI"), "MULTI inside MULTI"),
    ],
)
def test_damage_in_a_single_file(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "one.aof"
    path.write_bytes(data)
    code, text = check("check-aof", path)
    assert code == 1
    assert said in text
    code, text = check("check-aof", "--fix", path, answer="y\n")
    assert code == 0, text
    assert path.read_bytes() == GOOD


def test_back_to_a_point_in_time(tmp_path: Path) -> None:
    early = b"#TS:1000\r\n" + GOOD
    place = make(tmp_path, base=GOOD, increment=early + b"#TS:2000\r\n" + GOOD)
    manifest = place / MANIFEST
    code, text = check("check-aof", "--truncate-to-timestamp", 3000, manifest)
    assert code == 0, text
    assert "Truncate nothing" in text
    code, text = check("check-aof", "--truncate-to-timestamp", 1500, manifest)
    assert code == 0, text
    assert (place / INCREMENT).read_bytes() == early
    code, text = check("check-aof", "--truncate-to-timestamp", 500, manifest)
    assert code == 1
    assert "has nothing before timestamp 500" in text


def test_manifests_are_checked(tmp_path: Path) -> None:
    place = make(tmp_path, "file x seq 1 type q\n")
    code, text = check("check-aof", place / MANIFEST)
    assert code == 1
    assert "line 1" in text
    assert "Unknown AOF file type" in text


def test_a_damaged_snapshot(begin: Any, tmp_path: Path) -> None:
    server = begin(appendonly="no")
    with server.connect() as client:
        fill(client)
        client.call("SAVE")
    server.stop()
    path = tmp_path / "dump.rdb"
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    for at, by, said in (
        (middle, bytes((data[middle] ^ 1,)), "offset"),
        (0, b"x", "Wrong signature"),
        (5, b"0099", "Can't handle RDB format version 99"),
    ):
        changed = data[:]
        changed[at : at + len(by)] = by
        path.write_bytes(changed)
        code, text = check("check-rdb", path)
        assert code == 1
        assert "--- RDB ERROR DETECTED ---" in text
        assert said in text


@pytest.mark.parametrize("tool", ["check-rdb", "check-aof"])
def test_usage_and_files_that_are_not_there(tool: str, tmp_path: Path) -> None:
    assert check(tool)[0] == 1
    code, text = check(tool, tmp_path / "none")
    assert code == 1
    assert "Cannot open file" in text
