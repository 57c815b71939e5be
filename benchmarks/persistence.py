"""Files: saving, loading, saving in the background under load, and what the append-only file costs.

The data: 1M strings, 100k hashes of 10 fields, a sorted set of 200k members. Redis is the bar.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.loading import load, members
from benchmarks.tables import print_table
from benchmarks.targets import pin_client, running
from tests.support import servers
from tests.support.servers import Server
from tests.support.waiting import wait_until

STRINGS, HASHES, MEMBERS = 1_000_000, 100_000, 200_000
BASELINE_S = 2.0
SAMPLE_S = 0.05


def info(server: Server, section: str) -> dict[str, str]:
    with server.connect(timeout_s=60) as client:
        lines = client.call("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def fill(server: Server, share: float) -> None:
    with server.connect(timeout_s=120) as client:
        client.call("DEBUG", "POPULATE", int(STRINGS * share), "key", 16)
    fields = [word for i in range(10) for word in (f"field:{i}", f"value:{i}")]
    load(server, (["HSET", f"hash:{i}", *fields] for i in range(int(HASHES * share))))
    load(server, members(["ZADD", "zset"], int(MEMBERS * share), lambda i: [i, f"member:{i}"]))


def seconds_of(server: Server, command: str) -> float:
    with server.connect(timeout_s=120) as client:
        started = time.perf_counter()
        client.call(command)
        return time.perf_counter() - started


def background_save(server: Server) -> None:
    with server.connect(timeout_s=60) as client:
        client.call("BGSAVE")
    wait_until(
        lambda: info(server, "persistence")["rdb_bgsave_in_progress"] == "0", "it is saved", 120
    )


@contextlib.contextmanager
def load_going_on(server: Server) -> Iterator[None]:
    command = ["redis-benchmark", "-p", str(server.port), "-t", "set", "-P", "16", "-r", "1000000"]
    client = subprocess.Popen(
        [*command, "-l", "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        client.kill()
        client.wait()


def rate(server: Server, until: Any) -> float:
    """Commands a second until the condition is met."""

    def count() -> int:
        return int(info(server, "stats")["total_commands_processed"])

    started, before = time.perf_counter(), count()
    while not until(time.perf_counter() - started):
        time.sleep(SAMPLE_S)
    return (count() - before) / (time.perf_counter() - started)


def under_load(server: Server) -> tuple[float, int]:
    """The share of its rate that a server keeps while it saves, and the fork's microseconds."""
    with load_going_on(server):
        rate(server, lambda passed: passed > 0.5)
        alone = rate(server, lambda passed: passed > BASELINE_S)
        with server.connect(timeout_s=60) as client:
            client.call("BGSAVE")
        saving = rate(
            server, lambda _: info(server, "persistence")["rdb_bgsave_in_progress"] == "0"
        )
    return saving / alone, int(info(server, "stats")["latest_fork_usec"])


def loading_seconds(server: Server) -> float:
    found = re.search(r"DB loaded from disk: ([\d.]+) seconds", server.log.read_text())
    assert found is not None
    return float(found[1])


def measure_snapshots(name: str, share: float) -> dict[str, float]:
    port = servers.free_port()
    with servers.start(name, {"maxclients": 1000}, port=port) as server:
        fill(server, share)
        results = {"save s": min(seconds_of(server, "SAVE") for _ in range(2))}
        used = int(info(server, "memory")["used_memory"])
        background_save(server)
        private = int(info(server, "persistence")["rdb_last_cow_size"])
        results["child's private memory %"] = 100 * private / used
        results["share kept while saving %"], results["fork us"] = under_load(server)
        results["share kept while saving %"] *= 100
        seconds_of(server, "SAVE")
        file = server.directory / "dump.rdb"
        results["file MB"] = file.stat().st_size / 1e6
        times = []
        for _ in range(2):
            with servers.start(name, {"dir": str(server.directory)}) as again:
                times.append(loading_seconds(again))
        results["load s"] = min(times)
    return results


def throughput(server: Server, pipeline: int, requests: int) -> tuple[float, float]:
    """Requests a second, and microseconds of the server's CPU for each."""
    before = server.cpu_s()
    command = ["redis-benchmark", "-p", str(server.port), "-t", "set", "-r", "100000", "-q", "-c"]
    ended = subprocess.run(
        [*command, "50", "-P", str(pipeline), "-n", str(requests)],
        capture_output=True,
        check=True,
        text=True,
    )
    found = re.findall(r"([\d.]+) requests per second", ended.stdout)
    return float(found[-1]), (server.cpu_s() - before) * 1e6 / requests


def measure_log(name: str, share: float) -> dict[str, float]:
    many, few = int(2_000_000 * share), int(40_000 * share)
    results: dict[str, float] = {}
    with running(name) as server:
        results["no log /s"], results["no log us"] = throughput(server, 16, many)
    with running(name, appendonly="yes") as server:
        results["everysec /s"], results["everysec us"] = throughput(server, 16, many)
    with running(name, appendonly="yes", appendfsync="always") as server:
        results["always /s"], _ = throughput(server, 1, few)
    return results


def main(names: list[str], quick: bool) -> list[dict[str, Any]]:
    pin_client()
    share = 0.1 if quick else 1.0
    found = []
    for title, measure in (
        ("snapshots", measure_snapshots),
        ("the append-only file (SET, 50 clients, pipeline 16; always: 1)", measure_log),
    ):
        results = {name: measure(name, share) for name in names}
        head = [title, *names]
        rows = [
            [what, *(f"{results[name][what]:,.2f}" for name in names)]
            for what in next(iter(results.values()))
        ]
        print_table("persistence", head, rows)
        found += [{"server": name, "part": title, **results[name]} for name in names]
    return found
