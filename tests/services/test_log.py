"""The log: its lines, levels, and where they go."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from carnelian.services import log
from carnelian.services.config.config import Config
from carnelian.services.process import log_settings

LINE = re.compile(r"(\d+):([MSCX]) (\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)")


@pytest.fixture(autouse=True)
def clean_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_log", log._Log())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = Config()
    config.assign("dir", str(tmp_path))
    config.assign("logfile", "server.log")
    log_settings.attach(config)
    config.apply_all()
    return config


def lines(tmp_path: Path) -> list[tuple[str, ...]]:
    file = tmp_path / "server.log"
    if not file.exists():
        return []
    matches = [LINE.fullmatch(line) for line in file.read_text().splitlines()]
    assert None not in matches
    return [match.groups() for match in matches if match]


def log_all() -> None:
    log.debug("a")
    log.verbose("b")
    log.notice("c")
    log.warning("d")


@pytest.mark.parametrize(
    ("level", "marks"),
    [("debug", ".-*#"), ("verbose", "-*#"), ("notice", "*#"), ("warning", "#"), ("nothing", "")],
)
def test_levels(config: Config, tmp_path: Path, level: str, marks: str) -> None:
    config.set([("loglevel", level)])
    log_all()
    assert "".join(line[3] for line in lines(tmp_path)) == marks
    assert "".join(line[4] for line in lines(tmp_path)) == "abcd"[4 - len(marks) :]


def test_roles(config: Config, tmp_path: Path) -> None:
    log.notice("starting")
    log.set_main_process()
    log.notice("master")
    config.assign("replicaof", ("h", 1), hooks=True)
    log.notice("replica")
    child = os.fork()
    if child == 0:
        log.notice("child")
        os._exit(0)
    os.waitpid(child, 0)
    found = [(line[0], line[1], line[4]) for line in lines(tmp_path)]
    me = str(os.getpid())
    assert found == [
        (me, "C", "starting"),
        (me, "M", "master"),
        (me, "S", "replica"),
        (str(child), "C", "child"),
    ]


def test_file_may_be_moved_away(config: Config, tmp_path: Path) -> None:
    log.notice("old")
    (tmp_path / "server.log").rename(tmp_path / "moved")
    log.notice("new")
    assert [line[4] for line in lines(tmp_path)] == ["new"]


def test_time_is_right(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log.time, "time_ns", lambda: 1_000_000_123_999_999)
    monkeypatch.setattr(log.time, "localtime", log.time.gmtime)
    log.notice("x")
    assert lines(tmp_path)[0][2] == "12 Jan 1970 13:46:40.123"


def test_raw_and_odd_text(config: Config, tmp_path: Path) -> None:
    log.raw(log.NOTICE, "banner\n")
    log.raw(log.DEBUG, "hidden\n")
    log.notice("é \udcff")
    text = (tmp_path / "server.log").read_text()
    assert text.startswith("banner\n")
    assert text.endswith(" * é \\udcff\n")


def test_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    log.notice("hello")
    log.verbose("filtered")
    assert LINE.fullmatch(capfd.readouterr().out.rstrip("\n"))


def test_nowhere_to_write(config: Config, tmp_path: Path) -> None:
    config.assign("logfile", "no/such/directory", hooks=True)
    log.notice("lost")


def test_syslog(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import syslog

    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *arguments: sent.append(arguments))
    monkeypatch.setattr(syslog, "syslog", lambda *arguments: sent.append(arguments))
    config.assign("syslog-ident", "me")
    config.assign("syslog-enabled", True, hooks=True)
    log.warning("text")
    assert sent[0][0] == "me"
    assert sent[0][2] == syslog.LOG_LOCAL0
    assert sent[1] == (syslog.LOG_WARNING, "text")


def test_closed_standard_output_does_no_harm() -> None:
    code = "import os; os.close(1)\nfrom carnelian.services import log\nlog.warning('x')"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=False, timeout=20)
    assert run.returncode == 0
