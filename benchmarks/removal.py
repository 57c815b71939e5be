"""What clients feel of big removals: stalls, the time of one big step, and memory that comes back.

- stalls: a value of ten million elements, or as many small keys as make a flush, goes away; a probe
  sends one PING after the other from before until everything is freed and given back. "nothing" is
  the same probe without a removal: the noise of the machine.
- steps: commands that remove a million elements and must do so at once, with their reply.
- rest: the resident memory some seconds after a flush, and what there was before the data.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.synchronize import Event
from typing import Any

from benchmarks.loading import MARKER_COMMAND, MARKER_REPLY, load, members
from benchmarks.stall import BAR_MS, receive
from benchmarks.tables import print_table, verdict
from benchmarks.targets import pin_client, running
from tests.support.client import Client
from tests.support.resp import Argument, encode_command
from tests.support.servers import Server
from tests.support.waiting import wait_until

ELEMENTS = 10_000_000
KEYS = 5_000_000
STEP_SIZE = 1_000_000
STEP_OF = 3 * STEP_SIZE
STEP_BAR = 0.5                     # of Redis's time
SPOP_BAR = 0.8
STEP_ROUNDS = 3
FREE_TIMEOUT_S = 120
AFTERMATH_S = 2.5                  # in which memory goes back to the system
REST_S = 10
PING = encode_command(["PING"])
PONG_LENGTH = len(b"+PONG\r\n")
WAYS = ("nothing", "DEL", "UNLINK", "SET over it", "RENAME over it", "expiry")
FLUSHES = ("nothing", "FLUSHALL ASYNC", "FLUSHDB ASYNC", "SWAPDB")


def big_values(count: int) -> Iterator[tuple[str, Iterator[list[Argument]]]]:
    yield "list", members(["RPUSH", "big"], count, lambda n: [f"element:{n:08}"])
    yield "set", members(["SADD", "big"], count, lambda n: [f"member:{n:08}"])
    yield "hash", members(["HSET", "big"], count, lambda n: [f"field:{n:08}", f"{n:08}"])
    yield "zset", members(["ZADD", "big"], count, lambda n: [n * 7919 % count, f"m:{n:08}"])
    yield "stream", (["XADD", "big", f"{n + 1}-0", "f", f"{n:08}"] for n in range(count // 10))


def small_keys(count: int) -> Iterator[list[Argument]]:
    return members(["MSET"], count, lambda n: [f"key:{n:012}", f"value{n % 1000:03}"])


# --- stalls ---

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
    elif way == "expiry":
        client.call("PEXPIRE", "copy", 5)
        wait_until(lambda: client.call("DBSIZE") == 2, "the copy has expired")
    elif way == "SWAPDB":
        client.call("SWAPDB", 0, 1)
        client.call("FLUSHDB", "ASYNC")
        client.call("SWAPDB", 0, 1)
        client.call("FLUSHDB", "ASYNC")
    else:
        client.call(*way.split())


def figure(client: Client, section: str, name: str) -> int:
    lines = client.call("INFO", section).splitlines()
    return next(int(line.split(b":")[1]) for line in lines if line.startswith(name.encode()))


def is_free(client: Client) -> bool:
    return figure(client, "memory", "lazyfree_pending_objects") == 0


def worst_ms(server: Server, client: Client, way: str, aftermath_s: float) -> float:
    wait_until(lambda: is_free(client), "nothing is left to free", FREE_TIMEOUT_S)
    ready, stop = multiprocessing.Event(), multiprocessing.Event()
    receiver, sender = multiprocessing.Pipe(False)
    prober = multiprocessing.Process(target=probe, args=(server.address, ready, stop, sender))
    prober.start()
    ready.wait(60)
    lose(client, way)
    wait_until(lambda: is_free(client), "it is freed", FREE_TIMEOUT_S)
    time.sleep(aftermath_s)
    stop.set()
    worst: float = receiver.recv()
    prober.join()
    return worst


def stalls_of_values(name: str, count: int) -> Iterator[tuple[str, dict[str, float]]]:
    for kind, commands in big_values(count):
        with running(name) as server:
            load(server, commands)
            with server.connect(timeout_s=120) as client:
                times = {}
                for way in WAYS:
                    client.call("DEL", "copy")
                    client.call("SET", "small", "text")
                    client.call("COPY", "big", "copy")
                    times[way] = worst_ms(server, client, way, 0.3)
        yield kind, times


def stalls_of_flushes(name: str, count: int) -> dict[str, float]:
    times = {}
    with running(name) as server, server.connect(timeout_s=120) as client:
        for way in FLUSHES:
            load(server, small_keys(count))
            times[way] = worst_ms(server, client, way, AFTERMATH_S)
            client.call("FLUSHALL", "SYNC")
    return times


def stalls(names: list[str], scale: int) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    rows, flush_rows = [], []
    for name in names:
        for kind, times in stalls_of_values(name, ELEMENTS // scale):
            results.append({"server": name, "type": kind} | times)
            rows.append(stall_row(f"{name} {kind}", name, times))
        times = stalls_of_flushes(name, KEYS // scale)
        results.append({"server": name, "type": "keys"} | times)
        flush_rows.append(stall_row(name, name, times))
    print_table("worst round trip while a big value goes, ms", ["of", *WAYS, "bar"], rows)
    title = f"worst round trip while {KEYS // scale:,} keys go, ms"
    print_table(title, ["of", *FLUSHES, "bar"], flush_rows)
    return results


def stall_row(label: str, name: str, times: dict[str, float]) -> list[str]:
    worst = max(value for way, value in times.items() if way != "nothing")
    shown = [f"{value:.2f}" for value in times.values()]
    return [label, *shown, verdict(name, worst, BAR_MS, False)]


# --- steps ---

def sets(count: int) -> Iterable[list[Argument]]:
    return members(["SADD", "big"], count, lambda n: [f"member:{n:08}"])


def sorted_sets(count: int) -> Iterable[list[Argument]]:
    return members(["ZADD", "big"], count, lambda n: [n, f"m:{n * 7919 % count:08}"])


def equal_scores(count: int) -> Iterable[list[Argument]]:
    return members(["ZADD", "big"], count, lambda n: [0, f"m:{n:08}"])


def streams(count: int) -> Iterable[list[Argument]]:
    return (["XADD", "big", f"{n + 1}-0", "f", f"{n:08}"] for n in range(count))


def hashes(count: int) -> Iterable[list[Argument]]:
    return members(["HSET", "big"], count, lambda n: [f"field:{n:08}", f"{n:08}"])


def some(n: int) -> list[Argument]:
    """The words of SREM: `n` members spread over the whole set."""
    return [f"member:{i * 7919 % (3 * n):08}" for i in range(n)]


Step = tuple[str, Callable[[int], Iterable[list[Argument]]], Callable[[int], list[Argument]], float]
STEPS: tuple[Step, ...] = (
    ("SPOP", sets, lambda n: ["SPOP", "copy", n], SPOP_BAR),
    ("SREM", sets, lambda n: ["SREM", "copy", *some(n)], STEP_BAR),
    ("ZREMRANGEBYRANK", sorted_sets,
     lambda n: ["ZREMRANGEBYRANK", "copy", n, 2 * n - 1], STEP_BAR),
    ("ZREMRANGEBYSCORE", sorted_sets,
     lambda n: ["ZREMRANGEBYSCORE", "copy", n, 2 * n - 1], STEP_BAR),
    ("ZREMRANGEBYLEX", equal_scores,
     lambda n: ["ZREMRANGEBYLEX", "copy", f"[m:{n:08}", f"(m:{2 * n:08}"], STEP_BAR),
    ("XTRIM", streams, lambda n: ["XTRIM", "copy", "MAXLEN", 2 * n], STEP_BAR),
)  # fmt: skip


def time_step(server: Server, command: bytes) -> float:
    """Milliseconds until the whole reply is here."""
    assert isinstance(server.address, tuple)
    with socket.create_connection(server.address, timeout=60) as connection:
        started = time.perf_counter()
        connection.sendall(command + MARKER_COMMAND)
        end = b""
        while not end.endswith(MARKER_REPLY):
            end = (end + connection.recv(1 << 20))[-len(MARKER_REPLY) :]
        return (time.perf_counter() - started) * 1000


def steps(names: list[str], scale: int) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    rows = []
    size = STEP_SIZE // scale
    for what, content, command, bar in STEPS:
        times: dict[str, float] = {}
        for name in names:
            with running(name) as server, server.connect(timeout_s=120) as client:
                load(server, content(3 * size))
                encoded = encode_command(command(size))
                rounds = []
                for _ in range(STEP_ROUNDS):
                    client.call("COPY", "big", "copy", "REPLACE")
                    wait_until(lambda: is_free(client), "it is freed", FREE_TIMEOUT_S)
                    rounds.append(time_step(server, encoded))
                times[name] = min(rounds)
        ratio = times[names[0]] / times["redis"] if "redis" in times else None
        results.append({"step": what, "ratio": ratio} | times)
        shown = [f"{times[name]:.0f}" for name in names]
        judged = ["", ""] if ratio is None else [
            f"{ratio:.2f}", verdict(names[0], ratio, bar, False)]
        rows.append([what, *shown, *judged])
    title = f"one step that removes {size:,} of {3 * size:,} elements, ms"
    print_table(title, ["step", *names, "to redis", "bar"], rows)
    return results


# --- rest ---

def rests(names: list[str], scale: int) -> list[dict[str, Any]]:
    results, rows = [], []
    small, strings = 3_000_000 // scale, 20_000 // scale
    contents: dict[str, tuple[str, Callable[[], Iterable[list[Argument]]]]] = {
        f"{small:,} small keys": ("no", lambda: small_keys(small)),
        f"{strings:,} strings of 10 kB, logged":
            ("yes", lambda: (["SET", f"s:{n}", b"x" * 10_000] for n in range(strings))),
    }
    for what, (logged, content) in contents.items():
        for name in names:
            with (
                running(name, appendonly=logged) as server,
                server.connect(timeout_s=120) as client,
            ):
                start = figure(client, "memory", "used_memory_rss")
                load(server, content())
                full = figure(client, "memory", "used_memory_rss")
                client.call("FLUSHALL")
                time.sleep(REST_S)
                left = figure(client, "memory", "used_memory_rss")
            results.append(
                {"server": name, "of": what, "start": start, "full": full, "left": left})
            shown = [f"{each / 1e6:.0f}" for each in (start, full, left)]
            rows.append([f"{name} {what}", *shown])
    title = f"resident memory {REST_S} s after FLUSHALL, MB"
    print_table(title, ["of", "at start", "full", "left"], rows)
    return results


def main(names: list[str], tests: list[str] | None, quick: bool) -> list[dict[str, Any]]:
    pin_client()
    scale = 100 if quick else 1
    parts = {"steps": steps, "rest": rests, "stalls": stalls}
    return [
        result
        for part, run in parts.items()
        if tests is None or part in tests
        for result in run(names, scale)
    ]
