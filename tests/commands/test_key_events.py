"""Which keyspace events commands cause, `new` and `keymiss` too: the same as redis-server's."""

from __future__ import annotations

import pytest

from tests.support.resp import plain
from tests.support.servers import Server

SEEDED = [
    "SET str hello", "SET int 42", "RPUSH list b a c", "RPUSH nums 3 1 2", "SADD set a b c",
    "SADD ints 1 2 3", "SADD mixed 1 2 z", "ZADD zset 1 a 2 b 3 c", "HSET hash f1 v1 f2 7",
    "SET w_a weight", "GEOADD geo 13.36 38.11 Palermo 15.08 37.50 Catania",
]  # fmt: skip
LINES = [
    "SET list v", "SET list v EX 100", "SET list v KEEPTTL", "SET none v", "SETEX hash 100 v",
    "MSET zset a none b", "MSETNX none a other b", "GETSET none v", "BITOP AND list str int",
    "BITOP OR none str missing", "SETRANGE none 3 x", "APPEND none x", "INCR none",
    "SINTERSTORE set set ints", "SINTERSTORE set ints mixed", "SDIFFSTORE list set mixed",
    "SUNIONSTORE none set mixed", "SUNIONSTORE str none missing", "SDIFFSTORE set set set",
    "SORT nums STORE nums", "SORT nums STORE none", "SORT missing STORE list",
    "SORT list BY w_* GET # GET w_* ALPHA", "SORT list BY hash->* GET missing->f ALPHA",
    "SORT ints BY nosort GET missing_* STORE str", "ZUNIONSTORE str 2 zset set",
    "ZINTERSTORE zset 2 zset missing", "ZDIFFSTORE none 1 zset", "ZRANGESTORE list zset 0 -1",
    "ZRANGESTORE zset missing 0 -1", "GEOSEARCHSTORE str geo FROMLONLAT 15 37 BYRADIUS 200 km",
    "GEORADIUS geo 15 37 200 km STORE none", "RENAME str list", "RENAME str none",
    "RENAMENX str none", "COPY str list REPLACE", "COPY str none", "LMOVE list none LEFT LEFT",
    "SMOVE set none a", "RPOPLPUSH list list", "PFMERGE none none", "XADD none 1-1 a b",
    "XGROUP CREATE none g $ MKSTREAM", "LPOP list 3", "SPOP ints 3", "ZPOPMIN zset 3",
    "HDEL hash f1 f2", "GETDEL str", "EXPIRE str -1", "PEXPIRE str 100000", "PERSIST str",
    "MGET none str missing", "EXISTS none str", "TOUCH none str", "OBJECT ENCODING none",
    "MOVE str 1", "SETBIT none 3 1", "HINCRBY none f 1", "LPUSHX none v", "STRLEN none",
]  # fmt: skip


def events(server: Server, line: str) -> list[tuple[bytes, bytes]]:
    """(event, key) of each event the command causes, in order."""
    server.reset()
    found = []
    with server.configured(notify_keyspace_events="EAmn"), server.connect() as client:
        for seed in SEEDED:
            assert not client.reply(*seed.split()).is_error
        with server.connect() as listener:
            listener.call("PSUBSCRIBE", "__keyevent@*")
            client.reply(*line.split())
            client.call("PUBLISH", "__keyevent@0__:end", "")
            while True:
                _, _, channel, key = plain(listener.read_reply())
                event = channel.partition(b":")[2]
                if event == b"end":
                    return found
                found.append((event, key))


@pytest.mark.parametrize("line", LINES)
def test_same_events(line: str, server: Server, redis_server: Server) -> None:
    assert events(server, line) == events(redis_server, line)
