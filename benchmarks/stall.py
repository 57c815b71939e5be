"""The worst round trip a client sees while another inserts millions of keys.

A loader process inserts, 16 commands a write; the probe sends one GET after the other and keeps
each round trip. A second phase overwrites the same keys, where nothing grows: what it shows is the
noise of the machine and the loader, against which the first is to be read.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from typing import Any, NamedTuple

from benchmarks.tables import print_table, verdict
from benchmarks.targets import pin_client, running
from tests.support.resp import encode_command

BAR_MS = 5
PIPELINE = 16
CHUNK = 16_000
CONTROL_KEYS = 1_000_000
OK_LENGTH = len(b"+OK\r\n")
PROBE = encode_command(["GET", "key:000000000000"])
PROBE_REPLY_LENGTH = len(b"$8\r\nvalue000\r\n")


class Phase(NamedTuple):
    server: str
    phase: str
    keys: int
    probes: int
    p99_ms: float
    p999_ms: float
    max_ms: float
    over_bar: int


def receive(connection: socket.socket, length: int) -> None:
    while length > 0:
        part = connection.recv(length)
        if not part:
            raise ConnectionError("the server closed the connection")
        length -= len(part)


def insert(address: tuple[str, int], count: int) -> None:
    """The loader's process; it steps back, so that the probe is woken at once."""
    os.nice(10)
    with socket.create_connection(address, 60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for first in range(0, count, CHUNK):
            commands = [
                b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$8\r\nvalue%03d\r\n" % (n, n % 1000)
                for n in range(first, min(first + CHUNK, count))
            ]
            for start in range(0, len(commands), PIPELINE):
                batch = commands[start : start + PIPELINE]
                connection.sendall(b"".join(batch))
                receive(connection, OK_LENGTH * len(batch))


def probe(address: tuple[str, int], loader: multiprocessing.Process) -> list[float]:
    """Round trips in ms for as long as the loader runs."""
    times: list[float] = []
    with socket.create_connection(address, 60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clock = time.perf_counter
        while len(times) % 256 or loader.is_alive():
            started = clock()
            connection.sendall(PROBE)
            receive(connection, PROBE_REPLY_LENGTH)
            times.append((clock() - started) * 1000)
            time.sleep(0.0002)
    return times


def run_phase(server: str, address: tuple[str, int], name: str, keys: int) -> Phase:
    loader = multiprocessing.Process(target=insert, args=(address, keys))
    loader.start()
    try:
        times = sorted(probe(address, loader))
    finally:
        loader.join()
    if loader.exitcode:
        raise SystemExit(f"{server}: the loader failed")
    over_bar = sum(value > BAR_MS for value in times)
    at = [times[min(len(times) - 1, int(len(times) * share))] for share in (0.99, 0.999)]
    return Phase(server, name, keys, len(times), at[0], at[1], times[-1], over_bar)


def measure(name: str, keys: int) -> list[Phase]:
    with running(name) as server:
        assert isinstance(server.address, tuple)
        with server.connect() as client:
            client.call("SET", "key:000000000000", "value000")
        growth = run_phase(name, server.address, "growth", keys)
        control = run_phase(name, server.address, "overwrite", min(keys, CONTROL_KEYS))
        return [growth, control]


def main(names: list[str], quick: bool) -> list[dict[str, Any]]:
    pin_client()
    keys = 300_000 if quick else 5_000_000
    phases = [phase for name in names for phase in measure(name, keys)]
    rows = []
    for phase in phases:
        bar = BAR_MS if phase.phase == "growth" else None
        rows.append(
            [
                f"{phase.server} {phase.phase}",
                f"{phase.keys:,}",
                f"{phase.probes:,}",
                *(f"{value:.2f}" for value in (phase.p99_ms, phase.p999_ms, phase.max_ms)),
                str(phase.over_bar),
                verdict(phase.server, phase.max_ms, bar, False),
            ]
        )
    head = ["phase", "keys", "probes", "p99", "p99.9", "max", f"over {BAR_MS}", "bar"]
    print_table("round trips of a probe while keys are inserted, ms", head, rows)
    return [phase._asdict() for phase in phases]
