"""Where the server's time goes under load: `make profile`, or

    python -m tools.profile [--tests SET,GET] [--tool perf|callgrind] [--lines 40]

Native functions come from perf, or from callgrind (counted instructions, no time) where perf may
not be used. Python frames come from the server itself: a timer of its CPU time writes the Python
stack at each tick, from a signal handler in C, so that native code is charged to the Python line
that called it. The load is redis-benchmark with a test of `python -m benchmarks throughput`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.loading import load
from benchmarks.throughput import selected
from benchmarks.workloads import KEYS, Workload
from tests.support import servers
from tests.support.servers import Server
from tests.support.waiting import wait_until

TICK_S = 0.002
START_TIMEOUT_S = 300
NAME = "profiled"
FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')
SAMPLED = f"""
import faulthandler, signal, sys
from carnelian.cli import main
faulthandler.register(signal.SIGPROF, open(sys.argv[1], "w"), all_threads=False)
signal.setitimer(signal.ITIMER_PROF, {TICK_S}, {TICK_S})
sys.exit(main(sys.argv[2:]))
"""


def python_frames(text: str, lines: int) -> None:
    """Each innermost Python line, and each function on the stack, by their shares of ticks."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    stacks = text.split("Stack (most recent call first)")[1:]
    for stack in stacks:
        frames = FRAME.findall(stack)
        if not frames:
            continue
        path, line, function = frames[0]
        own[f"{function} ({short(path)}:{line})"] += 1
        below.update({f"{function} ({short(path)})" for path, _, function in frames})
    for title, found in (("innermost Python line", own), ("Python function and below", below)):
        print(f"\n--- {title}, of {len(stacks)} ticks ---")
        for name, count in found.most_common(lines):
            print(f"{count / max(len(stacks), 1):7.2%}  {name}")


def short(path: str) -> str:
    return path[path.rfind("/carnelian/") + 1 :]


def run_load(server: Server, workload: Workload, requests: int) -> None:
    command = ["redis-benchmark", "-p", str(server.port), "-P", "16", "-r", str(KEYS), "-q"]
    command += ["-n", str(requests), *workload.command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def with_perf(server: Server, folder: Path, workload: Workload, options: argparse.Namespace) -> str:
    data = folder / "perf.data"
    record = ["perf", "record", "-q", "-F", "1999", "-e", "cpu-clock", "-o", str(data)]
    recorder = subprocess.Popen([*record, "-p", str(server.pid)])
    wait_until(data.exists, "perf records", 10)
    try:
        run_load(server, workload, workload.requests)
    finally:
        recorder.terminate()
        recorder.wait()
    report = ["perf", "report", "-i", str(data), "--stdio", "--no-children"]
    report += ["-F", "overhead,dso,sym"]
    return subprocess.run(report, capture_output=True, text=True, check=True).stdout


def with_callgrind(
    server: Server, folder: Path, workload: Workload, options: argparse.Namespace
) -> str:
    subprocess.run(["callgrind_control", "--zero", str(server.pid)], check=True)
    run_load(server, workload, workload.requests // 20)
    subprocess.run(["callgrind_control", "--dump", str(server.pid)], check=True)
    newest = max(folder.glob("figures.*"), key=lambda path: int(path.suffix[1:]))
    annotate = ["callgrind_annotate", str(newest)]
    return subprocess.run(annotate, capture_output=True, text=True, check=True).stdout


def profile(workload: Workload, options: argparse.Namespace, folder: Path) -> None:
    stacks = folder / "stacks"
    servers.other_commands[NAME] = [sys.executable, "-c", SAMPLED, str(stacks)]
    callgrind = options.tool == "callgrind"
    tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'figures'}"]
    with Server(NAME, {"appendonly": "no"}, prefix=tool if callgrind else ()) as server:
        wait_until(server.answers, "the server answers", START_TIMEOUT_S, 0.1)
        load(server, workload.prepare(workload.requests))
        before = stacks.stat().st_size
        native = (with_callgrind if callgrind else with_perf)(server, folder, workload, options)
        text = stacks.read_text()[before:]
    print(f"\n--- native, {workload.name} ---")
    rows = [line for line in native.splitlines() if line.strip() and not line.startswith("#")]
    print("\n".join(row.rstrip() for row in rows[: options.lines]))
    python_frames(text, options.lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.profile", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", default="SET", help="names of throughput tests, with commas")
    parser.add_argument("--tool", choices=["perf", "callgrind"], help="default: perf if there")
    parser.add_argument("--lines", type=int, default=30)
    options = parser.parse_args()
    options.tool = options.tool or ("perf" if shutil.which("perf") else "callgrind")
    for workload in selected(options.tests.split(",")):
        folder = Path("build") / "profile" / f"{workload.name}-{time.strftime('%H%M%S')}"
        folder.mkdir(parents=True)
        profile(workload, options, folder.resolve())
        print(f"\nraw data: {folder}")


if __name__ == "__main__":
    main()
