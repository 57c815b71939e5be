"""CONFIG over the wire; what the parameters accept is tested with services/config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.client import Client
from tests.support.servers import Server

SAME_AS_REDIS: list[list[str]] = [
    ["CONFIG"],
    ["CONFIG", "NONSENSE"],
    ["CONFIG", "GET"],
    ["CONFIG", "GET", "nonsense"],
    ["CONFIG", "GET", "maxmemory-samples", "MAXMEMORY-SAMPLES"],
    ["CONFIG", "SET"],
    ["CONFIG", "SET", "maxclients"],
    ["CONFIG", "SET", "maxclients", "1", "port"],
    ["CONFIG", "SET", "nonsense", "1"],
    ["CONFIG", "SET", "maxclients", "0"],
    ["CONFIG", "SET", "databases", "1"],
    ["CONFIG", "SET", "appendonly", "maybe"],
    ["CONFIG", "SET", "timeout", "5", "timeout", "6"],
    ["CONFIG", "SET", "timeout", "5", "slowlog-max-len", "x"],
    ["CONFIG", "REWRITE"],
    ["CONFIG", "RESETSTAT"],
]


@pytest.mark.parametrize("command", SAME_AS_REDIS, ids=" ".join)
def test_same_as_redis(command: list[str], server: Server, redis_server: Server) -> None:
    with server.connect() as ours, redis_server.connect() as theirs:
        assert ours.reply(*command) == theirs.reply(*command)


def test_get_and_set(client: Client) -> None:
    assert client.reply("CONFIG", "GET", "*").kind == ("%" if client.protocol == 3 else "*")
    assert client.call("CONFIG", "SET", "slowlog-max-len", 7, "timeout", "0") == "OK"
    value = client.call("CONFIG", "GET", "slowlog-max-len")
    flat = value if isinstance(value, list) else next(iter(value.items()))
    assert list(flat) == [b"slowlog-max-len", b"7"]
    client.call("CONFIG", "SET", "slowlog-max-len", 128)
    assert client.call("CONFIG", "RESETSTAT") == "OK"


def test_all_or_nothing(client: Client) -> None:
    client.error("CONFIG", "SET", "slowlog-max-len", 99, "slowlog-log-slower-than", "x")
    assert b"99" not in client.call("CONFIG", "GET", "slowlog-max-len")


def test_rewrite(tmp_path: Path, make_server: Callable[..., Server]) -> None:
    from tests.support.servers import start

    file = tmp_path / "my.conf"
    file.write_text("# mine\ntimeout 7\n")
    server = start("carnelian", {}, arguments=[str(file)])
    try:
        with server.connect() as client:
            assert client.call("CONFIG", "SET", "timeout", 8, "requirepass", "a b") == "OK"
            assert client.call("CONFIG", "REWRITE") == "OK"
            text = file.read_text()
            assert "# mine\ntimeout 8\n" in text
            assert 'requirepass "a b"' in text
    finally:
        server.stop()


def test_protected_parameters(server: Server) -> None:
    with server.connect() as client:
        assert "protected config" in client.error("CONFIG", "SET", "dir", "/")
