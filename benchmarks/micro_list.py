"""Nanoseconds per operation of the bare quicklist.

PYTHONPATH=build/native/lib python -m benchmarks.micro_list, after `make test` has built that.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.tables import print_table
from native.quicklist import ByteList

COUNT = 1_000_000
ELEMENT = b"0123456789"


def timed(work: Callable[[], object], operations: int) -> str:
    start = time.perf_counter()
    work()
    return f"{(time.perf_counter() - start) / operations * 1e9:.1f}"


def ends(front: bool) -> list[tuple[str, str]]:
    name = "front" if front else "back"
    full, queue = ByteList(), ByteList()
    queue.time_push(front, ELEMENT, 10)

    def turn_over() -> None:
        for _ in range(1000):
            queue.time_push(front, ELEMENT, 100)
            queue.time_pop(not front, 100)

    return [
        (f"push {name}", timed(lambda: full.time_push(front, ELEMENT, COUNT), COUNT)),
        (f"pop {name}", timed(lambda: full.time_pop(front, COUNT), COUNT)),
        (f"queue from {name}, push + pop", timed(turn_over, 100_000)),
    ]


def reads() -> list[tuple[str, str]]:
    full = ByteList()
    full.time_push(False, ELEMENT, COUNT)
    many = 20_000
    return [
        ("walk 1M, per element", timed(lambda: full.time_walk(0, COUNT), COUNT)),
        ("walk 100 from the start, per call",
         timed(lambda: [full.time_walk(0, 100) for _ in range(many)], many)),
        ("index at the start", timed(lambda: full.time_get(0, many), many)),
        ("index at a quarter", timed(lambda: full.time_get(COUNT // 4, many), many)),
        ("index in the middle", timed(lambda: full.time_get(COUNT // 2, many), many)),
        ("bytes per element of 10", f"{full.bytes / COUNT:.2f}"),
    ]


def main() -> None:
    print_table("quicklist", ["operation", "ns"], [*ends(True), *ends(False), *reads()])


if __name__ == "__main__":
    main()
