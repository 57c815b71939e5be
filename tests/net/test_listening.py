"""Where the server listens and whom it lets in: TCP, IPv6, Unix sockets, run-time changes."""

from __future__ import annotations

import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from carnelian.net.listener import DENIED, TOO_MANY
from carnelian.server import Server as CarnelianServer
from carnelian.services.config.config import Config
from tests.support.client import SocketClient
from tests.support.servers import Server, free_port

Make = Callable[..., Server]


def have_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def connects(host: str, port: int) -> bool:
    try:
        with SocketClient((host, port)) as client:
            return bool(client.call("PING") == "PONG")
    except OSError:
        return False


@pytest.mark.skipif(not have_ipv6(), reason="no IPv6 here")
def test_several_addresses_and_ipv6(make_server: Make) -> None:
    server = make_server(bind=["127.0.0.1", "::1", "-192.0.2.1"])
    assert server.port is not None
    with SocketClient(("::1", server.port)) as client:
        line = client.call("CLIENT", "INFO")
        assert b" addr=[::1]:" in line
        assert b" laddr=[::1]:%d " % server.port in line
        assert client.call("PING") == "PONG"
    assert connects("127.0.0.1", server.port)


def test_unix_socket(make_server: Make, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.write_text("in the way")
    server = make_server(unixsocket=str(path), unixsocketperm=700)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    with SocketClient(str(path)) as client:
        line = client.call("CLIENT", "INFO").decode()
        assert f" addr={path}:0 laddr={path}:0 " in line
        assert " flags=U " in line
    assert server.stop() == 0
    assert not path.exists()


def test_changing_the_port(make_server: Make) -> None:
    server = make_server()
    assert server.port is not None
    new = free_port()
    with server.connect() as client, socket.socket() as other:
        assert client.call("CONFIG", "SET", "port", new) == "OK"
        assert connects("127.0.0.1", new)
        assert not connects("127.0.0.1", server.port)
        other.bind(("127.0.0.1", 0))
        other.listen()
        error = client.error("CONFIG", "SET", "port", other.getsockname()[1])
        assert "Unable to listen on this port. Check server logs." in error
        assert connects("127.0.0.1", new)
        assert client.call("CONFIG", "GET", "port")[1] == b"%d" % new
        assert client.call("CONFIG", "SET", "port", 0) == "OK"
        assert not connects("127.0.0.1", new)
        assert client.call("CONFIG", "SET", "port", new) == "OK"
        assert connects("127.0.0.1", new)


def test_changing_the_addresses(make_server: Make) -> None:
    server = make_server()
    assert server.port is not None
    with server.connect() as client:
        assert client.call("CONFIG", "SET", "bind", "127.0.0.2 -192.0.2.1") == "OK"
        assert connects("127.0.0.2", server.port)
        assert not connects("127.0.0.1", server.port)
        for wrong in ("999.999.999.999", "192.0.2.1"):
            error = client.error("CONFIG", "SET", "bind", wrong)
            assert "Failed to bind to specified addresses." in error
            assert connects("127.0.0.2", server.port)
        assert client.call("CONFIG", "SET", "bind", "*") == "OK"
        assert connects("127.0.0.1", server.port)


class TestAdmission:
    """Without sockets: whom `admit` lets in."""

    @pytest.fixture
    def server(self) -> CarnelianServer:
        return CarnelianServer(Config())

    def test_protected_mode(self, server: CarnelianServer) -> None:
        config = server.config
        for near in ("127.0.0.1", "127.9.9.9", "::1", None):
            assert server.admit(near) is None
        for far in ("10.0.0.1", "::2", "192.168.1.1"):
            assert server.admit(far) == DENIED
        config.set([("requirepass", "secret")])
        assert server.admit("10.0.0.1") is None
        config.set([("requirepass", "")])
        assert server.admit("10.0.0.1") == DENIED
        config.set([("protected-mode", "no")])
        assert server.admit("10.0.0.1") is None

    def test_maxclients_comes_first(self, server: CarnelianServer) -> None:
        server.config.assign("maxclients", 0)
        assert server.admit("10.0.0.1") == TOO_MANY
        assert server.admit(None) == TOO_MANY
