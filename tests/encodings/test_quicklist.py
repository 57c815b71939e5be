"""The quicklist against a Python list under tiny limits, audited after each step."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.quicklist import ByteList

FILLS = st.sampled_from([-1, 0, 1, 2, 3, 5, 16])
ELEMENTS = st.one_of(
    st.integers(0, 20).map(lambda n: b"element:%d" % n),
    st.sampled_from([0, 1, 251, 252, 253, 254, 700, 2040, 4085, 4086, 4087, 9000]).map(
        lambda n: b"x" * n),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "push", "pop", "set", "insert", "insert", "delete", "erase",
                         "repack", "burst"]),
        st.booleans(), ELEMENTS, st.integers(0, 9999), st.integers(0, 40)),
    min_size=12, max_size=60)


def apply(quick, model, step):
    what, flag, element, number, count = step
    index = number % (len(model) + 1)
    if what == "push":
        quick.push(flag, element)
        model.insert(0 if flag else len(model), element)
    elif what == "pop":
        expected = model.pop(0 if flag else -1) if model else None
        assert quick.pop(flag) == expected
    elif what == "set":
        assert quick.set(index, element) == (index < len(model))
        if index < len(model):
            model[index] = element
    elif what == "insert":
        assert quick.insert(index, element)
        model.insert(index, element)
    elif what == "delete":
        quick.delete(index, count)
        del model[index:index + count]
    elif what == "erase":
        erase(quick, model, index, flag, count)
    elif what == "burst":
        for i in range(count):
            quick.push(flag, b"%d" % i)
            model.insert(0 if flag else len(model), b"%d" % i)


def erase(quick, model, index, backward, count):
    if index == len(model):
        assert quick.erase(b"any", index, backward, count) == 0
        return
    element = model[index]
    places = range(index, -1, -1) if backward else range(index, len(model))
    places = [i for i in places if model[i] == element][:count]
    assert quick.erase(element, index, backward, count) == len(places)
    for i in sorted(places, reverse=True):
        del model[i]


@settings(max_examples=250, deadline=None)
@given(FILLS, STEPS)
def test_behaves_like_a_list(fill, steps):
    live = memory.stats()["live"]
    quick, model = ByteList(fill), []
    for what, flag, element, number, count in steps:
        if what == "repack":
            quick.repack([-1, 1, 4][number % 3])
        else:
            apply(quick, model, (what, flag, element, number, count))
        assert quick.verify()
        assert len(quick) == len(model)
        index = number % (len(model) + 1)
        assert quick.walk(index, False) == model[index:]
        if index < len(model):
            assert quick.walk(index, True) == model[index::-1]
            assert quick.get(index) == model[index]
        else:
            assert quick.get(index) is None
    other = quick.copy()
    assert other.verify()
    assert other.walk(0, False) == model
    del quick, other
    assert memory.stats()["live"] == live


@pytest.mark.parametrize("seed", range(4))
def test_long_lists(seed):
    rng = random.Random(seed)
    quick, model = ByteList(-1), []
    for round_number in range(400):
        for _ in range(rng.randrange(60)):
            element = b"%d" % rng.randrange(10**rng.randrange(1, 30))
            front = rng.random() < (0.2, 0.8, 0.5, 0.0)[seed]
            quick.push(front, element)
            model.insert(0 if front else len(model), element)
        for _ in range(rng.randrange(20)):
            what = rng.choice(["set", "insert", "pop", "delete"])
            size = rng.choice([1, 5, 100, 1500, 5000])
            apply(quick, model, (what, rng.random() < 0.5, b"v" * size, rng.randrange(1 << 40),
                                 rng.choice([1, 2, 30])))
        if round_number % 20 == 0:
            assert quick.verify()
            assert quick.walk(0, False) == model
    assert quick.verify()
    assert quick.walk(len(model) - 1, True) == model[::-1]
    quick.delete(0, len(model) - 3)
    assert quick.walk(0, False) == model[-3:]
    assert quick.nodes == 1


def test_a_queue_stays_small():
    quick = ByteList(-2)
    for i in range(20_000):
        quick.push(False, b"job:%06d" % i)
        if i >= 5:
            assert quick.pop(True) == b"job:%06d" % (i - 5)
    assert quick.nodes == 1
    assert quick.bytes < 400


def test_both_ends_of_a_small_list_share_the_slack():
    quick = ByteList(-2)
    for i in range(300):
        quick.push(i % 2 == 0, b"0123456789")
    for i in range(2000):
        quick.push(i % 2 == 0, b"0123456789")
        quick.pop(i % 2 == 1)
    assert quick.verify()
    assert quick.nodes == 1


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize(("size", "bytes_max"), [(8, 10.3), (16, 18.5), (100, 103.5), (3000, 3060)])
def test_memory_per_element(front, size, bytes_max):
    count = min(1_000_000, 20_000_000 // size)
    quick = ByteList(-2)
    quick.time_push(front, b"x" * size, count)
    assert quick.bytes / count < bytes_max


def test_capped_list_does_not_grow():
    quick = ByteList(-2)
    for i in range(5000):
        quick.push(True, b"%010d" % i)
        quick.delete(100, 1 << 40)
    assert len(quick) == 100
    assert quick.verify()
    assert quick.bytes < 5000


def test_inserting_at_one_place_keeps_nodes_filled():
    quick = ByteList(-1)
    quick.time_push(False, b"0123456789", 5000)
    for i in range(5000):
        quick.insert(2500 + (i if i % 3 else 0), b"0123456789")
    assert quick.verify()
    assert quick.nodes < 2.6 * 10_000 * 12 / 4096


def test_erasing_most_elements_leaves_few_nodes():
    quick = ByteList(-1)
    for i in range(20_000):
        quick.push(False, b"keep" if i % 50 == 0 else b"gone" * 3)
    assert quick.erase(b"gone" * 3, 0, False, 1 << 40) == 19_600
    assert quick.verify()
    assert quick.nodes <= 2
    assert quick.bytes < 8000


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("fill", [1, 2, 3])
def test_erasing_across_node_borders(fill, backward):
    for pattern in ("xxxxxx", "xyxxyx", "yxxxxy", "xxyyxx"):
        model = [c.encode() for c in pattern]
        for count in range(7):
            quick = ByteList(fill)
            for element in model:
                quick.push(False, element)
            assert quick.erase(b"x", 5 if backward else 0, backward, count) == min(
                count, pattern.count("x"))
            expected = model[::-1] if backward else list(model)
            for _ in range(min(count, pattern.count("x"))):
                expected.remove(b"x")
            assert quick.verify()
            assert quick.walk(0, False) == (expected[::-1] if backward else expected)
