"""Requests per second and the server's CPU per command, by redis-benchmark, rounds interleaved."""

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
from benchmarks.targets import pin_client, running
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
    cpu_before = server.cpu_s()
    output = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False
    )
    cpu_s = server.cpu_s() - cpu_before
    rows = list(csv.reader(io.StringIO(output.stdout)))
    if output.returncode or not rows or len(rows[-1]) < 2:
        raise SystemExit(f"{server.name} {workload.name}: {output.stdout}{output.stderr}")
    rate = float(rows[-1][1])
    cpu_us = cpu_s / requests * 1e6
    return Run(server.name, workload.name, pipeline, rate, cpu_us, cpu_us * rate / 1e6)


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


def median(runs: list[Run], server: str, test: str, pipeline: int, field: str) -> float:
    wanted = (server, test, pipeline)
    values: list[float] = [getattr(run, field) for run in runs if run[:3] == wanted]
    return statistics.median(values)


def report(runs: list[Run], names: list[str], workloads: list[Workload], pipeline: int) -> None:
    head = ["test"]
    for name in names:
        head += [f"{name} k/s", "us cpu", "busy"]
    subject = names[0]
    head += [f"{subject}/{peer}" for peer in names[1:]]
    head += ["bar"]
    rows = []
    for workload in workloads:
        row = [workload.name]
        rates, costs = {}, {}
        for name in names:
            rates[name], costs[name], busy = (
                median(runs, name, workload.name, pipeline, field)
                for field in ("requests_per_s", "cpu_us", "busy")
            )
            row += [f"{rates[name] / 1000:.1f}", f"{costs[name]:.2f}", f"{busy:.0%}"]
        values = rates if pipeline > 1 else {name: 1 / max(costs[name], 1e-9) for name in names}
        ratios = {peer: values[subject] / values[peer] for peer in names[1:]}
        row += [f"{ratio:.2f}x" for ratio in ratios.values()]
        bar = workload.bar if pipeline > 1 else 1.0
        row.append(verdict(subject, ratios["redis"], bar, True) if "redis" in ratios else "")
        rows.append(row)
    what = "throughput" if pipeline > 1 else "commands per CPU second"
    print_table(f"pipeline {pipeline}, ratios of {what}", head, rows)


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
