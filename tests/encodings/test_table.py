"""The hash table against a plain set: membership, structure audit, SCAN's guarantee, randomness."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.table import ByteSet

KEYS = st.integers(0, 400).map(lambda n: b"key:%d" % n)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=600))
def test_behaves_like_a_set(steps):
    live = memory.stats()["live"]
    table, model = ByteSet(), set()
    for number, (adding, key) in enumerate(steps):
        if adding:
            assert table.add(key) == (key not in model)
            model.add(key)
        else:
            assert table.remove(key) == (key in model)
            model.discard(key)
        if number % 20 == 0:
            assert table.verify()
    assert table.verify()
    assert len(table) == len(model)
    assert sorted(table) == sorted(model)
    for key in model:
        assert key in table
    del table
    assert memory.stats()["live"] == live


def test_grows_and_shrinks_through_many_segments():
    live = memory.stats()["live"]
    table = ByteSet()
    small = table.bytes_used()
    keys = [b"%d" % n for n in range(20_000)]
    for number, key in enumerate(keys):
        table.add(key)
        if number % 2_500 == 0:
            assert table.verify()
    assert table.verify()
    assert all(key in table for key in keys)
    for number, key in enumerate(keys):
        assert table.remove(key)
        if number % 2_500 == 0:
            assert table.verify()
    assert table.verify()
    assert table.bytes_used() == small
    del table
    assert memory.stats()["live"] == live


def scan_all(table, between=lambda: None):
    seen, cursor, calls = [], 0, 0
    while True:
        cursor, found = table.scan(cursor)
        seen += found
        calls += 1
        assert cursor < 1 << 48
        if cursor == 0:
            return seen
        if calls % 16 == 0:
            between()


def test_scan_without_changes_returns_each_once():
    table = ByteSet()
    keys = [b"%d" % n for n in range(5_000)]
    for key in keys:
        table.add(key)
    assert sorted(scan_all(table)) == sorted(keys)


@pytest.mark.parametrize("others", [200, 3_000, 30_000])
def test_scan_keeps_its_guarantee_while_the_table_changes_size(others):
    table = ByteSet()
    kept = {b"kept:%d" % n for n in range(1_000)}
    extra = [b"extra:%d" % n for n in range(others)]
    for key in kept:
        table.add(key)
    phase = {"at": 0, "adding": True}

    def churn():
        step = max(1, others // 10)
        for key in extra[phase["at"] : phase["at"] + step]:
            (table.add if phase["adding"] else table.remove)(key)
        phase["at"] += step
        if phase["at"] >= others:
            phase["at"], phase["adding"] = 0, not phase["adding"]

    for _ in range(4):
        assert kept <= set(scan_all(table, churn))
        assert table.verify()


@given(st.integers(0, 2**64 - 1))
def test_any_cursor_is_safe(cursor):
    table = ByteSet()
    for number in range(700):
        table.add(b"%d" % number)
    following, _ = table.scan(cursor)
    assert following < 1 << 48


def test_random_reaches_everything_about_equally():
    table = ByteSet()
    for number in range(50):
        table.add(b"%d" % number)
    counts = Counter(table.random() for _ in range(20_000))
    assert len(counts) == 50
    assert min(counts.values()) > 200
    assert max(counts.values()) < 700
    assert ByteSet().random() is None
