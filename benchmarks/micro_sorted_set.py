"""Bytes per member and time per operation of the big sorted set, without any server around it.

PYTHONPATH=build/native/lib python -m benchmarks.micro_sorted_set [members]
"""

from __future__ import annotations

import random
import sys

from carnelian.base.memory import stats
from native.sorted_set import SortedSetBox


def report(what: str, seconds: float, count: int) -> None:
    print(f"  {what:28} {seconds / count * 1e9:8.0f} ns")


def build(order: str, members: list[bytes], scores: list[float]) -> SortedSetBox:
    before = stats()
    box = SortedSetBox()
    seconds = box.time_set(members, scores)
    after = stats()
    count = len(members)
    print(
        f"{order}: {(after['used'] - before['used']) / count:.1f} bytes per member"
        f" ({box.bytes_of_tree() / count:.1f} of them tree,"
        f" {(after['committed'] - before['committed']) / count:.1f} committed)"
    )
    report("insert", seconds, count)
    return box


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = random.Random(1)
    members = [b"member:%07d" % number for number in range(count)]
    shuffled = members[:]
    rng.shuffle(shuffled)
    some = shuffled[: count // 5]
    scores = [float(rng.randrange(1 << 40)) for _ in range(count)]

    box = build("random scores", shuffled, scores)
    report("rank", box.time_rank(some), len(some))
    ranks = [rng.randrange(count) for _ in range(10_000)]
    report("range of 100", box.time_range(ranks, 100), len(ranks))
    report("score + small", box.time_set(some, [s + 1 for s in scores[: len(some)]]), len(some))
    report("score anew", box.time_set(some, scores[-len(some) :]), len(some))
    report("remove", box.time_remove(some), len(some))
    print(f"  tree after removing a fifth {box.bytes_of_tree() / len(box):8.1f} bytes per member")
    report("pop the lowest", box.time_pop_min(count // 5), count // 5)
    report("free, per member", box.time_free(), count - 2 * (count // 5))

    box = build("ascending scores", shuffled, [float(number) for number in range(count)])
    report("pop the lowest", box.time_pop_min(count), count)
    box = build("descending scores", shuffled, [float(-number) for number in range(count)])
    box.time_free()
    box = build("equal scores", shuffled, [0.0] * count)
    report("pop the lowest", box.time_pop_min(count), count)


if __name__ == "__main__":
    main()
