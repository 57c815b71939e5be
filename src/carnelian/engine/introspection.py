"""The entries of COMMAND INFO and COMMAND DOCS, built from declarations.

Plain Python structures that the caller writes to the client and drops: a dict is a map, a list an
array, a ReplySet a set, a ReplyStatus a simple string, a str a bulk string. Under RESP2 a map is
written as a flat array and a set as an array.
"""

from __future__ import annotations

from carnelian.declare.flags import (
    ACL_CATEGORY_NAMES,
    DOC_FLAG_NAMES,
    FLAG_NAMES,
    KEY_FLAG_NAMES,
    names_of,
)
from carnelian.declare.keyspec import KeySpec, spec_reply

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from carnelian.declare.argument import Argument
    from carnelian.declare.declaration import Declaration

    Reply: TypeAlias = Any


class ReplySet(list["Reply"]):
    """Written as a RESP3 set."""

    __slots__ = ()


class ReplyStatus(str):
    """Written as a simple string."""

    __slots__ = ()


def info_reply(command: Declaration) -> list[Reply]:
    """The ten elements of a command's entry in COMMAND and COMMAND INFO."""
    first, last, step = command.legacy_range
    specs = command.key_specs
    subcommands: list[Reply] = [info_reply(sub) for sub in command.subcommands.values()]
    return [
        command.full_name,
        command.arity,
        _statuses(names_of(command.shown_flags, FLAG_NAMES)),
        first,
        last,
        step,
        _statuses(["@" + name for name in names_of(command.acl_bits, ACL_CATEGORY_NAMES)]),
        ReplySet(command.tips),
        ReplySet(_spec_entry(spec) for spec in specs),
        # Redis says "none" with an empty set, and lists them in an array.
        subcommands or ReplySet(),
    ]


def docs_reply(command: Declaration) -> dict[str, Reply]:
    """A command's entry in COMMAND DOCS."""
    entry: dict[str, Reply] = {}
    if command.about:
        entry["summary"] = command.about
    if command.since:
        entry["since"] = command.since
    entry["group"] = command.group
    if command.cost:
        entry["complexity"] = command.cost
    if command.module:
        entry["module"] = command.module
    if command.doc_flags:
        entry["doc_flags"] = _statuses(names_of(command.doc_flags, DOC_FLAG_NAMES))
    if command.deprecated_since:
        entry["deprecated_since"] = command.deprecated_since
    if command.replaced_by:
        entry["replaced_by"] = command.replaced_by
    if command.history:
        entry["history"] = ReplySet([since, change] for since, change in command.history)
    arguments = command.usage.arguments
    if arguments:
        shown_specs = len(command.key_specs)
        since_of = command.since_of or {}
        entry["arguments"] = [_argument_entry(a, shown_specs, since_of) for a in arguments]
    if command.subcommands:
        entry["subcommands"] = {
            sub.full_name: docs_reply(sub) for sub in command.subcommands.values()
        }
    return entry


def key_flag_names(flags: int) -> ReplySet:
    """The flags of a key as COMMAND GETKEYSANDFLAGS shows them."""
    return _statuses(names_of(flags, KEY_FLAG_NAMES))


def _statuses(names: list[str]) -> ReplySet:
    return ReplySet(ReplyStatus(name) for name in names)


def _spec_entry(spec: KeySpec) -> dict[str, Reply]:
    entry: dict[str, Reply] = {}
    if spec.notes:
        entry["notes"] = spec.notes
    entry["flags"] = key_flag_names(spec.flags)
    (begin, begin_fields), (find, find_fields) = spec_reply(spec)
    entry["begin_search"] = {"type": begin, "spec": begin_fields}
    entry["find_keys"] = {"type": find, "spec": find_fields}
    return entry


def _argument_entry(
    argument: Argument, shown_specs: int, since_of: dict[str, str]
) -> dict[str, Reply]:
    entry: dict[str, Reply] = {"name": argument.name, "type": argument.type}
    nested = argument.type in ("oneof", "block")
    if not nested:
        entry["display_text"] = argument.display
    if 0 <= argument.key_spec < shown_specs:
        entry["key_spec_index"] = argument.key_spec
    if argument.token:
        entry["token"] = "" if argument.token == '""' else argument.token
    since = since_of.get(argument.token or argument.name)
    if since:
        entry["since"] = since
    flags = [
        name
        for name, is_set in (
            ("optional", argument.optional),
            ("multiple", argument.multiple),
            ("multiple_token", argument.multiple_token),
        )
        if is_set
    ]
    if flags:
        entry["flags"] = _statuses(flags)
    if nested:
        entry["arguments"] = [_argument_entry(a, shown_specs, since_of) for a in argument.arguments]
    return entry
