"""RESTORE of damaged values: refused or taken, but never the end of the server.

The payloads are DUMPs by Carnelian, redis-server and Valkey with random bytes changed and the
checksum put right again, so that the damage reaches the readers of every encoding.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from random import Random, SystemRandom

import pytest

from native.base import crc64_of
from tests.fuzz.test_commands import CONFIG, SEEDED
from tests.support.client import SocketClient
from tests.support.leaks import check_for_leaks, note_baseline
from tests.support.servers import PeerMissing, Server, shared, start

FOOTER_BYTES = 10  # version and checksum
MORE = [
    ["SET", "s9", "abc" * 100], ["RPUSH", "l9", *map(str, range(300))], ["RPUSH", "l8", "z" * 9000],
    ["SADD", "t8", *map(str, range(300))], ["SADD", "t9", *(f"m{i}" for i in range(300))],
    ["HSET", "h9", *(f"f{i}" for i in range(600))], ["HSET", "h8", "f", "v", "g", "w", "h", "5"],
    ["HPEXPIREAT", "h9", 9_999_999_999_999, "FIELDS", 2, "f0", "f2"],
    ["HPEXPIREAT", "h8", 9_999_999_999_999, "FIELDS", 1, "f"],
    ["ZADD", "z9", *(w for i in range(200) for w in (f"{i}.5", f"m{i}"))],
    ["PFADD", "p9", *map(str, range(2000))],
]  # fmt: skip
TOUCHES = {
    "string": [["STRLEN", "k"], ["PFCOUNT", "k"], ["APPEND", "k", "x"]],
    "list": [["LRANGE", "k", 0, -1], ["LPOP", "k"], ["RPUSH", "k", "x"], ["LSET", "k", 0, "y"]],
    "hash": [["HGETALL", "k"], ["HRANDFIELD", "k", 3], ["HSET", "k", "f", "v"], ["HDEL", "k", "f"]],
    "set": [["SMEMBERS", "k"], ["SPOP", "k"], ["SADD", "k", "m", "5"], ["SREM", "k", "m"]],
    "zset": [["ZRANGE", "k", 0, -1, "WITHSCORES"], ["ZADD", "k", 1, "m"], ["ZPOPMIN", "k"]],
    "stream": [
        ["XRANGE", "k", "-", "+"], ["XINFO", "STREAM", "k", "FULL"], ["XADD", "k", "*", "f", "v"],
        ["XREADGROUP", "GROUP", "g1", "c1", "STREAMS", "k", ">"], ["XTRIM", "k", "MAXLEN", 1],
    ],
}  # fmt: skip


@pytest.fixture
def target() -> Iterator[Server]:
    with start("carnelian", CONFIG | {"sanitize-dump-payload": "yes"}) as server:
        note_baseline(server)
        yield server


def dumps(client: SocketClient) -> list[bytes]:
    for line in [*(line.split() for line in SEEDED), *MORE]:
        client.reply(*line)
    payloads = [client.call("DUMP", key) for key in client.call("KEYS", "*")]
    client.call("FLUSHALL")
    return payloads


def damaged(random: Random, payload: bytes) -> bytes:
    body = bytearray(payload[:-FOOTER_BYTES])
    for _ in range(random.choice((1, 1, 1, 2, 4, 10))):
        at = random.randrange(len(body)) if random.random() < 0.5 else min(
            random.randrange(40), len(body) - 1
        )
        how = random.randrange(5)
        if how == 0:
            body[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF, 0xC3, 0x81, 0xF4))
        elif how == 1:
            body[at] = (body[at] + random.choice((1, -1, 8))) & 255
        elif how == 2:
            body[at] ^= 1 << random.randrange(8)
        elif how == 3 and len(body) > 2:
            del body[at : at + random.randint(1, 4)]
        else:
            body[at:at] = bytes(random.randrange(256) for _ in range(random.randint(1, 4)))
        body = body or bytearray(b"\0")
    body += payload[-FOOTER_BYTES:-8]
    return bytes(body) + crc64_of(bytes(body)).to_bytes(8, "little")


def try_one(client: SocketClient, payload: bytes) -> bool:
    """Whether it was taken; it then bears use."""
    if client.reply("RESTORE", "k", 0, payload, "REPLACE").is_error:
        return False
    assert client.reply("DEBUG", "VERIFY").value == "OK", f"damaged by RESTORE k 0 {payload!r}"
    client.reply("DEBUG", "DIGEST")
    client.reply("DUMP", "k")
    for words in TOUCHES[client.call("TYPE", "k")]:
        client.reply(*words)
    assert client.reply("DEBUG", "VERIFY").value == "OK", f"damaged after RESTORE k 0 {payload!r}"
    return True


@pytest.mark.timeout(0)
def test_damaged_payloads(target: Server, request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("fuzz_seed") or SystemRandom().randrange(1 << 32)
    end = time.monotonic() + request.config.getoption("fuzz_seconds")
    random = Random(seed)
    print(f"--fuzz-seed {seed}")
    payload, tried, taken = b"", 0, 0
    with target.connect(timeout_s=60) as client:
        originals = dumps(client)
        for name in ("redis", "valkey"):
            with contextlib.suppress(PeerMissing), shared.get(name).connect() as peer:
                originals += dumps(peer)
        assert all(try_one(client, payload) for payload in originals)
        try:
            while time.monotonic() < end:
                payload = damaged(random, random.choice(originals))
                tried += 1
                taken += try_one(client, payload)
        except (ConnectionError, TimeoutError) as lost:
            pytest.fail(f"after RESTORE k 0 {payload!r}: {lost!r}\n{target.tail()}")
        figures = client.call("INFO", "stats")
    assert b"internal_errors:0\r\n" in figures, target.tail()
    assert 0 < taken < tried
    check_for_leaks(target)
