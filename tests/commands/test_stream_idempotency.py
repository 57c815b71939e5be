"""XADD IDMP and IDMPAUTO, XCFGSET, XIDMPRECORD."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.effects import Effects


def info(client: Client, *more: str) -> dict[bytes, Any]:
    flat = client.call("XINFO", "STREAM", "x", *more)
    return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def tracked(client: Client) -> tuple[int, int, int, int]:
    found = info(client)
    return tuple(  # type: ignore[return-value]
        found[b"%b" % name]
        for name in (b"pids-tracked", b"iids-tracked", b"iids-added", b"iids-duplicates")
    )


def add(client: Client, *words: str | bytes) -> bytes:
    entry: bytes = client.call("XADD", "x", *words)
    return entry


def test_sent_again(client: Client) -> None:
    first = add(client, "IDMP", "p", "1", "*", "f", "v")
    assert add(client, "IDMP", "p", "1", "*", "other", "w") == first
    assert add(client, "IDMP", "q", "1", "*", "f", "v") != first
    assert add(client, "MAXLEN", "~", "100", "IDMP", "p", "\x00\xff", "*", "f", "v") != first
    assert client.call("XLEN", "x") == 3
    assert tracked(client) == (2, 3, 3, 1)
    assert info(client, "FULL")[b"iids-added"] == 3


def test_automatic(client: Client) -> None:
    first = add(client, "IDMPAUTO", "p", "*", "a", "1", "b", "2")
    assert add(client, "IDMPAUTO", "p", "*", "b", "2", "a", "1") == first
    assert add(client, "IDMPAUTO", "p", "*", "a", "2", "b", "1") != first
    assert add(client, "IDMPAUTO", "p", "*", "a", "1", "b", "2", "b", "2") != first
    assert add(client, "IDMPAUTO", "q", "*", "a", "1", "b", "2") != first
    assert client.call("XLEN", "x") == 4


def test_errors(client: Client) -> None:
    both = "ERR IDMP/IDMPAUTO specified multiple times"
    for words, text in (
        ("IDMP p 1 1-1 f v", "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"),
        ("IDMP p 1 5-* f v", "ERR IDMP/IDMPAUTO can be used only with auto-generated IDs"),
        ("IDMP p 1 IDMP q 2 * f v", both),
        ("IDMPAUTO p IDMP q 2 * f v", both),
        ("IDMPAUTO p * f", "ERR wrong number of arguments for 'xadd' command"),
        ("IDMP p * f v", "ERR Invalid stream ID specified as stream command argument"),
    ):
        assert client.error("XADD", "x", *words.split()) == text
    for words, name in ((["IDMP", "", "1"], "IDMP"), (["IDMPAUTO", ""], "IDMPAUTO")):
        text = f"ERR {name} requires a non-empty producer ID"
        assert client.error("XADD", "x", *words, "*", "f", "v") == text
    text = "ERR IDMP requires a non-empty idempotent ID"
    assert client.error("XADD", "x", "IDMP", "p", "", "*", "f", "v") == text
    assert client.call("EXISTS", "x") == 0
    assert client.call("XADD", "x", "NOMKSTREAM", "IDMP", "p", "1", "*", "f", "v") is None


def test_only_the_last_are_known(client: Client) -> None:
    add(client, "*", "f", "v")
    assert b"idmp-duration" not in info(client)
    assert client.call("XCFGSET", "x", "IDMP-MAXSIZE", 3, "IDMP-DURATION", 60) == "OK"
    ids = [add(client, "IDMP", "p", str(i), "*", "f", "v") for i in range(5)]
    other = add(client, "IDMP", "q", "0", "*", "f", "v")
    for i in (2, 3, 4):
        assert add(client, "IDMP", "p", str(i), "*", "f", "v") == ids[i]
    assert add(client, "IDMP", "p", "0", "*", "f", "v") != ids[0]
    assert add(client, "IDMP", "q", "0", "*", "f", "v") == other
    assert tracked(client) == (2, 4, 7, 4)


def test_configuration(client: Client) -> None:
    assert client.error("XCFGSET", "x", "IDMP-DURATION", 5) == "ERR no such key"
    first = add(client, "IDMP", "p", "1", "*", "f", "v")
    for words, text in (
        ("", "ERR At least one parameter must be specified"),
        ("IDMP-DURATION", "ERR syntax error"),
        ("NOTHING 1", "ERR syntax error"),
        ("IDMP-DURATION 0", "ERR IDMP-DURATION must be between 1 and 86400 seconds"),
        ("IDMP-DURATION 86401", "ERR IDMP-DURATION must be between 1 and 86400 seconds"),
        ("IDMP-MAXSIZE 10001", "ERR IDMP-MAXSIZE must be between 1 and 10000 entries"),
        ("IDMP-MAXSIZE x", "ERR value is not an integer or out of range"),
    ):
        assert client.error("XCFGSET", "x", *words.split()) == text
    client.call("XCFGSET", "x", "IDMP-DURATION", 100)
    assert add(client, "IDMP", "p", "1", "*", "f", "v") == first
    client.call("XCFGSET", "x", "IDMP-DURATION", 50)
    assert tracked(client) == (0, 0, 1, 1)
    assert add(client, "IDMP", "p", "1", "*", "f", "v") != first
    assert (info(client)[b"idmp-duration"], info(client)[b"idmp-maxsize"]) == (50, 100)


def test_copies_know_them_too(client: Client) -> None:
    first = add(client, "IDMP", "p", "1", "*", "f", "v")
    client.call("COPY", "x", "y")
    client.call("DEL", "x")
    assert client.call("XADD", "y", "IDMP", "p", "1", "*", "f", "v") == first
    assert client.call("MEMORY", "USAGE", "y") > 0


def test_record(client: Client) -> None:
    assert client.error("XIDMPRECORD", "x", "p", "1", "1-1") == "ERR no such key"
    client.call("XADD", "x", "1-1", "f", "v")
    client.call("XADD", "x", "2-1", "f", "v")
    assert client.call("XIDMPRECORD", "x", "p", "1", "1-1") == "OK"
    assert client.call("XIDMPRECORD", "x", "p", "1", "1-1") == "OK"
    assert client.error("XIDMPRECORD", "x", "p", "1", "2-1").startswith("ERR ")
    assert client.error("XIDMPRECORD", "x", "p", "2", "3-1").startswith("ERR ")
    assert client.error("XIDMPRECORD", "x", "", "2", "2-1").startswith("ERR ")


@pytest.mark.parametrize("word", ["IDMP", "IDMPAUTO"])
def test_propagation(word: str) -> None:
    effects = Effects()
    words = f"XADD x MAXLEN ~ 1000 {word} p {'i' if word == 'IDMP' else ''} * f v"
    (line,) = [argv for _, argv in run(effects, words)]
    assert line[:7] == [b"XADD", b"x", b"MAXLEN", b"=", b"1", b"IDMP", b"p"]
    assert line[7] == b"i" if word == "IDMP" else len(line[7]) == 16
    assert line[8] == effects.client.call("XREVRANGE", "x", "+", "-")[0][0]
    assert run(effects, words) == []
    effects.close()


def run(effects: Effects, words: str) -> list[Any]:
    effects.sink.fed.clear()
    effects.client.call(*words.split())
    return list(effects.sink.fed)
