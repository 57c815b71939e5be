"""The worst round trip a client sees while a value of ten million elements goes away.

One value of each type is loaded once and copied for each way to lose it; a probe sends one PING
after the other from before until the server has nothing left to free. "nothing" is the same probe
without a removal: the noise of the machine.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from typing import Any

from benchmarks.loading import load, members
from benchmarks.stall import BAR_MS, receive
from benchmarks.tables import print_table, verdict
from benchmarks.targets import pin_client, running
from tests.support.client import Client
from tests.support.resp import Argument, encode_command
from tests.support.servers import Server
from tests.support.waiting import wait_until

ELEMENTS = 10_000_000
FREE_TIMEOUT_S = 120
PING = encode_command(["PING"])
PONG_LENGTH = len(b"+PONG\r\n")
WAYS = ("nothing", "DEL", "UNLINK", "SET over it", "RENAME over it", "expiry")


def big_values(count: int) -> Iterator[tuple[str, Iterator[list[Argument]]]]:
    yield "list", members(["RPUSH", "big"], count, lambda n: [f"element:{n:08}"])
    yield "set", members(["SADD", "big"], count, lambda n: [f"member:{n:08}"])
    yield "hash", members(["HSET", "big"], count, lambda n: [f"field:{n:08}", f"{n:08}"])
    yield "zset", members(["ZADD", "big"], count, lambda n: [n * 7919 % count, f"m:{n:08}"])
    yield "stream", (["XADD", "big", f"{n + 1}-0", "f", f"{n:08}"] for n in range(count // 10))


def probe(address: tuple[str, int], ready: Event, stop: Event, out: Any) -> None:
    """The probe's process: sends its worst round trip in ms when told to stop."""
    worst = 0.0
    clock = time.perf_counter
    with socket.create_connection(address, 60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not stop.is_set():
            started = clock()
            connection.sendall(PING)
            receive(connection, PONG_LENGTH)
            worst = max(worst, (clock() - started) * 1000)
            ready.set()
            time.sleep(0.0002)
    out.send(worst)


def lose(client: Client, way: str) -> None:
    if way == "nothing":
        time.sleep(0.3)
    elif way in ("DEL", "UNLINK"):
        client.call(way, "copy")
    elif way == "SET over it":
        client.call("SET", "copy", "small")
    elif way == "RENAME over it":
        client.call("RENAME", "small", "copy")
    else:
        client.call("PEXPIRE", "copy", 5)
        wait_until(lambda: client.call("DBSIZE") == 2, "the copy has expired")


def pending(client: Client) -> int:
    lines = client.call("INFO", "memory").splitlines()
    return next(int(line.split(b":")[1]) for line in lines if line.startswith(b"lazyfree_pending"))


def worst_ms(server: Server, client: Client, way: str) -> float:
    client.call("DEL", "copy")
    client.call("SET", "small", "text")
    client.call("COPY", "big", "copy")
    wait_until(lambda: pending(client) == 0, "nothing is left to free", FREE_TIMEOUT_S)
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(False)
    prober = multiprocessing.Process(target=probe, args=(server.address, ready, stop, sender))
    prober.start()
    ready.wait(60)
    lose(client, way)
    wait_until(lambda: pending(client) == 0, "it is freed", FREE_TIMEOUT_S)
    stop.set()
    worst: float = receiver.recv()
    prober.join()
    return worst


def main(names: list[str], quick: bool) -> list[dict[str, Any]]:
    pin_client()
    results, rows = [], []
    for name in names:
        for kind, commands in big_values(ELEMENTS // (100 if quick else 1)):
            with running(name) as server:
                load(server, commands)
                with server.connect(timeout_s=120) as client:
                    times = {way: worst_ms(server, client, way) for way in WAYS}
            results.append({"server": name, "type": kind} | times)
            worst = max(value for way, value in times.items() if way != "nothing")
            row = [f"{name} {kind}", *(f"{value:.2f}" for value in times.values())]
            rows.append([*row, verdict(name, worst, BAR_MS, False)])
    print_table("worst round trip while a big value goes, ms", ["of", *WAYS, "bar"], rows)
    return results
