"""The big sorted set against a sorted Python list: order, ranks, cuts, ranges, both indexes."""

from __future__ import annotations

import bisect
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.sorted_set import SortedSetBox

INF = float("inf")
MEMBERS = st.one_of(
    st.integers(0, 300).map(lambda n: b"m%d" % n),
    st.binary(max_size=6),
    st.sampled_from([b"x" * 253, b"x" * 254, b"x" * 255, b"x" * 1000, b"\x00", b"\x00\x00"]),
)
SCORES = st.one_of(
    st.integers(-4, 4).map(float),
    st.floats(allow_nan=False),
    st.sampled_from([INF, -INF, 0.0, -0.0, 5e-324, 1.7e308]),
)


class Model:
    """What a sorted set is: a dict, and its items sorted."""

    def __init__(self) -> None:
        self.scores: dict[bytes, float] = {}

    def ordered(self) -> list[tuple[bytes, float]]:
        return sorted(self.scores.items(), key=lambda item: (item[1], item[0]))


@pytest.fixture(autouse=True)
def no_leaks():
    live = memory.stats()["live"]
    yield
    assert memory.stats()["live"] == live


def check_whole(box: SortedSetBox, model: Model) -> None:
    ordered = model.ordered()
    assert box.verify()
    assert len(box) == len(ordered)
    assert box.items() == ordered
    if ordered:
        assert box.items_backward(len(ordered) - 1) == ordered[::-1]


STEPS = st.one_of(
    st.tuples(st.just("set"), MEMBERS, SCORES),
    st.tuples(st.just("set"), MEMBERS, SCORES),
    st.tuples(st.just("remove"), MEMBERS),
    st.tuples(st.just("range"), st.integers(0, 60), st.integers(0, 30)),
    st.tuples(st.just("min")),
    st.tuples(st.just("max")),
)


def apply(box: SortedSetBox, model: Model, step: tuple) -> None:
    if step[0] == "set":
        _, member, score = step
        assert box.set(member, score) == (member not in model.scores)
        model.scores[member] = score
    elif step[0] == "remove":
        assert box.remove(step[1]) == (model.scores.pop(step[1], None) is not None)
    elif step[0] == "range":
        going = model.ordered()[step[1] : step[1] + step[2]]
        assert box.remove_range(step[1], step[1] + step[2]) == len(going)
        for member, _ in going:
            del model.scores[member]
    else:
        popped = box.pop_min() if step[0] == "min" else box.pop_max()
        ordered = model.ordered()
        assert popped == (ordered[0 if step[0] == "min" else -1] if ordered else None)
        if popped:
            del model.scores[popped[0]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 200), st.lists(STEPS, min_size=20, max_size=60))
def test_behaves_like_a_sorted_list(prefilled, steps):
    box, model = SortedSetBox(), Model()
    for number in range(prefilled):
        apply(box, model, ("set", b"m%d" % (number * 3), float(number % 7)))
    for step in steps:
        apply(box, model, step)
        assert box.verify()
    check_whole(box, model)
    for rank, (member, score) in enumerate(model.ordered()):
        assert box.at(rank) == (member, score)
        assert box.rank(member) == rank
        assert box.score(member) == score
    assert box.at(len(box)) is None
    assert box.score(b"never there at all") is None


@pytest.mark.parametrize("seed", range(6))
def test_many_members_through_splits_and_merges(seed):
    rng = random.Random(seed)
    box, model = SortedSetBox(), Model()
    spread = [3, 1_000_000, 20][seed % 3]
    for phase in range(8):
        growing = phase % 2 == 0
        for number in range(4_000):
            member = b"k%d" % rng.randrange(5_000)
            if rng.random() < (0.9 if growing else 0.15):
                box.set(member, score := float(rng.randrange(spread)))
                model.scores[member] = score
            else:
                assert box.remove(member) == (model.scores.pop(member, None) is not None)
            if number % 200 == 0:
                assert box.verify()
        check_whole(box, model)
        for _ in range(3):
            apply(box, model, ("range", rng.randrange(len(box) + 1), rng.randrange(150)))
            assert box.verify()
    while len(box):
        apply(box, model, ("range", rng.randrange(len(box)), rng.randrange(1, 200)))
        check_whole(box, model)


def test_a_tree_of_four_levels():
    rng = random.Random(5)
    box = SortedSetBox()
    members = [b"%d" % number for number in range(100_000)]
    scores = [float(rng.randrange(50_000)) for _ in members]
    box.time_set(members, scores)
    assert box.verify()
    ordered = sorted(zip(scores, members, strict=True))
    for rank in range(0, len(ordered), 997):
        assert box.at(rank) == ordered[rank][::-1]
        assert box.rank(ordered[rank][1]) == rank
    box.time_set(members, scores[::-1])
    assert box.verify()
    box.time_remove(rng.sample(members, 60_000))
    assert box.verify()
    while len(box) > 500:
        first = rng.randrange(len(box))
        end = min(len(box), first + rng.randrange(8_000))
        left = len(box) - (end - first)
        neighbours = box.items(max(first - 1, 0), first - max(first - 1, 0)) + box.items(end, 1)
        assert box.remove_range(first, end) == end - first
        assert len(box) == left
        assert box.items(max(first - 1, 0), len(neighbours)) == neighbours
        assert box.verify()


@pytest.mark.parametrize("order", ["up", "down", "outwards", "inwards", "jitter", "equal"])
def test_insertion_orders_keep_the_shape(order):
    count = 6_000
    numbers = {
        "up": list(range(count)),
        "down": list(range(count, 0, -1)),
        "outwards": [n if n % 2 else -n for n in range(count)],
        "inwards": [count - n if n % 2 else n - count for n in range(count)],
        "jitter": [n + (n * 7919) % 40 for n in range(count)],
        "equal": [0] * count,
    }[order]
    box, model = SortedSetBox(), Model()
    for index, number in enumerate(numbers):
        box.set(b"%d" % index, float(number))
        model.scores[b"%d" % index] = float(number)
        if index % 500 == 0 or index < 200:
            assert box.verify()
    check_whole(box, model)
    if order in ("up", "down"):
        assert box.bytes_of_tree() / count < 9.5  # full leaves
    else:
        assert box.bytes_of_tree() / count < 14
    for index in range(count):
        popped = box.pop_min() if order != "down" else box.pop_max()
        assert popped is not None
        if index % 500 == 0 or len(box) < 200:
            assert box.verify()
    assert box.bytes_of_tree() == 0
    assert box.pop_min() is None
    assert box.pop_max() is None


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(MEMBERS, SCORES, min_size=70, max_size=150), st.lists(SCORES, max_size=9))
def test_cuts_by_score(scores, bounds):
    box = SortedSetBox()
    for member, score in scores.items():
        box.set(member, score)
    ordered = sorted(scores.values())
    for bound in [*bounds, *ordered[:10], INF, -INF]:
        assert box.cut_score(bound, False) == bisect.bisect_left(ordered, bound)
        assert box.cut_score(bound, True) == bisect.bisect_right(ordered, bound)


@settings(max_examples=25, deadline=None)
@given(st.sets(MEMBERS, min_size=70, max_size=150), st.lists(MEMBERS, max_size=9), SCORES)
def test_lexicographic_cuts(members, bounds, score):
    box = SortedSetBox()
    for member in members:
        box.set(member, score)
    ordered = sorted(members)
    for bound in [*bounds, *ordered[:10], b""]:
        assert box.cut_lex(bound, False) == bisect.bisect_left(ordered, bound)
        assert box.cut_lex(bound, True) == bisect.bisect_right(ordered, bound)


def test_lexicographic_cuts_with_different_scores_are_harmless():
    box = SortedSetBox()
    for number in range(5_000):
        box.set(b"%d" % number, float(number * 7919 % 1_000))
    for number in range(0, 5_000, 50):
        assert 0 <= box.cut_lex(b"%d" % number, True) <= 5_000


def filled(count: int) -> SortedSetBox:
    box = SortedSetBox()
    for number in range(count):
        box.set(b"%d" % number, float(number * 7919 % count))
    return box


def test_cuts_and_iteration_across_many_leaves():
    box = filled(5_000)
    for score in range(0, 5_000, 37):
        assert box.cut_score(score, False) == score
        assert box.cut_score(score, True) == score + 1
        assert [s for _, s in box.items(score, 100)] == list(range(score, min(5_000, score + 100)))
        backward = [s for _, s in box.items_backward(score, 100)]
        assert backward == list(range(score, max(-1, score - 100), -1))
    assert box.items(5_000) == []
    assert box.items_backward(5_000) == []


def test_scores_that_do_not_move_the_member():
    box = filled(3_000)
    for rank in range(0, 3_000):
        member, score = box.at(rank)
        box.set(member, score + 0.5)
        assert box.at(rank) == (member, score + 0.5)
    assert box.verify()
    box.set(b"0", box.score(b"0"))
    assert box.verify()


def test_scores_that_move_the_member():
    box, rng = filled(2_000), random.Random(1)
    for number in range(4_000):
        box.set(b"%d" % rng.randrange(2_000), rng.uniform(-10, 2_010))
        if number % 200 == 0:
            assert box.verify()
    assert box.verify()
    assert len(box) == 2_000


def test_a_score_of_negative_zero_equals_zero():
    box = SortedSetBox()
    box.set(b"b", 0.0)
    box.set(b"a", -0.0)
    assert box.items() == [(b"a", 0.0), (b"b", 0.0)]
    assert str(box.score(b"a")) == "-0.0"


def test_scan_returns_every_member_once():
    box = filled(1_000)
    found, cursor = [], 0
    while True:
        cursor, some = box.scan(cursor)
        found += some
        if cursor == 0:
            break
    assert sorted(found) == sorted(box.items())


def test_random_reaches_every_member():
    box = filled(30)
    assert {box.random() for _ in range(1_000)} == set(box.items())
    assert SortedSetBox().random() is None


def test_copy_is_independent():
    box = filled(1_000)
    copy = box.copy()
    assert copy.verify()
    assert copy.items() == box.items()
    box.remove_range(0, 1_000)
    assert len(copy) == 1_000
    assert len(box) == 0
    assert box.verify()


def test_bytes_are_what_the_allocator_counts():
    before = memory.stats()["used"]
    box = filled(20_000)
    used = memory.stats()["used"] - before
    assert box.bytes_used() == used
    assert used / 20_000 < 60
    box.remove_range(100, 19_900)
    assert box.bytes_used() == memory.stats()["used"] - before


def test_a_set_is_freed_on_a_background_thread_while_others_grow():
    before = memory.stats()["live"]
    box = SortedSetBox()
    members = [b"%d" % number for number in range(100_000)]
    box.time_set(members, [float(number % 999) for number in range(100_000)])
    other = SortedSetBox()
    thread = threading.Thread(target=box.free_in_background)
    thread.start()
    for number in range(20_000):
        other.set(b"%d" % number, float(number % 77))
    thread.join()
    assert len(box) == 0
    assert other.verify()
    del box, other
    assert memory.stats()["live"] == before
