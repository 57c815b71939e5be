"""A storm over simulated servers: load, faults and changes of role at random, then calm weather.

What must hold at any time: data at the same place of the same history is the same everywhere, who
may continue does so, and no log complains. In the end, with the network healed, everybody is in
step with the primary and has the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from native.random import seed as seed_native
from tests.fuzz.arguments import read_grammar
from tests.support.simulated_cluster import Cluster, Node, Wrong
from tests.support.simulated_load import Load
from tests.support.simulated_network import Wire

SHOWN_MAX = 3000
REST_US = (50_000, 300_000, 3_000_000)
NO_ID = "0" * 40
# PFCOUNT notes its result in the value, on a replica too, as in Redis.
LEFT_OUT = {"dump", "restore", "pfcount", "pfselftest", "pfdebug", "config|get"}
STEPS_US = (200, 1_000, 1_000, 5_000, 20_000)
JUMPS_US = (-7_200_000_000, -3_000_000, 400_000, 5_000_000, 36_000_000_000)
GARBAGE = (
    b"*abc\r\n", b"*2\r\n$3\r\nSET\r\n:1\r\n", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhal",
    b"*1\r\n$99999999999999999999\r\n", b"*2000000000\r\n$", b"*1\r\n$-7\r\n",
    b"*2\r\n$4\r\nINCR\r\n",
)  # fmt: skip
SETTINGS = (
    ("repl-diskless-sync", ("yes", "no")),
    ("repl-diskless-load", ("disabled", "on-empty-db", "swapdb", "flush-before-load")),
    ("repl-backlog-size", ("16384", "200000", "1mb", "1mb", "16mb")),
    ("repl-diskless-sync-delay", ("0", "0", "1")),
    ("rdb-del-sync-files", ("yes", "no")),
    ("lazyfree-lazy-expire", ("yes", "no")),
    ("min-replicas-to-write", ("0", "0", "1")),
    ("repl-backlog-ttl", ("3600", "2")),
)


class Storm:
    def __init__(self, seed: int, directory: Path, echo: bool = False) -> None:
        seed_native(seed)
        self.random = random = Random(seed)
        self.cluster = Cluster(random.randrange(1 << 40), directory, random.choice((3, 3, 4, 5)))
        self.cluster.echo = echo
        self.nodes = self.cluster.nodes
        self.digests: dict[tuple[str, int], tuple[str, str]] = {}  # place -> who had what there
        self.partials = self.fulls = self.compared = 0
        for node in self.nodes:
            self.listen(node)
        known = read_grammar(self.nodes[0].clerk)
        commands = {name: docs for name, docs in known.items() if name not in LEFT_OUT}
        self.load = Load(commands, random)
        self.deeds: list[tuple[Callable[[], None], int]] = [
            (self.write, 120), (self.wait, 10), (self.cut, 8), (self.hush, 3), (self.corrupt, 4),
            (self.part, 1), (self.reconcile, 3), (self.redirect, 2), (self.promote, 2),
            (self.fail_over, 3), (self.configure, 3), (self.set_clock, 2), (self.kill, 2),
            (self.freeze, 2), (self.restart, 1), (self.save, 1), (self.read, 5),
            (self.rest, 12), (self.arrange, 2),
        ]  # fmt: skip

    def run(self, deeds: int) -> None:
        self.arrange()
        self.cluster.until(self.cluster.in_step, "all are in step at first")
        for _ in range(deeds):
            deed = self.random.choices(*zip(*self.deeds, strict=True))[0]
            deed()
            self.cluster.step(self.random.choice(STEPS_US))
            if self.random.random() < 0.2:
                self.look()
        self.calm()

    # --- what must hold ---

    def listen(self, node: Node) -> None:
        """Judge every answer to PSYNC by what INFO says."""
        primary = node.server.primary
        original = primary.continues

        def continues(link: Any, replid: str, next_byte: int) -> bool:
            wanted = self.may_continue(node, replid, next_byte)
            answered = bool(original(link, replid, next_byte))
            if answered != wanted:
                raise Wrong(f"{node.name} is asked for {replid}:{next_byte}: {answered=}")
            self.partials += answered
            self.fulls += not answered
            return answered

        primary.continues = continues

    def may_continue(self, node: Node, replid: str, next_byte: int) -> bool:
        state = node.state
        kept, first, _ = state.backlog_figures()
        known = replid == state.replid or (
            replid == state.replid2 != NO_ID and next_byte <= state.second_offset
        )
        return bool(known and state.has_backlog and first <= next_byte <= first + kept)

    def look(self) -> None:
        """Whoever stands at one place of a history has the same data."""
        for node in self.nodes:
            if node.frozen_until_us > self.cluster.now_us or not node.is_whole:
                continue
            place = node.place
            found = node.digest()
            if node.place != place:
                continue
            who, known = self.digests.setdefault(place, (node.name, found))
            self.compared += who != node.name
            if known != found:
                other = next(other for other in self.nodes if other.name == who)
                now = difference(other, node) if other.place == place else []
                raise Wrong(f"{node.name} has other data than {who} had at {place}: {now}")

    # --- load ---

    def write(self) -> None:
        primaries = [node for node in self.nodes if node.is_primary] or self.nodes
        node = self.random.choice(primaries)
        self.send(node)

    def read(self) -> None:
        """Replicas refuse writes, and hide what has expired, without harm."""
        self.send(self.random.choice(self.nodes))

    def send(self, node: Node) -> None:
        client = node.client(self.random.randrange(2))
        wall_us = 1_700_000_000_000_000 + self.cluster.now_us + node.ahead_us
        pipeline = self.load.pipeline(wall_us // 1000)
        self.cluster.note(f"{node.name} < {shown(pipeline)}")
        try:
            client.socket.send(pipeline)
        except OSError:
            pass  # it is blocked or closed

    def wait(self) -> None:
        node = self.random.choice(self.nodes)
        client = node.client(2)
        client.send("WAIT", self.random.choice((1, 2)), self.random.choice((50, 2000)))

    def save(self) -> None:
        self.tell(self.random.choice(self.nodes), "BGSAVE")

    def rest(self) -> None:
        self.cluster.run(self.random.choice(REST_US), 10_000)

    # --- faults ---

    def tell(self, node: Node, *words: str) -> None:
        if node.frozen_until_us <= self.cluster.now_us:
            self.cluster.note(f"{node.name}: {' '.join(words)}")
            answer = node.try_call(*words)
            if answer != "OK":
                self.cluster.note(f"{node.name}: -> {answer}")

    def some_wire(self) -> Wire | None:
        wires = [wire for wire in self.cluster.network.wires if not wire.is_cut]
        return self.random.choice(wires) if wires else None

    def cut(self) -> None:
        wire = self.some_wire()
        if wire is not None:
            self.cluster.note(f"the wire from {wire.start.name} to {wire.end.name} is cut")
            wire.cut(self.cluster.now_us)

    def hush(self) -> None:
        wire = self.some_wire()
        if wire is not None:
            until_us = self.cluster.now_us + self.random.choice((50_000, 1_000_000, 20_000_000))
            self.cluster.note(f"the wire from {wire.start.name} to {wire.end.name} is silent")
            wire.fall_silent(until_us)

    def corrupt(self) -> None:
        """Only where the replica can tell: between two commands, or before the stream."""
        wire = self.some_wire()
        if wire is None or wire.start.frozen_until_us > self.cluster.now_us:
            return
        wire.start.turn()
        link = wire.start.link
        if link is None or link.stream is not wire.link_stream:
            return
        if link.session is None:
            garbage = self.random.randbytes(self.random.randrange(1, 200))
        elif link.session.unread == 0:
            garbage = self.random.choice(GARBAGE)
        else:
            return
        self.cluster.note(f"garbage for {wire.start.name} while {link.phase}")
        wire.corrupt(garbage)

    def part(self) -> None:
        a, b = self.random.sample(self.nodes, 2)
        self.cluster.note(f"{a.name} and {b.name} cannot reach each other")
        self.cluster.network.part(a, b)

    def reconcile(self) -> None:
        self.cluster.network.parted.clear()

    def freeze(self) -> None:
        node = self.random.choice(self.nodes)
        us = self.random.choice((100_000, 1_500_000, 12_000_000))
        self.cluster.note(f"{node.name} stands still for {us / 1e6:g} s")
        node.frozen_until_us = self.cluster.now_us + us

    def set_clock(self) -> None:
        node = self.random.choice(self.nodes)
        by_us = self.random.choice(JUMPS_US)
        if abs(node.ahead_us + by_us) < 10**12:
            self.cluster.note(f"{node.name}'s clock jumps by {by_us / 1e6:g} s")
            node.ahead_us += by_us

    def restart(self) -> None:
        node = self.random.choice(self.nodes)
        if node.frozen_until_us <= self.cluster.now_us and not node.server.loading.active:
            self.cluster.note(f"{node.name} is restarted")
            node.restart()
            self.listen(node)

    def kill(self) -> None:
        kind = self.random.choice(("replica", "master", "normal"))
        self.tell(self.random.choice(self.nodes), "CLIENT", "KILL", "TYPE", kind)

    # --- changes ---

    def follow(self, node: Node, leader: Node) -> None:
        self.tell(node, "REPLICAOF", leader.address[0], str(leader.address[1]))

    def redirect(self) -> None:
        node, leader = self.random.sample(self.nodes, 2)
        self.follow(node, leader)

    def promote(self) -> None:
        self.tell(self.random.choice(self.nodes), "REPLICAOF", "NO", "ONE")

    def fail_over(self) -> None:
        node, target = self.random.sample(self.nodes, 2)
        words = ["FAILOVER", "TIMEOUT", self.random.choice(("300", "3000"))]
        if self.random.random() < 0.5:
            words[1:1] = ["TO", target.address[0], str(target.address[1])]
            words += ["FORCE"] * (self.random.random() < 0.3)
        self.tell(node, *words)

    def configure(self) -> None:
        name, values = self.random.choice(SETTINGS)
        self.tell(
            self.random.choice(self.nodes), "CONFIG", "SET", name, self.random.choice(values)
        )

    def arrange(self) -> None:
        """One leads; each other one follows somebody before it."""
        order = self.random.sample(self.nodes, len(self.nodes))
        for node in order:
            self.tell(node, "FAILOVER", "ABORT")
        self.tell(order[0], "REPLICAOF", "NO", "ONE")
        for place, node in enumerate(order[1:], 1):
            self.follow(node, order[self.random.randrange(place)])

    # --- the end ---

    def calm(self) -> None:
        self.cluster.note("calm")
        self.cluster.network.heal()
        for node in self.nodes:
            node.frozen_until_us = 0
            node.ahead_us = 0
            self.tell(node, "CONFIG", "SET", "min-replicas-to-write", "0")
            self.tell(node, "FAILOVER", "ABORT")
        self.cluster.run(1_000_000)  # its PSYNC may be on the way, and promote somebody yet
        self.arrange()
        self.cluster.until(lambda: all(
            node.is_primary or node.link.is_connected for node in self.nodes
        ), "all links stand")
        leader = next(node for node in self.nodes if node.is_primary)
        for _ in range(10):
            self.send(leader)
            self.cluster.step(1_000)
        self.cluster.until(self.cluster.in_step, "all are in step")
        self.look()
        contents = {node.name: contents_of(node) for node in self.nodes}
        for name, found in contents.items():
            if found != contents[leader.name]:
                node = next(node for node in self.nodes if node.name == name)
                raise Wrong(f"{name} differs from {leader.name}: {difference(node, leader)}")
        for node in self.nodes:
            if not node.server.engine.verify() or not node.state.verify():
                raise Wrong(f"{node.name} has damaged memory")


def shown(pipeline: bytes) -> str:
    """As one line: what follows each length."""
    words = pipeline.split(b"\r\n")[:-1]
    return " ".join(
        "|" if word.startswith(b"*") else repr(word)[2:-1]
        for word in words if not word.startswith(b"$")
    )[:SHOWN_MAX]


def contents_of(node: Node) -> list[Any]:
    """What a digest does not tell: when keys expire, and groups of streams."""
    found: list[Any] = [node.digest()]
    for db_id in range(16):
        node.call("SELECT", db_id)
        for key in sorted(node.call("KEYS", "*")):
            kind = node.call("TYPE", key)
            value = node.call("DEBUG", "DIGEST-VALUE", key)[0]
            found.append((db_id, key, kind, value, node.call("PEXPIRETIME", key)))
            if kind == "stream":
                # Redis does not tell replicas of consumers that claim nothing.
                groups = node.call("XINFO", "GROUPS", key)
                found += [(group[1], group[5], group[7]) for group in groups]
            elif kind == "hash":
                fields = sorted(node.call("HKEYS", key)) or [b"none"]
                found.append(node.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields))
    node.call("SELECT", 0)
    return found


def difference(one: Node, other: Node) -> list[Any]:
    """What only one of them has."""
    a, b = contents_of(one), contents_of(other)
    only = [(one.name, line) for line in a if line not in b]
    return (only + [(other.name, line) for line in b if line not in a])[:10]
