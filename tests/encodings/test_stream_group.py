"""Consumer groups against plain dicts; lag; references and trimming."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.stream import Entries

GROUPS = [b"g1", b"g2"]
CONSUMERS = [b"alice", b"bob", b"carol"]
IDS = st.integers(1, 60).map(lambda n: (n, 0))
STEPS = st.lists(
    st.tuples(
        st.sampled_from([
            "deliver", "deliver", "add", "ack", "claim", "disown", "leave", "unref", "redate",
        ]),
        st.sampled_from(GROUPS), st.sampled_from(CONSUMERS), IDS,
        st.one_of(st.integers(0, 10**6), st.integers(-2, 5)),
    ),
    max_size=150,
)


def check_times(stream, group, pending, number):
    when = min((value[1] for value in pending.values()), default=None)
    ids = sorted(key for key, value in pending.items() if value[1] == when)
    assert stream.oldest(group) == ((ids[0], when) if ids else None)
    assert stream.delivered_at(group, number) == sorted(
        key for key, value in pending.items() if value[1] == number)


def unreference(stream, model, id):
    assert stream.referenced(id) == any(id in part for part, _ in model.values())
    stream.unreference(id)
    for part, _ in model.values():
        part.pop(id, None)


def run(stream, model, step):
    kind, group, consumer, id, number = step
    pending, consumers = model[group]
    if kind in ("deliver", "add", "claim") and consumer not in consumers:
        assert stream.create_consumer(group, consumer, number)
        consumers[consumer] = number
    if kind == "deliver":
        stream.deliver(group, consumer, id, number)
        pending[id] = (consumer, number, 1)
    elif kind == "add":
        assert stream.add_pending(group, id, consumer, number, 5) == (id not in pending)
        pending.setdefault(id, (consumer, number, 5))
    elif kind == "ack":
        assert stream.acknowledge(group, id) == (pending.pop(id, None) is not None)
    elif kind in ("claim", "disown"):
        owner = consumer if kind == "claim" else None
        assert stream.claim(group, id, owner) == (id in pending)
        if id in pending:
            pending[id] = (owner, *pending[id][1:])
    elif kind == "redate":
        assert stream.redate(group, id, number) == (id in pending)
        if id in pending:
            pending[id] = (pending[id][0], number, pending[id][2])
    elif kind == "leave":
        if consumer in consumers:
            owned = [key for key, value in pending.items() if value[0] == consumer]
            assert stream.destroy_consumer(group, consumer) == len(owned)
            del consumers[consumer]
            for key in owned:
                del pending[key]
    else:
        unreference(stream, model, id)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_behaves_like_dicts(steps):
    live = memory.stats()["live"]
    stream = Entries()
    model = {group: ({}, {}) for group in GROUPS}
    for group in GROUPS:
        assert stream.create_group(group, (99, 0))
        assert not stream.create_group(group)
    for step in steps:
        run(stream, model, step)
        if step[4] % 3 == 0:        # from then on there is an index
            check_times(stream, step[1], model[step[1]][0], step[4])
        assert stream.verify()
    for copy in (stream, stream.copy()):
        assert copy.verify()
        for group, (pending, consumers) in model.items():
            expected = [(id, *pending[id]) for id in sorted(pending)]
            assert copy.pending(group) == expected
            assert copy.consumers(group) == [
                (name, consumers[name], -1) for name in sorted(consumers)]
            for name in consumers:
                assert copy.pending(group, name) == [row for row in expected if row[1] == name]
    stream.destroy_group(b"g1")
    assert stream.groups() == [(b"g2", (99, 0), -1)]
    assert stream.verify()
    del stream, copy
    assert memory.stats()["live"] == live


def test_names_are_sorted_and_binary():
    stream = Entries()
    names = [b"", b"\0", b"a", b"a\0b", b"aa", b"b", b"\xff"]
    shuffled = names[:]
    random.Random(3).shuffle(shuffled)
    for name in shuffled:
        assert stream.create_group(name, (1, 2), 7)
    assert stream.groups() == [(name, (1, 2), 7) for name in names]
    for name in shuffled:
        stream.destroy_group(name)
        assert stream.verify()
    assert stream.groups() == []


def test_many_pending():
    live = memory.stats()["live"]
    stream = Entries()
    stream.create_group(b"g")
    for name in CONSUMERS:
        stream.create_consumer(b"g", name)
    empty = stream.bytes_used()
    for n in range(30_000):
        stream.deliver(b"g", CONSUMERS[n % 3], (n, n % 5), n)
    assert stream.verify()
    assert stream.bytes_used() - empty < 30_000 * 75
    assert stream.blocks() > 30_000
    order = list(range(30_000))
    random.Random(1).shuffle(order)
    for n in order[:29_000]:
        assert stream.acknowledge(b"g", (n, n % 5))
    assert stream.verify()
    assert stream.bytes_used() - empty < 1_000 * 300
    assert [row[0][0] for row in stream.pending(b"g")] == sorted(order[29_000:])
    del stream
    assert memory.stats()["live"] == live


def filled(count=300, entries_max=100):
    stream = Entries(4096, entries_max)
    for n in range(1, count + 1):
        stream.append((n, 0), b"n", b"%d" % n)
    stream.create_group(b"g", (count, 0))
    stream.create_consumer(b"g", b"c")
    return stream


def left(stream):
    return [entry[0][0] for entry in stream.entries()]


def test_trim_keeps_or_drops_references():
    for refs, pending in (("KEEPREF", [50, 150, 250]), ("DELREF", [250])):
        stream = filled()
        for n in (50, 150, 250):
            stream.deliver(b"g", b"c", (n, 0))
        assert stream.trim(length=100, refs=refs) == 200
        assert [row[0][0] for row in stream.pending(b"g")] == pending
        assert stream.verify()


@pytest.mark.parametrize("by_length", [True, False])
@pytest.mark.parametrize("approximate", [True, False])
def test_trim_only_what_is_acknowledged(by_length, approximate):
    stream = filled()
    for n in (50, 150, 250):
        stream.deliver(b"g", b"c", (n, 0))
    goal = {"length": 100} if by_length else {"id_min": (201, 0)}
    removed = stream.trim(**goal, approximate=approximate, refs="ACKED")
    assert stream.verify()
    if by_length and not approximate:
        assert removed == 200
        assert left(stream) == [50, 150, *range(203, 301)]
    else:
        assert removed == 198
        assert left(stream) == [50, 150, *range(201, 301)]
    assert stream.facts["max_deleted"] >= (200, 0)
    assert stream.facts["first"] == (50, 0)
    assert len(stream.pending(b"g")) == 3


def test_undelivered_entries_are_referenced():
    stream = filled(10)
    stream.create_group(b"slow", (4, 0))
    assert [n for n in range(1, 11) if stream.referenced((n, 0))] == [5, 6, 7, 8, 9, 10]
    assert stream.trim(length=0, refs="ACKED") == 4
    assert left(stream) == [5, 6, 7, 8, 9, 10]


def test_delete_with_references():
    stream = filled(10)
    for n in (2, 3, 4):
        stream.deliver(b"g", b"c", (n, 0))
    assert stream.delete_referenced((2, 0), "KEEPREF") == 1
    assert stream.delete_referenced((2, 0), "KEEPREF") == -1
    assert stream.delete_referenced((3, 0), "DELREF") == 1
    assert stream.delete_referenced((4, 0), "ACKED") == 2
    assert stream.delete_referenced((5, 0), "ACKED") == 1
    assert stream.delete_referenced((99, 0), "ACKED") == -1
    assert [row[0][0] for row in stream.pending(b"g")] == [2, 4]
    assert left(stream) == [1, 4, 6, 7, 8, 9, 10]
    assert stream.verify()


def added(count):
    stream = Entries()
    for n in range(1, count + 1):
        stream.append((n, 0), b"data", b"x")
    return stream


def read(stream, group, *ids):
    for n in ids:
        stream.advance(group, (n, 0))


def progress(stream, group):
    """(entries-read, lag) as XINFO GROUPS shows them."""
    (entries_read,) = [row[2] for row in stream.groups() if row[0] == group]
    return (None if entries_read < 0 else entries_read), stream.lag(group)


def test_lag():
    stream = Entries()
    stream.create_group(b"new", (0, 0), 0)
    assert progress(stream, b"new") == (0, 0)
    stream = added(5)
    stream.create_group(b"g")
    assert progress(stream, b"g") == (None, 5)
    read(stream, b"g", 1)
    assert progress(stream, b"g") == (1, 4)
    assert not stream.advance(b"g", (1, 0))
    read(stream, b"g", 2, 3, 4, 5)
    assert progress(stream, b"g") == (5, 0)
    stream.append((6, 0), b"data", b"x")
    assert progress(stream, b"g") == (5, 1)


def test_lag_with_tombstones():
    stream = added(5)
    stream.delete((3, 0))
    stream.create_group(b"g1")
    stream.create_group(b"g2")
    assert stream.has_tombstones((3, 0), (9, 0))
    assert not stream.has_tombstones((4, 0), (9, 0))
    assert progress(stream, b"g1") == (None, None)
    for n in (1, 2, 4):
        read(stream, b"g1", n)
        assert progress(stream, b"g1") == (None, None)
    read(stream, b"g1", 5)
    assert progress(stream, b"g1") == (5, 0)
    stream.append((6, 0), b"data", b"x")
    assert progress(stream, b"g1") == (5, 1)
    stream.trim(id_min=(3, 0))
    assert (progress(stream, b"g1"), progress(stream, b"g2")) == ((5, 1), (None, 3))
    stream.trim(id_min=(5, 0))
    assert (progress(stream, b"g1"), progress(stream, b"g2")) == ((5, 1), (None, 2))


def test_lag_with_a_tombstone_after_what_was_read():
    stream = added(1)
    stream.create_group(b"g", (0, 0), 0)
    read(stream, b"g", 1)
    stream.append((2, 0), b"data", b"x")
    stream.append((3, 0), b"data", b"x")
    stream.delete((2, 0))
    assert progress(stream, b"g") == (1, None)
    stream.delete((1, 0))
    assert progress(stream, b"g") == (1, 1)
    read(stream, b"g", 3)
    assert progress(stream, b"g") == (3, 0)


def test_lag_with_trimming():
    stream = added(5)
    stream.create_group(b"g")
    read(stream, b"g", 1)
    assert progress(stream, b"g") == (1, 4)
    stream.trim(length=1)
    assert progress(stream, b"g") == (1, 1)
    assert stream.entries_up_to((3, 0)) == 4
    assert stream.entries_up_to((5, 0)) == 5
    assert stream.entries_up_to((6, 0)) == -1
    stream.trim(length=0)
    assert progress(stream, b"g") == (1, 0)
