"""RSS of many connections that have said one PING and now say nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
from typing import Any

from benchmarks.tables import print_table, verdict
from benchmarks.targets import CLIENTS_MAX, pin_client, running

BAR_MB = 40
SPARE_DESCRIPTORS = 200


def raise_descriptor_limit(wanted: int) -> int:
    """The servers inherit it. How many descriptors there are in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        with contextlib.suppress(ValueError, OSError):
            if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < wanted:
                resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def measure(name: str, count: int) -> float:
    """Megabytes more than with no connection."""
    with running(name) as server, contextlib.ExitStack() as stack:
        assert isinstance(server.address, tuple)
        before = server.rss_bytes()
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection(server.address, 10))
            connection.sendall(b"*1\r\n$4\r\nPING\r\n")
            if connection.recv(64) != b"+PONG\r\n":
                raise SystemExit(f"{name} refused a connection:\n{server.tail()}")
        return (server.rss_bytes() - before) / 1e6


def main(names: list[str], quick: bool) -> list[dict[str, Any]]:
    pin_client()
    count = 1000 if quick else 10_000
    limit = raise_descriptor_limit(CLIENTS_MAX + SPARE_DESCRIPTORS)
    if limit < count + SPARE_DESCRIPTORS:
        raise SystemExit(f"{limit} file descriptors are too few for {count} connections")
    sizes = {name: measure(name, count) for name in names}
    bar = BAR_MB * count / 10_000
    rows = [
        [name, f"{size:.1f}", verdict(name, size, bar, False)]
        for name, size in sizes.items()
    ]
    print_table(f"{count:,} idle connections, MB of RSS", ["server", "MB", "bar"], rows)
    return [{"server": name, "connections": count, "mb": size} for name, size in sizes.items()]
