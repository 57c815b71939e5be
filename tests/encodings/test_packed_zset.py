"""The packed sorted set against a sorted list and against the big encoding."""

from __future__ import annotations

import bisect
import math
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.packed_zset import PackedZsetBox, verify_bytes
from native.sorted_set import SortedSetBox

INF = float("inf")
MEMBERS = st.one_of(
    st.integers(0, 40).map(lambda n: b"m%d" % n),
    st.binary(max_size=3),
    st.sampled_from([b"x" * 253, b"x" * 254, b"x" * 255, b"x" * 1000, b"\x00", b"\x00\x00"]),
)
EDGES = [
    sign * value
    for power in (7, 8, 15, 16, 23, 24, 31, 32, 39, 47, 53, 55, 63)
    for value in (2.0**power - 1, 2.0**power, 2.0**power + 1)
    for sign in (1, -1)
]
SCORES = st.one_of(
    st.integers(-4, 300).map(float),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32),
    st.sampled_from([INF, -INF, 0.0, -0.0, 5e-324, 1.7e308, 239.0, 240.0, *EDGES]),
)
STEPS = st.one_of(
    st.tuples(st.just("set"), MEMBERS, SCORES),
    st.tuples(st.just("set"), MEMBERS, SCORES),
    st.tuples(st.just("remove"), MEMBERS),
    st.tuples(st.just("range"), st.integers(0, 60), st.integers(0, 6)),
)


@pytest.fixture(autouse=True)
def no_leaks():
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


def filled(scores: dict[bytes, float]) -> PackedZsetBox:
    box = PackedZsetBox()
    for member, score in scores.items():
        assert box.set(member, score)
    return box


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=15, max_size=60))
def test_behaves_like_the_big_one(steps):
    box, big, model = PackedZsetBox(), SortedSetBox(), {}
    for step in steps:
        if step[0] == "set":
            assert box.set(*step[1:]) == big.set(*step[1:])
            model[step[1]] = step[2]
        elif step[0] == "remove":
            assert box.remove(step[1]) == big.remove(step[1])
            model.pop(step[1], None)
        else:
            _, first, length = step
            for member, _ in big.items()[first : first + length]:
                del model[member]
            assert box.remove_range(first, first + length) == big.remove_range(
                first, first + length
            )
        assert box.verify()
        assert len(box) == len(big)
        assert box.items() == big.items()
    ordered = sorted(model.items(), key=lambda item: (item[1], item[0]))
    assert box.items() == ordered
    assert box.items_backward() == ordered[::-1]
    for rank, (member, score) in enumerate(ordered):
        assert box.at(rank) == (member, score)
        assert box.rank(member) == rank
        assert box.score(member) == score
    assert box.at(len(ordered)) is None
    assert box.score(b"never there at all") is None
    assert box.unpacked() == (ordered, box.region())


@given(SCORES)
def test_scores_survive_to_the_bit(score):
    box = filled({b"a": score})
    assert struct.pack("d", box.score(b"a")) == struct.pack("d", score)
    assert box.verify()


@pytest.mark.parametrize(
    ("score", "size"),
    [
        (0, 1), (239, 1), (240, 3), (-1, 2), (-128, 2), (-129, 3), (32767, 3), (32768, 4),
        (1_700_000_000, 5), (1_700_000_000_000, 7), (0.5, 5), (INF, 5), (-0.0, 5), (2**40, 5),
        (0.1, 9), (2**55 - 8, 8), (2**56 + 2**10, 9), (-(2**55), 5), (1e300, 9),
    ],
)  # fmt: skip
def test_scores_are_short(score, size):
    assert len(filled({b"abc": float(score)}).region()) == 2 + 4 + size


@settings(deadline=None)
@given(st.dictionaries(MEMBERS, SCORES, max_size=30), st.lists(SCORES, max_size=9))
def test_cuts_by_score(scores, bounds):
    box = filled(scores)
    ordered = sorted(scores.values())
    for bound in [*bounds, *ordered, INF, -INF]:
        assert box.cut_score(bound, False) == bisect.bisect_left(ordered, bound)
        assert box.cut_score(bound, True) == bisect.bisect_right(ordered, bound)


@settings(deadline=None)
@given(st.sets(MEMBERS, max_size=30), st.lists(MEMBERS, max_size=9), SCORES)
def test_lexicographic_cuts(members, bounds, score):
    box = filled(dict.fromkeys(members, score))
    ordered = sorted(members)
    for bound in [*bounds, *ordered, b""]:
        assert box.cut_lex(bound, False) == bisect.bisect_left(ordered, bound)
        assert box.cut_lex(bound, True) == bisect.bisect_right(ordered, bound)


def test_more_members_than_the_count_word_says():
    box = PackedZsetBox()
    lines = [b"%05d" % number for number in range(33_000)]
    # Built as bytes: 33 000 inserts, each walking the region, would take too long.
    region = b"".join(b"\x05" + line + b"\x17" for line in lines)
    assert verify_bytes(b"\xff\x7f" + region)
    assert not verify_bytes(struct.pack("<H", 33_000) + region)
    box = PackedZsetBox.of(b"\xff\x7f" + region)
    assert len(box) == 33_000
    assert box.items_backward()[0] == (b"32999", 7.0)
    assert box.set(b"40000", 7.0)
    assert box.remove_range(10, 200) == 190
    assert len(box) == 32_811
    assert box.remove_range(0, 44) == 44
    assert len(box) == 32_767
    assert box.verify()
    assert box.remove(b"30000")
    assert box.region()[:2] == struct.pack("<H", 32_766)
    assert box.verify()
    assert box.set(b"30000", 7.0)
    assert box.region()[:2] == b"\xff\x7f"
    assert box.verify()
    items, region = box.unpacked()
    assert len(items) == 32_767
    assert region == box.region()


def test_a_score_moves_its_member_whatever_its_length():
    rng = random.Random(3)
    members = [b"a", b"b" * 300, b"c" * 40, b"", b"e" * 5000, b"f"]
    box, big = PackedZsetBox(), SortedSetBox()
    for _ in range(2_000):
        member, score = rng.choice(members), rng.choice([0.0, 1.0, -7.0, 0.1, 1e9, rng.random()])
        assert box.set(member, score) == big.set(member, score)
        assert box.items() == big.items()
        assert box.verify()


def item(member: bytes, score: bytes) -> bytes:
    return bytes([len(member)]) + member + score


def region(*items: bytes) -> bytes:
    return struct.pack("<H", len(items)) + b"".join(items)


def test_verify_refuses_what_is_unsound():
    one, two = item(b"a", b"\x11"), item(b"b", b"\x12")
    assert verify_bytes(region())
    assert verify_bytes(region(one, two))
    assert not verify_bytes(b"")
    assert not verify_bytes(b"\x00")
    assert not verify_bytes(region(two, one))
    assert not verify_bytes(region(one, one))
    assert not verify_bytes(region(one, item(b"a", b"\x12")))
    assert not verify_bytes(region(one, two)[:-1])
    assert not verify_bytes(region(one, two) + b"\x00")
    assert not verify_bytes(struct.pack("<H", 3) + one + two)
    assert not verify_bytes(struct.pack("<H", 0x8002) + one + two)
    for tag in [0, *range(10, 16)]:
        assert not verify_bytes(region(item(b"a", bytes([tag]) + bytes(9))))
        assert not verify_bytes(region(item(b"a", bytes([tag]))))
    for tag, size in [(1, 1), (4, 4), (7, 7), (8, 8), (9, 4)]:
        assert verify_bytes(region(item(b"a", bytes([tag]) + bytes(size))))
        assert not verify_bytes(region(item(b"a", bytes([tag]) + bytes(size - 1))))
    assert not verify_bytes(region(item(b"a", b"\x08" + struct.pack("<d", math.nan))))
    assert not verify_bytes(region(item(b"a", b"\x09" + struct.pack("<f", math.nan))))
    assert not verify_bytes(region(b"\xff" + b"a" * 300 + b"\x11"))
    assert not verify_bytes(region(b"\xfe\xff\xff\xff\xff" + b"a" * 300 + b"\x11"))
    assert not verify_bytes(region(b"\xfe\x01\x00\x00\x00" + b"a\x11"))


def test_verify_finds_a_member_twice_among_many():
    items = [item(b"%05d" % n, b"\x04" + struct.pack("<i", n)) for n in range(400)]
    assert verify_bytes(region(*items))
    assert not verify_bytes(region(*items[:-1], item(b"00003", b"\x04\x00\x00\x00\x01")))


@given(st.binary(max_size=60), st.data())
def test_verify_reads_within_any_bytes(noise, data):
    verify_bytes(noise)
    sound = bytearray(filled({b"a": 1.0, b"bb": 0.1, b"c" * 300: 1e9, b"d": -7.0}).region())
    for _ in range(3):
        sound[data.draw(st.integers(0, len(sound) - 1))] = data.draw(st.integers(0, 255))
    verify_bytes(bytes(sound[: data.draw(st.integers(0, len(sound)))]))
