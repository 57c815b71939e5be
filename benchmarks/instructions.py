"""User instructions per command at pipeline 16, counted by valgrind's callgrind: a ratchet.

The figures to beat lie in `instructions.json` beside this file. They hardly depend on the machine
(a repetition differs by half a per cent), so they show what a change costs where times would be
lost in noise. `--keep` writes those that have fallen; a rise is written by hand, with its reason in
the commit.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.loading import batches
from benchmarks.tables import print_table
from tests.support.resp import Argument, encode_command
from tests.support.servers import PEERS, Server
from tests.support.waiting import wait_until

KEPT = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.03
PIPELINE = 16
CONNECTIONS = 8
COMMANDS = 40 * PIPELINE * CONNECTIONS
KEYS = 10_000
ROUNDS = 3
START_TIMEOUT_S = 300  # an interpreter under valgrind
VALUE = "xxxxxxxx"
# callgrind_control finds a process by its title
SETTINGS = {"hz": 1, "appendonly": "no", "set-proc-title": "no"}


class Test(NamedTuple):
    command: Callable[[int], list[Argument]]
    reply_lines: int


TESTS = {
    "GET": Test(lambda n: ["GET", f"key:{scattered(n):012}"], 2),
    "SET": Test(lambda n: ["SET", f"key:{scattered(n):012}", VALUE], 1),
    "LPUSH": Test(lambda n: ["LPUSH", "list", VALUE], 1),
    "ZADD": Test(lambda n: ["ZADD", "zset", scattered(n), f"element:{scattered(n):012}"], 1),
    "XADD": Test(lambda n: ["XADD", "stream", "*", "one", VALUE, "two", VALUE], 2),
}


def scattered(number: int) -> int:
    return number * 7919 % KEYS


class Counted:
    """A server under callgrind, with its clients. Closing it ends both."""

    def __init__(self, name: str) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="callgrind-")
        self.figures = Path(self.directory.name) / "figures"
        tool = ["valgrind", "--tool=callgrind", "--trace-children=yes"]
        tool += [f"--callgrind-out-file={self.figures}"]
        self.server = Server(name, SETTINGS, prefix=tool)
        try:
            wait_until(self.server.answers, f"{name} answers", START_TIMEOUT_S, 0.1)
            assert isinstance(self.server.address, tuple)
            address = self.server.address
            self.clients = [socket.create_connection(address, 60) for _ in range(CONNECTIONS)]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.server.stop()
        self.directory.cleanup()

    def control(self, option: str) -> None:
        command = ["callgrind_control", option, str(self.server.pid)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "OK" not in said:
            raise SystemExit(f"callgrind_control: {said}")

    def run(self, test: Test) -> None:
        """All clients send a full pipeline, then all read their replies."""
        words = (encode_command(test.command(number)) for number in range(COMMANDS))
        pipelines = (b"".join(batch) for batch in batches(words, PIPELINE))
        for turn in batches(pipelines, CONNECTIONS):
            for client, pipeline in zip(self.clients, turn, strict=True):
                client.sendall(pipeline)
            for client in self.clients:
                missing = PIPELINE * test.reply_lines
                while missing > 0:
                    part = client.recv(1 << 16)
                    if not part or part.startswith(b"-"):
                        raise SystemExit(f"{self.server.name}: {part!r}\n{self.server.tail()}")
                    missing -= part.count(b"\n")

    def count(self, test: Test) -> float:
        self.control("--zero")
        self.run(test)
        self.control("--dump")
        dumps = self.figures.parent.glob(self.figures.name + ".*")
        newest = max(dumps, key=lambda path: int(path.suffix[1:]))
        return total(newest.read_text()) / COMMANDS


def total(dump: str) -> int:
    for line in dump.splitlines():
        if line.startswith(("totals:", "summary:")):
            return int(line.split()[1])
    raise SystemExit("callgrind's output has no total")


def measure(name: str, tests: list[str], rounds: int) -> Iterator[tuple[str, float]]:
    """The least of some rounds, after one that loads what the test needs and warms up."""
    counted = Counted(name)
    try:
        for test in tests:
            counted.run(TESTS["SET" if test == "GET" else test])
            yield test, min(counted.count(TESTS[test]) for _ in range(rounds))
    finally:
        counted.close()


def verdict(found: float, kept: float | None) -> str:
    if kept is None:
        return "new"
    change = found / kept - 1
    if change > TOLERANCE:
        return f"{change:+.1%} MISSED"
    return f"{change:+.1%} ok" + (" (lower: --keep)" if change < -TOLERANCE else "")


def main(
    names: list[str], wanted: list[str] | None, keep: bool, quick: bool
) -> list[dict[str, Any]]:
    if shutil.which("callgrind_control") is None:
        print("instructions: valgrind is not installed, nothing counted")
        return []
    tests = [test for test in TESTS if wanted is None or test in wanted]
    names = [name for name in names if name not in PEERS]
    results = {name: dict(measure(name, tests, 1 if quick else ROUNDS)) for name in names}
    subject = results[names[0]]
    kept: dict[str, int] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    rows = []
    for test in tests:
        before = kept.get(test)
        row = [test, *(f"{results[name][test]:.0f}" for name in names)]
        rows.append([*row, str(before or ""), verdict(subject[test], before)])
    print_table("user instructions per command, pipeline 16", ["test", *names, "kept", ""], rows)
    if keep:
        kept |= {test: min(round(n), kept.get(test, round(n))) for test, n in subject.items()}
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return [{"server": name, "instructions": found} for name, found in results.items()]
