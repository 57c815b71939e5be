"""What a client says in one go, and hears until the server hangs up: the same as redis-server's.

Each conversation is sent at once and the client's side is closed behind it, so the answer is the
whole of what the server has to say.
"""

from __future__ import annotations

import re

import pytest

from tests.support.resp import Argument, encode_command
from tests.support.servers import PeerMissing, Server, shared

Line = str | bytes | tuple[Argument, ...]
PASSWORD = {"requirepass": "pw"}

CONVERSATIONS: dict[str, list[Line]] = {
    "RESET in MULTI": ["MULTI", "SET a 1", "RESET", "EXEC", "GET a"],
    "RESET in MULTI unwatches": ["WATCH a", "MULTI", "RESET", "MULTI", "SET a 2", "EXEC"],
    "RESET while subscribed": [
        "SUBSCRIBE a b", "PSUBSCRIBE p*", "SSUBSCRIBE s", "RESET", "PUBLISH a x", "GET a",
    ],
    "RESET of RESP3": ["HELLO 3", "SUBSCRIBE a b", "RESET", "PUBLISH a x", "PING"],
    "RESET of MONITOR": ["MONITOR", "RESET", "PING"],
    "RESET of the database": ["SELECT 3", "CLIENT SETNAME me", "RESET", "CLIENT GETNAME"],
    "MONITOR may not touch keys": ["MONITOR", "RESET", "MONITOR", "GET a", "SET a 1", "DBSIZE"],
    "MONITOR may not execute": ["MONITOR", "PUBLISH a b", "PFCOUNT a"],
    "MONITOR in MULTI": ["MULTI", "MONITOR", "EXEC"],
    "REPLY OFF": ["CLIENT REPLY OFF", "PING", "NOSUCH", "CLIENT REPLY ON", "PING"],
    "REPLY SKIP": ["CLIENT REPLY SKIP", "PING", "PING"],
    "REPLY SKIP of an error": ["CLIENT REPLY SKIP", "NOSUCH", "PING"],
    "REPLY SKIP of a wrong count": ["CLIENT REPLY SKIP", "GET", "PING"],
    "REPLY SKIP twice": ["CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "PING", "PING"],
    "REPLY SKIP, ON": ["CLIENT REPLY SKIP", "CLIENT REPLY ON", "PING"],
    "REPLY SKIP, OFF": ["CLIENT REPLY SKIP", "CLIENT REPLY OFF", "PING", "CLIENT REPLY ON"],
    "REPLY OFF, SKIP": [
        "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "PING", "CLIENT REPLY ON", "PING",
    ],
    "REPLY OFF and RESP2 messages": ["CLIENT REPLY OFF", "SUBSCRIBE a", "PING"],
    "REPLY OFF and pushes": [
        "HELLO 3", "CLIENT REPLY OFF", "SUBSCRIBE a", "PUBLISH a x", "CLIENT REPLY ON", "PING",
    ],
    "REPLY SKIP and SUBSCRIBE": ["CLIENT REPLY SKIP", "SUBSCRIBE a", "PING"],
    "REPLY OFF, RESET": ["CLIENT REPLY OFF", "RESET", "PING"],
    "REPLY SKIP in MULTI": ["MULTI", "CLIENT REPLY SKIP", "PING", "EXEC", "PING", "PING"],
    "REPLY SKIP of MULTI": ["CLIENT REPLY SKIP", "MULTI", "PING", "EXEC", "PING"],
    "REPLY of nonsense": ["CLIENT REPLY MAYBE", "CLIENT REPLY on", "CLIENT REPLY"],
    "subscribed": [
        "SUBSCRIBE a", "PING", "PING x", "PING x y", "GET a", "NOSUCH", "MULTI", "UNSUBSCRIBE a",
        "GET a",
    ],
    "subscribed, QUIT": ["SUBSCRIBE a", "QUIT", "PING"],
    "subscribed in MULTI": ["MULTI", "SUBSCRIBE a b", "PING", "GET x", "EXEC", "PING"],
    "unsubscribed in MULTI": ["MULTI", "PSUBSCRIBE a", "UNSUBSCRIBE", "PUNSUBSCRIBE", "EXEC"],
    "not subscribed": ["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE x y"],
    "shard channels": ["SSUBSCRIBE a", "PING", "SUNSUBSCRIBE", "PING"],
    "QUIT": ["QUIT a b", "PING", "SET after-quit 1"],
    "QUIT in MULTI": ["MULTI", "QUIT", "EXEC"],
    "EXEC of a wrong count": ["MULTI", "EXEC x", "EXEC"],
    "EXEC of a wrong count alone": ["EXEC x", "PING"],
    "DISCARD of a wrong count": ["MULTI", "DISCARD x", "DISCARD", "MULTI x"],
    "errors in MULTI": ["MULTI", "MULTI", "WATCH a", "GET", "EXEC", "EXEC", "DISCARD"],
    "blocking in MULTI": [
        "MULTI", "BLPOP no 0", "BLMOVE no b LEFT LEFT 0", "BZPOPMIN no 0", "BLMPOP 0 1 no LEFT",
        "XREAD BLOCK 0 STREAMS no $", "BRPOPLPUSH no b 0", "WAIT 1 0", "EXEC",
    ],
    "SELECT in MULTI": ["MULTI", "SELECT 1", "SET x 1", "EXEC", "GET x", "SELECT 0", "GET x"],
    "unknown subcommand in MULTI": ["MULTI", "CLIENT NOSUCH", "EXEC"],
    "an HTTP request": [b"POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n"],
    "an HTTP header": [b"Host: localhost\r\nPING\r\n"],
    "a POST command": [("post", "x"), "PING"],
    "inline": [b"PING\r\nping 'a b'\r\n", b'ECHO "\\x41\\n"\n', b"\r\n\r\nPING\r\nGET 'x\r\n"],
    "empty inline": [b"\r\n   \r\nPING\r\n"],
    "no arguments": [b"*-1\r\n*0\r\n", "PING"],
    "too many arguments": [b"*2147483648\r\n"],
    "bad count": [b"*abc\r\n"],
    "bad length": [b"*1\r\n$abc\r\n"],
    "negative length": [b"*1\r\n$-1\r\n"],
    "long argument": [b"*1\r\n$536870913\r\n"],
    "no length": [b"*2\r\n$3\r\nGET\r\nfoo\r\n"],
    "plus": [b"*+1\r\n$4\r\nPING\r\n"],
    "line ends in names": [
        ("NO\r\nSUCH", "a\r\nb"), ("CLIENT", "a\r\nb"), ("HELLO", "3", "a\r\nb"),
    ],
    "long names": [("x" * 300, "y" * 300, "z"), ("CLIENT", "q" * 300), ("client|id",)],
    "subcommands with too much": [
        "CLIENT PAUSE 1 WRITE x", "CLIENT UNBLOCK 1 TIMEOUT x", "SLOWLOG GET 1 2", "SLOWLOG GET x",
        "PUBSUB CHANNELS a b", "COMMAND INFO nosuch", "CLIENT LIST ID 0 -1",
    ],
}  # fmt: skip
WITH_PASSWORD: dict[str, list[Line]] = {
    "before AUTH": [
        "GET a", "PING", "NOSUCH", "NOSUCH arg", "CLIENT NOSUCH", "GET", "AUTH", "AUTH bad",
        "AUTH default bad", "AUTH nobody pw", "AUTH a b c", "HELLO 3 AUTH default bad", "HELLO 9",
        "CLIENT ID", "COMMAND", "MULTI", "EXEC", "DISCARD", "SUBSCRIBE x", "MONITOR", "RESET",
        "ECHO x", "SELECT 1", "AUTH pw", "GET a", "RESET", "GET a",
    ],
    "QUIT": ["QUIT"],
    "inline": [b"GET a\r\nPING\r\nAUTH pw\r\nPING\r\n"],
    "11 arguments": [b"*11\r\n$4\r\nPING\r\n"],
    "10 arguments": [b"*10\r\n" + b"$1\r\na\r\n" * 10],
    "16385 bytes": [b"*2\r\n$4\r\nAUTH\r\n$16385\r\n"],
    "16384 bytes": [b"*2\r\n$4\r\nAUTH\r\n$16384\r\n" + b"x" * 16384 + b"\r\n"],
    "11 arguments behind AUTH": ["AUTH pw", b"*11\r\n" + b"$1\r\na\r\n" * 11],
    "11 arguments behind a wrong AUTH": ["AUTH no", b"*11\r\n" + b"$1\r\na\r\n" * 11],
    "AUTH in MULTI": ["AUTH pw", "MULTI", "AUTH bad", "GET a", "EXEC"],
    "MULTI before AUTH": ["MULTI", "AUTH pw", "GET a", "EXEC"],
}  # fmt: skip


def transcript(server: Server, lines: list[Line]) -> list[bytes]:
    """All that the server answers, by lines, but for who it is."""
    said = b""
    for line in lines:
        words = line.split(" ") if isinstance(line, str) else line
        said += words if isinstance(words, bytes) else encode_command(words)
    heard = b""
    with server.connect() as client:
        try:
            client.send_raw(said)
            client.half_close()
            while part := client.socket.recv(1 << 16):
                heard += part
        except ConnectionError:
            pass  # it need not read all of it
    heard = re.sub(rb"\$\d+\r\n(redis|7\.[\d.]+)\r\n", b"(server)\r\n", heard)
    heard = re.sub(rb"id\r\n:\d+", b"id", heard)
    heard = re.sub(rb"\+\d+\.\d+ \[(\d+) [^]]+\]", rb"+(time) [\1]", heard)
    return heard.split(b"\r\n")


def peers(config: dict[str, str]) -> tuple[Server, Server]:
    try:
        return shared.get("carnelian", config), shared.get("redis", config)
    except PeerMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(name: str) -> None:
    for server in (pair := peers({})):
        server.reset()
    mine, theirs = (transcript(server, CONVERSATIONS[name]) for server in pair)
    assert mine == theirs


@pytest.mark.parametrize("name", WITH_PASSWORD)
def test_conversation_with_a_password(name: str) -> None:
    mine, theirs = (transcript(server, WITH_PASSWORD[name]) for server in peers(PASSWORD))
    assert mine == theirs
