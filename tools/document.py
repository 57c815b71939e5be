"""Writes docs/COMMANDS.md and docs/CONFIGURATION.md from the declarations.

`python -m tools.document`; with `--check` nothing is written, and the exit status is 1 if one
of them is not what they say.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import carnelian.instance  # noqa: F401  registers all commands
from carnelian.declare.declaration import Declaration
from carnelian.engine.command import CONTAINERS
from carnelian.services.config.parameter import Integer, Memory, Octal, Parameter
from carnelian.services.config.parameters import GROUPS, PARAMETERS

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE = "<!-- Made by `python -m tools.document` from the declarations: change those. -->"
TITLES = {
    "generic": "Keys",
    "string": "Strings",
    "bitmap": "Bitmaps",
    "hyperloglog": "HyperLogLog",
    "list": "Lists",
    "hash": "Hashes",
    "set": "Sets",
    "sorted_set": "Sorted sets",
    "sorted-set": "Sorted sets",
    "geo": "Geo",
    "stream": "Streams",
    "pubsub": "Pub/Sub",
    "transactions": "Transactions",
    "connection": "Connections",
    "server": "Server",
    "cluster": "Cluster",
}


def cell(text: str) -> str:
    """A table's cell: a bar in it would end it."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(map(cell, row)) + " |"


# --- commands ---


def flattened(declarations: Iterable[Declaration]) -> Iterator[Declaration]:
    """Each command that does something; subcommands in place of their container."""
    for one in declarations:
        if not one.container:
            yield one
        yield from flattened(one.subcommands.values())


def command_row(one: Declaration) -> list[str]:
    about = one.about
    if one.deprecated_since:
        instead = f": use {one.replaced_by}" if one.replaced_by else ""
        about += f" Deprecated since {one.deprecated_since}{instead}."
    return [f"`{one.usage_text}`", about, one.cost, one.since]


def commands_document() -> Iterator[str]:
    every = sorted(CONTAINERS.values(), key=lambda one: one.name)
    by_group: dict[str, list[Declaration]] = {}
    for one in flattened(every):
        by_group.setdefault(one.group, []).append(one)
    unknown = by_group.keys() - TITLES.keys()
    if unknown:
        raise SystemExit(f"groups without a title in tools/document.py: {sorted(unknown)}")
    yield from ("# Commands", "", MADE, "")
    yield f"{sum(map(len, by_group.values()))} commands and subcommands. The version is Redis's, or"
    yield "Valkey's where a command came first there. What differs from theirs on purpose stands in"
    yield "[COMPATIBILITY.md](COMPATIBILITY.md)."
    for group, title in TITLES.items():
        if group in by_group:
            yield from ("", f"## {title}")
            head = ["command", "what it does", "cost", "since"]
            yield from table(head, map(command_row, by_group[group]))


# --- configuration ---


def allowed(one: Parameter[Any]) -> str:
    words = one.limits() or one.kind
    if isinstance(one, Integer) and not isinstance(one, Octal):
        beyond = one.high >= 2**31 - 1  # the type's end, not a limit of the setting
        words = f"{max(one.low, 0)} or more" if beyond else f"{one.low} to {one.high}"
        words = "any number" if beyond and one.low < 0 else words
    return ", ".join(filter(None, (words, one.unit)))


def default_of(one: Parameter[Any]) -> str:
    default = one.spell(one.default) if isinstance(one, Memory) else one.show(one.default)
    return f"`{default}`" if default else ""


def name_of(one: Parameter[Any]) -> str:
    others = "".join(f", `{alias}`" for alias in one.aliases)
    return f"`{one.name}`{others}"


def changes(one: Parameter[Any]) -> str:
    if one.immutable:
        return "at start only"
    return "if `enable-protected-configs` allows" if one.protected else "any time"


def unusable(one: Parameter[Any]) -> bool:
    return bool(one.refused or one.without_effect)


def parameter_row(one: Parameter[Any]) -> list[str]:
    return [name_of(one), default_of(one), allowed(one), changes(one), one.about]


def idle_row(one: Parameter[Any]) -> list[str]:
    return [name_of(one), default_of(one), one.about, one.refused or one.without_effect]


def section_of(group: type) -> list[Parameter[Any]]:
    found = [one for one in vars(group).values() if isinstance(one, Parameter)]
    return sorted(found, key=lambda one: one.name)


def configuration_document() -> Iterator[str]:
    yield from ("# Configuration", "", MADE, "")
    yield "Each parameter is a line of the configuration file, an option of the command line"
    yield "(`--name value`), a keyword of `embedded.Engine` (with `_` for `-`) and known to"
    yield "CONFIG GET; CONFIG SET changes those that may be set at any time. Names and defaults are"
    yield "Redis's."
    for group in GROUPS:
        works = [one for one in section_of(group) if not (one.refused or one.without_effect)]
        if works:
            yield from ("", f"## {(group.__doc__ or title(group.__name__)).rstrip('.')}")
            head = ["parameter", "default", "values", "changed", "about"]
            yield from table(head, map(parameter_row, works))
    every = sorted(PARAMETERS, key=lambda one: one.name)
    yield from ("", "## Refused")
    yield "What these would protect is not there yet: a server or a CONFIG SET that asks for more"
    yield "than the default gets an error."
    yield ""
    head = ["parameter", "default", "about", "why"]
    yield from table(head, (idle_row(one) for one in every if one.refused))
    yield from ("", "## Without effect")
    yield "Accepted and shown because clients, tools and files of Redis name them; nothing acts on"
    yield "them, and setting one is warned of in the log."
    yield ""
    idle = (one for one in every if one.without_effect and not one.refused)
    yield from table(head, map(idle_row, idle))


def title(name: str) -> str:
    """`MemoryUse` as `Memory use`."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: f" {found[1].lower()}", name)


DOCUMENTS = {
    DOCS / "COMMANDS.md": commands_document,
    DOCS / "CONFIGURATION.md": configuration_document,
}


def stale() -> list[Path]:
    """The documents that are not what the declarations say."""
    return [
        path
        for path, document in DOCUMENTS.items()
        if not path.exists() or path.read_text(encoding="utf-8") != "\n".join(document()) + "\n"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    options = parser.parse_args()
    found = stale()
    for path in found:
        if not options.check:
            path.write_text("\n".join(DOCUMENTS[path]()) + "\n", encoding="utf-8")
        print(f"{path.name} {'is stale' if options.check else 'written'}")
    sys.exit(bool(found) and options.check)


if __name__ == "__main__":
    main()
