"""Random commands cannot hurt the server: it lives, fails in no handler, and a refusal changes
nothing.

`--fuzz-seconds 600 --fuzz-seed 0` for a longer campaign than the suite's, with commands of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import pytest

from tests.fuzz.arguments import BLOCKING, Grammar, Words, read_grammar
from tests.support.client import SocketClient
from tests.support.leaks import check_for_leaks, note_baseline
from tests.support.resp import Reply
from tests.support.servers import Server, start

# Small values grow through all encodings, and the largest string is 1 MB.
CONFIG = {
    "proto-max-bulk-len": "1mb",
    "hash-max-listpack-entries": 8,
    "set-max-intset-entries": 8,
    "set-max-listpack-entries": 8,
    "zset-max-listpack-entries": 8,
    "list-max-listpack-size": 4,
    "stream-node-max-entries": 3,
    "hll-sparse-max-bytes": 200,
    "notify-keyspace-events": "KEA",
}
ROUND_LINES = 400
# A huge negative count asks for as many elements, and Redis too would answer with them all.
RANDOM_PICKS = {b"srandmember", b"hrandfield", b"zrandmember"}
STILL_S = 0.05  # so long without a reply is taken for blocked

SEEDED = [
    "SET s1 hello", "SET s2 12", "SETBIT s3 1000 1", "RPUSH l1 a b c m1 v 5", "RPUSH l2 x",
    "HSET h1 m1 1 m2 2 f v", "HSET h2 a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 j 10",
    "SADD t1 1 2 3 4", "SADD t2 m1 m2 m3 a b c d e f g h", "SADD t3 m1 a 5",
    "ZADD z1 1 m1 2 m2 3 m3", "ZADD z2 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h 9 i 10 j",
    "PFADD p1 a b c", "GEOADD g1 13.36 38.11 m1 15.08 37.50 m2 12.75 37.08 m3",
    "XADD x1 1-1 f v", "XADD x1 2-1 f v g w", "XADD x1 3-1 a b", "XADD x1 5-1 a b",
    "XGROUP CREATE x1 g1 0", "XREADGROUP GROUP g1 c1 COUNT 3 STREAMS x1 >",
    "XGROUP CREATE x2 g1 $ MKSTREAM", "XADD x3 1-1 a 1",
]  # fmt: skip


class Campaign:
    """Rounds of random commands against one server until the time is over."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server = server
        self.random = Random(seed)
        self.control = server.connect(timeout_s=60)
        self.grammar = Grammar(read_grammar(self.control), self.random)
        self.history: list[Words] = []

    def close(self) -> None:
        self.control.close()

    def info(self, field: str) -> int:
        text = self.control.call("INFO", "stats").decode()
        return int(dict(line.split(":", 1) for line in text.split() if ":" in line)[field])

    def round(self, lines: int) -> None:
        """One client's life: commands alone and in transactions, on a small data set."""
        self.history = [line.encode().split() for line in SEEDED]
        with self.server.connect(self.random.choice((2, 3)), timeout_s=60) as client:
            own_id = client.call("CLIENT", "ID")
            for words in self.history:
                assert not client.reply(*words).is_error
            for _ in range(lines):
                if self.random.random() < 0.1:
                    self.transaction(client)
                else:
                    self.single(client, own_id, self.line())
        assert self.info("internal_errors") == 0, self.tell("a handler failed")
        assert self.control.reply("DEBUG", "VERIFY").value == "OK", self.tell("damaged data")
        self.control.call("CONFIG", "RESETSTAT")
        self.control.call("FLUSHALL")

    def line(self) -> Words:
        while True:
            words = self.grammar.line()
            if words[0] in RANDOM_PICKS and len(words) > 2 and is_absurd(words[2]):
                continue
            self.history.append(words)
            return words

    def single(self, client: SocketClient, own_id: int, words: Words) -> None:
        before, expired = self.digest(client), None
        client.send(*words)
        if words[0].decode() in BLOCKING:
            reply = self.answer_or_unblock(client, own_id)
        else:
            reply = client.read_answer()
        if reply.is_error and self.digest(client) != before:
            expired = self.info("expired_keys"), self.info("expired_subkeys")
            assert expired != (0, 0), self.tell(f"refused, but changed something: {reply!r}")

    def answer_or_unblock(self, client: SocketClient, own_id: int) -> Reply:
        try:
            return client.read_reply(STILL_S)
        except TimeoutError:
            self.control.call("CLIENT", "UNBLOCK", own_id)
            return client.read_answer()

    def transaction(self, client: SocketClient) -> None:
        """DEBUG DIGEST around each command shows which of them changed something."""
        client.call("MULTI")
        queued = []
        client.reply("DEBUG", "DIGEST")
        for _ in range(self.random.randint(1, 6)):
            words = self.line()
            if client.reply(*words).value == "QUEUED":
                queued.append(words)
                client.reply("DEBUG", "DIGEST")
        replies = client.reply("EXEC")
        if replies.is_error or replies.is_null:
            return
        answers = replies.value
        for i in range(len(queued)):
            before, reply, after = answers[2 * i : 2 * i + 3]
            if reply.is_error and before != after and self.info("expired_keys") == 0:
                pytest.fail(self.tell(f"{queued[i]!r} in MULTI changed something: {reply!r}"))

    def digest(self, client: SocketClient) -> object:
        return client.reply("DEBUG", "DIGEST").value

    def tell(self, what: str) -> str:
        lines = "\n".join(map(repr, self.history[-40:]))
        return f"{what}\nthe last commands:\n{lines}\n{self.server.tail()}"


def is_absurd(word: bytes) -> bool:
    try:
        return abs(int(word)) > 100_000
    except ValueError:
        return False


@pytest.fixture
def fuzzed() -> Iterator[Server]:
    with start("carnelian", CONFIG) as server:
        note_baseline(server)
        yield server


@pytest.mark.timeout(0)
def test_random_commands(fuzzed: Server, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    seed = request.config.getoption("fuzz_seed") or SystemRandom().randrange(1 << 32)
    end = time.monotonic() + request.config.getoption("fuzz_seconds")
    campaign = Campaign(fuzzed, seed)
    print(f"--fuzz-seed {seed}")
    try:
        while time.monotonic() < end:
            campaign.round(ROUND_LINES)
            assert fuzzed.alive()
    except (ConnectionError, EOFError) as lost:
        pytest.fail(campaign.tell(f"the connection is lost: {lost!r}"))
    finally:
        campaign.close()
    check_for_leaks(fuzzed)
