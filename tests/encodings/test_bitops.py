"""Bit operations against Python's integers, where a string is one big-endian number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from native import bitops

DATA = st.one_of(
    st.binary(max_size=80),
    st.tuples(st.sampled_from([b"\0", b"\xff"]), st.integers(0, 900), st.binary(max_size=9)).map(
        lambda parts: parts[0] * parts[1] + parts[2] + parts[0] * 20
    ),
)


def bits_of(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


@settings(deadline=None)
@given(DATA)
def test_count_and_position_of_whole_strings(data):
    bits = bits_of(data)
    assert bitops.count(data) == bits.count("1")
    assert bitops.position(data, True) == bits.find("1")
    assert bitops.position(data, False) == bits.find("0")


@settings(deadline=None)
@given(DATA.filter(bool), st.data())
def test_count_and_position_in_ranges(data, draw):
    first = draw.draw(st.integers(0, len(data) * 8 - 1))
    last = draw.draw(st.integers(first, len(data) * 8 - 1))
    bits = bits_of(data)
    assert bitops.count_range(data, first, last) == bits[first : last + 1].count("1")
    assert bitops.position_range(data, first, last, True) == bits.find("1", first, last + 1)
    assert bitops.position_range(data, first, last, False) == bits.find("0", first, last + 1)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 257, 511, 4097, 100_003])
def test_count_of_every_alignment(size):
    data = bytes((i * 37 + (i >> 3)) & 255 for i in range(size + 3))
    for start in range(3):
        part = data[start : start + size]
        assert bitops.count(part) == int.from_bytes(part, "big").bit_count()


def test_clamp_range():
    assert bitops.clamp_range(0, -1, 10) == (0, 9)
    assert bitops.clamp_range(-3, -1, 10) == (7, 9)
    assert bitops.clamp_range(-30, 50, 10) == (0, 9)
    assert bitops.clamp_range(5, 4, 10) is None
    assert bitops.clamp_range(10, 20, 10) is None
    assert bitops.clamp_range(0, -1, 0) is None
    assert bitops.clamp_range(-(2**63), 2**63 - 1, 10) == (0, 9)


def model_operation(name: str, numbers: list[int], width: int) -> int:
    first, *rest = numbers
    others = 0
    for number in rest:
        others |= number
    if name == "ONE":
        return sum(
            1 << bit for bit in range(width) if sum(number >> bit & 1 for number in numbers) == 1
        )
    if name in ("AND", "OR", "XOR"):
        for number in rest:
            first = {"AND": first & number, "OR": first | number, "XOR": first ^ number}[name]
        return first
    return {
        "NOT": ~first & ((1 << width) - 1),
        "DIFF": first & ~others,
        "DIFF1": others & ~first,
        "ANDOR": first & others,
    }[name]


@settings(deadline=None)
@given(st.sampled_from(bitops.OPERATIONS), st.lists(st.binary(max_size=40), min_size=1, max_size=5))
def test_operations(name, sources):
    if name == "NOT":
        sources = sources[:1]
    size = max(map(len, sources))
    numbers = [int.from_bytes(source.ljust(size, b"\0"), "big") for source in sources]
    expected = model_operation(name, numbers, size * 8).to_bytes(size, "big")
    assert bitops.operate(name, sources) == expected


@pytest.mark.parametrize("name", bitops.OPERATIONS)
def test_operations_across_blocks(name):
    sources = [bytes((i * k >> 2) & 255 for i in range(size)) for k, size in
               ((7, 4096), (11, 9001), (13, 5000), (3, 1))]
    if name == "NOT":
        sources = sources[1:2]
    size = max(map(len, sources))
    got = bitops.operate(name, sources)
    for start in range(0, size, 977):
        parts = [source[start : start + 977] for source in sources]
        width = min(977, size - start)
        numbers = [int.from_bytes(part.ljust(width, b"\0"), "big") for part in parts]
        expected = model_operation(name, numbers, width * 8).to_bytes(width, "big")
        assert got[start : start + width] == expected


@settings(deadline=None)
@given(st.binary(max_size=20), st.integers(0, 170), st.integers(1, 64), st.data())
def test_fields(data, offset, width, draw):
    padded = bits_of(data.ljust(32, b"\0"))
    expected = int(padded[offset : offset + width], 2)
    assert bitops.get_field(data, offset, width, False) == expected
    signed = expected - (1 << width) if expected >> (width - 1) else expected
    assert bitops.get_field(data, offset, width, True) == signed

    value = draw.draw(st.integers(0, 2**64 - 1))
    size = max(len(data), (offset + width + 7) // 8)
    low = f"{value & ((1 << width) - 1):0{width}b}"
    stored = padded[:offset] + low + padded[offset + width :]
    assert bits_of(bitops.set_field(data, offset, width, value)) == stored[: size * 8]


NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300))


@settings(deadline=None, max_examples=300)
@given(st.booleans(), st.integers(1, 64), NUMBERS, NUMBERS, st.booleans())
def test_overflow(signed, width, value, increment, setting):
    if not signed:
        width = min(width, 63)
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    if setting:
        increment = 0       # SET checks whatever number the client sent
        if not signed:
            value %= 2**64
    else:
        value = (value - low) % (1 << width) + low
    exact = value + increment
    wrapped = (exact - low) % (1 << width) + low
    fits = low <= exact <= high
    assert bitops.fit(value, increment, width, signed, "WRAP") == wrapped
    saturated = max(low, min(high, exact))
    if signed and width < 64 and high - value >= 2**63:
        saturated = high    # as Redis, whose subtraction overflows
    assert bitops.fit(value, increment, width, signed, "SAT") == saturated
    assert bitops.fit(value, increment, width, signed, "FAIL") == (exact if fits else None)
