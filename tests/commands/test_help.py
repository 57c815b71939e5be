"""HELP of containers, made of the declarations: line by line as Redis says it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import Client
from tests.support.servers import PeerMissing, shared

CONTAINERS = (
    "CLIENT", "COMMAND", "CONFIG", "LATENCY", "MEMORY", "MODULE", "OBJECT", "PUBSUB", "SLOWLOG",
    "XGROUP", "XINFO",
)  # fmt: skip
# What Redis 7.0 does not say of options that are newer.
LONGER_HERE = {"KILL", "LIST"}


def entries(lines: list[str]) -> dict[str, list[str]]:
    """The lines about each subcommand."""
    found: dict[str, list[str]] = {}
    for line in lines[1:]:
        if not line.startswith(" "):
            word = line.split()[0]
        found.setdefault(word, []).append(line)
    return found


@pytest.fixture(scope="module")
def theirs() -> Any:
    try:
        return shared.get("redis")
    except PeerMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize("container", CONTAINERS)
def test_as_redis(client: Client, theirs: Any, container: str) -> None:
    lines = client.call(container, "HELP")
    with theirs.connect() as peer:
        wanted = peer.call(container, "HELP")
    assert lines[0] == wanted[0]
    assert lines[-2:] == wanted[-2:]
    mine, its = entries(lines), entries(wanted)
    for word in mine.keys() & its.keys():
        if container == "CLIENT" and word in LONGER_HERE:
            assert mine[word][: len(its[word]) - 2] == its[word][:-2], word
        else:
            assert mine[word] == its[word], word
    if container != "CLIENT":
        assert mine.keys() == its.keys()


def test_made_of_declarations(client: Client) -> None:
    lines = client.call("COMMANDLOG", "HELP")
    assert lines[0] == "COMMANDLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    assert "LEN (SLOW|LARGE-REQUEST|LARGE-REPLY)" in lines
    assert "    Empty a command log." in lines
    lines = client.call("client", "help")
    assert lines[0] == "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"


def test_notes_of_key_specs(client: Client, theirs: Any) -> None:
    """COMMAND INFO says why a spec is as it is."""

    def notes(connection: Client) -> dict[bytes, list[Any]]:
        found = {}
        for entry in connection.call("COMMAND"):
            specs = [
                spec if isinstance(spec, dict) else dict(zip(spec[::2], spec[1::2], strict=True))
                for spec in entry[8]
            ]
            found[entry[0]] = [spec.get(b"notes") for spec in specs]
        return found

    mine = notes(client)
    with theirs.connect() as peer:
        its = notes(peer)
    differing = {
        name for name in mine.keys() & its.keys()
        if any(its[name]) and mine[name] != its[name]
    }  # fmt: skip
    assert differing == set()
