"""Redis's packed forms: known blocks, round trips, and damage that must be seen and survived."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native.foreign import build_listpack, walk

ELEMENTS = st.lists(
    st.one_of(
        st.binary(max_size=80),
        st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n),
        st.integers(-5000, 5000).map(lambda n: b"%d" % n),
        st.integers(60, 5000).map(lambda n: b"x" * n),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(ELEMENTS)
def test_listpack_round_trip(elements):
    assert walk("listpack", build_listpack(elements)) == elements


def ziplist(entries):
    """A ziplist from (encoded entry without its previous length, ...)."""
    body, before, offset = b"", 0, 10
    for entry in entries:
        head = bytes([before]) if before < 254 else b"\xfe" + struct.pack("<I", before)
        offset = 10 + len(body)
        body += head + entry
        before = len(head) + len(entry)
    return struct.pack("<IIH", 11 + len(body), offset, len(entries)) + body + b"\xff"


def test_ziplist_encodings():
    block = ziplist(
        [
            b"\x05hello",
            b"\x41\x2c" + b"y" * 300,
            b"\x80\x00\x00\x00\x03abc",
            b"\xf1",
            b"\xfd",
            b"\xfe\x80",
            b"\xc0\x00\x80",
            b"\xf0\x00\x00\x80",
            b"\xd0\x00\x00\x00\x80",
            b"\xe0" + struct.pack("<q", -(2**63)),
        ]
    )
    assert walk("ziplist", block) == [
        b"hello", b"y" * 300, b"abc", b"0", b"12", b"-128", b"-32768", b"-8388608",
        b"-2147483648", b"-9223372036854775808",
    ]


def test_zipmap():
    assert walk("zipmap", b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world..\xff") == [
        b"foo", b"bar", b"hello", b"world",
    ]
    assert walk("zipmap", b"\x01\x03foo\xff") is None


@pytest.mark.parametrize(("width", "code"), [(2, "h"), (4, "i"), (8, "q")])
def test_intset(width, code):
    values = [-5, 0, 7, 300]
    block = struct.pack("<II", width, len(values)) + struct.pack(f"<{len(values)}{code}", *values)
    assert walk("intset", block) == [b"%d" % value for value in values]
    assert walk("intset", block[:-1]) is None
    assert walk("intset", struct.pack("<II", 3, 0)) is None


@pytest.mark.parametrize("kind", ["listpack", "ziplist", "zipmap", "intset"])
def test_damage_is_survived(kind):
    whole = {
        "listpack": build_listpack([b"a", b"123456", b"x" * 70, b"-1", b"y" * 5000]),
        "ziplist": ziplist([b"\x05hello", b"\xf3", b"\x41\x2c" + b"y" * 300, b"\xc0\x01\x02"]),
        "zipmap": b"\x02\x03foo\x03\x00bar\x05hello\x05\x02world..\xff",
        "intset": struct.pack("<II4h", 2, 4, 1, 2, 3, 4),
    }[kind]
    assert walk(kind, whole) is not None
    source = random.Random(7)
    for _ in range(20_000):
        block = bytearray(whole)
        for _ in range(source.randint(1, 3)):
            block[source.randrange(min(len(block), 400))] = source.randrange(256)
        if source.random() < 0.3:
            del block[source.randrange(len(block)) :]
        walk(kind, bytes(block))
