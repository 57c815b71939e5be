"""The grammar of usage lines against the facts about every core command."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.declare import flags as F
from carnelian.declare.declaration import Declaration
from carnelian.declare.grammar import parse_usage, quick_arity, quick_name
from carnelian.declare.keyspec import parse_spec, spec_reply
from carnelian.engine.introspection import ReplySet, ReplyStatus, docs_reply, info_reply

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import declared_overrides as overrides

FACTS: dict[str, dict[str, Any]] = json.loads(
    (pathlib.Path(__file__).parent.parent / "data" / "command_facts.json").read_text()
)
# Computed from the key specs, so no declaration states them.
COMPUTED = F.MOVABLE_KEYS | F.NO_MANDATORY_KEYS
NAMES = sorted(FACTS)


def declare(name: str, **extra: Any) -> Declaration:
    fact = FACTS[name]
    stated = F.bits_of(fact.get("flags", ""), F.FLAG_NAMES) & ~COMPUTED
    container = fact.get("container", False)
    return Declaration(
        fact["usage"],
        stated,
        group=fact["group"],
        since=fact["since"],
        deprecated_since=fact.get("deprecated_since", ""),
        replaced_by=fact.get("replaced_by", ""),
        tips=tuple(fact.get("tips", ())),
        container=container,
        **extra,
    )


def declared(name: str) -> Declaration:
    return declare(name, **overrides.overrides_of(name))


def spec_facts(command: Declaration) -> list[list[Any]]:
    """Key specs in the form of the facts file."""
    found = []
    for spec in command.key_specs:
        (begin, begin_fields), (find, find_fields) = spec_reply(spec)
        names = " ".join(F.names_of(spec.flags, F.KEY_FLAG_NAMES))
        found.append([names, begin, begin_fields, find, find_fields])
    return found


def render(entry: dict[str, Any]) -> str:
    """An argument of COMMAND DOCS in the form of the facts file."""
    kind = entry["type"]
    text: str = entry["token"] if kind == "pure-token" else f"{entry['name']}:{kind}"
    if kind != "pure-token" and "token" in entry:
        text = f"{entry['token']} {text}"
    if "key_spec_index" in entry:
        text += f"#{entry['key_spec_index']}"
    if "arguments" in entry:
        joint = " | " if kind == "oneof" else " "
        text += f"({joint.join(map(render, entry['arguments']))})"
    marks = entry.get("flags", [])
    if "multiple" in marks:
        text += "**" if "multiple_token" in marks else "*"
    return f"[{text}]" if "optional" in marks else text


@pytest.mark.parametrize("name", NAMES)
def test_declaration_agrees_with_the_facts(name: str) -> None:
    fact = FACTS[name]
    command = declared(name)
    assert command.full_name == name.lower()
    assert command.arity == fact["arity"]
    assert list(command.legacy_range) == fact.get("range", [0, 0, 0])
    assert spec_facts(command) == fact.get("key_specs", [])
    assert F.names_of(command.shown_flags, F.FLAG_NAMES) == fact.get("flags", "").split()
    if "acl" in fact:
        assert F.names_of(command.acl_bits, F.ACL_CATEGORY_NAMES) == fact["acl"].split()


@pytest.mark.parametrize("name", NAMES)
def test_scanner_and_parser_agree(name: str) -> None:
    text = FACTS[name]["usage"]
    usage = parse_usage(text)
    assert quick_arity(text) == usage.arity
    assert quick_name(text) == (usage.name, usage.subcommand)


def test_hardly_any_command_needs_an_override_of_arity_or_keys() -> None:
    plain = {name: declare(name) for name in NAMES}
    wrong = set()
    for name, command in plain.items():
        fact = FACTS[name]
        places = [spec[1:] for spec in spec_facts(command)]
        same = (
            command.arity == fact["arity"]
            and list(command.legacy_range) == fact.get("range", [0, 0, 0])
            and places == [spec[1:] for spec in fact.get("key_specs", [])]
        )
        if not same:
            wrong.add(name)
    assert wrong == set(overrides.ARITY) | set(overrides.KEYS)
    assert len(wrong) < 0.04 * len(NAMES)


@pytest.mark.parametrize("kwarg", ["key_flags", "acl"])
def test_no_override_is_idle(kwarg: str) -> None:
    table: dict[str, Any] = {"key_flags": overrides.KEY_FLAGS, "acl": overrides.ACL}[kwarg]
    for name in table:
        kwargs = overrides.overrides_of(name)
        del kwargs[kwarg]
        bare = declare(name, **kwargs)
        full = declared(name)
        assert (spec_facts(bare), bare.acl_bits) != (spec_facts(full), full.acl_bits), name


def test_documented_arguments_agree_with_the_facts() -> None:
    """Names of choices and blocks are not in a usage line, so a few differ."""
    told = [name for name in NAMES if "arguments" in FACTS[name]]
    same = 0
    for name in told:
        arguments = docs_reply(declared(name)).get("arguments", [])
        same += " ".join(map(render, arguments)) == FACTS[name]["arguments"]
    assert same >= 0.93 * len(told)


@pytest.mark.parametrize(
    ("usage", "arity", "arguments"),
    [
        ("MSET key value [key value ...]", -3, "data:block(key:key#0 value:string)*"),
        ("DEL key [key ...]", -2, "key:key#0*"),
        ("GEOHASH key [member [member ...]]", -2, "key:key#0 [member:string*]"),
        ("GEOHASH key [member ...]", -2, "key:key#0 [member:string*]"),
        (
            "LMOVE source destination LEFT|RIGHT LEFT|RIGHT",
            5,
            "source:key#0 destination:key#1 wherefrom:oneof(LEFT | RIGHT)"
            " whereto:oneof(LEFT | RIGHT)",
        ),
        (
            "SET key value [NX|XX|IFEQ value|...] [EX seconds|PX milliseconds]",
            -3,
            "key:key#0 value:string [condition:oneof(NX | XX | IFEQ value:string)]"
            " [expiration:oneof(EX seconds:integer | PX milliseconds:integer)]",
        ),
        ("CLIENT KILL ...", -2, ""),
        ("REPLICAOF <host port|NO ONE>", 3, "args:oneof(host-port:block(host:string"),
        ("XREADGROUP <GROUP group consumer> STREAMS key [key ...] id [id ...]", -7, "GROUP"),
        (
            "GETS [GET pattern [GET pattern ...]]",
            -1,
            "[GET pattern:pattern**]",
        ),
        ("F [LIMIT offset count]", -1, "[LIMIT limit:block(offset:integer count:integer)]"),
        ("F <A value | B [...]>", -2, "choice:oneof(A value:string | B)*"),
        ("RATE.HIT key limit window", 4, "key:key#0 limit:integer window:string"),
    ],
)
def test_parses(usage: str, arity: int, arguments: str) -> None:
    command = Declaration(usage)
    assert command.arity == arity
    assert command.usage.arity == arity
    shown = " ".join(map(render, docs_reply(command).get("arguments", [])))
    assert shown.startswith(arguments)
    assert bool(shown) == bool(arguments)


@pytest.mark.parametrize(
    "usage",
    ["F [a", "F a]", "F <a", "F <a]", "F a | b", "F []", "F <>", "F [a|]", "F [... a]", "F [...]"],
)
def test_refuses_malformed_lines(usage: str) -> None:
    with pytest.raises(ValueError, match=r"usage line|brackets|\.\.\."):
        parse_usage(usage)


def test_refuses_deep_nesting() -> None:
    with pytest.raises(ValueError, match="nested"):
        parse_usage("F " + "[a " * 40 + "]" * 40)


@settings(max_examples=300, deadline=None)
@given(st.text("AaB []<>|. ", max_size=30))
def test_scanner_and_parser_agree_on_any_line(tail: str) -> None:
    text = "F x " + tail
    try:
        usage = parse_usage(text)
    except ValueError:
        return
    if "..." not in tail:
        assert quick_arity(text) == usage.arity


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GET key", ("GET", None)),
        ("PING", ("PING", None)),
        ("CONFIG GET parameter", ("CONFIG", "GET")),
        ("CLIENT NO-EVICT <ON | OFF>", ("CLIENT", "NO-EVICT")),
        ("XREADGROUP GROUP group consumer", ("XREADGROUP", None)),
        ("FAILOVER [TO host port]", ("FAILOVER", None)),
        ("REPLICAOF <host port | NO ONE>", ("REPLICAOF", None)),
        ("FOO LEFT|RIGHT", ("FOO", None)),
        ("HOTKEYS START METRICS count", ("HOTKEYS", "START")),
    ],
)
def test_quick_name(text: str, name: tuple[str, str | None]) -> None:
    assert quick_name(text) == name


def test_override_texts() -> None:
    spec = parse_spec("STREAMS@4..-1:2 RO access")
    assert (spec.keyword, spec.index, spec.last, spec.limit) == ("STREAMS", 4, -1, 2)
    spec = parse_spec("2#/3 RW access update")
    assert (spec.index, spec.count_at, spec.first, spec.step) == (2, 0, 1, 3)
    assert parse_spec("1..2 RO").last == 1
    for bad in ("0 RO", "x RO", "1 XX", "1/0 RO", ""):
        with pytest.raises(ValueError, match=r"."):
            parse_spec(bad)


def test_info_reply_has_the_shape_of_redis() -> None:
    reply = info_reply(declared("GET"))
    spec = {
        "flags": ["RO", "access"],
        "begin_search": {"type": "index", "spec": {"index": 1}},
        "find_keys": {"type": "range", "spec": {"lastkey": 0, "keystep": 1, "limit": 0}},
    }
    categories = ["@read", "@string", "@fast"]
    assert reply == ["get", 2, ["readonly", "fast"], 1, 1, 1, categories, [], [spec], []]
    assert [type(part) for part in reply[6:]] == [ReplySet] * 4
    assert all(type(flag) is ReplyStatus for flag in reply[2] + reply[6] + reply[8][0]["flags"])
    container = declared("XINFO")
    container.subcommands["stream"] = declared("XINFO|STREAM")
    reply = info_reply(container)
    assert reply[:7] == ["xinfo", -2, [], 0, 0, 0, ["@slow"]]
    assert type(reply[9]) is list
    assert reply[9][0][0] == "xinfo|stream"


def test_docs_reply_has_the_shape_of_redis() -> None:
    command = declare(
        "SETEX", about="Set.", cost="O(1)", history=(("9.9.9", "Nothing."),), since_of={"key": "1"}
    )
    reply = docs_reply(command)
    assert list(reply) == [
        *("summary", "since", "group", "complexity", "doc_flags", "deprecated_since"),
        *("replaced_by", "history", "arguments"),
    ]
    assert reply["doc_flags"] == ["deprecated"]
    assert reply["history"] == [["9.9.9", "Nothing."]]
    assert type(reply["history"]) is ReplySet
    assert reply["arguments"][0] == {
        "name": "key",
        "type": "key",
        "display_text": "key",
        "key_spec_index": 0,
        "since": "1",
    }
    container = declared("XINFO")
    container.subcommands["stream"] = declared("XINFO|STREAM")
    full = docs_reply(container)["subcommands"]["xinfo|stream"]["arguments"][1]
    assert full["flags"] == ["optional"]
    assert "display_text" not in full


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, carnelian.engine; before = set(sys.modules)\n"
        "import carnelian.declare.declaration, carnelian.engine.introspection\n"
        "print(*[m for m in set(sys.modules) - before if not m.startswith('carnelian')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    compiled = {name for name in done.stdout.split() if "cython" in name}
    assert set(done.stdout.split()) - compiled <= {"__future__"}
