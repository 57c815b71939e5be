"""COMMAND INFO of every registered command against what Redis says of it."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from tests.support.client import SocketClient
from tests.support.servers import Server

FACTS: dict[str, dict[str, Any]] = json.loads(
    (pathlib.Path(__file__).parent.parent / "data" / "command_facts.json").read_text()
)


def text(value: Any) -> Any:
    """Bulk strings as str, sets as lists, all the way down."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [text(item) for item in value]
    return value


def specs(entry: list[Any]) -> list[Any]:
    return [
        [
            " ".join(spec["flags"]),
            spec["begin_search"]["type"],
            spec["begin_search"]["spec"],
            spec["find_keys"]["type"],
            spec["find_keys"]["spec"],
        ]
        for spec in text(entry)
    ]


def told(entry: list[Any]) -> dict[str, Any]:
    """An entry of COMMAND INFO in the form of the facts."""
    _, arity, flags, first, last, step, acl, tips, keys, _ = text(entry)
    return {
        "arity": arity,
        "flags": sorted(flags),
        "range": [first, last, step],
        "acl": sorted(name.removeprefix("@") for name in acl),
        "tips": sorted(tips),
        "key_specs": specs(keys),
    }


def wanted(fact: dict[str, Any]) -> dict[str, Any]:
    return {
        "arity": fact["arity"],
        "flags": sorted(fact.get("flags", "").split()),
        "range": fact.get("range", [0, 0, 0]),
        "acl": sorted(fact["acl"].split()),
        "tips": sorted(fact.get("tips", [])),
        "key_specs": fact.get("key_specs", []),
    }


@pytest.fixture(scope="module")
def entries() -> dict[str, Any]:
    """COMMAND's answer by upper-case name, subcommands included."""
    from tests.support.servers import shared

    server: Server = shared.get("carnelian")
    with server.connect(3) as client:
        return dict(collected(client))


def collected(client: SocketClient) -> list[tuple[str, Any]]:
    found = []
    for entry in client.call("COMMAND"):
        for one in (entry, *entry[9]):
            found.append((one[0].decode().upper(), one))
    return found


def test_every_command_is_known(entries: dict[str, Any]) -> None:
    assert [name for name in entries if name not in FACTS] == []
    assert len(entries) > 200


@pytest.mark.parametrize("name", sorted(FACTS))
def test_as_redis_says(entries: dict[str, Any], name: str) -> None:
    if name not in entries:
        pytest.skip("not implemented")
    assert told(entries[name]) == wanted(FACTS[name])
