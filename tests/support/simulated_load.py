"""Random commands of every family for the simulation, with times near enough to pass in it."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.fuzz.arguments import Grammar, Words
from tests.support.resp import encode_command

HUGE = {b"setbit", b"setrange", b"bitfield", b"restore"}
TIMERS = (
    "SET {key} v PX {ms}", "PEXPIRE {key} {ms}", "PEXPIREAT {key} {at}", "PERSIST {key}",
    "GETEX {key} PX {ms}", "HSET {key} f 1 g 2", "HPEXPIRE {key} {ms} FIELDS 1 f",
    "HSETEX {key} PX {ms} FIELDS 1 g 3", "SETEX {key} 1 v", "EXPIRE {key} 2", "INCR {key}",
    "APPEND {key} tail", "RPUSH {key} a b", "XADD {key} * f v", "SADD {key} a b c",
)  # fmt: skip


class Load(Grammar):
    """Makes pipelines; `now_ms` is the wall clock of who gets them."""

    def __init__(self, commands: dict[str, Any], random: Random) -> None:
        super().__init__(commands, random)
        self.now_ms = 0

    @property
    def nasty(self) -> float:
        return 0.0

    @nasty.setter
    def nasty(self, share: float) -> None:
        pass

    def integer(self, name: str) -> bytes:
        if name in ("seconds", "milliseconds") and not self.blocking:
            return b"%d" % self.random.choice((1, 5, 100, 3_000, 500_000))
        return super().integer(name)

    def value(self, kind: str, name: str) -> bytes:
        if kind == "unix-time":
            by = self.random.choice((-5_000, 100, 3_000, 50_000))
            seconds = name != "unix-time-milliseconds"
            return b"%d" % ((self.now_ms + by) // (1000 if seconds else 1))
        return super().value(kind, name)

    def spoil(self, words: Words) -> None:
        if self.random.random() < 0.1 and words[0] not in HUGE:
            super().spoil(words)

    def timer(self) -> Words:
        made = self.random.choice(TIMERS).format(
            key=self.random.choice("sslhtzx") + str(self.random.randint(1, 9)),
            ms=self.random.choice((1, 10, 300, 2_000, 60_000)),
            at=self.now_ms + self.random.choice((-1000, 5, 200, 4_000)),
        )
        return [word.encode() for word in made.split()]

    def pipeline(self, now_ms: int) -> bytes:
        """Some commands, now and then as a transaction."""
        random = self.random
        self.now_ms = now_ms
        lines = [
            self.timer() if random.random() < 0.25 else self.line()
            for _ in range(random.choice((1, 2, 5, 20)))
        ]
        if random.random() < 0.2:
            ends = random.choice(([b"EXEC"], [b"EXEC"], [b"EXEC"], [b"DISCARD"]))
            lines = [[b"MULTI"], *lines, ends]
            if random.random() < 0.3:
                lines.insert(0, [b"WATCH", self.key()])
        if random.random() < 0.3:
            lines.insert(0, [b"SELECT", b"%d" % random.randrange(4)])
        return b"".join(encode_command(line) for line in lines)
