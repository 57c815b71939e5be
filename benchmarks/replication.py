"""What replicas cost a primary, and how long a full synchronization takes.

Throughput of SET and INCR at pipeline 16, alone and with a replica attached, interleaved. The
replica is a process that reads and throws away, so that the primary is the limit and not the speed
at which somebody applies the stream. Full synchronization: from REPLICAOF until the replica's link
is up, with a real server of either kind as the replica.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.loading import load, members
from benchmarks.tables import print_table, verdict
from benchmarks.targets import CLIENT_CORES, pin_client, running
from benchmarks.throughput import measure, selected
from tests.support.client import SocketClient
from tests.support.resp import Argument, encode_command
from tests.support.servers import Server, free_port, start
from tests.support.waiting import wait_until

PIPELINE = 16
TESTS = ["SET", "INCR"]
SYNC_TIMEOUT_S = 120.0
ACK_BYTES = 1 << 24


class SyncTime(NamedTuple):
    primary: str
    replica: str
    keys: int
    seconds: float


def info(server: Server, section: str) -> dict[str, str]:
    with server.connect(timeout_s=30) as client:
        text = client.call("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


# --- throughput ---


def drain(address: tuple[str, int]) -> None:
    """A replica that reads: it acknowledges at times and keeps nothing."""
    client = SocketClient(address, 2, 60.0)
    client.call("REPLCONF", "capa", "eof", "capa", "psync2")
    client.send("PSYNC", "?", -1)
    mark = b""
    while not mark:
        line = client.line().lstrip(b"\n")
        mark = line[5:] if line.startswith(b"$EOF:") else b""
    while mark not in client.buffer:
        client.fill()
    client.send("REPLCONF", "ACK", 0)
    room = bytearray(1 << 18)
    total = acked = 0
    with contextlib.suppress(OSError):
        client.socket.settimeout(None)
        while got := client.socket.recv_into(room):
            total += got
            if total - acked > ACK_BYTES:
                acked = total
                client.socket.sendall(encode_command(["REPLCONF", "ACK", total]))


@contextlib.contextmanager
def drained(server: Server) -> Iterator[None]:
    """With a replica attached to `server`."""
    assert isinstance(server.address, tuple)
    process = multiprocessing.Process(target=drain, args=(server.address,), daemon=True)
    process.start()
    try:
        wait_until(
            lambda: "state=online" in info(server, "replication").get("slave0", ""),
            "the replica is online",
            30,
        )
        yield
    finally:
        process.kill()
        process.join()
        wait_until(lambda: info(server, "replication")["connected_slaves"] == "0", "gone")


def shares(names: list[str], tests: list[str], rounds: int, quick: bool) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    settings: dict[str, Any] = {"repl-diskless-sync-delay": 0, "repl-diskless-sync": "yes"}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(name, **settings)) for name in names]
        for number in range(rounds):
            for workload in selected(tests):
                requests = workload.requests // (5 if quick else 1)
                for server in servers:
                    alone = measure(server, workload, PIPELINE, requests)
                    with drained(server):
                        followed = measure(server, workload, PIPELINE, requests)
                    results += [alone._asdict() | {"replica": False}]
                    results += [followed._asdict() | {"replica": True}]
            print(f"round {number + 1} of {rounds} done", flush=True)
    return results


def report_shares(results: list[dict[str, Any]], names: list[str], tests: list[str]) -> None:
    def middle(name: str, test: str, replica: bool, field: str) -> float:
        wanted = (name, test, replica)
        values: list[float] = [
            run[field] for run in results if (run["server"], run["test"], run["replica"]) == wanted
        ]
        return statistics.median(values)

    rows = []
    for test in tests:
        kept = {}
        for name in names:
            alone, followed = (
                middle(name, test, replica, "requests_per_s") for replica in (False, True)
            )
            cpu, cpu_followed = (middle(name, test, replica, "cpu_us") for replica in (False, True))
            kept[name] = followed / alone
            bar = kept.get("redis") if name == "carnelian" else None
            rows.append([f"{name} {test}", f"{alone / 1000:.0f}", f"{followed / 1000:.0f}",
                         f"{followed / alone:.0%}", f"{cpu:.2f}", f"{cpu_followed:.2f}",
                         verdict(name, kept[name], bar, True)])  # fmt: skip
    head = ["server and test", "alone k/s", "followed k/s", "kept", "us cpu", "us cpu followed", ""]
    print_table(f"a primary with one replica, pipeline {PIPELINE}", head, rows)
    if {"carnelian", "redis"} <= {*names}:
        print("The bar: Carnelian keeps at least the share that redis keeps.")


# --- full synchronization ---


def key_and_value(number: int) -> list[Argument]:
    return [f"key:{number:012}", f"value{number:03}"]


def sync_once(primary: Server, replica_name: str, keys: int) -> SyncTime:
    settings = {"save": "", "repl-diskless-load": "disabled"}
    with start(replica_name, settings, port=free_port()) as replica, replica.connect() as client:
        started = time.perf_counter()
        client.call("REPLICAOF", "127.0.0.1", str(primary.port))
        wait_until(
            lambda: info(replica, "replication").get("master_link_status") == "up",
            "the link is up",
            SYNC_TIMEOUT_S,
        )
        seconds = time.perf_counter() - started
        assert client.call("DBSIZE") == keys
    return SyncTime(primary.name, replica_name, keys, seconds)


def syncs(names: list[str], rounds: int, quick: bool) -> list[SyncTime]:
    keys = 100_000 if quick else 1_000_000
    found = []
    with contextlib.ExitStack() as stack:
        settings: dict[str, Any] = {"repl-diskless-sync-delay": 0, "repl-diskless-sync": "yes"}
        primaries = [stack.enter_context(running(name, **settings)) for name in names]
        for primary in primaries:
            load(primary, members(["MSET"], keys, key_and_value))
        for _ in range(rounds):
            for primary in primaries:
                found += [sync_once(primary, replica, keys) for replica in names]
    return found


def report_syncs(found: list[SyncTime]) -> None:
    times: dict[tuple[str, str], list[float]] = {}
    for one in found:
        times.setdefault((one.primary, one.replica), []).append(one.seconds)
    best = {pair: statistics.median(seconds) for pair, seconds in times.items()}
    bar = best.get(("redis", "redis"))
    rows = []
    for (primary, replica), seconds in best.items():
        rows.append(
            [f"{primary} to {replica}", f"{seconds:.2f}", verdict(primary, seconds, bar, False)]
        )
    print_table(f"full synchronization of {found[0].keys:,} keys, s", ["pair", "s", ""], rows)


def main(
    names: list[str], tests: list[str] | None, rounds: int, quick: bool
) -> list[dict[str, Any]]:
    pin_client()
    assert CLIENT_CORES
    tests = tests or TESTS
    rounds = 1 if quick else rounds
    results = shares(names, tests, rounds, quick)
    report_shares(results, sorted(names, key=lambda name: name != "redis"), tests)
    times = syncs(names, max(rounds // 2, 1), quick)
    report_syncs(times)
    return results + [one._asdict() for one in times]
