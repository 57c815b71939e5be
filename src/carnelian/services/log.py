"""The server's log, in the line format of Redis: `pid:role day time level text`.

One log per process. `debug`, `verbose`, `notice` and `warning` cost one comparison when they are
filtered. A log file is opened for every line, so that it can be moved away at any time. Lines
are written with one write(2) each; any thread and any forked child may log.
"""

from __future__ import annotations

import os
import time

from carnelian.engine import host

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable

DEBUG, VERBOSE, NOTICE, WARNING, NOTHING = range(5)
LEVELS = {
    "debug": DEBUG,
    "verbose": VERBOSE,
    "notice": NOTICE,
    "warning": WARNING,
    "nothing": NOTHING,
}

_MARKS = ".-*#"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STANDARD_OUTPUT = 1


class _Log:
    """Where lines go and who writes them."""

    __slots__ = (
        "forward",
        "main_pid",
        "path",
        "role",
        "second",
        "second_text",
        "syslog",
        "threshold",
    )

    def __init__(self) -> None:
        self.threshold = NOTICE
        self.path = ""  # empty: standard output
        self.main_pid = 0  # processes with another id are children; 0: still starting
        self.role = "M"
        self.second = -1
        self.second_text = ""
        self.syslog = False
        self.forward: Callable[[int, str], None] | None = None  # takes the lines instead

    def line(self, level: int, text: str) -> str:
        now_ms = time.time_ns() // 1_000_000
        second, ms = divmod(now_ms, 1000)
        if second != self.second:
            t = time.localtime(second)
            clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
            self.second_text = f"{t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year} {clock}"
            self.second = second
        pid = os.getpid()
        role = self.role if pid == self.main_pid else "C"
        return f"{pid}:{role} {self.second_text}.{ms:03} {_MARKS[level]} {text}\n"

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "backslashreplace")
        try:
            if not self.path:
                os.write(_STANDARD_OUTPUT, data)
                return
            fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
        except OSError:
            pass  # nowhere left to say so


_log = _Log()


class EngineLog(host.Log):
    """The way of engine, commands and net to this log."""

    def message(self, level: int, text: str) -> None:
        message(level, text)


def message(level: int, text: str) -> None:
    if level < _log.threshold:
        return
    if _log.forward is not None:
        _log.forward(level, text)
        return
    _log.write(_log.line(level, text))
    if _log.syslog:
        _to_syslog(level, text)


def forward(take: Callable[[int, str], None]) -> None:
    """In a process that is no server (`set_main_process` was not called): `take(level, text)` gets
    what there is to say."""
    if not _log.main_pid:
        _log.forward = take


def debug(text: str) -> None:
    if _log.threshold <= DEBUG:
        message(DEBUG, text)


def verbose(text: str) -> None:
    if _log.threshold <= VERBOSE:
        message(VERBOSE, text)


def notice(text: str) -> None:
    if _log.threshold <= NOTICE:
        message(NOTICE, text)


def warning(text: str) -> None:
    if _log.threshold <= WARNING:
        message(WARNING, text)


def raw(level: int, text: str) -> None:
    """Write text as it is, without the line's head (the banner)."""
    if level >= _log.threshold:
        _log.write(text)


def set_main_process() -> None:
    """This process is the server: its lines carry the role, those of its children C."""
    _log.main_pid = os.getpid()


def set_role(role: str) -> None:
    """M for a master, S for a replica, X for a sentinel."""
    _log.role = role


def set_threshold(level: str) -> None:
    _log.threshold = LEVELS[level]


def set_path(path: str) -> None:
    """A file to write to; empty: standard output."""
    _log.path = path


def set_syslog(wanted: bool, ident: str, facility: str) -> None:
    """Write to the system's log, too, or no longer."""
    _log.syslog = wanted
    if wanted:
        _open_syslog(ident, facility)


def _open_syslog(ident: str, facility: str) -> None:
    import syslog

    options = syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT
    syslog.openlog(ident, options, getattr(syslog, f"LOG_{facility.upper()}"))


def _to_syslog(level: int, text: str) -> None:
    import syslog

    priorities = (syslog.LOG_DEBUG, syslog.LOG_INFO, syslog.LOG_NOTICE, syslog.LOG_WARNING)
    syslog.syslog(priorities[level], text.replace("\0", "\\0"))
