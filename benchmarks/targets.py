"""The servers under measurement: pinned to one core, with everything else of ours on the others."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from tests.support import servers
from tests.support.servers import PeerMissing, Server

CLIENTS_MAX = 20_000


def cores() -> tuple[int | None, set[int]]:
    """The server's core, and those left for clients; no pinning on a one-core machine."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        return None, set(available)
    return available[0], set(available[1:])


SERVER_CORE, CLIENT_CORES = cores()


def pin_client() -> None:
    """Keep this process, and the clients it starts, off the server's core."""
    os.sched_setaffinity(0, CLIENT_CORES)


def better_peer(costs: dict[str, float]) -> float | None:
    """The least cost among the real peers that were measured."""
    return min((costs[name] for name in servers.PEERS if name in costs), default=None)


def present(names: list[str]) -> list[str]:
    """Those that can run here; the others are named once on stderr."""
    found = []
    for name in names:
        try:
            servers.program(name)
            found.append(name)
        except PeerMissing as missing:
            print(f"without {name}: {missing}", file=sys.stderr)
    return found


@contextlib.contextmanager
def running(name: str, **config: Any) -> Iterator[Server]:
    """A fresh pinned server on a TCP port, without persistence, ended with the block."""
    settings = {"appendonly": "no", "maxclients": CLIENTS_MAX} | config
    with servers.start(name, settings, port=servers.free_port(), core=SERVER_CORE) as server:
        yield server
