"""Append-only files: what is logged comes back, and Redis and we read each other's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.persistence import content, fill, names, rewritten
from tests.support.servers import Server

NAMES = {"ours": "carnelian", "redis": "redis"}


def filled(server: Server) -> dict[bytes, Any]:
    with server.connect() as client:
        fill(client)
        return content(client)


def found(server: Server) -> dict[bytes, Any]:
    with server.connect() as client:
        client.call("SELECT", "3")
        assert client.call("GET", "elsewhere") == b"1"
        client.call("SELECT", "0")
        return content(client)


@pytest.mark.parametrize("preamble", ["yes", "no"])
@pytest.mark.parametrize("direction", ["ours to ours", "ours to redis", "redis to ours"])
def test_directories_are_exchanged(direction: str, preamble: str, begin: Any) -> None:
    writer, reader = direction.split(" to ")
    first = begin(NAMES[writer], aof_use_rdb_preamble=preamble)
    filled(first)
    rewritten(first)
    with first.connect() as client:
        client.call("APPEND", "long", "tail")
        before = content(client)
    first.stop()
    second = begin(NAMES[reader])
    assert found(second) == before


@pytest.mark.parametrize("direction", ["ours to ours", "ours to redis", "redis to ours"])
def test_what_was_never_rewritten_is_exchanged(direction: str, begin: Any) -> None:
    writer, reader = direction.split(" to ")
    first = begin(NAMES[writer])
    filled(first)
    first.stop()
    again = begin(NAMES[writer])  # Redis does not log how far a group has read: lost even to it
    before = found(again)
    again.stop()
    second = begin(NAMES[reader])
    assert found(second) == before


def test_a_new_server_makes_base_increment_and_manifest(begin: Any, tmp_path: Path) -> None:
    begin()
    directory = tmp_path / "appendonlydir"
    assert names(directory) == {
        "appendonly.aof.1.base.rdb",
        "appendonly.aof.1.incr.aof",
        "appendonly.aof.manifest",
    }
    assert (directory / "appendonly.aof.manifest").read_text() == (
        "file appendonly.aof.1.base.rdb seq 1 type b\n"
        "file appendonly.aof.1.incr.aof seq 1 type i\n"
    )
