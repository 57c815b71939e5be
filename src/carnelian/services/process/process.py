"""The server as a process of its system: background, pid file, limits, signals, huge pages.

Called by the server at start and end.
"""

from __future__ import annotations

import os
import posix
from _thread import start_new_thread

from carnelian.services import log

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from carnelian.services.config.config import Config

RESERVED_DESCRIPTORS = 32  # listening sockets, log, data files
SIGINT = 2
END = b"\0"  # no number of a signal
UNCHANGED = -2
DEFAULT_PID_FILE = "/var/run/carnelian.pid"


def daemonize() -> None:
    """Go on as a child without a terminal; the parent ends here."""
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)


def write_pid_file(path: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    except OSError as failed:
        log.warning(f"Failed to write PID file: {failed.strerror}")


def remove_pid_file(path: str) -> None:
    log.notice("Removing the pid file.")
    try:
        os.unlink(path)
    except OSError:
        pass


def raise_descriptor_limit(clients_max: int) -> tuple[int, str]:
    """(how many clients the limit of open files allows, up to `clients_max`; why not more)."""
    import resource

    wanted = clients_max + RESERVED_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return clients_max, ""
    reason = ""
    for limits in ((wanted, max(hard, wanted)), (min(wanted, hard), hard)):
        if hard == resource.RLIM_INFINITY and limits[1] != hard:
            limits = (wanted, hard)  # noqa: PLW2901
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            break
        except (ValueError, OSError) as failed:
            reason = str(failed)
    now = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if now == resource.RLIM_INFINITY or now >= wanted:
        log.notice(
            f"Increased maximum number of open files to {wanted}"
            f" (it was originally set to {soft})."
        )
        return clients_max, ""
    return max(now - RESERVED_DESCRIPTORS, 0), reason


def catch_signals(wake_fd: int, callback: Callable[[int], None]) -> None:
    """Call `callback(number)` in the main thread on SIGTERM and SIGINT.

    A byte on `wake_fd` wakes a loop that is just about to wait. `_signal` is the signal module
    without its enumerations, whose making costs a tenth of the whole start.
    """
    import _signal

    def handle(number: int, frame: object) -> None:
        callback(number)

    for number in (_signal.SIGTERM, _signal.SIGINT):
        _signal.signal(number, handle)
    for number in (_signal.SIGHUP, _signal.SIGPIPE):
        _signal.signal(number, _signal.SIG_IGN)
    _signal.set_wakeup_fd(wake_fd, warn_on_full_buffer=False)


class InterruptWatch:
    """Hears of SIGINT while the main thread is too busy to (native code, a write): within the
    block `interrupted(n)` is called in a thread, at the n-th."""

    def __init__(self, interrupted: Callable[[int], None]) -> None:
        self.interrupted = interrupted

    def __enter__(self) -> None:
        import _signal

        self.reading, self.writing = posix.pipe()
        posix.set_blocking(self.writing, False)
        try:
            self.wake_fd = _signal.set_wakeup_fd(self.writing, warn_on_full_buffer=False)
        except ValueError:  # not the main thread: signals are the host's
            self.wake_fd = UNCHANGED
        start_new_thread(self.listen, ())

    def __exit__(self, *_: object) -> None:
        import _signal

        if self.wake_fd != UNCHANGED:
            _signal.set_wakeup_fd(self.wake_fd, warn_on_full_buffer=False)
        posix.write(self.writing, END)

    def listen(self) -> None:
        """Each byte is the number of a signal."""
        count = 0
        while True:
            numbers = posix.read(self.reading, 64)
            count += numbers.count(SIGINT)
            if numbers.count(SIGINT):
                self.interrupted(count)
            if END in numbers:
                posix.close(self.reading)
                posix.close(self.writing)
                return


def signal_name(number: int) -> str:
    import _signal

    return {_signal.SIGTERM: "SIGTERM", _signal.SIGINT: "SIGINT"}.get(number, str(number))


def pin_to_cores(cores: str) -> None:
    """`0,2-5:2` as taskset takes it."""
    chosen: set[int] = set()
    try:
        for part in cores.split(","):
            span, _, step = part.partition(":")
            low, _, high = span.partition("-")
            chosen.update(range(int(low), int(high or low) + 1, int(step or 1)))
        os.sched_setaffinity(0, chosen)
    except (ValueError, OSError, AttributeError) as failed:
        log.warning(f"Cannot run on the cores {cores}: {failed}")


def notify_supervisor(state: str, supervised: str) -> None:
    """Tell systemd (or upstart) of our state, if it asked to be told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if supervised in ("systemd", "auto") and address:
        import _socket

        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            sender = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
            sender.sendto(state.encode(), address)
            sender.close()
        except OSError as failed:
            log.warning(f"systemd supervision error: {failed.strerror}")
    elif supervised in ("upstart", "auto") and "UPSTART_JOB" in os.environ and "READY" in state:
        import _signal

        os.kill(os.getpid(), _signal.SIGSTOP)


def log_crashes(config: Config) -> None:
    """Have the interpreter write a traceback of every thread when the process dies of a signal."""
    import faulthandler

    path = config.logfile and os.path.join(config.dir, config.logfile)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666) if path else 1
        faulthandler.enable(file=fd)
    except OSError:
        pass
