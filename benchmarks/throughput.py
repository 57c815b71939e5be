"""The server's CPU per command under redis-benchmark, rounds interleaved.

Judged is CPU time, at long pipelines its user part: requests per second say how fast the client's
full core is, and how often an idle server has to be woken. The kernel's part is the same for all.
"""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
import statistics
import subprocess
from typing import Any, NamedTuple

from benchmarks.loading import load
from benchmarks.tables import print_table, verdict
from benchmarks.targets import better_peer, pin_client, running
from benchmarks.workloads import KEYS, Workload, all_workloads
from tests.support.servers import Server

CONNECTIONS = 50
PIPELINE_1_REQUESTS_MAX = 150_000
RUN_TIMEOUT_S = 300


class Run(NamedTuple):
    server: str
    test: str
    pipeline: int
    requests_per_s: float
    cpu_us: float
    user_us: float
    busy: float  # share of the run the server was on a CPU: well below 1, the client was the limit


def selected(names: list[str] | None) -> list[Workload]:
    workloads = all_workloads()
    if names is None:
        return workloads
    by_name = {workload.name: workload for workload in workloads}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"no such test: {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names]


def measure(server: Server, workload: Workload, pipeline: int, requests: int) -> Run:
    """Empty the server, load what the test needs, and run it once."""
    server.reset()
    load(server, workload.prepare(requests))
    command = ["redis-benchmark", "-p", str(server.port), "-c", str(CONNECTIONS), "--csv"]
    command += ["-P", str(pipeline), "-n", str(requests), "-r", str(KEYS), *workload.command]
    user_before, system_before = server.cpu_parts_s()
    output = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    user, system = server.cpu_parts_s()
    rows = list(csv.reader(io.StringIO(output.stdout)))
    if output.returncode or not rows or len(rows[-1]) < 2:
        raise SystemExit(f"{server.name} {workload.name}: {output.stdout}{output.stderr}")
    rate = float(rows[-1][1])
    user_us = (user - user_before) / requests * 1e6
    cpu_us = user_us + (system - system_before) / requests * 1e6
    return Run(server.name, workload.name, pipeline, rate, cpu_us, user_us, cpu_us * rate / 1e6)


def run_all(
    names: list[str], workloads: list[Workload], pipelines: list[int], rounds: int, quick: bool
) -> list[Run]:
    runs = []
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(name)) for name in names]
        for number in range(rounds):
            for pipeline in pipelines:
                for workload in workloads:
                    requests = workload.requests // (5 if quick else 1)
                    if pipeline == 1:
                        requests = min(requests, PIPELINE_1_REQUESTS_MAX)
                    runs += [measure(server, workload, pipeline, requests) for server in servers]
            print(f"round {number + 1} of {rounds} done", flush=True)
    return runs


def mean(runs: list[Run], server: str, test: str, pipeline: int, field: str) -> float:
    """Of all rounds: one alone is too short for the kernel's sampling of user and system time."""
    wanted = (server, test, pipeline)
    values: list[float] = [getattr(run, field) for run in runs if run[:3] == wanted]
    return statistics.fmean(values)


def report(runs: list[Run], names: list[str], workloads: list[Workload], pipeline: int) -> None:
    head = ["test"]
    for name in names:
        head += [f"{name} user us", "cpu us", "k/s", "busy"]
    subject, *others = names
    head += [f"user/{other}" for other in others] + [f"cpu/{other}" for other in others] + ["bar"]
    rows = []
    for workload in workloads:
        row = [workload.name]
        user, cpu = {}, {}
        for name in names:
            user[name], cpu[name], rate, busy = (
                mean(runs, name, workload.name, pipeline, field)
                for field in ("user_us", "cpu_us", "requests_per_s", "busy")
            )
            row += [f"{user[name]:.3f}", f"{cpu[name]:.3f}", f"{rate / 1000:.0f}", f"{busy:.0%}"]
        for costs in (user, cpu):
            row += [f"{costs[subject] / max(costs[other], 1e-9):.2f}x" for other in others]
        judged, bar = (user, workload.bar) if pipeline > 1 else (cpu, 1.0)
        peer = better_peer(judged)
        row.append("" if peer is None else verdict(subject, judged[subject] / peer, bar, False))
        rows.append(row)
    what = "user time" if pipeline > 1 else "CPU time"
    print_table(f"pipeline {pipeline}; the bar is {what} by that of the better peer", head, rows)


def main(
    names: list[str], tests: list[str] | None, pipelines: list[int], rounds: int, quick: bool
) -> list[dict[str, Any]]:
    if shutil.which("redis-benchmark") is None:
        raise SystemExit("redis-benchmark is not installed (Debian: redis-tools)")
    pin_client()
    workloads = selected(tests)
    runs = run_all(names, workloads, pipelines, 1 if quick else rounds, quick)
    for pipeline in pipelines:
        report(runs, names, workloads, pipeline)
    return [run._asdict() for run in runs]
