"""The real redis-sentinel watches a Carnelian pair: failover when the primary dies or freezes, and
its return as a replica."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.following import digest, fields, servers, start_on_port, wait_in_step, wait_up
from tests.support.servers import Server, before_exec, free_port
from tests.support.waiting import wait_until

FAILOVER_S = 30.0
NAME = "mymaster"
QUICKER = (
    "info-period", "300", "ping-period", "100", "publish-period", "300",
    "tilt-trigger", "20000", "tilt-period", "1000",
)  # fmt: skip
PATIENT_MS, IMPATIENT_MS = 30_000, 1_000

pytestmark = pytest.mark.skipif(
    shutil.which("redis-sentinel") is None, reason="redis-sentinel is not installed"
)


class Sentinel:
    """One that decides alone, quickly; impatient only when it is told so, because on a busy machine
    a server may well be silent for a second."""

    def __init__(self, watched_port: int) -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="sentinel-"))
        config = self.directory / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {watched_port} 1\n"
            f"sentinel down-after-milliseconds {NAME} {PATIENT_MS}\n"
            f"sentinel failover-timeout {NAME} 6000\n"
        )
        self.log = self.directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["redis-sentinel", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=before_exec(None),  # noqa: PLW1509
            )
        wait_until(self.answers, "the sentinel answers")
        self.call("SENTINEL", "DEBUG", *QUICKER)

    def answers(self) -> bool:
        with suppress(OSError):
            return bool(self.call("PING"))
        return False

    def call(self, *words: str) -> Any:
        with SocketClient(("127.0.0.1", self.port)) as client:
            return client.call(*words)

    def be_patient(self, patient: bool) -> None:
        limit_ms = PATIENT_MS if patient else IMPATIENT_MS
        self.call("SENTINEL", "SET", NAME, "down-after-milliseconds", str(limit_ms))

    def primary_port(self) -> int:
        return int(self.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)[1])

    def knows_replicas(self, count: int) -> bool:
        replicas = self.call("SENTINEL", "REPLICAS", NAME)
        states = [dict(zip(one[::2], one[1::2], strict=True)) for one in replicas]
        good = [state for state in states if state[b"master-link-status"] == b"ok"]
        return len(good) == count

    def wait(self, condition: Any, what: str) -> None:
        try:
            wait_until(condition, what, FAILOVER_S, 0.05)
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n{self.log.read_text()}") from None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


@contextmanager
def sentinel(primary: Server) -> Iterator[Sentinel]:
    assert primary.port is not None
    running = Sentinel(primary.port)
    try:
        yield running
    finally:
        running.stop()


def configured(directory: Path, *lines: str) -> list[str]:
    """A configuration file, which a failover rewrites."""
    path = directory / "carnelian.conf"
    path.write_text("".join(line + "\n" for line in lines))
    return [str(path)]


def write_through(client: Any, value: str) -> bool:
    import redis

    with suppress(redis.exceptions.RedisError):
        return bool(client.set("written", value))
    return False


@pytest.mark.parametrize("accident", ["kill", "freeze"])
def test_failover(accident: str, tmp_path: Path) -> None:
    redis = pytest.importorskip("redis")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    quick = ["repl-diskless-sync-delay 0", "repl-timeout 5"]
    with start_on_port("carnelian", arguments=configured(tmp_path / "one", *quick)) as old:
        place = f"127.0.0.1 {old.port}"
        lines = [*quick, f"replicaof {place}", "replica-priority 10"]
        with (
            start_on_port("carnelian", arguments=configured(tmp_path / "two", *lines)) as new,
            sentinel(old) as watcher,
        ):
            wait_up(new)
            watcher.wait(lambda: watcher.knows_replicas(1), "the sentinel knows the replica")
            entry = redis.sentinel.Sentinel(
                [("127.0.0.1", watcher.port)], socket_timeout=0.5
            )
            client = entry.master_for(NAME, socket_timeout=0.5)
            reader = entry.slave_for(NAME, socket_timeout=0.5)
            assert write_through(client, "before")
            wait_in_step(old, new)
            assert reader.get("written") == b"before"
            if accident == "kill":
                old.kill()
            else:
                os.kill(old.pid, signal.SIGSTOP)
            watcher.be_patient(False)
            try:
                watcher.wait(lambda: watcher.primary_port() == new.port, "it fails over")
                watcher.be_patient(True)
                watcher.wait(lambda: write_through(client, "after"), "the client follows")
            finally:
                if accident == "freeze":
                    os.kill(old.pid, signal.SIGCONT)
            assert fields(new)["role"] == "master"
            assert "replicaof" not in (tmp_path / "two" / "carnelian.conf").read_text()
            if accident == "kill":
                assert old.port is not None
                back = start_on_port(
                    "carnelian",
                    {"port": old.port, "announce-port-file": str(tmp_path / "port")},
                    arguments=[str(tmp_path / "one" / "carnelian.conf")],
                )
            else:
                back = old
            try:
                watcher.wait(lambda: fields(back)["role"] == "slave", "the old one follows")
                wait_in_step(new, back)
                assert digest(back) == digest(new)
                rewritten = (tmp_path / "one" / "carnelian.conf").read_text()
                assert f"replicaof 127.0.0.1 {new.port}" in rewritten
                watcher.wait(lambda: watcher.knows_replicas(1), "the sentinel sees it")
                assert write_through(client, "and on")
            finally:
                if back is not old:
                    back.stop()


def test_a_failover_on_demand_loses_nothing() -> None:
    """SENTINEL FAILOVER: the replica takes over, the primary follows it."""
    quick = {"repl-diskless-sync-delay": 0, "enable-debug-command": "yes"}
    with servers(("carnelian", quick), ("carnelian", quick)) as (old, new), sentinel(old) as watch:
        with new.connect() as client:
            client.call("REPLICAOF", "127.0.0.1", str(old.port))
        wait_up(new)
        with old.connect() as client:
            for i in range(100):
                client.call("SET", f"key:{i}", i)
        wait_in_step(old, new)
        watch.wait(lambda: watch.knows_replicas(1), "the sentinel knows the replica")
        watch.call("SENTINEL", "FAILOVER", NAME)
        watch.wait(lambda: watch.primary_port() == new.port, "it fails over")
        watch.wait(lambda: fields(old)["role"] == "slave", "the old one follows")
        wait_in_step(new, old)
        assert digest(old) == digest(new)
