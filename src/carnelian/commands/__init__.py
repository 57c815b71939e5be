"""Importing this package registers every command; the order of families is the order of COMMAND."""

from __future__ import annotations

FAMILIES = (
    "clients.connection",
    "streams.stream",
    "streams.claim",
    "streams.group",
    "streams.idempotency",
    "streams.info",
    "streams.read",
    "clients.client",
    "server.config",
    "server.shutdown",
    "transactions.transaction",
    "pubsub.pubsub",
    "server.introspection",
    "server.watching",
    "server.latency",
    "server.memory",
    "server.info",
    "server.debug",
    "server.modules",
    "cluster.cluster",
    "strings.string",
    "strings.many",
    "strings.range",
    "strings.number",
    "strings.increx",
    "strings.compare",
    "strings.lcs",
    "bitmaps.bitmap",
    "bitmaps.bitfield",
    "hyperloglogs.hyperloglog",
    "lists.list",
    "lists.move",
    "hashes.hash",
    "hashes.expiry",
    "hashes.sample",
    "hashes.fieldsets",
    "sets.set",
    "sets.algebra",
    "sorted_sets.sorted_set",
    "sorted_sets.range",
    "sorted_sets.pop",
    "sorted_sets.algebra",
    "sorted_sets.sample",
    "keys.keys",
    "keys.expire",
    "keys.scan",
    "keys.object",
    "server.databases",
    "geo.geo",
    "geo.search",
    "keys.sort",
    "server.persistence",
    "keys.dump",
)

_modules = [__import__(f"carnelian.commands.{family}", fromlist=["*"]) for family in FAMILIES]


def attach(engine: object, config: object) -> None:
    """Let every family that has an `attach(engine, config)` hook itself on the parameters by which
    this engine's values and commands follow a configuration."""
    for module in _modules:
        hook = getattr(module, "attach", None)
        if hook is not None:
            hook(engine, config)
