"""Which arguments of a call are keys: found natively, in the plain way, and by a real Redis."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.declare import flags as F
from carnelian.declare.declaration import Declaration
from carnelian.declare.keyspec import KeySpec
from native import keys as native
from tests.support import reference_keys
from tests.support.client import SocketClient
from tests.support.reference_keys import keys_by_specs
from tests.support.resp import Reply
from tests.support.servers import PeerMissing, shared

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_grammar import FACTS, NAMES, declared

GETKEYS = [
    ("GET a", [(1, "RO access")]),
    ("MSET a 1 b 2", [(1, "OW update"), (3, "OW update")]),
    ("MSET a 1 b", [(1, "OW update"), (3, "OW update")]),
    ("MSETEX 2 a 1 b 2 NX", [(2, "OW update"), (4, "OW update")]),
    ("BLPOP a b 0", [(1, "RW access delete"), (2, "RW access delete")]),
    ("ZUNIONSTORE d 2 a b", [(1, "OW update"), (3, "RO access"), (4, "RO access")]),
    ("EVAL s 2 a b c", [(2 + i, "RW access update") for i in (1, 2)]),
    ("EVAL s 0", []),
    ("EVAL s 5 a", []),
    ("XREAD COUNT 1 STREAMS a b 0 0", [(4, "RO access"), (5, "RO access")]),
    ("XREAD STREAMS a b c", [(2, "RO access")]),
    ("XREADGROUP GROUP STREAMS c STREAMS a >", [(5, "RO access")]),
    ("GEORADIUS a 1 2 3 m STORE b", [(1, "RO access"), (7, "OW update")]),
    ("GEORADIUS a 1 2 3 m STORE", [(1, "RO access")]),
    ("SORT a LIMIT 0 STORE GET STORE STORE b", [(1, "RO access"), (8, "OW update")]),
    ("SORT a STORE b store c", [(1, "RO access"), (5, "OW update")]),
    ("SORT_RO a", [(1, "RO access")]),
    ("MIGRATE h 1 k 0 1", [(3, "RW access delete")]),
    ("MIGRATE h 1 '' 0 1 AUTH keys KEYS a b", [(9, "RW access delete"), (10, "RW access delete")]),
    ("SET a b", [(1, "OW update")]),
    ("SET a b get", [(1, "RW access update")]),
    ("BITFIELD a GET u8 0", [(1, "RO access")]),
    ("BITFIELD a GET u8 0 SET u8 0 1", [(1, "RW access update")]),
    ("BITFIELD a GET u8", [(1, "RW access update")]),
    ("OBJECT ENCODING a", [(2, "RO")]),
    ("LCS a b", [(1, "RO access"), (2, "RO access")]),
]


def words_of(line: str) -> list[bytes]:
    return [b"" if word == "''" else word.encode() for word in line.split()]


def command_of(argv: list[bytes]) -> Declaration:
    pair = b"|".join(argv[:2]).decode()
    return declared(pair if pair in FACTS else argv[0].decode())


def plainly(command: Declaration, argv: list[bytes]) -> list[tuple[int, int]]:
    finder = reference_keys.FINDERS.get(command.key_finder)
    return reference_keys.keys_of(command.key_specs, argv, finder)


@pytest.mark.parametrize(("line", "keys"), GETKEYS)
def test_keys(line: str, keys: list[tuple[int, str]]) -> None:
    argv = words_of(line)
    found = native.find(command_of(argv), argv)
    assert [(i, " ".join(F.names_of(bits, F.KEY_FLAG_NAMES))) for i, bits in found] == keys


@pytest.mark.parametrize(
    "line",
    [
        "ZUNIONSTORE d 3 a",
        "ZUNIONSTORE d -1 a",
        "ZUNIONSTORE d 01 a",
        "ZUNIONSTORE d 99999999999999999999 a",
        "ZUNIONSTORE d 999999999999999999 a",
        "MIGRATE h 1 k 0 1 KEYS a",
        # The optional sources make its specs fail on a bare destination.
        "PFMERGE a",
    ],
)
def test_malformed_calls_have_no_keys(line: str) -> None:
    argv = words_of(line)
    assert native.find(command_of(argv), argv) == []


def test_any_number_of_keys() -> None:
    for count in (15, 16, 17, 1000):
        argv = [b"DEL", *[b"k"] * count]
        assert [index for index, _ in native.find(declared("DEL"), argv)] == [
            *range(1, count + 1)
        ]


WORDS = st.sampled_from([
    *b"STORE store KEYS keys STREAMS GET get LIMIT BY by AUTH AUTH2 OVERFLOW".split(),
    *b"0 1 2 3 -1 99 a".split(),
    b"",
])


@settings(max_examples=2000, deadline=None)
@given(
    st.sampled_from([name for name in NAMES if "key_specs" in FACTS[name]]),
    st.lists(WORDS, max_size=9),
)
def test_any_call_of_any_command(name: str, tail: list[bytes]) -> None:
    argv = [*name.encode().split(b"|"), *tail]
    found = native.find(declared(name), argv)
    assert found == plainly(declared(name), argv)
    assert all(0 < index < len(argv) and bits for index, bits in found)


class OneSpec:
    """A declaration with nothing but a spec."""

    key_finder = ""
    full_name = "one"

    def __init__(self, spec: KeySpec) -> None:
        self.key_specs = [spec]


@settings(max_examples=1000, deadline=None)
@given(
    st.builds(
        lambda **fields: fields,
        index=st.integers(-4, 5),
        keyword=st.sampled_from(["", "K"]),
        last=st.integers(-3, 4),
        step=st.integers(1, 3),
        limit=st.integers(0, 3),
        count_at=st.integers(-1, 2),
        first=st.integers(0, 2),
    ),
    st.lists(st.sampled_from([b"K", b"k", b"0", b"2", b"9", b"x"]), max_size=8),
)
def test_any_spec_on_any_arguments(fields: dict[str, Any], argv: list[bytes]) -> None:
    spec = KeySpec(flags=F.KEY_RO)
    for name, value in fields.items():
        setattr(spec, name, value)
    found = native.find(OneSpec(spec), argv)
    assert found == (keys_by_specs([spec], argv) or [])
    assert all(0 < index < len(argv) for index, _ in found)


# --- COMMAND GETKEYS ---


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("NOSUCH a", "Invalid command specified"),
        ("CLIENT NOSUCH a", "Invalid command specified"),
        ("PING", "The command has no key arguments"),
        ("PING a b c", "The command has no key arguments"),
        ("OBJECT", "The command has no key arguments"),
        ("SPUBLISH a b", "The command has no key arguments"),
        ("GET a b", "Invalid number of arguments specified for command"),
        ("XREAD COUNT 1", "Invalid number of arguments specified for command"),
        ("ZUNIONSTORE d 3 a", "Invalid arguments specified for command"),
        ("PFMERGE a", "Invalid arguments specified for command"),
    ],
)
def test_getkeys_errors(line: str, text: str, client: SocketClient) -> None:
    assert client.error("COMMAND", "GETKEYS", *words_of(line)) == f"ERR {text}"


def test_getkeys_refuses_without_counting(client: SocketClient) -> None:
    client.call("CONFIG", "RESETSTAT")
    client.error("COMMAND", "GETKEYS", "GET", "a", "b")
    assert b"cmdstat_get:" not in client.call("INFO", "commandstats")


# These changed after 7.0, or have specs that changed.
NEWER = frozenset(("SET", "DELIFEQ", "BITFIELD_RO", "SORT_RO"))


@pytest.fixture(scope="module")
def peer() -> Any:
    try:
        return shared.get("redis")
    except PeerMissing as missing:
        pytest.skip(str(missing))


def test_getkeysandflags_agrees_with_redis(peer: Any) -> None:
    with peer.connect(3) as theirs, shared.get("carnelian").connect(3) as ours:
        known = {entry[0].decode().upper(): entry for entry in theirs.call("COMMAND")}
        mine = {entry[0].decode().upper(): entry for entry in ours.call("COMMAND")}
        names = sorted(known.keys() & mine.keys() - NEWER)
        names = [name for name in names if known[name][1] == mine[name][1]]  # the same arity

        @settings(max_examples=1500, deadline=None)
        @given(st.sampled_from(names), st.lists(WORDS, min_size=1, max_size=9))
        def compare(name: str, tail: list[bytes]) -> None:
            # What is done to some keys was declared differently in 7.0.
            same = known[name][8] == mine[name][8]
            for how in ("GETKEYS", "GETKEYSANDFLAGS")[: 1 + same]:
                call = ("COMMAND", how, name, *tail)
                assert shape(ours.reply(*call)) == shape(theirs.reply(*call))

        compare()


def shape(reply: Reply) -> Any:
    return reply.kind, reply.value
