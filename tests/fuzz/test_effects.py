"""What random commands cause beside their replies, compared with redis-server: the keyspace events
they publish, in order, and what they propagate to a replica.

Carnelian follows Redis 7.2 where that differs from the 7.0 of the peer; LEFT_OUT has those too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from random import Random, SystemRandom
from typing import Any

import pytest

from tests.fuzz.arguments import BLOCKING, Grammar, Words, read_grammar
from tests.fuzz.test_commands import CONFIG, SEEDED
from tests.support.replication_stream import ReplicationStream
from tests.support.resp import plain
from tests.support.servers import PeerMissing, Server, start

ROUND_LINES = 150
SHARED = {name: value for name, value in CONFIG.items() if name != "set-max-listpack-entries"}
# Left to chance, or to the clock, or to where a search BYLEX among different scores ends; XCLAIM
# makes its consumer sooner since 7.2, GEOADD is propagated as it is.
LEFT_OUT = {
    "spop", "srandmember", "hrandfield", "zrandmember", "randomkey", "xadd", "dump", "restore",
    "object|idletime", "flushdb", "swapdb", "sort", "pfdebug", "pfselftest", "xclaim", "xautoclaim",
    "geoadd", "zremrangebylex", "zrangestore", *BLOCKING,
}  # fmt: skip
TIMES = range(10**12, 1 << 63)


class Side:
    """One server with a client, a listener to its events and a replica's end of its stream."""

    def __init__(self, server: Server) -> None:
        self.client = server.connect(timeout_s=30)
        self.listener = server.connect(timeout_s=30)
        self.listener.send("PSUBSCRIBE", "__key*__:*")
        self.listener.message()
        self.stream = ReplicationStream(server)
        self.marks = 0

    def effects(self) -> tuple[list[Any], list[Words]]:
        """Events and propagated commands since the last call."""
        self.marks += 1
        mark = b"mark-%d" % self.marks
        self.client.call("SELECT", 0)
        self.client.call("RPUSH", mark, "1")
        self.client.call("DEL", mark)
        events = []
        while (message := self.listener.message()[1:])[2:] != [mark] or b":del" not in message[1]:
            if mark not in b" ".join(message):
                events.append(message[1:])
        lines = self.stream.until([b"DEL", mark])
        return events, [comparable(line) for line in lines[:-1]]

    def close(self) -> None:
        self.stream.close()
        self.listener.close()
        self.client.close()


def comparable(line: Words) -> Words:
    """SET with PXAT is propagated as it is since 7.2."""
    words = [b"<time>" if word.isdigit() and int(word) in TIMES else word for word in line]
    words[0] = words[0].upper()
    if words[0] == b"SET":
        words[3:] = [word.upper() for word in words[3:] if word.upper() not in (b"GET", b"XX")]
    return words


@pytest.fixture
def sides() -> Iterator[list[Side]]:
    opened: list[Side] = []
    servers: list[Server] = []
    try:
        for name in ("carnelian", "redis"):
            servers.append(start(name, SHARED))
            opened.append(Side(servers[-1]))
        yield opened
    except PeerMissing as missing:
        pytest.skip(str(missing))
    finally:
        for side in opened:
            side.close()
        for server in servers:
            server.stop()


def run_both(sides: list[Side], lines: list[Words]) -> bool:
    """Whether both took, or both refused, each of them."""
    if len(lines) > 1:
        lines = [[b"MULTI"], *lines, [b"EXEC"]]
    outcomes = []
    for side in sides:
        replies = [side.client.reply(*line) for line in lines]
        outcomes.append([reply.is_error for reply in replies])
        last = plain(replies[-1]) if len(lines) > 1 else None
        if isinstance(last, list):
            outcomes[-1] += [isinstance(each, Exception) for each in last]
    return outcomes[0] == outcomes[1]


def renew(sides: list[Side]) -> None:
    for side in sides:
        side.client.call("FLUSHALL")
        for line in SEEDED:
            side.client.reply(*line.split())
        side.effects()


@pytest.mark.timeout(0)
def test_same_effects_as_redis(sides: list[Side], request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("fuzz_seed") or SystemRandom().randrange(1 << 32)
    end = time.monotonic() + request.config.getoption("fuzz_seconds")
    print(f"--fuzz-seed {seed}")
    commands = read_grammar(sides[1].client)
    random = Random(seed)
    grammar = Grammar({n: c for n, c in commands.items() if n not in LEFT_OUT}, random)
    renew(sides)
    compared = done = 0
    while time.monotonic() < end:
        lines = [grammar.line() for _ in range(random.choice((1, 1, 1, 1, 3)))]
        done += 1
        if not run_both(sides, lines) or done % ROUND_LINES == 0:
            renew(sides)
            continue
        mine, theirs = sides[0].effects(), sides[1].effects()
        if any(event[1] == b"expired" for event in mine[0] + theirs[0]):
            renew(sides)  # not at the same moment
            continue
        assert mine == theirs, f"{lines!r}\n  subject: {mine!r}\n  peer:    {theirs!r}"
        compared += 1
    assert compared > done // 2
