"""The packed encodings against dict, set and list, audited after each step; verify on noise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native.packed import (
    HashRegion,
    IntsetRegion,
    ListRegion,
    SetRegion,
    exceeds,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.one_of(st.integers(-20, 20), st.integers(-40_000, 40_000), INT64)
EDGES = [0, 1, 251, 252, 253, 254, 255, 300]
BYTES = st.one_of(
    st.integers(0, 30).map(lambda n: b"field:%d" % n),
    st.sampled_from(EDGES).map(lambda n: b"x" * n),
    st.binary(max_size=6),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aarp"), BYTES, st.integers(0, 99)), max_size=60))
def test_packed_set_behaves_like_a_set(steps):
    region, model = SetRegion(), {}
    for what, member, number in steps:
        if what == "a":
            assert region.add(member) == (member not in model)
            model[member] = True
        elif what == "r":
            assert region.remove(member) == (model.pop(member, None) is not None)
        elif model:
            index = number % len(model)
            popped = region.pop(index)
            assert popped == list(model)[index]
            del model[popped]
        assert region.verify()
        assert len(region) == len(model)
        assert list(region) == list(model)


@settings(max_examples=120, deadline=None)
@given(st.lists(
    st.tuples(st.sampled_from("sssrte"), BYTES, BYTES, st.integers(0, 2**48)), max_size=60
))
def test_packed_hash_behaves_like_a_dict(steps):
    region, model = HashRegion(), {}
    for what, field, value, number in steps:
        old = model.get(field)
        if what == "s":
            assert region.set(field, value) == (old is None)
            model[field] = (value, old[1] if old else 0)
        elif what == "r":
            assert region.remove(field) == (old is not None)
            model.pop(field, None)
        elif what == "t":
            assert region.expire(field, number) == (old is not None)
            if old:
                model[field] = (old[0], number)
        assert region.get(field) == model.get(field)
        assert region.verify()
        assert len(region) == len(model)
        items = [(f, v, t) for f, (v, t) in model.items()]
        assert region.items() == items
        if items:
            assert region.at(number % len(items)) == items[number % len(items)]
        assert region.expiry_min_ms() == min((t for _, _, t in items if t), default=0)


def test_hash_without_expiries_pays_one_byte_per_string():
    region = HashRegion()
    for i in range(10):
        region.set(b"field:%d" % i, b"value:%d" % i)
    assert region.size == 2 + 10 * (8 + 8)
    region.expire(b"field:3", 5)
    assert region.size == 2 + 10 * (8 + 8 + 8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), NUMBERS), max_size=60))
def test_intset_behaves_like_a_sorted_set(steps):
    region, model = IntsetRegion(), set()
    for adding, number in steps:
        if adding:
            assert region.add(number) == (number not in model)
            model.add(number)
        else:
            assert region.remove(number) == (number in model)
            model.discard(number)
        assert (number in region) == (number in model)
        assert region.verify()
        assert len(region) == len(model)
        assert list(region) == sorted(model)


def test_intset_widens_at_the_exact_bounds():
    for bits in (16, 32):
        top = 1 << (bits - 1)
        for number, grows in ((top - 1, False), (-top, False), (top, True), (-top - 1, True)):
            region = IntsetRegion()
            if bits == 32:
                region.add(40_000)
            region.add(1)
            width = bits // 8
            region.add(number)
            assert region.size == 1 + len(region) * (width * 2 if grows else width)
            assert region.verify()


@settings(max_examples=120, deadline=None)
@given(st.lists(
    st.tuples(st.sampled_from("fbiirs"), BYTES, st.integers(0, 999), st.integers(0, 4)), max_size=60
))
def test_packed_list_behaves_like_a_list(steps):
    region, model = ListRegion(), []
    for what, element, number, count in steps:
        index = number % (len(model) + 1)
        if what in "fbi":
            index = {"f": 0, "b": len(model), "i": index}[what]
            region.insert(index, element)
            model.insert(index, element)
        elif what == "r":
            end = min(index + count, len(model))
            region.remove(index, end - index)
            del model[index:end]
        elif index < len(model):
            region.replace(index, element)
            model[index] = element
        assert region.verify()
        assert len(region) == len(model)
        assert list(region) == model
        assert list(reversed(region)) == model[::-1]
        if model:
            assert region[number % len(model)] == model[number % len(model)]


def test_counts_beyond_the_count_word():
    members = [b"%x" % i for i in range(32766)]
    raw = b"".join(bytes([len(m)]) + m for m in members)
    region = SetRegion()
    region.load((32766).to_bytes(2, "little") + raw)
    assert region.verify()
    for extra in (b"one", b"two", b"three"):
        region.add(extra)
    assert region.verify()
    assert len(region) == 32769
    for extra in (b"one", b"0", b"two", b"1"):
        assert region.remove(extra)
        assert region.verify()
    assert len(region) == 32765
    assert region.raw()[:2] == (32765).to_bytes(2, "little")


def test_elements_longer_than_64_kib():
    long = b"y" * 70_000
    for region in (SetRegion(), HashRegion(), ListRegion()):
        if isinstance(region, SetRegion):
            region.add(b"first")
            region.add(long)
            assert long in region
            assert b"z" * 70_000 not in region
        elif isinstance(region, HashRegion):
            region.set(long, long)
            assert region.get(long) == (long, 0)
        else:
            region.insert(0, long)
            region.insert(0, b"")
            assert list(reversed(region)) == [long, b""]
        assert region.verify()


@pytest.mark.parametrize(("size", "count", "fill", "answer"), [
    (4096, 9999, -1, False), (4097, 1, -1, True), (8192, 9, -2, False), (8193, 9, -2, True),
    (65536, 9, -5, False), (65537, 9, -5, True), (65536, 9, -50, False),
    (10, 3, 3, False), (10, 4, 3, True), (8193, 1, 3, True), (10, 1, 0, False), (10, 2, 0, True),
    (10, 0x7FFF, 100_000, False), (10, 0x8000, 100_000, True),
])
def test_list_limits_are_those_of_redis(size, count, fill, answer):
    assert exceeds(size, count, fill) == answer


def filled(kind):
    region = kind()
    for i, n in enumerate([0, 3, 252, 253, 254, 5]):
        if kind is SetRegion:
            region.add(bytes([i]) * n)
        elif kind is HashRegion:
            region.set(bytes([i]) * n, b"v" * n)
            if n == 5:
                region.expire(bytes([i]) * n, 77)
        elif kind is ListRegion:
            region.insert(i, bytes([i]) * n)
        else:
            region.add(n - 100)
    return region.raw()


def touch_all(region):
    """Everything that a verified region may be asked."""
    assert len(region) >= 0
    if isinstance(region, HashRegion):
        region.items()
        region.get(b"x")
        region.expiry_min_ms()
    else:
        list(region)
        assert (b"x" if not isinstance(region, IntsetRegion) else 7) not in region or True
    if isinstance(region, ListRegion):
        assert list(reversed(region)) == list(region)[::-1]


@pytest.mark.parametrize("kind", [SetRegion, HashRegion, IntsetRegion, ListRegion])
def test_verify_stands_any_bytes(kind):
    whole = filled(kind)
    region = kind()
    region.load(whole)
    assert region.verify()
    for end in range(len(whole)):
        region.load(whole[:end])
        if region.verify():
            assert kind is IntsetRegion
            touch_all(region)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=3),
           st.integers(0, len(whole)), st.binary(max_size=12))
    def mutate(changes, cut, tail):
        raw = bytearray(whole)
        for at, byte in changes:
            raw[at] = byte
        region.load(bytes(raw[:cut]) + tail)
        if region.verify():
            touch_all(region)
        region.load(tail)
        if region.verify():
            touch_all(region)

    mutate()
