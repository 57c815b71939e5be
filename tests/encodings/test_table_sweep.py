"""Taking a random part of a big set: so many, all equally likely, and the rest is as it was."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from carnelian.base import memory
from native.member_set import MemberSet


@pytest.fixture(autouse=True)
def no_leaks():
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


def filled(count: int) -> tuple[MemberSet, set[bytes]]:
    members = {b"%d" % n if n % 3 else b"member:%d" % n for n in range(count)}
    box = MemberSet()
    for member in members:
        box.add(member)
    return box, members


@pytest.mark.parametrize("count", [1, 7, 60, 500, 5000, 60_000])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999, 1.0])
def test_what_is_taken_is_gone_and_the_rest_is_there(count: int, share: float):
    box, members = filled(count)
    taken = box.take_random(int(count * share))
    assert len(set(taken)) == len(taken) == int(count * share)
    assert members >= set(taken)
    assert box.verify()
    assert set(box) == members - set(taken)
    assert len(box) == count - len(taken)
    for member in taken:
        assert member not in box
        assert box.add(member)
    assert box.verify()
    assert set(box) == members


def test_it_shrinks_with_what_it_loses():
    box, members = filled(50_000)
    full = box.bytes_used()
    left = len(members)
    while left > 100:
        part = random.randint(left // 3, left - 50)
        box.take_random(part)
        left -= part
        assert box.verify()
    assert len(box) == left
    assert box.bytes_used() < full / 100


def test_each_member_is_equally_likely():
    seen: Counter[bytes] = Counter()
    for _ in range(600):
        box, _members = filled(40)
        seen.update(box.take_random(10))
    assert len(seen) == 40
    # 150 expected each, a standard deviation of 10.6
    assert 90 < min(seen.values()) <= max(seen.values()) < 210
