"""Two engines in one process: each shapes its values by its own settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from carnelian.embedded import Engine

FEW = {
    "hash_max_listpack_entries": "4",
    "set_max_listpack_entries": "4",
    "set_max_intset_entries": "4",
    "zset_max_listpack_entries": "4",
    "list_max_listpack_size": "4",
    "stream_node_max_entries": "4",
    "stream_idmp_duration": "7",
    "maxmemory_policy": "allkeys-lfu",
    "lfu_log_factor": "0",
}
MANY = {
    "hash_max_listpack_entries": "512",
    "set_max_listpack_entries": "512",
    "set_max_intset_entries": "512",
    "zset_max_listpack_entries": "512",
    "list_max_listpack_size": "512",
    "stream_node_max_entries": "512",
    "stream_idmp_duration": "70",
    "maxmemory_policy": "allkeys-lfu",
    "lfu_log_factor": "1000000",
}
VALUES = {
    "hash": ([b"HSET"], [b"f%d", b"v"], b"hashtable", b"listpack"),
    "set": ([b"SADD"], [b"m%d"], b"hashtable", b"listpack"),
    "numbers": ([b"SADD"], [b"%d"], b"hashtable", b"intset"),
    "zset": ([b"ZADD"], [b"1", b"m%d"], b"skiplist", b"listpack"),
    "list": ([b"RPUSH"], [b"e%d"], b"quicklist", b"listpack"),
}


@pytest.fixture
def engines() -> Iterator[tuple[Engine, Engine]]:
    few, many = Engine(**FEW), Engine(**MANY)
    yield few, many
    few.close()
    many.close()


def bulk(engine: Engine, *words: bytes) -> bytes:
    return engine.execute(list(words)).split(b"\r\n")[1]


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("stored", [False, True], ids=["one by one", "restored"])
def test_encodings(engines: tuple[Engine, Engine], name: str, stored: bool) -> None:
    command, words, big, small = VALUES[name]
    payload = b""
    for engine in engines:
        for i in range(20):
            element = [word % i if b"%" in word else word for word in words]
            engine.execute([*command, b"k", *element])
        payload = engine.execute([b"DUMP", b"k"]).split(b"\r\n", 1)[1][:-2]
    for engine, encoding in zip(engines, (big, small), strict=True):
        if stored:
            assert engine.execute([b"RESTORE", b"k", b"0", payload, b"REPLACE"]) == b"+OK\r\n"
        assert bulk(engine, b"OBJECT", b"ENCODING", b"k") == encoding


def test_results_of_sets_and_scores(engines: tuple[Engine, Engine]) -> None:
    for engine, sets, scores in (
        (engines[0], b"hashtable", b"skiplist"),
        (engines[1], b"listpack", b"listpack"),
    ):
        engine.execute([b"SADD", b"a", *(b"a%d" % i for i in range(10))])
        engine.execute([b"SUNIONSTORE", b"union", b"a", b"none"])
        engine.execute([b"ZUNIONSTORE", b"scores", b"1", b"a"])
        assert bulk(engine, b"OBJECT", b"ENCODING", b"union") == sets
        assert bulk(engine, b"OBJECT", b"ENCODING", b"scores") == scores


def test_streams(engines: tuple[Engine, Engine]) -> None:
    for engine, nodes, duration in ((engines[0], 5, 7), (engines[1], 1, 70)):
        for i in range(20):
            engine.execute([b"XADD", b"s", b"IDMP", b"p", b"m%d" % i, b"*", b"f", b"v"])
        info = engine.execute([b"XINFO", b"STREAM", b"s"])
        assert b"radix-tree-keys\r\n:%d\r\n" % nodes in info
        assert b"idmp-duration\r\n:%d\r\n" % duration in info


def test_frequencies(engines: tuple[Engine, Engine]) -> None:
    for engine in engines:
        engine.execute([b"SET", b"k", b"v"])
        for _ in range(50):
            engine.execute([b"GET", b"k"])
    counts = [int(engine.execute([b"OBJECT", b"FREQ", b"k"])[1:]) for engine in engines]
    assert counts[0] > 50
    assert counts[1] < 10


def test_a_change_is_for_one(engines: tuple[Engine, Engine]) -> None:
    few, many = engines
    few.execute([b"CONFIG", b"SET", b"hash-max-listpack-entries", b"100"])
    many.execute([b"CONFIG", b"SET", b"hash-max-listpack-entries", b"2"])
    for engine, encoding in ((few, b"listpack"), (many, b"hashtable")):
        engine.execute([b"HSET", b"h", b"a", b"1", b"b", b"2", b"c", b"3"])
        assert bulk(engine, b"OBJECT", b"ENCODING", b"h") == encoding
