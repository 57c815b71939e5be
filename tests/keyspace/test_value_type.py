"""A type of values that nobody but its own module knows goes through everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carnelian.embedded import Engine
from native import counter_type

NUMBERS = {b"positive": 5, b"negative": -7}


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    engines: list[Engine] = []

    def make(**settings: str) -> Engine:
        settings |= {"dir": str(tmp_path), "enable_debug_command": "yes"}
        engines.append(Engine(**settings))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def core(engine: Engine) -> Any:
    return engine.instance.engine


def fill(engine: Engine) -> None:
    for key, number in NUMBERS.items():
        counter_type.set_counter(core(engine), key, number)


def call(engine: Engine, *words: bytes) -> bytes:
    return engine.execute(list(words))


def bulk(engine: Engine, *words: bytes) -> bytes:
    return call(engine, *words).split(b"\r\n", 1)[1][:-2]


def numbers(engine: Engine) -> dict[bytes, int]:
    assert core(engine).verify()
    return {key: counter_type.counter(core(engine), key) for key in NUMBERS}


def test_commands_about_keys(begin: Callable[..., Engine]) -> None:
    engine = begin()
    fill(engine)
    assert call(engine, b"TYPE", b"positive") == b"+counter\r\n"
    assert bulk(engine, b"OBJECT", b"ENCODING", b"positive") == b"number"
    assert bulk(engine, b"OBJECT", b"ENCODING", b"negative") == b"negative"
    assert call(engine, b"SCAN", b"0", b"TYPE", b"Counter").count(b"tive\r\n") == 2
    assert call(engine, b"SCAN", b"0", b"TYPE", b"hash").endswith(b"*0\r\n")
    assert call(engine, b"GET", b"positive").startswith(b"-WRONGTYPE")
    plain, behind = (call(engine, b"MEMORY", b"USAGE", key)[1:] for key in NUMBERS)
    assert int(behind) > int(plain)
    for key in NUMBERS:
        assert call(engine, b"COPY", key, b"copy") == b":1\r\n"
        digests = call(engine, b"DEBUG", b"DIGEST-VALUE", key, b"copy").split()
        assert digests[1] == digests[2]
        assert call(engine, b"RENAME", b"copy", key) == b"+OK\r\n"
    assert numbers(engine) == NUMBERS
    assert call(engine, b"DEL", *NUMBERS) == b":2\r\n"


def test_payloads(begin: Callable[..., Engine]) -> None:
    engine = begin()
    fill(engine)
    for key, version in ((b"positive", 10), (b"negative", 12)):
        payload = bulk(engine, b"DUMP", key)
        assert (payload[0], payload[-10]) == (200, version)
        assert call(engine, b"RESTORE", key, b"0", payload, b"REPLACE") == b"+OK\r\n"
        assert call(engine, b"RESTORE", b"x", b"0", payload[:-1]).startswith(b"-ERR DUMP payload")
    assert numbers(engine) == NUMBERS


@pytest.mark.parametrize("preamble", [None, "yes", "no"], ids=["snapshot", "base", "log"])
def test_files(preamble: str | None, begin: Callable[..., Engine], tmp_path: Path) -> None:
    settings = {"save": "3600 1"}
    if preamble is not None:
        settings = {"appendonly": "yes", "aof_use_rdb_preamble": preamble}
    engine = begin(**settings)
    fill(engine)
    digest = call(engine, b"DEBUG", b"DIGEST")
    if preamble is None:
        call(engine, b"SAVE")
        assert (tmp_path / "dump.rdb").read_bytes()[:9] == b"REDIS0012"
    else:
        call(engine, b"CONFIG", b"SET", b"appendonly", b"no")
        call(engine, b"CONFIG", b"SET", b"appendonly", b"yes")
    engine.close()
    engine = begin(**settings)
    assert numbers(engine) == NUMBERS
    assert call(engine, b"DEBUG", b"DIGEST") == digest


def test_no_two_types_have_a_number() -> None:
    with pytest.raises(ValueError, match="taken"):
        counter_type.register_again()
    with pytest.raises(ValueError, match="taken"):
        counter_type.read_again()
