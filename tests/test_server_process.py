"""The server as a process: start, log lines, signals, SHUTDOWN, pid file, exit codes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import SocketClient
from tests.support.servers import Server
from tests.support.waiting import wait_until

Make = Callable[..., Server]


def run(*arguments: str, timeout_s: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "carnelian", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_log_of_a_start(make_server: Make) -> None:
    server = make_server()
    log = server.log.read_text()
    for line in (
        "just started",
        f"pid={server.pid}",
        f"Running mode=standalone, port={server.port}.",
        "* Server initialized",
        "* Ready to accept connections tcp",
    ):
        assert line in log
    assert f"{server.pid}:M " in log


def test_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--bind", "127.0.0.1")
    assert ended.returncode == 1
    lines = [line for line in ended.stdout.splitlines() if str(port) in line]
    assert len(lines) == 1
    assert "Address already in use" in lines[0]


def test_listening_nowhere() -> None:
    ended = run("--port", "0")
    assert ended.returncode == 1
    assert "Configured to not listen anywhere, exiting." in ended.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(make_server: Make, tmp_path: Path, number: int) -> None:
    pid_file = tmp_path / "pid"
    server = make_server(pidfile=str(pid_file))
    assert pid_file.read_text() == f"{server.pid}\n"
    with server.connect() as blocked:
        blocked.send("BLPOP", "k", 0)
        os.kill(server.pid, number)
        assert blocked.closed()
    assert server.process.wait(10) == 0
    assert not pid_file.exists()
    log = server.log.read_text()
    assert f"Received {signal.Signals(number).name} scheduling shutdown..." in log
    assert "is now ready to exit, bye bye..." in log


def test_sighup_is_ignored(make_server: Make) -> None:
    server = make_server()
    os.kill(server.pid, signal.SIGHUP)
    with server.connect() as client:
        assert client.call("PING") == "PONG"


@pytest.mark.parametrize("words", [[], ["NOSAVE"], ["NOW"], ["FORCE"], ["nosave", "now", "force"]])
def test_shutdown(make_server: Make, words: list[str]) -> None:
    server = make_server()
    with server.connect() as client:
        client.send("SHUTDOWN", *words)
        client.send("SET", "after", "shutdown")
        assert client.closed()
        assert not client.buffer
    assert server.process.wait(10) == 0
    assert "User requested shutdown..." in server.log.read_text()


def test_shutdown_errors(server: Server, redis_server: Server) -> None:
    with server.connect() as ours, redis_server.connect() as theirs:
        for words in (
            ["ABORT"],
            ["NONSENSE"],
            ["SAVE", "NOSAVE"],
            ["ABORT", "NOW"],
            ["NOSAVE", "ABORT"],
        ):
            assert ours.reply("SHUTDOWN", *words) == theirs.reply("SHUTDOWN", *words)


def test_log_file_and_daemon(tmp_path: Path) -> None:
    pid_file, port_file, log = tmp_path / "pid", tmp_path / "port", tmp_path / "log"
    started = run(
        *("--port", "0", "--bind", "127.0.0.1", "--daemonize", "yes", "--dir", str(tmp_path)),
        *("--announce-port-file", str(port_file), "--pidfile", str(pid_file)),
        *("--logfile", "log", "--save", ""),
    )
    assert started.returncode == 0
    wait_until(port_file.exists, "it listens")
    pid = int(pid_file.read_text())
    with SocketClient(("127.0.0.1", int(port_file.read_text()))) as client:
        assert client.call("PING") == "PONG"
        client.send("SHUTDOWN")
        assert client.closed()
    wait_until(lambda: not pid_file.exists(), "it ends")
    assert f"{pid}:M " in log.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="of the Linux kernel")
def test_oom_score(make_server: Make) -> None:
    server = make_server()
    file = Path(f"/proc/{server.pid}/oom_score_adj")
    base = int(file.read_text())
    with server.connect() as client:
        values = f"{base + 7} 200 800"
        client.call("CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", values)
        assert int(file.read_text()) == base + 7
        client.call("CONFIG", "SET", "oom-score-adj", "relative", "oom-score-adj-values", "9 9 9")
        assert int(file.read_text()) == base + 9


@pytest.mark.skipif(sys.platform != "linux", reason="of the Linux kernel")
def test_oom_score_of_replicas_and_children(make_server: Make, tmp_path: Path) -> None:
    server = make_server(rdb_key_save_delay="100000", dir=str(tmp_path))
    file = Path(f"/proc/{server.pid}/oom_score_adj")
    base = int(file.read_text())
    with server.connect() as client:
        values = f"{base} {base + 3} {base + 5}"
        client.call("CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", values)
        client.call("REPLICAOF", "127.0.0.1", "1")
        assert int(file.read_text()) == base + 3
        client.call("REPLICAOF", "NO", "ONE")
        assert int(file.read_text()) == base
        client.call("MSET", *(word for i in range(100) for word in (i, i)))
        client.call("BGSAVE")
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        child = Path("/proc") / children.read_text().split()[0]
        wait_until(lambda: int((child / "oom_score_adj").read_text()) == base + 5, "its own score")
        wait_until(lambda: title_of(child).startswith("carnelian-rdb-bgsave 127.0.0.1:"), "title")
        client.call("CONFIG", "SET", "rdb-key-save-delay", "0", "save", "")
    assert int(file.read_text()) == base


def title_of(process: Path) -> str:
    return (process / "cmdline").read_bytes().rstrip(b"\0").decode()


@pytest.mark.skipif(sys.platform != "linux", reason="of the Linux kernel")
def test_process_title(make_server: Make) -> None:
    server = make_server(requirepass="hush-hush")
    process = Path(f"/proc/{server.pid}")
    assert title_of(process) == f"carnelian 127.0.0.1:{server.port}"
    with server.connect() as client:
        client.call("AUTH", "hush-hush")
        template = "TEST {title} {{ {port} {tls-port}{unixsocket}{config-file} " + "x" * 3000
        client.call("CONFIG", "SET", "proc-title-template", template)
        assert title_of(process).startswith(f"TEST carnelian {{ {server.port} 0")
        assert b"hush-hush" not in (process / "cmdline").read_bytes()
        assert b"hush-hush" not in (process / "environ").read_bytes()
        client.call("CONFIG", "SET", "proc-title-template", "{title} {port}")
        assert title_of(process) == f"carnelian {server.port}"


@pytest.mark.skipif(sys.platform != "linux", reason="of the Linux kernel")
def test_no_process_title(make_server: Make) -> None:
    server = make_server(set_proc_title="no")
    assert "python" in title_of(Path(f"/proc/{server.pid}"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--maxmemory", "1gb"],
        ["--tls-port", "6380"],
        ["--aclfile", "users.acl"],
        ["--cluster-enabled", "yes"],
        ["--user", "alice on"],
    ],
    ids=" ".join,
)
def test_settings_that_would_protect_nothing_end_the_start(arguments: list[str]) -> None:
    ended = run("--port", "0", *arguments)
    assert ended.returncode == 1
    assert f"Fatal config file error: {arguments[0][2:]}" in ended.stdout


def test_open_files_limit_reduces_maxclients() -> None:
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100));"
        "from carnelian.server import Server; from carnelian.services.config.config import Config;"
        "from carnelian.services.process import process;"
        "print(process.raise_descriptor_limit(10000)[0], process.raise_descriptor_limit(50)[0])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    possible, fitting = ended.stdout.split()[-2:]
    # As root the limit can be raised after all.
    assert (int(possible), int(fitting)) in {(68, 50), (10000, 50)}
