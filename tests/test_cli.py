"""The command line: what redis-server understands, the same way."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from carnelian import __version__, cli
from carnelian.services.config.config import Config
from carnelian.version import REDIS_VERSION
from tests.support.client import SocketClient
from tests.support.servers import PeerMissing, program
from tests.support.waiting import wait_until


def config_of(words: list[str]) -> Config | None:
    before = Path.cwd()
    try:
        return cli.load_config(words)
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("words", "parsed"),
    [
        ([], ("", False, "")),
        (["x.conf"], ("x.conf", False, "")),
        (["-"], ("", True, "")),
        (["x.conf", "-"], ("x.conf", True, "")),
        (["--port", "1", "-"], ("", True, 'port "1"')),
        (["--port", "1", "--hz", "2"], ("", False, 'port "1"\nhz "2"')),
        (["--port 1", "--hz 2"], ("", False, "port 1\nhz 2")),
        (["--replicaof", "h", "1"], ("", False, 'replicaof "h" "1"')),
        (["--requirepass", "--x"], ("", False, 'requirepass "--x"')),
        (["--save", "--port", "1"], ("", False, 'save ""\nport "1"')),
        (["--save"], ("", False, 'save ""')),
        (["--save", ""], ("", False, 'save ""')),
        (["--user", "a", "-", "on"], ("", False, 'user "a" "-" "on"')),
        (["--masterauth", 'a"b\n'], ("", False, 'masterauth "a\\"b\\n"')),
        (["-x"], ("", False, ' "-x"')),
    ],
)
def test_arguments(words: list[str], parsed: tuple[str, bool, str]) -> None:
    assert cli.parse_arguments(words) == parsed


# Command lines, for redis-server and for us; CONFIG GET of the names used must agree.
COMMAND_LINES = [
    ["--hz", "20", "--save", "900", "1", "--save", "300", "10"],
    ["--save", "900 1 300 10"],
    ["--save", "", "--hz", "20"],
    ["--save", "--hz", "20"],
    ["--hz", "20", "--save"],
    ["--hz 20", "--maxmemory 1mb"],
    ["--HZ", "20", "--Slave-Priority", "7"],
    ["--masterauth", "--hz", "--hz", "20"],
    ["--masterauth", "a b\n\x01'\"\\", "--hz", "20"],
    ["--replicaof", "127.0.0.1", "1"],
    ["--replicaof", "127.0.0.1 1"],
    ["--bind", "127.0.0.1", "-::1", "--hz", "20"],
    ["--client-output-buffer-limit", "pubsub", "1mb", "2mb", "60", "normal", "1", "1", "1"],
    ["--shutdown-on-sigint", "nosave", "now"],
    ["--proc-title-template", "--my--title--{title} {listen-addr}"],
    ["--hz", "20", "-", "--maxmemory", "1mb"],  # no stdin in the middle, but an argument
    ["--port"],
    ["--port", "x"],
    ["--port", "1", "2"],
    ["--nosuch", "x"],
    ["--daemonize"],
    ["--hz", "--save", "1 1"],
    ["-x", "y"],
    ["--", "x"],
    ["--hz", "20", "--appendonly"],
]


def answers(path: Path) -> bool:
    """Whether somebody listens on a unix socket: its file is there a moment earlier."""
    try:
        SocketClient(str(path)).close()
    except OSError:
        return False
    return True


def redis_outcome(words: list[str], directory: Path) -> list[tuple[str, str]] | str:
    """What redis-server makes of the arguments: CONFIG GET's pairs, or its report."""
    try:
        command, executable = program("redis")
    except PeerMissing as missing:
        pytest.skip(str(missing))
    path = directory / "s"
    file = directory / "redis.conf"
    file.write_text(f"port 0\nunixsocket {path}\nloglevel warning\n")
    process = subprocess.Popen(
        [*command, str(file), *words],
        executable=executable,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: answers(path) or process.poll() is not None, "redis-server starts", 10)
        if process.poll() is not None:
            return process.communicate()[1].strip().split("\n")[-1]
        with SocketClient(str(path)) as client:
            found = [part.decode() for part in client.call("CONFIG", "GET", "*")]
        return list(zip(found[::2], found[1::2], strict=True))
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.mark.parametrize("words", COMMAND_LINES, ids=lambda words: " ".join(words)[:40])
def test_as_redis_reads_it(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = redis_outcome(words, tmp_path)
    config = config_of(words)
    if isinstance(theirs, str):
        assert config is None
        assert capsys.readouterr().err.strip().split("\n")[-1] == theirs
        return
    assert config is not None
    # Those a default or the peer's own start decides differently.
    left_out = {"port", "unixsocket", "loglevel", "syslog-ident", "dir", "always-show-logo"}
    ours = dict(config.get(["*"]))
    assert {
        name: value for name, value in theirs if name in ours and name not in left_out
    }.items() <= ours.items()


class TestMain:
    def serve(self, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> tuple[int, Config | None]:
        seen: list[Config] = []

        def main(config: Config) -> int:
            seen.append(config)
            return 7

        server = types.ModuleType("carnelian.server")
        monkeypatch.setattr(server, "main", main, raising=False)
        monkeypatch.setitem(sys.modules, "carnelian.server", server)
        before = Path.cwd()
        try:
            return cli.main(words), seen[0] if seen else None
        finally:
            os.chdir(before)

    def test_serves(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        file = tmp_path / "x.conf"
        file.write_text(f"hz 20\nport 1\ndir {tmp_path}")
        code, config = self.serve(monkeypatch, [str(file), "--port", "2"])
        assert code == 7
        assert config is not None
        assert (config.hz, config.port, config.dir) == (20, 2, str(tmp_path))
        assert config.file == str(file)

    def test_bad_configuration(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.serve(monkeypatch, ["--foo", "bar"]) == (1, None)
        assert capsys.readouterr().err == (
            f"\n*** FATAL CONFIG FILE ERROR (Carnelian {__version__}) ***\n"
            "Reading the configuration from the command line, at line 1\n"
            ">>> 'foo \"bar\"'\n"
            "Bad directive or wrong number of arguments\n"
        )

    @pytest.mark.parametrize(
        "words",
        [["--sentinel"], ["x.conf", "--sentinel"], ["--test-memory", "5"], ["--check-system"]],
    )
    def test_refusals(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        words: list[str],
    ) -> None:
        assert self.serve(monkeypatch, words) == (1, None)
        assert capsys.readouterr().err.startswith("Carnelian ")

    @pytest.mark.parametrize("word", ["-v", "--version"])
    def test_version(self, capsys: pytest.CaptureFixture[str], word: str) -> None:
        assert cli.main([word]) == 0
        name, server, version, *fields = capsys.readouterr().out.split()
        assert (name, server, version) == ("Carnelian", "server", f"v={REDIS_VERSION}")
        names = ["sha", "malloc", "bits", "build", "carnelian"]
        assert [field.partition("=")[0] for field in fields] == names
        assert fields[-1] == f"carnelian={__version__}"

    @pytest.mark.parametrize("word", ["-h", "--help"])
    def test_help(self, capsys: pytest.CaptureFixture[str], word: str) -> None:
        assert cli.main([word]) == 1
        assert capsys.readouterr().err.startswith("Usage: carnelian ")

    def test_subcommands(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(cli.SUBCOMMANDS, "twice", lambda words: 2 * len(words))
        assert cli.main(["twice", "a", "b"]) == 4

    def test_as_a_module_reading_stdin(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(
            [sys.executable, "-m", "carnelian", "--hz", "1", "-"],
            input="hz 5\nnonsense\n",
            capture_output=True,
            text=True,
            env=environment,
            check=False,
            timeout=20,
        )
        assert run.returncode == 1
        assert "Reading the configuration from standard input, at line 2" in run.stderr
