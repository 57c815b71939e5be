"""Stream IDs, and the ID tree against a sorted dict."""

import bisect
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native import id_tree as ids

TOP = 2**64 - 1
IDS = st.tuples(st.integers(0, 40), st.integers(0, 40))


@pytest.mark.parametrize(
    ("text", "id"),
    [(b"5", (5, 7)), (b"5-3", (5, 3)), (b"-", (0, 0)), (b"+", (TOP, TOP)), (b"0-0", (0, 0)),
     (b"18446744073709551615-18446744073709551615", (TOP, TOP)), (b"007-01", (7, 1)),
     (b"", None), (b"a", None), (b"5-", None), (b"5-3-1", None), (b"-5", None), (b"5-*", None),
     (b"18446744073709551616", None), (b"1-18446744073709551616", None), (b"*", None),
     (b"1" * 128, None)],
)
def test_parse(text, id):
    assert ids.parse(text, missing_seq=7) == (None if id is None else (id, True))


def test_parse_variants():
    assert ids.parse(b"-", strict=True) is None
    assert ids.parse(b"+", strict=True) is None
    assert ids.parse(b"5-*", auto=True) == ((5, 0), False)
    assert ids.parse(b"5-4", auto=True) == ((5, 4), True)
    assert ids.parse(b"*-1", auto=True) is None


@given(st.integers(0, TOP), st.integers(0, TOP))
def test_text_round_trip(ms, seq):
    assert ids.parse(ids.text(ms, seq)) == ((ms, seq), True)


def test_steps():
    assert ids.step(1, 2, True) == (True, (1, 3))
    assert ids.step(1, TOP, True) == (True, (2, 0))
    assert ids.step(TOP, TOP, True) == (False, (0, 0))
    assert ids.step(1, 2, False) == (True, (1, 1))
    assert ids.step(1, 0, False) == (True, (0, TOP))
    assert ids.step(0, 0, False) == (False, (TOP, TOP))
    assert [ids.compare((1, 2), other) for other in ((1, 1), (1, 2), (2, 0))] == [1, 0, -1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), IDS), max_size=500))
def test_behaves_like_a_sorted_dict(steps):
    live = memory.stats()["live"]
    tree, model = ids.Tree(), {}
    for number, (action, id) in enumerate(steps):
        if action == 0:
            assert tree.remove(id) == model.pop(id, 0)
        elif action == 3:
            ordered = sorted(model.items())
            at = bisect.bisect_left(ordered, (id,))
            assert tree.items(id, count=5) == ordered[at : at + 5]
            at = bisect.bisect_right(ordered, (id, TOP))
            assert tree.items(id, back=True, count=5) == ordered[max(0, at - 5) : at][::-1]
        else:
            assert tree.insert(id, number + 1) == (id not in model)
            model.setdefault(id, number + 1)
        assert tree.find(id) == model.get(id, 0)
        assert tree.verify()
    assert tree.items() == sorted(model.items())
    assert tree.items(back=True) == sorted(model.items(), reverse=True)
    assert len(tree) == len(model)
    del tree
    assert memory.stats()["live"] == live


@pytest.mark.parametrize("order", ["up", "down", "random"])
def test_many_levels(order):
    live = memory.stats()["live"]
    tree = ids.Tree()
    source = random.Random(4)
    keys = [(n // 7, n % 7) for n in range(30_000)]
    shuffled = keys[:]
    source.shuffle(shuffled)
    for n, key in enumerate({"up": keys, "down": keys[::-1], "random": shuffled}[order]):
        assert tree.insert(key, 1)
        if n % 5_000 == 0:
            assert tree.verify()
    assert tree.verify()
    assert [key for key, _ in tree.items()] == keys
    if order == "up":
        assert tree.bytes_used() < 25.5 * len(keys)
    for n, key in enumerate(shuffled):
        assert tree.remove(key) == 1
        if n % 1_500 == 0:
            assert tree.verify()
            assert tree.bytes_used() < 130 * len(tree) + 2_000
    assert len(tree) == 0
    assert memory.stats()["live"] == live
