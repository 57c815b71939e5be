"""Bytes of RSS per key, field, member or entry: each case in a fresh server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.loading import load, members
from benchmarks.tables import print_table, verdict
from benchmarks.targets import pin_client, running
from tests.support.resp import Argument

Commands = Iterator[list[Argument]]
FAR_S = 10_000_000


class Case(NamedTuple):
    """`bar` is the most bytes of RSS each of `amount` things may cost."""

    name: str
    amount: int
    commands: Callable[[int], Commands]
    bar: float


def keys(count: int) -> Commands:
    return (["SET", f"key:{n:012}", f"value{n % 1000:03}"] for n in range(count))


def keys_with_ttl(count: int) -> Commands:
    return (
        ["SET", f"key:{n:012}", f"value{n % 1000:03}", "EX", FAR_S + n] for n in range(count)
    )


def hashes(count: int) -> Commands:
    for n in range(count):
        pairs = [word for i in range(10) for word in (f"field:{i}", f"value{(n + i) % 1000:03}")]
        yield ["HSET", f"hash:{n:08}", *pairs]


def sets(count: int) -> Commands:
    return (["SADD", f"set:{n:08}", *(f"m{i}" for i in range(n % 7, n % 7 + 10))]
            for n in range(count))


def stream(count: int) -> Commands:
    return (["XADD", "stream", "*", "a", n % 100, "b", n % 1000] for n in range(count))


def one_hash(count: int) -> Commands:
    return members(["HSET", "hash"], count, lambda n: [f"field:{n:010}", f"value:{n % 1000:03}"])


def one_set(count: int) -> Commands:
    return members(["SADD", "set"], count, lambda n: [f"member:{n:09}"])


def one_integer_set(count: int) -> Commands:
    return members(["SADD", "set"], count, lambda n: [n * 7919])


def one_sorted_set(count: int) -> Commands:
    return members(["ZADD", "zset"], count, lambda n: [n * 7919 % count, f"member:{n:09}"])


def one_list(count: int) -> Commands:
    return members(["RPUSH", "list"], count, lambda n: [f"element:{n:08}"])


CASES = [
    Case("keys of 16 bytes, values of 8", 1_000_000, keys, 55),
    Case("the same with a TTL", 1_000_000, keys_with_ttl, 75),
    Case("hashes of 10 fields", 100_000, hashes, 280),
    Case("fields of one hash", 1_000_000, one_hash, 65),
    Case("members of one set", 1_000_000, one_set, 45),
    Case("integers in one set", 1_000_000, one_integer_set, 20),
    Case("members of one sorted set", 1_000_000, one_sorted_set, 75),
    Case("elements of one list", 1_000_000, one_list, 20),
    Case("entries of one stream", 1_000_000, stream, 16),
    Case("sets of 10 small members", 100_000, sets, 110),
]


def measure(name: str, case: Case, count: int) -> float:
    with running(name) as server:
        load(server, [["PING"]])
        before = server.rss_bytes()
        load(server, case.commands(count))
        return (server.rss_bytes() - before) / count


def main(names: list[str], tests: list[str] | None, quick: bool) -> list[dict[str, Any]]:
    """`tests` picks the cases whose name contains any of these words."""
    pin_client()
    cases = [case for case in CASES if tests is None or any(word in case.name for word in tests)]
    results, rows = [], []
    for case in cases:
        count = case.amount // (10 if quick else 1)
        sizes = {name: measure(name, case, count) for name in names}
        results += [{"case": case.name, "server": name, "bytes": sizes[name]} for name in names]
        numbers = [f"{sizes[name]:.1f}" for name in names]
        bar = verdict(names[0], sizes[names[0]], case.bar, False)
        rows.append([case.name, f"{count:,}", *numbers, bar])
    print_table("bytes of RSS each", ["of", "count", *names, "bar"], rows)
    return results
