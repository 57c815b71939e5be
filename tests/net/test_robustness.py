"""Connections that behave badly: the others, and the server, must not notice.

Run over both backends of the event loop.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from tests.support.client import SocketClient
from tests.support.resp import encode_command
from tests.support.servers import Server, shared
from tests.support.waiting import wait_until

BIG = b"x" * 3_000_000


@pytest.fixture(params=["epoll", "poll"])
def backend(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = shared.get("carnelian", {"io-backend": request.param})
    yield server
    assert server.alive(), server.tail()


def connected(client: SocketClient) -> int:
    return len(client.call("CLIENT", "LIST").splitlines())


def reset_connection(client: SocketClient) -> None:
    """Close with RST instead of FIN."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_a_pipeline_cut_at_every_byte(backend: Server) -> None:
    commands = [["SET", "cut", "a\r\nb"], ["GET", "cut"], ["ECHO", ""], ["PING"]]
    stream = b"".join(encode_command(command) for command in commands) + b"PING inline\r\n"
    with backend.connect() as client:
        for at in range(1, len(stream)):
            client.send_raw(stream[:at])
            if at % 7 == 0:
                client.send_raw(b"")
            client.send_raw(stream[at:])
            values = [client.read_reply().value for _ in range(5)]
            assert values == ["OK", b"a\r\nb", b"", "PONG", b"inline"], at


def test_one_byte_at_a_time(backend: Server) -> None:
    with backend.connect() as client:
        for byte in encode_command(["SET", "slow", "value"]) + encode_command(["GET", "slow"]):
            client.send_raw(bytes([byte]))
        assert [client.read_reply().value for _ in range(2)] == ["OK", b"value"]


def test_big_values_and_a_slow_reader(backend: Server) -> None:
    with backend.connect() as client, backend.connect() as other:
        assert client.call("SET", "big", BIG) == "OK"
        for _ in range(20):
            client.send("GET", "big")
        for _ in range(5):
            assert other.call("PING") == "PONG"
        for _ in range(20):
            assert client.read_reply().value == BIG
        client.call("SET", "big", "")


def test_half_closed_clients_get_their_replies(backend: Server) -> None:
    with backend.connect() as client:
        client.call("SET", "big", BIG)
        for _ in range(5):
            client.send("GET", "big")
        client.half_close()
        for _ in range(5):
            assert client.read_reply().value == BIG
        assert client.closed()
    with backend.connect() as client:
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$10\r\nab")
        client.half_close()
        assert client.closed()


def test_reset_connections(backend: Server) -> None:
    with backend.connect() as watcher:
        before = connected(watcher)
        for prepare in (b"", b"*2\r\n$3\r\nGET\r\n", encode_command(["GET", "big"]) * 50):
            client = backend.connect()
            watcher.call("SET", "big", BIG)
            client.send_raw(prepare)
            reset_connection(client)
        wait_until(lambda: connected(watcher) == before, "all are gone")


def test_a_blocked_client_that_disconnects_takes_nothing(backend: Server) -> None:
    with backend.connect() as watcher:
        before = connected(watcher)
        for leave in (SocketClient.close, reset_connection, SocketClient.half_close):
            client = backend.connect()
            client.send("BLPOP", "left-behind", 0)
            wait_until(
                lambda: b"cmd=blpop" in watcher.call("CLIENT", "LIST", "FLAGS", "b"), "it waits"
            )
            leave(client)
            wait_until(lambda: connected(watcher) == before, "it is gone")
            client.close()
        assert watcher.call("RPUSH", "left-behind", "x") == 1
        assert watcher.call("LPOP", "left-behind") == b"x"


def test_commands_after_a_blocking_one_wait(backend: Server) -> None:
    with backend.connect() as client, backend.connect() as other:
        client.send_raw(
            encode_command(["BLPOP", "later", 0]) + encode_command(["ECHO", "after"]) + b"*1\r\n$4"
        )
        wait_until(lambda: other.call("CLIENT", "LIST", "FLAGS", "b"), "it waits")
        client.send_raw(b"\r\nPING\r\n")
        assert not client.readable(0.02)
        other.call("RPUSH", "later", "x")
        values = [client.read_reply().value for _ in range(3)]
        assert values[1:] == [b"after", "PONG"]


def test_a_killed_client_does_not_go_on(backend: Server) -> None:
    """It has been served, but what it sent behind is not executed any more."""
    with backend.connect() as client, backend.connect() as other:
        number = client.call("CLIENT", "ID")
        client.send_raw(
            encode_command(["BLPOP", "fatal", 0]) + encode_command(["SET", "too-late", "1"])
        )
        wait_until(lambda: other.call("CLIENT", "LIST", "FLAGS", "b"), "it waits")
        replies = other.pipeline([
            ("RPUSH", "fatal", "x"), ("CLIENT", "KILL", "ID", number), ("LLEN", "fatal"),
        ])  # fmt: skip
        assert [reply.value for reply in replies] == [1, 1, 0]
        assert client.closed()
        assert other.call("EXISTS", "too-late") == 0


def test_an_http_request_is_cut_off(backend: Server) -> None:
    """Even before a password is given, and whatever follows it."""
    with backend.connect() as client, backend.connect() as other:
        client.send_raw(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET by-browser 1\r\n")
        assert client.closed()
        assert client.buffer == b""
        assert other.call("EXISTS", "by-browser") == 0
    assert "Possible SECURITY ATTACK" in backend.tail(1000)


def test_a_long_pipeline_starves_nobody(backend: Server) -> None:
    """One client keeps sending; the other's PING is answered between its reads."""
    chunk = encode_command(["SET", "flood", "x" * 100]) * 5000
    with backend.connect() as flood, backend.connect() as other:
        flood.socket.setblocking(False)
        sent = 0
        for _ in range(30):
            try:
                sent += flood.socket.send(chunk[sent % len(chunk) :])
            except BlockingIOError:
                pass
            assert other.call("PING") == "PONG"
        assert sent > len(chunk)


def test_bytes_after_a_protocol_error_are_ignored(backend: Server) -> None:
    with backend.connect() as client:
        client.send_raw(b"*1\r\n!\r\n" + encode_command(["SET", "after-error", "1"]) * 100)
        assert client.read_reply().value.startswith("ERR Protocol error: expected '$'")
        assert client.closed()
    with backend.connect() as client:
        assert client.call("GET", "after-error") is None


def test_many_clients_come_and_go(backend: Server) -> None:
    with backend.connect() as watcher:
        before = connected(watcher)
        clients = [backend.connect() for _ in range(200)]
        for client in clients:
            client.send("PING")
        assert all(client.read_reply().value == "PONG" for client in clients)
        for client in clients[::2]:
            client.close()
        for client in clients[1::2]:
            assert client.call("PING") == "PONG"
            client.close()
        wait_until(lambda: connected(watcher) == before, "all are gone")
