"""Importing this package registers every command; the order of families is the order of COMMAND."""

from __future__ import annotations

FAMILIES = (
    "connection",
    "stream",
    "stream_claim",
    "stream_group",
    "stream_idempotency",
    "stream_info",
    "stream_read",
    "client",
    "config",
    "shutdown",
    "transaction",
    "pubsub",
    "introspection",
    "watching",
    "latency",
    "memory",
    "info",
    "debug",
    "string",
    "string_many",
    "string_range",
    "string_number",
    "string_increx",
    "string_compare",
    "string_lcs",
    "bitmap",
    "bitfield",
    "hyperloglog",
    "list",
    "list_move",
    "hash",
    "hash_expiry",
    "hash_sample",
    "hash_import",
    "set",
    "set_algebra",
    "sorted_set",
    "sorted_set_range",
    "sorted_set_pop",
    "sorted_set_algebra",
    "sorted_set_sample",
    "keys",
    "expire",
    "scan",
    "object",
    "databases",
    "geo",
    "geo_search",
    "sort",
    "persistence",
    "replicaof",
    "replication",
)

_modules = [__import__(f"carnelian.commands.{family}", fromlist=["*"]) for family in FAMILIES]


def attach(config: object) -> None:
    """Let every family that has an `attach(config)` hook itself on the parameters it follows."""
    for module in _modules:
        hook = getattr(module, "attach", None)
        if hook is not None:
            hook(config)
