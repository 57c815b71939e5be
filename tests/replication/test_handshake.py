"""The replica's half of the handshake and of the snapshot's framing, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.services.replication.handshake import (
    FullSync,
    Handshake,
    HandshakeError,
    Introduction,
    PartialSync,
)
from carnelian.services.replication.transfer import Transfer, TransferError

REPLID = "0123456789abcdef" * 2 + "01234567"
MARK = b"k" * 40


def words(data: bytes) -> list[list[str]]:
    """Requests in RESP as lists of words."""
    lines = data.decode().split("\r\n")
    found: list[list[str]] = []
    for line in lines:
        if line.startswith("*"):
            found.append([])
        elif line and not line.startswith("$"):
            found[-1].append(line)
    return found


def until_psync(me: Introduction) -> tuple[Handshake, list[list[str]]]:
    shake = Handshake(me)
    assert words(shake.begin()) == [["PING"]]
    said = words(shake.receive(b"+PONG"))
    answer = b""
    for _ in said:
        answer = shake.receive(b"+OK")
    return shake, said + words(answer)


def test_what_is_said() -> None:
    shake, said = until_psync(Introduction(port=7000))
    assert said == [
        ["REPLCONF", "listening-port", "7000"],
        ["REPLCONF", "capa", "eof", "capa", "psync2"],
        ["PSYNC", "?", "-1"],
    ]
    assert shake.receive(b"") == b""
    shake.receive(b"+FULLRESYNC " + REPLID.encode() + b" 123")
    assert isinstance(shake.outcome, FullSync)
    assert (shake.outcome.replid, shake.outcome.offset) == (REPLID, 123)


def test_all_that_can_be_said() -> None:
    me = Introduction(
        port=1, address="10.0.0.1", user="u", password="p", replid=REPLID, offset=99, failover=True
    )
    shake, said = until_psync(me)
    assert said[0] == ["AUTH", "u", "p"]
    assert said[2] == ["REPLCONF", "ip-address", "10.0.0.1"]
    assert said[-1] == ["PSYNC", REPLID, "100", "FAILOVER"]
    shake.receive(b"+CONTINUE")
    assert isinstance(shake.outcome, PartialSync)
    assert shake.outcome.replid is None


def test_what_is_not_critical() -> None:
    shake = Handshake(Introduction(port=1))
    shake.begin()
    shake.receive(b"-NOAUTH Authentication required.")  # AUTH may follow
    assert shake.receive(b"-ERR unknown command") == b""
    assert words(shake.receive(b"-ERR what")) == [["PSYNC", "?", "-1"]]


@pytest.mark.parametrize(
    "line",
    [
        b"-NOMASTERLINK Can't SYNC while not connected with my master",
        b"-LOADING Redis is loading the dataset in memory",
        b"-ERR no",
        b"+FULLRESYNC",
        b"+FULLRESYNC short 1",
        b"+FULLRESYNC " + b"x" * 40 + b" -1",
        b"+FULLRESYNC " + b"x" * 40 + b" 99999999999999999999",
        b"+CONTINUE " + b"x" * 39,
        b"+CONTINUE",  # nothing was asked to be continued
        b"$5",
        b"\x00\xff",
    ],
)
def test_bad_answers_to_psync(line: bytes) -> None:
    shake, _ = until_psync(Introduction(port=1))
    with pytest.raises(HandshakeError):
        shake.receive(line)
    assert shake.outcome is None


@pytest.mark.parametrize("line", [b"-DENIED go away", b"garbage", b"HTTP/1.1 400 Bad Request"])
def test_bad_answers_to_ping(line: bytes) -> None:
    shake = Handshake(Introduction(port=1))
    shake.begin()
    with pytest.raises(HandshakeError):
        shake.receive(line)


def test_a_wrong_password_is_told() -> None:
    shake = Handshake(Introduction(port=1, password="p"))
    shake.begin()
    shake.receive(b"+PONG")
    with pytest.raises(HandshakeError, match="WRONGPASS"):
        shake.receive(b"-WRONGPASS invalid")


@settings(max_examples=60, deadline=None)
@given(
    body=st.binary(max_size=300),
    rest=st.binary(max_size=50),
    cuts=st.lists(st.integers(1, 60), max_size=60),
    diskless=st.booleans(),
)
def test_framing(
    tmp_path_factory: pytest.TempPathFactory,
    body: bytes,
    rest: bytes,
    cuts: list[int],
    diskless: bool,
) -> None:
    """However the bytes are cut, the snapshot is kept exactly, and what follows is handed back."""
    directory = tmp_path_factory.mktemp("transfer")
    empty_lines = len(cuts) % 4
    body = b"REDIS" + body.replace(b"k", b"K")
    transfer = Transfer(str(directory))
    if diskless:
        rest = b""
        stream = b"\n" * empty_lines + b"$EOF:" + MARK + b"\r\n" + body + MARK
    else:
        stream = b"\n" * empty_lines + b"$%d\r\n" % len(body) + body + rest
    left = b""
    while stream:
        size = cuts.pop() if cuts else len(stream)
        piece, stream = stream[:size], stream[size:]
        left += piece if transfer.complete else transfer.feed(memoryview(piece))
    assert transfer.complete
    assert left == rest
    assert transfer.received == len(body)
    transfer.keep_as(str(directory / "dump.rdb"))
    transfer.discard()
    assert [path.name for path in directory.iterdir()] == ["dump.rdb"]
    assert (directory / "dump.rdb").read_bytes() == body


@pytest.mark.parametrize(
    "data",
    [
        b"$0\r\n",
        b"$-1\r\n",
        b"$abc\r\n",
        b"$99999999999999999999\r\n",
        b"$EOF:short\r\n",
        b"-ERR cannot\r\n",
        b"*3\r\n",
        b"$" + b"1" * 300,
        b"$4611686018427387904\r\nREDIS",
        b"$100\r\nGARBAGE",
    ],
)
def test_bad_framing(tmp_path: Path, data: bytes) -> None:
    transfer = Transfer(str(tmp_path))
    with pytest.raises(TransferError):
        transfer.feed(memoryview(data))
    transfer.discard()
    assert not list(tmp_path.iterdir())
