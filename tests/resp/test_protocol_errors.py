"""Malformed and barely legal input given to a real server too: same texts, same leniency."""

import contextlib
import random
import socket

import pytest

from carnelian.resp.parser import split_args
from native.parser import Connection, ProtocolError, SharedParser
from tests.support.resp import BytesSource, read_reply
from tests.support.servers import PeerMissing, start

READ_SIZE = 16 * 1024      # what a server reads at once decides which limit is met first
PING = b"*1\r\n$4\r\nPING\r\n"
PASSWORD = "secret"

MALFORMED = [
    b"*\r\n",
    b"*x\r\n",
    b"*3x\r\n",
    b"*+1\r\n",
    b"*01\r\n",
    b"*-0\r\n",
    b"*--1\r\n",
    b"* 1\r\n",
    b"*1 \r\n",
    b"*2147483648\r\n",
    b"*9223372036854775807\r\n",
    b"*9223372036854775808\r\n",
    b"*-9223372036854775809\r\n",
    b"*18446744073709551617\r\n",
    b"*" + b"1" * 30 + b"\r\n",
    b"*" + b"1" * 70_000,
    b"*" + b"1" * 70_000 + b"\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n\n\r\n",
    b"*1\r\nfoo\r\n",
    b"*1\r\n*1\r\n",
    b"*1\r\n\xff\r\n",
    b"*1\r\n'\r\n",
    b"*1\r\nPING\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\nxyz\r\n$3\r\n",
    b"*2\r\n$4\r\nPING\r\n:5\r\n",
    b"*1\r\n$\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$-0\r\n",
    b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$00\r\n\r\n",
    b"*1\r\n$4 \r\nPING\r\n",
    b"*1\r\n$4x\r\nPING\r\n",
    b"*1\r\n$4\n\r\nPING\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$9999999999\r\n",
    b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$" + b"1" * 70_000,
    b"*1\r\n$" + b"1" * 70_000 + b"\r\n",
    b"*1\r\n" + b"z" * 70_000,
    b"*1\n$4\nPING\n" + b"x" * 70_000,
    b"x" * 65_537,
    b"x" * 200_000 + b"\r\n",
    b"\0" + b"x" * 70_000,
    b"PI\0NG\r\n" + b"x" * 70_000,
    b"*\0" + b"x" * 70_000,
    b"*1\0\r\n" + b"x" * 70_000,
    b"*1\r\n$\0" + b"x" * 70_000,
    b"*1\r\n\0\r\n" + b"x" * 70_000,
    b"PING\r\n\"PING\r\n",
    b"'PING\r\n",
    b"\"PING\"x\r\n",
    b"PING 'a''b'\r\n",
    b"*0\r\n" + b"*-1\r\n" + b"\r\n" + b"*1\r\n!\r\n",
]
LENIENT = [
    PING,
    b"*1\rx$4\ryPINGzz" + PING,
    b"*0\r\n" + PING,
    b"*-1\r\n*-9223372036854775808\r\n" + PING,
    b"\r\n\n  \t\r\n" + PING,
    b"PING\n\"PING\"\r\n'PING'\n\"\\x50ING\"\r\nPI\"NG\"\r\n",
    b"PING" + b" " * 65_530 + b"\r\n",
    b"\v\fPING\r\n",
]
UNAUTHENTICATED = [
    b"*11\r\n",
    b"*2147483648\r\n",
    b"*010\r\n",
    b"*1\r\n$16385\r\n",
    b"*1\r\n$536870913\r\n",
    b"*10\r\n$16384\r\n" + b"x" * 16_386 + b"$99999\r\n",
]


def mine(data, authenticated=True):
    """How many commands are seen, and the text of the error that ends them."""
    parser = SharedParser()
    parser.limits(authenticated=authenticated)
    connection = Connection(parser)
    count = 0
    for at in range(0, len(data), READ_SIZE):
        try:
            count += sum(map(bool, connection.feed(data[at : at + READ_SIZE])))
        except ProtocolError as error:
            return count + sum(map(bool, error.commands)), error.text.decode("latin-1")
    return count, None


def ask(server, data, replies):
    """The first `replies` replies of a connection of its own, or all until the server closes it."""
    received = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(server.address)
        with contextlib.suppress(ConnectionError):      # it may stop reading in the middle
            connection.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            while received.count(b"\r\n") < replies and (piece := connection.recv(65_536)):
                received += piece
    source = BytesSource(received)
    return [read_reply(source) for _ in range(received.count(b"\r\n"))]


@pytest.fixture(scope="module")
def locked_server():
    try:
        server = start("redis", {"requirepass": PASSWORD})
    except PeerMissing as missing:
        pytest.skip(str(missing))
    yield server
    server.stop()


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: repr(data[:30]))
def test_malformed(redis_server, data):
    count, error = mine(data)
    assert error is not None
    replies = ask(redis_server, data, 1000)
    assert len(replies) == count + 1
    kind, text = replies[-1]
    assert kind == "-"
    assert text.encode("utf-8", "surrogateescape").decode("latin-1") == "ERR " + error


@pytest.mark.parametrize("data", LENIENT, ids=lambda data: repr(data[:30]))
def test_lenient(redis_server, data):
    count, error = mine(data)
    assert error is None
    assert ask(redis_server, data, count) == [("+", "PONG")] * count


def test_longest_unfinished_inline(redis_server):
    parser = SharedParser()
    connection = Connection(parser)
    line = b"PING" + b" " * (65_536 - 4)
    assert connection.feed(line) == []
    assert connection.feed(b"\n") == [[b"PING"]]
    assert ask(redis_server, line + b"\n", 1) == [("+", "PONG")]
    with pytest.raises(ProtocolError, match="too big inline request"):
        connection.feed(line + b" ")


@pytest.mark.parametrize("data", UNAUTHENTICATED, ids=lambda data: repr(data[:30]))
def test_unauthenticated(locked_server, data):
    count, error = mine(data, authenticated=False)
    assert count == 0
    assert ask(locked_server, data, 1) == [("-", f"ERR {error}")]


def test_unauthenticated_limits_are_inclusive():
    ten = b"*10\r\n" + (b"$16384\r\n" + b"x" * 16_384 + b"\r\n") * 10
    assert mine(ten, authenticated=False) == (1, None)


def test_bulk_limit_is_the_callers():
    parser = SharedParser()
    parser.limits(bulk_max=100)
    assert Connection(parser).feed(b"*1\r\n$100\r\n") == []
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        Connection(parser).feed(b"*1\r\n$101\r\n")
    parser.limits(bulk_max=2**63 - 1)
    connection = Connection(parser)
    assert connection.feed(b"*1\r\n$9223372036854775807\r\nabc") == []
    assert parser.wanted == 2**63 + 1 - 3


def test_quoting(redis_server):
    """Lines of hard characters: the words a real server sees, by way of a list."""
    source = random.Random(3)
    pieces = [*rb"""a|b|'|"|\|\x41|\n|\'|\"|\x|\xfz| """.split(b"|"), b"\t", b"\v"]
    with redis_server.connect() as client:
        for _ in range(1500):
            line = b"".join(source.choices(pieces, k=source.randrange(1, 12)))
            words = split_args(b"RPUSH list first " + line)
            reply = ask(redis_server, b"RPUSH list first " + line + b"\r\n", 1)
            if words is None:
                assert reply == [("-", "ERR Protocol error: unbalanced quotes in request")]
            else:
                assert client.call("LRANGE", "list", 0, -1) == words[2:], line
            client.call("DEL", "list")
