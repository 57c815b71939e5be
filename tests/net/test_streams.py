"""Connections over streams that are no bare sockets: in memory, and as awkward as TLS."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from native.streams import AwkwardStream, MemoryStream, poke
from tests.support.resp import encode_command
from tests.support.turns import Peer, stepped_server

WRITABLE = 2


@pytest.fixture
def server() -> Iterator[Any]:
    with stepped_server() as made:
        yield made


def test_a_client_in_memory(server: Any) -> None:
    stream = MemoryStream()
    connection = server.loop.accept_stream(stream)
    stream.incoming.extend(encode_command(("SET", "k", "v")) + encode_command(("GET", "k")))
    server.loop.turn_once()
    assert not stream.outgoing, "nobody told"
    poke(connection)
    server.loop.turn_once()
    assert stream.outgoing == b"+OK\r\n$1\r\nv\r\n"
    assert connection.address() == "?:0"
    assert connection in server.loop.connections()
    stream.has_ended = True
    poke(connection)
    server.loop.turn_once()
    assert stream.is_closed
    assert stream.said_goodbye
    assert connection not in server.loop.connections()


def test_more_than_one_read_holds_comes_without_events(server: Any) -> None:
    stream = MemoryStream()
    connection = server.loop.accept_stream(stream)
    stream.incoming.extend(encode_command(("INCR", "n")) * 20_000)
    poke(connection)
    for _ in range(60):
        server.loop.turn_once()
    assert stream.outgoing.endswith(b":20000\r\n")


def test_a_stream_in_memory_that_is_full(server: Any) -> None:
    stream = MemoryStream()
    stream.room = 10
    connection = server.loop.accept_stream(stream)
    stream.incoming.extend(encode_command(("ECHO", "x" * 100)))
    poke(connection)
    server.loop.turn_once()
    assert len(stream.outgoing) == 10
    server.loop.turn_once()
    stream.room = 200
    poke(connection, WRITABLE)
    server.loop.turn_once()
    assert stream.outgoing == b"$100\r\n" + b"x" * 100 + b"\r\n"


def test_a_stream_that_hands_on_a_byte_at_a_time(server: Any) -> None:
    peer = Peer(server, AwkwardStream)
    peer.socket.send(b"HEL")
    server.loop.turn_once()
    assert not peer.connection.stream.established
    peer.socket.send(b"LO")
    peer.send(("SET", "k", "v"), ("GET", "k"))
    peer.send(("HELLO", "3"), ("HGETALL", "none"))
    assert peer.read() == "OK"
    assert peer.connection.stream.established
    assert peer.read() == b"v"
    assert b"server" in dict(peer.read())
    assert peer.read() == {}
    peer.send(("ECHO", "x" * 2000))
    assert peer.read() == b"x" * 2000
    peer.send(("QUIT",))
    assert peer.await_end() == b"+OK\r\n"
    assert peer.connection.stream.said_goodbye


def test_a_stream_that_must_hear_something_before_it_writes_on(server: Any) -> None:
    peer = Peer(server, AwkwardStream)
    peer.socket.send(b"HELLO")
    assert peer.call("PING") == "PONG"
    peer.connection.stream.needs_word = True
    peer.send(("ECHO", "later"))
    for _ in range(200):
        server.loop.turn_once()
    assert peer.poll() is None
    peer.socket.send(b"!")
    assert peer.read() == b"later"


def test_a_stream_whose_handshake_fails(server: Any) -> None:
    peer = Peer(server, AwkwardStream)
    peer.send(("PING",))
    assert peer.await_end() == b""
    assert not server.loop.connections()


def test_an_awkward_stream_among_plain_ones(server: Any) -> None:
    draw = random.Random(7)
    peers = [Peer(server, AwkwardStream if i % 2 else None) for i in range(6)]
    for peer in peers[1::2]:
        peer.socket.send(b"HELLO")
    sent: dict[Peer, list[bytes]] = {peer: [] for peer in peers}
    for number in range(60):
        peer = draw.choice(peers)
        text = b"%d:" % number + b"z" * draw.randrange(80)
        peer.send(("ECHO", text))
        sent[peer].append(text)
        server.loop.turn_once()
    for peer in peers:
        assert [peer.read() for _ in sent[peer]] == sent[peer]


def test_what_a_client_leaves_unread_is_given_back_in_parts(server: Any) -> None:
    stream = MemoryStream()
    stream.room = 0
    connection = server.loop.accept_stream(stream)
    stream.incoming.extend(encode_command(("SET", "k", "x" * 2000)))
    stream.incoming.extend(encode_command(("GET", "k")) * 10_000)
    poke(connection)
    while stream.incoming:
        server.loop.turn_once()
    for _ in range(30):
        server.loop.turn_once()
    full = server.engine.used_memory()
    stream.close()
    poke(connection, WRITABLE)
    left = [full]
    while left[-1] > full - 19_000_000:
        server.loop.turn_once()
        left.append(server.engine.used_memory())
    assert len(left) > 8
    assert max(before - after for before, after in itertools.pairwise(left)) < 2_000_000
