"""Replicas in tests: who follows whom, and waiting until they are in step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from tests.support.client import Client
from tests.support.servers import Server, free_port, start
from tests.support.waiting import wait_until

SYNC_TIMEOUT_S = 30.0


def info(client: Client, section: str = "replication") -> dict[str, str]:
    """The fields of a section of INFO."""
    text = client.call("INFO", section).decode()
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def fields(server: Server, section: str = "replication") -> dict[str, str]:
    with server.connect() as client:
        return info(client, section)


def start_on_port(name: str, config: dict[str, Any] | None = None, **options: Any) -> Server:
    """A server that others reach over TCP."""
    port = None if name == "carnelian" else free_port()
    return start(name, config, port=port, **options)


@contextmanager
def servers(*wanted: tuple[str, dict[str, Any]]) -> Iterator[list[Server]]:
    """Servers by name and configuration, stopped at the end."""
    running: list[Server] = []
    try:
        for name, config in wanted:
            running.append(start_on_port(name, config))
        yield running
    finally:
        for server in running:
            server.stop()


def follow(replica: Server, primary: Server | int) -> None:
    port = primary if isinstance(primary, int) else primary.port
    with replica.connect() as client:
        client.call("REPLICAOF", "127.0.0.1", str(port))


def is_up(replica: Server) -> bool:
    return fields(replica).get("master_link_status") == "up"


def wait_up(replica: Server, timeout_s: float = SYNC_TIMEOUT_S) -> None:
    """Until the link to its primary stands; the replica's log if it does not come to that."""
    try:
        wait_until(lambda: is_up(replica), "the link is up", timeout_s, 0.02)
    except TimeoutError as late:
        raise TimeoutError(f"{late}\n{replica.tail()}") from None


def offset(server: Server) -> int:
    found = fields(server)
    return int(found.get("slave_repl_offset", found["master_repl_offset"]))


def in_step(primary: Server, replica: Server) -> bool:
    return is_up(replica) and offset(primary) == offset(replica)


def wait_in_step(primary: Server, *replicas: Server, timeout_s: float = SYNC_TIMEOUT_S) -> None:
    """Until replicas have applied all that the primary has done."""
    for replica in replicas:
        try:
            wait_until(partial(in_step, primary, replica), "in step", timeout_s, 0.02)
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n{replica.tail()}") from None


def digest(server: Server) -> Any:
    with server.connect(timeout_s=30) as client:
        return client.call("DEBUG", "DIGEST")


def differences(one: Server, other: Server) -> list[str]:
    """The keys that are not the same in two servers, whose digests differ."""
    found = []
    with one.connect() as a, other.connect() as b:
        for db_id in range(16):
            for client in (a, b):
                client.call("SELECT", db_id)
            keys = sorted({*a.call("KEYS", "*"), *b.call("KEYS", "*")})
            for key in keys:
                digests = [client.call("DEBUG", "DIGEST-VALUE", key)[0] for client in (a, b)]
                times = [client.call("PEXPIRETIME", key) for client in (a, b)]
                if digests[0] != digests[1] or times[0] != times[1]:
                    kinds = [client.call("TYPE", key) for client in (a, b)]
                    found.append(f"{db_id}:{key!r} {kinds} {times}")
    return found
