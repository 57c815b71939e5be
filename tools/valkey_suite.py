"""Valkey's own Tcl test suite against Carnelian.

    python -m tools.valkey_suite [--own] PATH-TO-A-VALKEY-CHECKOUT [type/string integration/aof ...]

Each unit gets its own `runtest`, and its own server, which the suite is told of (external mode).
With `--own` the suite starts its servers itself, with settings of its tests and several at once,
where a wrapper stands in for src/valkey-server: that runs many more tests. Failures are compared
with the table in docs/COMPATIBILITY.md; the exit status is 1 if one is not in it. `--server valkey`
shows what the real thing does. The whole output is kept under build/valkey-suite/. The checkout is
never fetched or written to: the suite runs on a copy of its tests. Needs tclsh 8.5 or later.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support import servers
from tests.support.servers import NAMES, PeerMissing

ROOT = Path(__file__).resolve().parent.parent
COMPATIBILITY = ROOT / "docs" / "COMPATIBILITY.md"
LOGS = ROOT / "build" / "valkey-suite"
UNITS = [
    "type/string", "type/incr", "expire", "scan", "keyspace", "multi", "pubsub", "pubsubshard",
    "protocol", "querybuf", "info", "introspection", "quit", "pause", "type/list",
    "type/list-2", "type/list-3", "type/hash", "type/set", "type/zset", "type/stream",
    "type/stream-cgroups", "bitops", "bitfield", "hyperloglog", "geo", "sort", "lazyfree", "aofrw",
    "dump", "other", "latency-monitor",
]
OWN_UNITS = [
    *UNITS, "auth", "info-command", "introspection-2", "limits", "memefficiency", "networking",
    "obuf-limits", "oom-score-adj", "replybufsize", "shutdown", "slowlog", "violations", "wait",
    "integration/aof", "integration/aof-multi-part", "integration/aof-race",
    "integration/block-repl", "integration/convert-ziplist-hash-on-load",
    "integration/convert-ziplist-zset-on-load", "integration/convert-zipmap-hash-on-load",
    "integration/dismiss-mem", "integration/failover", "integration/logging",
    "integration/psync2", "integration/psync2-master-restart", "integration/psync2-pingoff",
    "integration/psync2-reg", "integration/rdb", "integration/replica-redirect",
    "integration/replication", "integration/replication-2", "integration/replication-3",
    "integration/replication-4", "integration/replication-buffer",
    "integration/replication-psync", "integration/shutdown",
]
OWN_MODE = "own:"  # before the unit's name in the table: fails in this mode only
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
EVENT = re.compile(r"^\[(ok|err|skip|ignore|exception|TIMEOUT)\]: ?(.*)$")
ELAPSED = re.compile(r" \(\d+ ms\)$")
FILE = re.compile(r" in tests/\S+\.tcl$")
END = re.compile(r"^(\s+The End|!!! WARNING|\[\d+/\d+ done\])")
DETAIL_LINES_MAX = 12
DETAIL_COLUMNS_MAX = 300
TIDY_UP = """proc tidy_up {} {
    catch {r discard}
    catch {r client unpause}
    catch {r config set maxmemory 0}
    catch {r debug pause-cron 0}
    catch {r debug set-active-expire 1}
    catch {r config set set-max-listpack-entries 128}
    catch {r config set rdb-key-save-delay 0}
    catch {r replicaof no one}
    catch {r config set replica-serve-stale-data yes}
}

"""
# (file, text, replacement): what the harness itself demands of a server besides the tests.
PATCHES = [
    ("tests/support/server.tcl", "    r function flush\n", "    catch {r function flush}\n"),
    # A test that fails half-way must not make those after it fail or hang.
    (
        "tests/support/test.tcl",
        "            incr ::num_failed\n",
        "            incr ::num_failed\n            if {$::external} {tidy_up}\n",
    ),
    ("tests/support/test.tcl", "proc test {name", TIDY_UP + "proc test {name"),
]


TOOLS = ("cli", "benchmark", "check-rdb", "check-aof")

# Where the suite relies on a default that is not Redis's: UNLINK, not DEL, is propagated.
VALKEY_DEFAULTS = {
    "lazyfree-lazy-expire": "yes",
    "lazyfree-lazy-server-del": "yes",
    "lazyfree-lazy-user-del": "yes",
}
VALKEY_ONLY = ("enable-debug-assert yes",)


class Outcome(NamedTuple):
    """One thing the suite said about a test; `details` are the lines that follow an error."""

    status: str
    test: str
    details: list[str]


class Result(NamedTuple):
    unit: str
    outcomes: list[Outcome]
    trouble: str  # why the unit did not run to its end; empty if it did

    def tests(self, status: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status == status]


def parse(output: str) -> Iterator[Outcome]:
    """The events of a run, up to the summary that repeats its failures."""
    current: Outcome | None = None
    for line in COLOUR.sub("", output).splitlines():
        event = EVENT.match(line)
        if event is not None:
            if current is not None:
                yield current
            status, text = event.groups()
            name = FILE.sub("", ELAPSED.sub("", text)) if status in ("ok", "err") else text
            current = Outcome(status, name.strip(), [])
        elif END.match(line):
            if current is not None:
                yield current
            current = None
            if "The End" in line:
                return
        elif current is not None:
            current.details.append(line)
    if current is not None:
        yield current


def run_suite(
    checkout: Path, unit: str, port: int | None, options: argparse.Namespace, left_out: list[str]
) -> tuple[str, str]:
    """The suite's output, and what went wrong with the run itself; no port: its own servers."""
    command = ["./runtest", "--durable", "--dont-clean", "--dont-pre-clean"]
    command += ["--single", unit if unit.startswith("integration/") else f"unit/{unit}"]
    if port is not None:
        command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--baseport", str(options.baseport), "--timeout", str(options.timeout)]
    for tag in options.tags or ():
        command += ["--tags", tag]
    for test in options.only or ():
        command += ["--only", test]
    for test in left_out:
        command += ["--skiptest", test]
    process = subprocess.Popen(
        command,
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    trouble = ""
    try:
        output = process.communicate(timeout=options.timeout + 30)[0]
    except subprocess.TimeoutExpired:
        trouble = f"still running after {options.timeout + 30} s"
        servers.kill_group(process.pid, signal.SIGKILL)
        output = process.communicate()[0]
    servers.kill_group(process.pid, signal.SIGKILL)
    return output.decode(errors="replace"), trouble


def write_programs(folder: Path, server: str) -> None:
    """The programs that the suite runs, as it calls them."""
    command, executable = servers.program(server)
    if executable is not None:  # the name it is called by decides what it is
        (folder / command[0]).symlink_to(executable)
        command = [str(folder / command[0])]
    wrapper = folder / "valkey-server"
    # The suite looks for this line of Valkey's banner.
    wrapper.write_text(f'#!/bin/sh\necho "Starting, PID: $$"\nexec {shlex.join(command)} "$@"\n')
    wrapper.chmod(0o755)
    for tool in TOOLS:
        if found := shutil.which(f"redis-{tool}"):
            (folder / f"valkey-{tool}").symlink_to(found)


def copy_of(checkout: Path, into: Path, server: str, own: bool) -> Path:
    """What the suite needs of the checkout, patched; the rest is reached by links."""
    shutil.copytree(checkout / "tests", into / "tests", ignore=shutil.ignore_patterns("tmp"))
    shutil.copy2(checkout / "runtest", into / "runtest")
    (into / "tests" / "tmp").mkdir()
    (into / "src").mkdir()
    links = ["utils", "deps", *(f"src/{path.name}" for path in (checkout / "src").iterdir())]
    for other in links:
        (into / other).symlink_to(checkout.resolve() / other)
    if own:
        for name in (f"valkey-{tool}" for tool in ("server", *TOOLS)):
            (into / "src" / name).unlink(missing_ok=True)
        write_programs(into / "src", server)
        if server != "valkey":
            settings = into / "tests" / "assets" / "default.conf"
            lines = [line for line in settings.read_text().splitlines() if line not in VALKEY_ONLY]
            lines += [f"{name} {value}" for name, value in VALKEY_DEFAULTS.items()]
            settings.write_text("\n".join(lines) + "\n")
    for name, text, replacement in PATCHES:
        path = into / name
        path.write_text(path.read_text().replace(text, replacement))
    return into


def run_external(
    checkout: Path, unit: str, options: argparse.Namespace, left_out: list[str]
) -> tuple[str, str]:
    port = None if options.server == "carnelian" else servers.free_port()
    config = {"enable-protected-configs": "yes", "enable-module-command": "yes"}
    if options.server == "carnelian":
        config |= VALKEY_DEFAULTS
    with servers.start(options.server, config, port=port) as server:
        assert server.port is not None
        output, trouble = run_suite(checkout, unit, server.port, options, left_out)
        if not server.alive():
            trouble = f"the server ended with {server.process.returncode}:\n{server.tail()}"
    return output, trouble


def run_unit(
    checkout: Path, unit: str, options: argparse.Namespace, left_out: list[str]
) -> Result:
    if options.own:
        output, trouble = run_suite(checkout, unit, None, options, left_out)
    else:
        output, trouble = run_external(checkout, unit, options, left_out)
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{unit.replace('/', '-')}.log").write_text(output)
    outcomes = list(parse(output))
    for outcome in outcomes:
        if outcome.status in ("exception", "TIMEOUT"):
            trouble = trouble or "\n".join([outcome.test, *outcome.details[:DETAIL_LINES_MAX]])
    if not trouble and "The End" not in output:
        trouble = "the suite stopped early:\n" + output[-1000:]
    return Result(unit, outcomes, trouble)


def expected_failures(text: str) -> dict[tuple[str, str], str]:
    """(unit, test) -> reason, from the table; a `|` inside a name is written `\\|`."""
    expected = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 3 or cells[0] in ("unit", "---"):
            continue
        unit, test, reason = (cell.replace("\\|", "|") for cell in cells)
        expected[unit, test.strip("`")] = reason
    return expected


def hanging(expected: dict[tuple[str, str], str], unit: str) -> list[str]:
    """The listed tests that would wait for ever for what is missing: they are left out."""
    return [
        test
        for (of, test), reason in expected.items()
        if of == unit and reason.startswith("hangs: ")
    ]


def report(result: Result, expected: dict[tuple[str, str], str], selected: bool) -> bool:
    """Print a unit; whether it went as the table says. `selected`: not all its tests ran."""
    failures = result.tests("err")
    listed = {test for unit, test in expected if unit == result.unit}
    unexpected = [outcome for outcome in failures if outcome.test not in listed]
    passed = {outcome.test for outcome in result.tests("ok")}
    numbers = [len(result.tests(status)) for status in ("ok", "err", "ignore", "skip")]
    good = not unexpected and not result.trouble
    print(
        f"{'ok  ' if good else 'FAIL'} {result.unit:<20}"
        f" {numbers[0]:4} passed {numbers[1]:4} failed ({len(unexpected)} not listed)"
        f" {numbers[2]:4} left out {numbers[3]:4} skipped",
        flush=True,
    )
    for outcome in unexpected:
        print(f"     failed: {outcome.test}")
        for line in outcome.details[:DETAIL_LINES_MAX]:
            print(f"         {line[:DETAIL_COLUMNS_MAX]}")
    for test in sorted(listed & passed):
        print(f"     listed as failing, but passes: {test}")
    if not selected:
        seen = {outcome.test for outcome in result.outcomes}
        for test in sorted(listed - seen):
            print(f"     listed as failing, but did not run: {test}")
    if result.trouble:
        print("     " + result.trouble.replace("\n", "\n     "))
    return good


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.valkey_suite", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="root of a Valkey checkout")
    parser.add_argument("units", nargs="*", help=f"default: {' '.join(UNITS)}")
    parser.add_argument("--server", choices=NAMES, default="carnelian")
    parser.add_argument("--own", action="store_true", help="the suite starts its own servers")
    parser.add_argument("--tags", action="append", help="as runtest's, such as -slow")
    parser.add_argument("--only", action="append", help="as runtest's: a test's name, or /regexp")
    parser.add_argument("--all", action="store_true", help="also tests that are said to hang")
    parser.add_argument("--timeout", type=int, default=300, help="seconds without progress")
    # The suite looks for a free port from here on, but two runs at once may take the same.
    baseport = 12000 + os.getpid() % 300 * 64
    parser.add_argument(
        "--baseport", type=int, default=baseport, help="for the suite's own sockets"
    )
    return parser.parse_intermixed_args()


def main() -> None:
    options = parse_options()
    if not (options.checkout / "runtest").is_file():
        raise SystemExit(f"{options.checkout} is not a Valkey checkout: it has no ./runtest")
    expected = expected_failures(COMPATIBILITY.read_text())
    if options.own:
        for (unit, test), reason in list(expected.items()):
            expected[unit.removeprefix(OWN_MODE), test] = reason
    every = OWN_UNITS if options.own else UNITS
    units = [re.sub(r"^unit/", "", unit) for unit in options.units] or every
    good, totals = True, {"ok": 0, "err": 0}
    try:
        with tempfile.TemporaryDirectory(prefix="valkey-suite-") as directory:
            checkout = copy_of(options.checkout, Path(directory), options.server, options.own)
            for unit in units:
                left_out = [] if options.all else hanging(expected, unit)
                result = run_unit(checkout, unit, options, left_out)
                good &= report(result, expected, bool(options.only or options.tags))
                for status in totals:
                    totals[status] += len(result.tests(status))
    except PeerMissing as missing:
        raise SystemExit(str(missing)) from None
    print(f"{len(units)} units: {totals['ok']} passed, {totals['err']} failed")
    sys.exit(not good)


if __name__ == "__main__":
    main()
