"""Files of old servers: packed forms that are written no more become those of today, or big ones
where they are beyond the limits."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.services.rdb.test_foreign import ziplist
from tests.support.servers import start

ZSET_ZIPLIST, ZIPMAP, HASH_ZIPLIST, LIST_ZIPLIST, INTSET = 12, 9, 13, 10, 11


def texts(*words: str) -> bytes:
    return ziplist([bytes((len(word),)) + word.encode() for word in words])


BLOCKS = {
    HASH_ZIPLIST: texts("f1", "v1", "f2", "v2"),
    ZIPMAP: b"\x02\x02f1\x02\x00v1\x02f2\x02\x00v2\xff",
    ZSET_ZIPLIST: texts("one", "1", "two", "2"),
    LIST_ZIPLIST: texts("a", "b", "c"),
    INTSET: struct.pack("<II3h", 2, 3, -5, 0, 300),
}
READERS = {
    HASH_ZIPLIST: (("HMGET", "key", "f1", "f2"), [b"v1", b"v2"]),
    ZIPMAP: (("HMGET", "key", "f1", "f2"), [b"v1", b"v2"]),
    ZSET_ZIPLIST: (("ZRANGE", "key", "0", "-1", "WITHSCORES"), [b"one", b"1", b"two", b"2"]),
    LIST_ZIPLIST: (("LRANGE", "key", "0", "-1"), [b"a", b"b", b"c"]),
    INTSET: (("SORT", "key"), [b"-5", b"0", b"300"]),
}


@pytest.mark.parametrize(
    ("kind", "limit", "encoding"),
    [
        (HASH_ZIPLIST, {}, b"listpack"),
        (HASH_ZIPLIST, {"hash-max-listpack-entries": 1}, b"hashtable"),
        (HASH_ZIPLIST, {"hash-max-ziplist-value": 1}, b"hashtable"),
        (ZIPMAP, {}, b"listpack"),
        (ZIPMAP, {"hash-max-ziplist-entries": 1}, b"hashtable"),
        (ZIPMAP, {"hash-max-listpack-value": 1}, b"hashtable"),
        (ZSET_ZIPLIST, {}, b"listpack"),
        (ZSET_ZIPLIST, {"zset-max-ziplist-entries": 1}, b"skiplist"),
        (ZSET_ZIPLIST, {"zset-max-listpack-value": 1}, b"skiplist"),
        (LIST_ZIPLIST, {}, b"listpack"),
        (LIST_ZIPLIST, {"list-max-ziplist-size": 1}, b"quicklist"),
        (INTSET, {}, b"intset"),
        (INTSET, {"set-max-intset-entries": 1, "set-max-listpack-entries": 1}, b"hashtable"),
    ],
)
def test_loaded_as(tmp_path: Path, kind: int, limit: dict[str, Any], encoding: bytes) -> None:
    block = BLOCKS[kind]
    record = bytes((kind,)) + b"\x03key" + bytes((len(block),)) + block
    (tmp_path / "dump.rdb").write_bytes(b"REDIS0006\xfe\x00" + record + b"\xff" + bytes(8))
    server = start("carnelian", {"dir": str(tmp_path), **limit})
    try:
        with server.connect() as client:
            assert client.call("OBJECT", "ENCODING", "key") == encoding
            words, expected = READERS[kind]
            assert client.call(*words) == expected
            assert client.call("DEBUG", "VERIFY") == "OK"
    finally:
        server.stop()
