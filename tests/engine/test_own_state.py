"""What belongs to an engine is its own: two in one process, with different settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from carnelian.embedded import Engine


@pytest.fixture
def quick() -> Iterator[Engine]:
    """It logs every command as slow."""
    made = Engine(slowlog_log_slower_than="0", slowlog_max_len="5", latency_tracking="no")
    yield made
    made.close()


@pytest.fixture
def patient() -> Iterator[Engine]:
    made = Engine(slowlog_log_slower_than="-1", latency_tracking="yes")
    yield made
    made.close()


def info(engine: Engine, section: bytes) -> bytes:
    return engine.execute([b"INFO", section])


def test_slow_logs(quick: Engine, patient: Engine) -> None:
    for engine in (quick, patient):
        engine.execute([b"SET", b"k", b"v"])
    assert quick.execute([b"SLOWLOG", b"LEN"]) == b":1\r\n"
    assert patient.execute([b"SLOWLOG", b"LEN"]) == b":0\r\n"
    patient.execute([b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0"])
    patient.execute([b"GET", b"k"])
    quick.execute([b"SLOWLOG", b"RESET"])
    assert b"get" in patient.execute([b"SLOWLOG", b"GET"]).lower()
    assert quick.execute([b"SLOWLOG", b"GET"]).count(b"SLOWLOG") == 1


def test_latency_monitors(quick: Engine, patient: Engine) -> None:
    patient.execute([b"CONFIG", b"SET", b"latency-monitor-threshold", b"1"])
    for engine in (quick, patient):
        engine.execute([b"CONFIG", b"SET", b"enable-debug-command", b"yes"])
        engine.instance.config.assign("enable-debug-command", "yes")
        assert engine.execute([b"DEBUG", b"SLEEP", b"0.003"]) == b"+OK\r\n"
    assert b"command" in patient.execute([b"LATENCY", b"LATEST"])
    assert quick.execute([b"LATENCY", b"LATEST"]) == b"*0\r\n"
    quick.execute([b"CONFIG", b"SET", b"latency-monitor-threshold", b"100000"])
    patient.execute([b"DEBUG", b"SLEEP", b"0.003"])
    assert b"command" in patient.execute([b"LATENCY", b"LATEST"])


def test_figures_of_commands(quick: Engine, patient: Engine) -> None:
    quick.execute([b"SET", b"k", b"v"])
    for _ in range(3):
        patient.execute([b"SET", b"k", b"v"])
    patient.execute([b"SET", b"k"])
    assert b"cmdstat_set:calls=1," in info(quick, b"commandstats")
    assert b"cmdstat_set:calls=3," in info(patient, b"commandstats")
    assert b"rejected_calls=0" in info(quick, b"commandstats")
    assert b"percentiles_usec_set" in info(patient, b"latencystats")
    assert b"percentiles_usec_set" not in info(quick, b"latencystats")
    quick.execute([b"CONFIG", b"RESETSTAT"])
    assert b"cmdstat_set" not in info(quick, b"commandstats")
    assert b"cmdstat_set:calls=3," in info(patient, b"commandstats")


def test_loading_a_log_leaves_the_figures_of_others(patient: Engine, tmp_path: Path) -> None:
    settings = {"dir": str(tmp_path), "appendonly": "yes"}
    first = Engine(**settings)
    first.execute([b"SET", b"k", b"v"])
    first.close()
    patient.execute([b"SET", b"k", b"v"])
    second = Engine(**settings)
    assert second.execute([b"GET", b"k"]) == b"$1\r\nv\r\n"
    assert b"cmdstat_set" not in info(second, b"commandstats")
    assert b"cmdstat_set:calls=1," in info(patient, b"commandstats")
    second.close()


def test_names_of_commands(quick: Engine, patient: Engine) -> None:
    quick.instance.engine.commands.rename(b"Get", b"FETCH")
    quick.execute([b"SET", b"k", b"v"])
    assert quick.execute([b"fetch", b"k"]) == b"$1\r\nv\r\n"
    assert quick.execute([b"GET", b"k"]).startswith(b"-ERR unknown command 'GET'")
    patient.execute([b"SET", b"k", b"w"])
    assert patient.execute([b"GET", b"k"]) == b"$1\r\nw\r\n"
    assert patient.execute([b"FETCH", b"k"]).startswith(b"-ERR unknown command 'FETCH'")


def test_clocks(quick: Engine, patient: Engine) -> None:
    for engine in (quick, patient):
        engine.execute([b"SET", b"k", b"v", b"EX", b"100"])
    quick.instance.engine.clock.jump_ms(200_000)
    assert quick.execute([b"GET", b"k"]) == b"$-1\r\n"
    assert patient.execute([b"GET", b"k"]) == b"$1\r\nv\r\n"
    seconds = [int(engine.execute([b"TIME"]).split(b"\r\n")[2]) for engine in (quick, patient)]
    assert 199 <= seconds[0] - seconds[1] <= 201


def test_memory_at_the_start(quick: Engine, patient: Engine) -> None:
    """What an engine made later needs at its start is no data of it."""
    figures = dict(
        line.split(b":") for line in info(patient, b"memory").split(b"\r\n") if b":" in line
    )
    assert int(figures[b"used_memory_startup"]) <= int(figures[b"used_memory"])
