"""A server's whole content through its commands, to compare two servers after the same commands."""

from __future__ import annotations

from typing import Any

from tests.support.client import Client
from tests.support.normalize import MILLISECONDS_TOLERANCE, Around
from tests.support.resp import Reply, plain

# Differs between implementations and versions, and says nothing about the data.
STREAM_INTERNALS = {b"radix-tree-keys", b"radix-tree-nodes", b"seen-time", b"active-time", b"lag"}
READERS: dict[str, list[str | bytes]] = {
    "string": ["GET", ""],
    "list": ["LRANGE", "", "0", "-1"],
    "hash": ["HGETALL", ""],
    "set": ["SMEMBERS", ""],
    "zset": ["ZRANGE", "", "0", "-1", "WITHSCORES"],
    "stream": ["XINFO", "STREAM", "", "FULL", "COUNT", "0"],
}


def content_command(kind: str, key: bytes) -> list[str | bytes]:
    return [key if word == "" else word for word in READERS[kind]]


def pairs(flat: Any) -> list[tuple[Any, Any]]:
    """A map's pairs, from RESP3's dict or RESP2's flat list."""
    if isinstance(flat, dict):
        return list(flat.items())
    return list(zip(flat[::2], flat[1::2], strict=True))


def pending(entries: list[Any]) -> list[Any]:
    """Pending entries without their delivery times."""
    return [[*entry[:-2], entry[-1]] for entry in entries]


def stream_content(info: Any) -> list[Any]:
    """XINFO STREAM FULL as sorted pairs, the same in RESP2 and RESP3."""
    content = []
    for name, value in pairs(info):
        if name in (b"groups", b"consumers"):
            content.append((name, [stream_content(item) for item in value]))
        elif name in (b"pel", b"pending"):
            content.append((name, pending(value)))
        elif name not in STREAM_INTERNALS:
            content.append((name, value))
    return sorted(content, key=repr)


def content(kind: str, reply: Reply) -> Any:
    value = plain(reply)
    if kind == "hash":
        return sorted(pairs(value))
    if kind == "set":
        return sorted(value)
    if kind == "stream":
        return stream_content(value)
    return value


def field_ttls(client: Client, key: bytes, fields: list[bytes]) -> Any:
    reply = client.reply("HPTTL", key, "FIELDS", len(fields), *fields)
    if reply.is_error:
        return None
    return [Around(item, MILLISECONDS_TOLERANCE) for item in plain(reply)]


def read(client: Client, with_field_ttls: bool = False) -> dict[bytes, dict[str, Any]]:
    """key -> type, encoding, TTL in ms and content, of the selected database."""
    keys = sorted(client.call("KEYS", "*"))
    lines: list[list[str | bytes]] = []
    for key in keys:
        lines += [["TYPE", key], ["OBJECT", "ENCODING", key], ["PTTL", key]]
    heads = client.pipeline(lines)
    kinds = [str(reply.value) for reply in heads[::3]]
    bodies = client.pipeline(map(content_command, kinds, keys))
    state: dict[bytes, dict[str, Any]] = {}
    for position, key in enumerate(keys):
        kind = kinds[position]
        _, encoding, ttl = heads[3 * position : 3 * position + 3]
        state[key] = {
            "type": kind,
            "encoding": plain(encoding),
            "ttl": Around(ttl.value, MILLISECONDS_TOLERANCE),
            "content": content(kind, bodies[position]),
        }
        if kind == "hash" and with_field_ttls:
            fields = [field for field, _ in state[key]["content"]]
            state[key]["field ttls"] = field_ttls(client, key, fields)
    return state
