"""Several servers in one process, for the simulation of replication: no process, thread, clock or
TCP socket; time passes when the simulation says so.

Everything random is drawn from generators with the same seed, so that a run can be repeated. For
that `os.urandom` and the seed of hashing must be set before carnelian is imported: see
tools/simulate.py.
"""

from __future__ import annotations

import heapq
import os
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from carnelian.server import Server
from carnelian.services import log
from carnelian.services.config.config import Config
from carnelian.services.persistence.children import SIGUSR1, Child, Children
from carnelian.services.replication.transport import Transport
from native.clock import HeldClock
from tests.support.client import Client
from tests.support.resp import Argument, BytesSource, Reply, encode_command, read_reply
from tests.support.simulated_network import Network

START_US = 1_700_000_000_000_000
STARTED_US = 5_000_000_000  # of the monotonic clock
PORT = 6379
TURNS_MAX = 8
CHILD_US = (0, 1_000, 150_000, 1_500_000)
READ_BYTES = 1 << 16
BAD_WORDS = ("CRITICAL", "nternal error", "Traceback")
CONFIG = {
    "save": "",
    "enable-debug-command": "yes",
    "proto-max-bulk-len": "1mb",
    "hash-max-listpack-entries": "8",
    "set-max-intset-entries": "8",
    "set-max-listpack-entries": "8",
    "zset-max-listpack-entries": "8",
    "list-max-listpack-size": "4",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
    "repl-timeout": "5",
    "loglevel": "notice",
}


class Wrong(Exception):
    """What must not happen has happened."""


class Clerk(Client):
    """A client of a node that takes part in the simulation: the node has turns while it waits."""

    def __init__(self, node: Node) -> None:
        super().__init__(2)
        self.node = node
        self.socket, other = socket.socketpair()
        self.socket.setblocking(False)
        other.setblocking(False)
        node.accept(other.detach())
        self.received = b""
        self.is_closed = False

    def send(self, *arguments: Argument) -> None:
        self.socket.send(encode_command(arguments))

    def read_reply(self, timeout_s: float | None = None) -> Reply:
        for _ in range(TURNS_MAX):
            self.node.turn()
            if (reply := self.poll()) is not None:
                return reply
        raise Wrong(f"{self.node.name} does not answer")

    def poll(self) -> Reply | None:
        """A reply, if one is there."""
        self.drain()
        source = BytesSource(self.received)
        try:
            reply = read_reply(source)
        except (ConnectionError, IndexError):
            return None
        self.received = self.received[source.position :]
        return reply

    def drain(self) -> None:
        while True:
            try:
                data = self.socket.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                return
            self.received += data

    def forget(self) -> None:
        """Nobody looks at the replies."""
        self.drain()
        self.received = b""

    def close(self) -> None:
        self.socket.close()


class SimulatedChildren(Children):
    """Children that do their work at once, and have done it some time later."""

    node: Node

    def start(
        self, kind: str, work: Callable[[], None], finished: Callable[[int], None], keep: Any = ()
    ) -> Child:
        if self.active is not None:
            raise BlockingIOError(0, f"a child of kind {self.active.kind} is running")
        self.shared = [0] * 4  # a real child tells there how far it is
        copies = [(os.dup(fd), fd) for fd in keep]  # the work closes what a child would have
        work()
        for copy, fd in copies:
            os.dup2(copy, fd)
            os.close(copy)
        self.forks += 1
        self.active = child = Child(kind, os.getpid(), -1, finished, 1, clock=self.clock)
        cluster = self.node.cluster
        delay_us = cluster.random.choice(CHILD_US)
        cluster.at(cluster.now_us + delay_us, lambda: self.done(child, 0))
        return child

    def done(self, child: Child, code: int) -> None:
        if self.active is child:
            self.active = None
            self.node.run(lambda: child.finished(code))

    def kill(self) -> None:
        if self.active is not None:
            self.done(self.active, -SIGUSR1)

    def collect(self) -> None:
        pass


class SimulatedTransport(Transport):
    """Connections through the simulated network; the work of threads ends when the seed says."""

    node: Node

    def in_background(self, work: Any, done: Any) -> None:
        result = failure = None
        try:
            result = work()
        except Exception as failed:
            failure = failed
        cluster, loop = self.node.cluster, self.loop
        delay_us = cluster.random.choice(CHILD_US[:3])
        cluster.at(
            cluster.now_us + delay_us, lambda: loop.call_soon(lambda: done(result, failure))
        )

    def connect(self, address: str, port: int, source_address: str) -> Any:
        return self.node.cluster.network.connect(self.node, (address, port))

    def established(self, stream: Any) -> None:
        pass


class SimulatedServer(Server):
    new_children = SimulatedChildren
    new_transport = SimulatedTransport

    def __init__(self, config: Config, clock: HeldClock) -> None:
        self.new_clock = lambda: clock
        super().__init__(config)


class Node:
    """A server of the simulation, with its own wall clock."""

    def __init__(self, cluster: Cluster, number: int, settings: dict[str, str]) -> None:
        self.cluster = cluster
        self.name = "ABCDEFGH"[number]
        self.address = (f"10.0.0.{number + 1}", PORT)
        self.directory = cluster.directory / self.name
        self.directory.mkdir()
        self.settings = settings
        self.ahead_us = 0  # its wall clock
        self.frozen_until_us = 0
        self.is_running = False
        self.server: Any = None
        self.clock = HeldClock()
        self.start()

    def start(self) -> None:
        config = Config()
        announced = {
            "dir": str(self.directory), "port": str(PORT),
            "replica-announce-ip": self.address[0],
        }  # fmt: skip
        for name, value in (CONFIG | self.settings | announced).items():
            config.load_line([name, *value.split()] if value else [name, ""])
        self.show_time()
        self.server = SimulatedServer(config, self.clock)
        self.server.children.node = self.server.transport.node = self
        config.apply_all()
        self.server.loop.cron = self.server.cron
        self.is_running = True
        if not self.server.begin():
            raise Wrong(f"{self.name} does not start")
        self.clerk = Clerk(self)
        self.clients = [Clerk(self) for _ in range(3)]

    def restart(self) -> None:
        """End with a snapshot, and begin again from it."""
        self.run(lambda: self.server.ends.begin({"now", "save"}, ""))
        self.stop()
        config = self.server.config
        if config.replicaof:
            host, port = config.replicaof
            self.settings = {**self.settings, "replicaof": f"{host} {port}"}
        else:
            self.settings = {k: v for k, v in self.settings.items() if k != "replicaof"}
        self.start()

    def stop(self) -> None:
        self.is_running = False
        self.show_time()
        self.server.children.active = None
        self.server.replica.close()
        for session in list(self.server.engine.sessions.values()):
            session.close()
        for client in (self.clerk, *self.clients):
            client.close()

    # --- its turns ---

    def show_time(self) -> None:
        self.clock.shown_wall_us = START_US + self.cluster.now_us + self.ahead_us
        self.clock.shown_steady_us = STARTED_US + self.cluster.now_us
        self.cluster.speaking = self.name

    def run(self, function: Callable[[], Any]) -> Any:
        """Do something as this node, at its time."""
        self.show_time()
        return function()

    def turn(self) -> None:
        self.show_time()
        self.server.loop.turn_once()

    def accept(self, fd: int) -> None:
        self.run(lambda: self.server.loop.accept(fd, True))

    # --- what it is asked ---

    def call(self, *words: Argument) -> Any:
        return self.clerk.call(*words)

    def try_call(self, *words: Argument) -> Any:
        """Its answer, error or not."""
        return self.clerk.reply(*words).value

    def client(self, number: int) -> Clerk:
        """One of its clients, anew if it was sent away."""
        client = self.clients[number]
        client.forget()
        if client.is_closed:
            client.close()
            client = self.clients[number] = Clerk(self)
        return client

    @property
    def state(self) -> Any:
        return self.server.replication

    @property
    def link(self) -> Any:
        return self.server.replica.primary_link

    @property
    def is_primary(self) -> bool:
        return self.link is None

    @property
    def place(self) -> tuple[str, int]:
        """Where in which history its data stand."""
        return self.state.replid, self.state.offset

    @property
    def is_whole(self) -> bool:
        """Whether its data is that of its place."""
        return self.state.has_backlog and (
            self.is_primary or self.server.replica.resumable) and (
            not self.server.loading.active)

    def digest(self) -> str:
        return str(self.call("DEBUG", "DIGEST"))


class Cluster:
    """All nodes, the network and time."""

    def __init__(
        self, seed: int, directory: Path, count: int, settings: dict[str, str] | None = None
    ) -> None:
        self.random = Random(seed)
        self.directory = directory
        self.now_us = 0
        self.later: list[tuple[int, int, Callable[[], None]]] = []
        self.order = 0
        self.trace: list[str] = []
        self.echo = False
        self.speaking = "-"
        self.complaint = ""  # what a node's log says of itself; raised outside of its turn
        self.network = Network(self.random, lambda: self.now_us)
        log.message = self.logged
        self.nodes = [Node(self, number, settings or {}) for number in range(count)]
        for node in self.nodes:
            self.network.places[node.address] = node

    def close(self) -> None:
        self.network.close()
        for node in self.nodes:
            if node.is_running:
                node.stop()

    # --- the record ---

    def note(self, text: str) -> None:
        line = f"{self.now_us / 1e6:10.6f} {text}"
        self.trace.append(line)
        if self.echo:
            print(line, flush=True)

    def logged(self, level: int, text: str) -> None:
        shown = text.replace(str(self.directory), "").replace(str(os.getpid()), "<pid>")
        self.note(f"{self.speaking}:   {shown}")
        if any(word in text for word in BAD_WORDS):
            self.complaint = self.complaint or f"{self.speaking} says: {text}"

    # --- time ---

    def at(self, when_us: int, function: Callable[[], None]) -> None:
        self.order += 1
        heapq.heappush(self.later, (when_us, self.order, function))

    def step(self, us: int) -> None:
        """Time passes, bytes arrive, and every node has turns, in any order."""
        self.now_us += us
        if self.complaint:
            raise Wrong(self.complaint)
        while self.later and self.later[0][0] <= self.now_us:
            heapq.heappop(self.later)[2]()
        self.network.move()
        for node in self.random.sample(self.nodes, len(self.nodes)):
            if node.frozen_until_us <= self.now_us:
                for _ in range(self.random.choice((1, 1, 1, 2))):
                    node.turn()

    def run(self, us: int, step_us: int = 5_000) -> None:
        end_us = self.now_us + us
        while self.now_us < end_us:
            self.step(min(step_us, end_us - self.now_us))

    def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 60.0) -> None:
        end_us = self.now_us + int(timeout_s * 1e6)
        while not condition():
            if self.now_us > end_us:
                raise Wrong(f"after {timeout_s:g} s still waiting until {what}")
            self.step(10_000)

    def in_step(self) -> bool:
        """All nodes at one place, and every replica's link up."""
        return len({node.place for node in self.nodes}) == 1 and all(
            node.is_primary or node.link.is_connected for node in self.nodes
        )
