"""The same commands to Carnelian and to a real server: replies, error texts and content must agree.

    COMMANDS = st.one_of(command("SET", KEYS, VALUES), command("INCR", KEYS), ...)
    TestStrings = differential(COMMANDS)
    TestStringsResp3 = differential(COMMANDS, peer="valkey", protocol=3)

With HYPOTHESIS_PROFILE=search (profiles.py) the commands are new in each run, and a difference
shrinks to the shortest list of them that shows it. Replies are compared exactly but for
normalize.py; the content after the last command too (keyspace.py), with encodings and TTLs.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from hypothesis.strategies import SearchStrategy

import tests.support.profiles  # noqa: F401  before any settings are made
from tests.support import keyspace
from tests.support.client import Client
from tests.support.normalize import normalize, same
from tests.support.resp import Reply, plain
from tests.support.servers import PeerMissing, shared

Words = list[bytes]
# Says whether these two replies (subject's, peer's) to a command may differ after all.
Excuse = Callable[[Words, Reply, Reply], bool]
SCANS = {b"SCAN": 1, b"HSCAN": 2, b"SSCAN": 2, b"ZSCAN": 2}
NOT_IN_TRANSACTIONS = {b"SPOP", *SCANS}
# A small list's encoding, here and in redis-server 7.0; packed lists are newer.
LIST_OF_REDIS_7_0 = (b"listpack", b"quicklist")
# A string of 45 bytes and a few more, here and in Valkey, whose objects have room for more.
TEXT_OF_VALKEY = (b"raw", b"embstr")
SCAN_CALLS_MAX = 10_000
SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Difference(AssertionError):
    """The two servers disagree."""


def scan_all(client: Client, argv: Words, position: int) -> Reply:
    """A whole iteration as one unordered reply without repeats; or the first call's error."""
    found: dict[Any, None] = {}
    argv = list(argv)
    pairwise = argv[0].upper() == b"ZSCAN" or (
        argv[0].upper() == b"HSCAN" and b"NOVALUES" not in (word.upper() for word in argv)
    )
    for _ in range(SCAN_CALLS_MAX):
        reply = client.reply(*argv)
        if reply.is_error:
            return reply
        cursor, items = reply.value
        step = 2 if pairwise else 1
        for start in range(0, len(items.value), step):
            found[tuple(map(repr, items.value[start : start + step]))] = None
        argv[position] = cursor.value
        if cursor == Reply("$", b"0"):
            return Reply("*", sorted(found))
    raise Difference(f"{argv!r} does not end")


def shape_of_list(reply: Reply) -> Reply:
    return Reply(reply.kind, None if reply.is_null else len(reply.value))


def is_mirrored_pop(argv: Words) -> bool:
    """SPOP with good arguments: chance decides, so the peer is told what the subject chose."""
    if argv[0].upper() != b"SPOP" or len(argv) not in (2, 3):
        return False
    return len(argv) == 2 or (argv[2].isdigit() and len(argv[2]) < 10)


class Pair:
    """The server under test and its peer, given the same commands."""

    def __init__(
        self,
        subject: Client,
        peer: Client,
        encodings: bool = True,
        excuse: Excuse | None = None,
    ) -> None:
        self.subject = subject
        self.peer = peer
        self.encodings = encodings
        self.excuse = excuse
        self.history: list[Words] = []
        self.agreed = True
        self.has_field_ttls = all(
            not client.reply("HPTTL", "none", "FIELDS", 1, "f").is_error
            for client in (subject, peer)
        )
        self.same_encodings = TEXT_OF_VALKEY if self.has_field_ttls else LIST_OF_REDIS_7_0

    def reset(self) -> None:
        for client in (self.subject, self.peer):
            client.reply("DISCARD")
            client.call("FLUSHALL")
        self.history.clear()
        self.agreed = True

    def run(self, argv: Words) -> Reply:
        """The subject's reply; Difference if the peer's is another."""
        self.history.append(argv)
        if is_mirrored_pop(argv):
            return self.run_pop(argv)
        position = SCANS.get(argv[0].upper())
        if position is not None and len(argv) > position and argv[position] == b"0":
            mine, theirs = (
                scan_all(client, argv, position) for client in (self.subject, self.peer)
            )
        else:
            mine, theirs = self.subject.reply(*argv), self.peer.reply(*argv)
        self.compare(argv, mine, theirs)
        return mine

    def run_pop(self, argv: Words) -> Reply:
        mine = self.subject.reply(*argv)
        if mine.is_error or mine.is_null:
            self.compare(argv, mine, self.peer.reply(*argv))
            return mine
        members = plain(mine) if len(argv) == 3 else [plain(mine)]
        before = self.peer.call("SCARD", argv[1])
        removed = self.peer.call("SREM", argv[1], *members) if members else 0
        asked = int(argv[2]) if len(argv) == 3 else 1
        if removed != len(members) or removed != min(asked, before):
            raise Difference(f"{argv!r} took {members!r} out of {before} members")
        return mine

    def run_transaction(self, lines: list[Words]) -> None:
        """The commands inside MULTI and EXEC, each reply compared as if it had come alone."""
        self.run([b"MULTI"])
        queued = [argv for argv in lines if self.run_queued(argv)]
        argv = [b"EXEC"]
        mine, theirs = self.subject.reply(*argv), self.peer.reply(*argv)
        if mine.kind != "*" or mine.is_null or len(mine.value) != len(queued):
            self.compare(argv, mine, theirs)
            return
        self.compare(argv, shape_of_list(mine), shape_of_list(theirs))
        for line, one, other in zip(queued, mine.value, theirs.value, strict=True):
            self.compare(line, one, other)

    def run_queued(self, argv: Words) -> bool:
        self.history.append(argv)
        mine, theirs = self.subject.reply(*argv), self.peer.reply(*argv)
        self.compare([b"(queued)", *argv], mine, theirs)
        return mine == Reply("+", "QUEUED")

    def compare(self, argv: Words, mine: Reply, theirs: Reply) -> None:
        if same(normalize(argv, mine), normalize(argv, theirs)):
            return
        if self.excuse is not None and self.excuse(argv, mine, theirs):
            return
        self.agreed = False
        raise Difference(
            f"{b' '.join(argv)!r} after {len(self.history) - 1} commands\n"
            f"  subject: {mine!r}\n  peer:    {theirs!r}"
        )

    def compare_content(self) -> None:
        mine, theirs = (
            keyspace.read(client, self.has_field_ttls) for client in (self.subject, self.peer)
        )
        if mine.keys() != theirs.keys():
            raise Difference(f"keys\n  subject: {sorted(mine)}\n  peer:    {sorted(theirs)}")
        for key, state in mine.items():
            for aspect, value in state.items():
                other = theirs[key][aspect]
                if aspect == "encoding" and not self.encodings:
                    continue
                if (value, other) == self.same_encodings:
                    continue
                if not same(value, other):
                    raise Difference(
                        f"{aspect} of {key!r}\n  subject: {value!r}\n  peer:    {other!r}"
                    )


def connect(name: str, protocol: int, config: dict[str, Any] | None) -> Client:
    try:
        return shared.get(name, config).connect(protocol)
    except PeerMissing as missing:
        raise unittest.SkipTest(str(missing)) from None


def differential(
    commands: SearchStrategy[Words],
    *,
    peer: str = "redis",
    protocol: int = 2,
    config: dict[str, Any] | None = None,
    subject: str | Callable[[int], Client] = "carnelian",
    subject_config: dict[str, Any] | None = None,
    encodings: bool = True,
    transactions: bool = True,
    excuse: Excuse | None = None,
    run: settings = SETTINGS,
) -> type[unittest.TestCase]:
    """A test case for pytest to find. `config` is for both servers (tiny thresholds, say).

    `subject` may be a function from protocol to client, such as `open_in_process`; `transactions`
    also sends some commands inside MULTI and EXEC.
    """

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            if isinstance(subject, str):
                mine = connect(subject, protocol, (config or {}) | (subject_config or {}))
            else:
                mine = subject(protocol)
            self.pair = Pair(mine, connect(peer, protocol, config), encodings, excuse)
            self.pair.reset()

        @rule(argv=commands)
        def one(self, argv: Words) -> None:
            self.pair.run(argv)

        if transactions:

            @rule(lines=st.lists(commands, max_size=4))
            def transaction(self, lines: list[Words]) -> None:
                self.pair.run_transaction(
                    [argv for argv in lines if argv[0].upper() not in NOT_IN_TRANSACTIONS]
                )

        def teardown(self) -> None:
            try:
                if self.pair.agreed:
                    self.pair.compare_content()
            finally:
                self.pair.subject.close()
                self.pair.peer.close()

    case: type[unittest.TestCase] = Machine.TestCase
    case.settings = run  # type: ignore[attr-defined]
    return case
