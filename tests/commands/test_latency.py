"""LATENCY and INFO latencystats."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.client import Client, SocketClient
from tests.support.servers import Server


def as_dict(flat: object) -> dict[bytes, object]:
    if isinstance(flat, dict):
        return flat
    assert isinstance(flat, list)
    return dict(zip(flat[::2], flat[1::2], strict=True))


@pytest.fixture
def slow(server: Server) -> Iterator[SocketClient]:
    with (
        server.configured(latency_monitor_threshold=20),
        server.connect() as client,
    ):
        client.call("LATENCY", "RESET")
        client.call("DEBUG", "SLEEP", "0.03")
        yield client
        client.call("LATENCY", "RESET")


def test_events(slow: SocketClient) -> None:
    ((at_s, ms),) = slow.call("LATENCY", "HISTORY", "command")
    assert 30 <= ms < 1000
    assert slow.call("LATENCY", "LATEST") == [[b"command", at_s, ms, ms]]
    slow.call("DEBUG", "SLEEP", "0.04")
    assert 40 <= slow.call("LATENCY", "LATEST")[0][3] < 1000
    graph = slow.call("LATENCY", "GRAPH", "command").decode()
    assert graph.startswith("command - high ")
    assert "SLOWLOG" in slow.call("LATENCY", "DOCTOR").decode()
    assert slow.call("LATENCY", "RESET", "other", "command", "command") == 1
    assert slow.call("LATENCY", "LATEST") == []
    assert slow.call("LATENCY", "RESET") == 0


def test_nothing_to_tell(client: Client) -> None:
    assert client.call("LATENCY", "HISTORY", "nothing") == []
    assert client.call("LATENCY", "RESET", "nothing") == 0
    assert client.error("LATENCY", "GRAPH", "nothing") == (
        "ERR No samples available for event 'nothing'"
    )
    assert b"latency-monitor-threshold" in client.call("LATENCY", "DOCTOR")
    assert client.error("LATENCY", "HELP", "x") == (
        "ERR wrong number of arguments for 'latency|help' command"
    )


def test_histogram(client: Client) -> None:
    client.call("CONFIG", "RESETSTAT")
    for _ in range(3):
        client.call("SET", "a", "b")
    client.call("CLIENT", "ID")
    found = as_dict(client.call("LATENCY", "HISTOGRAM", "SET", "get", "nothing", "client"))
    assert list(found) == [b"set", b"client|id"]
    about = as_dict(found[b"set"])
    assert about[b"calls"] == 3
    buckets = as_dict(about[b"histogram_usec"])
    assert list(buckets.values()) == sorted(buckets.values())  # type: ignore[type-var]
    assert list(buckets.values())[-1] == 3
    assert b"set" in as_dict(client.call("LATENCY", "HISTOGRAM"))
    assert client.call("LATENCY", "HISTOGRAM", "client|list") in ([], {})


def test_latencystats(connect: Callable[..., SocketClient], server: Server) -> None:
    client = connect()
    client.call("SET", "a", "b")
    assert b"latency_percentiles_usec_set:p50=" in client.call("INFO", "latencystats")
    with server.configured(latency_tracking_info_percentiles="99.9 10"):
        assert b"set:p99.9=" in client.call("INFO", "latencystats")
    with server.configured(latency_tracking="no"):
        assert b"usec" not in client.call("INFO", "latencystats")
        client.call("CONFIG", "RESETSTAT")
        client.call("SET", "a", "b")
        assert client.call("LATENCY", "HISTOGRAM", "set") == []
