"""Writes of every kind, at random and for ever: the load under which replication is tested."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from tests.support.client import SocketClient
from tests.support.resp import Argument
from tests.support.servers import Server

Command = list[Argument]
BATCH = 20


class Writer:
    """Makes commands; the same seed makes the same ones. Small key spaces, so that keys collide."""

    def __init__(self, seed: int, keys: int = 60, databases: int = 3) -> None:
        self.random = random.Random(seed)
        self.keys = keys
        self.databases = databases
        self.makers: list[Callable[[], Command]] = [
            self.text, self.number, self.row, self.set, self.hash, self.scores, self.stream,
            self.expiry, self.deletion, self.store,
        ]  # fmt: skip

    def key(self, kind: str) -> str:
        return f"{kind}:{self.random.randrange(self.keys)}"

    def word(self) -> str:
        return "w" * self.random.choice((1, 5, 30, 200)) + str(self.random.randrange(50))

    def pick(self, *choices: Command) -> Command:
        return self.random.choice(choices)

    def text(self) -> Command:
        key = self.key("text")
        return self.pick(
            ["SET", key, self.word()],
            ["APPEND", key, self.word()[:40]],
            ["SETRANGE", key, self.random.randrange(300), self.word()],
            ["GETSET", key, self.word()],
            ["SETNX", key, self.word()],
            ["SETBIT", key, self.random.randrange(5000), 1],
        )

    def number(self) -> Command:
        key = self.key("number")
        return self.pick(
            ["INCR", key], ["INCRBY", key, self.random.randrange(-99, 99)], ["DECR", key],
            ["INCRBYFLOAT", f"f{key}", "1.5"], ["HINCRBYFLOAT", f"h{key}", "f", "0.25"],
        )  # fmt: skip

    def row(self) -> Command:
        key = self.key("list")
        return self.pick(
            ["RPUSH", key, *(self.word() for _ in range(self.random.randrange(1, 8)))],
            ["LPUSH", key, self.word()],
            ["LPOP", key, 2],
            ["LTRIM", key, 0, 200],
            ["LINSERT", key, "BEFORE", "w1", self.word()],
            ["LMOVE", key, self.key("list"), "LEFT", "RIGHT"],
            ["LREM", key, 1, "w2"],
        )

    def set(self) -> Command:
        key = self.key("set")
        return self.pick(
            ["SADD", key, *(self.word() for _ in range(self.random.randrange(1, 8)))],
            ["SADD", key, *(self.random.randrange(9999) for _ in range(5))],
            ["SPOP", key], ["SPOP", key, 3], ["SMOVE", key, self.key("set"), "w1"],
        )  # fmt: skip

    def hash(self) -> Command:
        key = self.key("hash")
        return self.pick(
            ["HSET", key, self.word(), self.word()],
            ["HINCRBY", key, "n", 3],
            ["HDEL", key, "w1", "w2"],
            ["HMSET", key, "a", self.word(), "b", self.word()],
        )

    def scores(self) -> Command:
        key = self.key("scores")
        return self.pick(
            ["ZADD", key, self.random.randrange(-50, 50), self.word()],
            ["ZINCRBY", key, "1.25", self.word()],
            ["ZPOPMIN", key],
            ["ZREMRANGEBYRANK", key, 100, -1],
            ["ZADD", key, "GT", "CH", self.random.random(), self.word()],
        )

    def stream(self) -> Command:
        key = f"stream:{self.random.randrange(5)}"
        return self.pick(
            ["XADD", key, "*", "field", self.word()],
            ["XADD", key, "MAXLEN", "~", 100, "*", "a", self.word(), "b", "c"],
            ["XGROUP", "CREATE", key, "group", "0", "MKSTREAM"],
            ["XREADGROUP", "GROUP", "group", "alice", "COUNT", 3, "STREAMS", key, ">"],
            ["XTRIM", key, "MAXLEN", 50],
        )

    def any_key(self) -> str:
        return self.key(self.random.choice(("text", "number", "list", "set", "hash", "scores")))

    def expiry(self) -> Command:
        key = self.any_key()
        return self.pick(
            ["PEXPIRE", key, self.random.randrange(1, 2000)],
            ["EXPIRE", key, 1000],
            ["PERSIST", key],
            ["SET", f"text:{self.random.randrange(self.keys)}", self.word(), "PX", 300],
            ["GETEX", self.key("text"), "PX", 500],
        )

    def deletion(self) -> Command:
        key = self.any_key()
        return self.pick(
            ["DEL", key, self.any_key()], ["UNLINK", key], ["GETDEL", self.key("text")],
            ["RENAME", key, key], ["COPY", key, f"{key}:copy", "REPLACE"],
        )  # fmt: skip

    def store(self) -> Command:
        return self.pick(
            ["SUNIONSTORE", "set:all", self.key("set"), self.key("set")],
            ["ZUNIONSTORE", "scores:all", 2, self.key("scores"), self.key("scores")],
            ["BITOP", "OR", "text:or", self.key("text"), self.key("text")],
            ["PFADD", "count", self.word(), self.word()],
            ["SORT", self.key("list"), "ALPHA", "STORE", "list:sorted"],
            ["COPY", self.any_key(), "copied", "REPLACE"],
        )

    def command(self) -> Command:
        return self.random.choice(self.makers)()

    def batch(self) -> list[Command]:
        """Some commands, in one database; at times as a transaction."""
        made = [self.command() for _ in range(self.random.randrange(1, BATCH))]
        if self.random.random() < 0.2:
            made = [["MULTI"], *made, ["EXEC"]]
        return [["SELECT", self.random.randrange(self.databases)], *made]


class WriteLoad:
    """A thread that writes to a server until `stop`."""

    def __init__(self, server: Server, seed: int = 1, pause_s: float = 0.0) -> None:
        self.writer = Writer(seed)
        self.client = SocketClient(server.address, 2, 30.0)
        self.pause_s = pause_s
        self.batches = 0
        self.failure: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.client.pipeline(self.writer.batch())
                self.batches += 1
                if self.pause_s:
                    self.stopping.wait(self.pause_s)
        except BaseException as failure:  # `stop` raises it
            self.failure = failure

    def stop(self) -> int:
        """How many batches were written."""
        self.stopping.set()
        self.thread.join()
        self.client.close()
        if self.failure is not None:
            raise self.failure
        return self.batches

    def __enter__(self) -> WriteLoad:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
