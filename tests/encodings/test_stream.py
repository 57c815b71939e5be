"""Streams against a plain list of entries, with the structure audited after each step."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnelian.base import memory
from native.stream import Entries

TOP = 2**64 - 1
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-70, 70), st.integers(0, 70_000))
VALUES = st.one_of(
    st.sampled_from([b"value1", b"value2", b"", b"0", b"-0", b"007", b"+1", b"1e3", b"-"]),
    NUMBERS.map(lambda n: b"%d" % n),
    st.binary(max_size=12),
)
FIELDS = st.sampled_from([b"field1", b"field2", b"7", b"f" * 300])
PAIRS = st.one_of(
    st.lists(VALUES, min_size=2, max_size=2).map(lambda v: [b"field1", v[0], b"field2", v[1]]),
    st.lists(st.tuples(FIELDS, VALUES), min_size=1, max_size=4).map(
        lambda pairs: [part for pair in pairs for part in pair]
    ),
)
DELTAS = st.one_of(
    st.just((0, 1)),
    st.tuples(st.sampled_from([0, 1, 100, 300, 2**40]), st.sampled_from([0, 1, 3, 200, 2**33])),
)


@st.composite
def scripts(draw):
    return draw(st.lists(
        st.one_of(
            st.tuples(st.just("add"), DELTAS, PAIRS),
            st.tuples(st.just("add"), DELTAS, PAIRS),
            st.tuples(st.just("delete"), st.integers(0, 60)),
            st.tuples(st.just("range"), st.integers(0, 60), st.integers(0, 60)),
            st.tuples(st.just("length"), st.integers(0, 40)),
            st.tuples(st.just("min"), st.integers(0, 60)),
        ),
        max_size=120,
    ))


class Model:
    def __init__(self):
        self.entries = []
        self.last = (0, 0)
        self.added = 0
        self.max_deleted = (0, 0)

    def pick(self, index):
        """An ID that is there, or one beside it."""
        if not self.entries:
            return (index, index)
        ms, seq = self.entries[index // 2 % len(self.entries)][0]
        return (ms, seq + 1 if index % 2 else seq)

    def facts(self):
        first = self.entries[0][0] if self.entries else (0, 0)
        return {"added": self.added, "last": self.last, "first": first,
                "max_deleted": self.max_deleted}


def run(stream, model, step):
    kind = step[0]
    if kind == "add":
        ms, seq = model.last
        later, more = step[1]
        id = (ms + later, more if later else seq + max(more, 1))
        stream.append(id, *step[2])
        model.entries.append((id, *step[2]))
        model.last = id
        model.added += 1
    elif kind == "delete":
        id = model.pick(step[1])
        kept = [entry for entry in model.entries if entry[0] != id]
        there = len(kept) < len(model.entries)
        assert (id in stream) == there
        assert stream.delete(id) == there
        if there:
            model.max_deleted = max(model.max_deleted, id)
        model.entries = kept
    elif kind == "range":
        start, end = model.pick(step[1]), model.pick(step[2])
        expected = [entry for entry in model.entries if start <= entry[0] <= end]
        assert stream.entries(start, end) == expected
        assert stream.entries(start, end, reverse=True) == expected[::-1]
    elif kind == "length":
        gone = max(0, len(model.entries) - step[1])
        assert stream.trim(length=step[1]) == gone
        model.entries = model.entries[gone:]
    else:
        id = model.pick(step[1])
        kept = [entry for entry in model.entries if entry[0] >= id]
        assert stream.trim(id_min=id) == len(model.entries) - len(kept)
        model.entries = kept


@settings(max_examples=80, deadline=None)
@given(scripts(), st.sampled_from([(4096, 100), (200, 0), (4096, 7), (0, 0), (0, 1)]))
def test_behaves_like_a_list(steps, limits):
    live = memory.stats()["live"]
    stream, model = Entries(*limits), Model()
    for step in steps:
        run(stream, model, step)
        assert stream.verify()
        assert len(stream) == len(model.entries)
        assert stream.facts == model.facts()
    assert stream.entries() == model.entries
    assert stream.entries(reverse=True) == model.entries[::-1]
    assert stream.last_live() == (model.entries[-1][0] if model.entries else None)
    twin = stream.copy()
    assert twin.verify()
    assert (twin.entries(), twin.facts) == (stream.entries(), stream.facts)
    twin.append((2**62, 0), b"a", b"b")
    assert twin.verify()
    del twin, stream
    assert memory.stats()["live"] == live


def numbered(count, entries_max=100, bytes_max=4096):
    stream = Entries(bytes_max, entries_max)
    for n in range(1, count + 1):
        stream.append((n, 0), b"n", b"%d" % n)
    return stream


def test_identical_entries_are_nearly_free():
    stream = Entries()
    stream.fill(100_000, 1_700_000_000_000, 1_000, b"field1", b"value1", b"field2", b"value2")
    assert stream.verify()
    assert stream.nodes == 1_000
    assert stream.bytes_used() < 2.5 * 100_000
    assert stream.count() == stream.count(reverse=True) == 100_000 * 24


def test_large_values_and_many_fields():
    live = memory.stats()["live"]
    stream = Entries()
    for n in range(1, 40):
        stream.append((n, TOP), b"f" * (n * 211), b"v" * (1 << n % 19), b"", b"x" * 127, b"k",
                      b"x" * 128)
    wide = [b"%d" % (n * n) for n in range(2_000)]
    stream.append((100, 0), *wide)
    stream.append((100, 1), *wide)
    assert stream.verify()
    assert stream.entries((100, 0)) == [((100, 0), *wide), ((100, 1), *wide)]
    assert len(stream.entries(reverse=True)) == 41
    del stream
    assert memory.stats()["live"] == live


def test_node_limits():
    assert numbered(1000).nodes == 10
    assert numbered(1000, entries_max=0, bytes_max=0).nodes == 1
    assert numbered(1000, entries_max=1).nodes == 1000
    assert numbered(1000, entries_max=0, bytes_max=100).nodes > 20
    long = numbered(5_000, entries_max=0, bytes_max=0)
    assert [entry[0][0] for entry in long.entries(reverse=True)] == list(range(5_000, 0, -1))


def test_ids():
    stream = Entries()
    assert stream.next_id(5) == (5, 0)
    assert stream.next_seq(0) == (0, 1)
    assert stream.next_seq(7) == (7, 0)
    stream.append((10, 3), b"a", b"b")
    assert stream.next_id(10) == stream.next_id(9) == (10, 4)
    assert stream.next_seq(10) == (10, 4)
    assert stream.next_seq(9) is None
    for id in ((10, 3), (10, 2), (9, 9), (0, 0)):
        with pytest.raises(ValueError, match="not larger"):
            stream.append(id, b"a", b"b")
    stream.append((10, TOP), b"a", b"b")
    assert stream.next_id(3) == (11, 0)
    assert stream.next_seq(10) is None
    stream.append((TOP, TOP), b"a", b"b")
    assert stream.next_id(3) is None
    assert stream.verify()


def test_extreme_ids_iterate():
    stream = Entries()
    ids = [(0, 1), (0, TOP), (1, 0), (1, TOP), (2**63, 2**63), (TOP, 0), (TOP, TOP)]
    for id in ids:
        stream.append(id, b"a", b"b")
    assert stream.verify()
    assert [entry[0] for entry in stream.entries()] == ids
    assert [entry[0] for entry in stream.entries((0, 2), (TOP, 1), reverse=True)] == ids[5:0:-1]
    assert stream.entries((5, 0), (4, 0)) == []
    for id in ids:
        assert stream.delete(id)
        assert not stream.delete(id)
        assert stream.verify()
    assert stream.facts["first"] == (0, 0)
    assert stream.nodes == 0


def test_deleting_gives_memory_back_and_appending_goes_on():
    stream = numbered(1000)
    full = stream.bytes_used()
    for n in range(1, 1001):
        if n % 20:
            stream.delete((n, 0))
            assert stream.verify() or pytest.fail(str(n))
    assert stream.bytes_used() < full / 3
    assert [entry[0][0] for entry in stream.entries()] == list(range(20, 1001, 20))
    stream.append((1001, 0), b"n", b"1001")
    assert stream.verify()
    for n in range(20, 1001, 20):
        stream.delete((n, 0))
    assert stream.entries() == [((1001, 0), b"n", b"1001")]


@pytest.mark.parametrize("refs", ["KEEPREF", "DELREF", "ACKED"])
def test_trim_by_whole_nodes(refs):
    stream = numbered(1000)
    assert stream.trim(length=950, approximate=True, refs=refs) == 0
    assert stream.trim(length=555, approximate=True, refs=refs) == 400
    assert stream.trim(id_min=(501, 0), approximate=True, refs=refs) == 100
    assert stream.trim(id_min=(550, 0), approximate=True, refs=refs) == 0
    assert stream.trim(length=0, approximate=True, limit=250, refs=refs) == 200
    assert stream.trim(length=0, approximate=True, limit=50, refs=refs) == 0
    assert stream.facts["first"] == (701, 0)
    assert stream.facts["max_deleted"] == (0, 0)
    assert stream.trim(length=130, refs=refs) == 170
    assert stream.trim(id_min=(TOP, 0), approximate=True, refs=refs) == 130
    assert stream.verify()
    assert stream.nodes == 0


def test_capped_stream():
    """Exact trimming after every XADD, as XADD MAXLEN = 50 does."""
    stream = Entries()
    source = random.Random(2)
    for n in range(1, 3_000):
        stream.append((n, 0), b"n", b"%d" % source.randrange(10**6))
        stream.trim(length=50)
        if n % 100 == 0:
            assert stream.verify()
    assert [entry[0][0] for entry in stream.entries()] == list(range(2_950, 3_000))
    assert stream.bytes_used() < 3_000
