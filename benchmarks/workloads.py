"""What the throughput benchmark runs: command lines for redis-benchmark, and the data they need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from benchmarks.loading import members
from tests.support.resp import Argument

KEYS = 100_000  # redis-benchmark -r: __rand_int__ is twelve digits below this
VALUE = "xxxxxxxx"
RANDOM = "__rand_int__"
HALF = 0.5  # what native code under a Cython core has to show for itself

Commands = Iterable[list[Argument]]


def nothing(requests: int) -> Commands:
    return ()


def strings(prefix: str, value: str) -> Callable[[int], Commands]:
    """All the keys a test can hit."""

    def prepare(requests: int) -> Iterator[list[Argument]]:
        return (["SET", f"{prefix}:{number:012}", value] for number in range(KEYS))

    return prepare


def consumed(
    command: list[Argument], make: Callable[[int], list[Argument]]
) -> Callable[[int], Commands]:
    """A collection that the test's pops do not exhaust."""
    return lambda requests: members(command, requests + 1000, make)


def one_list(requests: int) -> Commands:
    return members(["RPUSH", "list"], 1000, lambda n: [VALUE])


def one_hash(requests: int) -> Commands:
    return members(["HSET", "hash10"], 10, lambda n: [f"field:{n}", VALUE])


def two_sets(requests: int) -> Iterator[list[Argument]]:
    yield from members(["SADD", "set:a"], 1000, lambda n: [f"member:{n}"])
    yield from members(["SADD", "set:b"], 1000, lambda n: [f"member:{n + 500}"])


def one_sorted_set(requests: int) -> Commands:
    return members(["ZADD", "zset1000"], 1000, lambda n: [n, f"member:{n}"])


def one_bitmap(requests: int) -> Commands:
    return [["SET", "bitmap", b"\x5a" * (1 << 20)]]


class Workload(NamedTuple):
    """`requests` is for pipeline 16; there the server's user time, by that of the better peer, is
    held to `bar`."""

    name: str
    command: list[str]
    prepare: Callable[[int], Commands] = nothing
    requests: int = 1_000_000
    bar: float = 1.0


def collections() -> list[Workload]:
    element = f"element:{RANDOM}"
    pushes = consumed(["RPUSH", "mylist"], lambda n: [VALUE])
    members_of_set = consumed(["SADD", "myset"], lambda n: [f"element:{n:012}"])
    members_of_zset = consumed(["ZADD", "myzset"], lambda n: [n, f"element:{n:012}"])
    return [
        Workload("LPUSH", ["LPUSH", "mylist", VALUE], bar=HALF),
        Workload("RPUSH", ["RPUSH", "mylist", VALUE]),
        Workload("LPOP", ["LPOP", "mylist"], pushes),
        Workload("RPOP", ["RPOP", "mylist"], pushes),
        Workload("LRANGE_100", ["LRANGE", "list", "0", "99"], one_list, 80_000, bar=HALF),
        Workload("SADD", ["SADD", "myset", element], bar=HALF),
        Workload("SPOP", ["SPOP", "myset"], members_of_set, bar=HALF),
        Workload("SINTER_1000", ["SINTER", "set:a", "set:b"], two_sets, 4000),
        Workload("HSET", ["HSET", "myhash", element, VALUE], bar=HALF),
        Workload("HGETALL_10", ["HGETALL", "hash10"], one_hash, 300_000),
        Workload("ZADD", ["ZADD", "myzset", RANDOM, element], bar=HALF),
        Workload("ZPOPMIN", ["ZPOPMIN", "myzset"], members_of_zset),
        Workload("ZRANGE_100", ["ZRANGE", "zset1000", "0", "99"], one_sorted_set, 80_000),
        Workload("XADD", ["XADD", "stream", "*", "one", VALUE, "two", VALUE]),
        Workload("BITCOUNT_1MB", ["BITCOUNT", "bitmap"], one_bitmap, 10_000),
    ]


def all_workloads() -> list[Workload]:
    key = f"key:{RANDOM}"
    keys = strings("key", VALUE)
    ten_pairs = [word for _ in range(10) for word in (key, VALUE)]
    return [
        Workload("PING", ["PING"]),
        Workload("SET", ["SET", key, VALUE], keys, bar=HALF),
        Workload("GET", ["GET", key], keys, bar=HALF),
        Workload("INCR", ["INCR", f"counter:{RANDOM}"], strings("counter", "0"), bar=HALF),
        Workload("MSET", ["MSET", *ten_pairs], keys, 200_000, bar=HALF),
        Workload("EXPIRE", ["EXPIRE", key, "1000"], keys),
        Workload("EXISTS", ["EXISTS", key], keys),
        *collections(),
    ]
