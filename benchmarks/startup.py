"""Milliseconds from starting the process to its first PONG."""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from typing import Any

from benchmarks.tables import print_table, verdict
from benchmarks.targets import SERVER_CORE, pin_client
from tests.support.servers import Server, free_port

BAR_MS = 100
GIVE_UP_S = 20


def pong(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
        probe.sendall(b"PING\r\n")
        return probe.recv(64).startswith(b"+PONG")
    return False


def measure(name: str) -> float:
    port = free_port()
    started = time.perf_counter()
    with Server(name, port=port, core=SERVER_CORE) as server:
        while not pong(port):
            if not server.alive() or time.perf_counter() - started > GIVE_UP_S:
                raise SystemExit(f"{name} does not start:\n{server.tail()}")
            time.sleep(0.0005)
        return (time.perf_counter() - started) * 1000


def main(names: list[str], rounds: int, quick: bool) -> list[dict[str, Any]]:
    pin_client()
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(3 if quick else max(rounds, 5)):
        for name in names:
            times[name].append(measure(name))
    rows = []
    for name in names:
        middle = statistics.median(times[name])
        bar = verdict(name, middle, BAR_MS, False)
        rows.append([name, f"{middle:.1f}", f"{min(times[name]):.1f}", bar])
    print_table("start to first PONG, ms", ["server", "median", "least", "bar"], rows)
    return [{"server": name, "ms": times[name]} for name in names]
