"""HyperLogLog against a model of registers, its exact bytes, and strings made to break it."""

import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from native import hyperloglog as hll

EMPTY = b"HYLL\x01\0\0\0" + b"\0" * 7 + b"\x80" + b"\x7f\xff"
MASK = 2**64 - 1


def murmur64(data: bytes) -> int:
    factor = 0xC6A4A7935BD1E995
    h = 0xADC83B19 ^ (len(data) * factor & MASK)
    whole = len(data) & ~7
    for i in range(0, whole, 8):
        k = int.from_bytes(data[i : i + 8], "little") * factor & MASK
        k = (k ^ k >> 47) * factor & MASK
        h = (h ^ k) * factor & MASK
    if len(data) & 7:
        h = (h ^ int.from_bytes(data[whole:], "little")) * factor & MASK
    h = (h ^ h >> 47) * factor & MASK
    return h ^ h >> 47


def raise_model(registers: bytearray, element: bytes) -> None:
    h = murmur64(element)
    rest = h >> 14 | 1 << 50
    rank = (rest & -rest).bit_length()
    registers[h & 16383] = max(registers[h & 16383], rank)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=60), st.sampled_from([0, 30, 100, 3000]))
def test_registers(elements, sparse_max):
    data, registers = None, bytearray(16384)
    for element in elements:
        before = bytes(registers)
        data, changed = hll.add(data, element, sparse_max=sparse_max)
        raise_model(registers, element)
        assert changed == (before != registers or before == bytes(16384))
        assert hll.registers_of(data) == registers
        assert data[4] == 0 or len(data) <= max(sparse_max, 18)
        assert hll.cached(data) is None or not changed
        assert hll.count(data) == hll.count_union(data)


def test_new_and_cache():
    data, changed = hll.add(None)
    assert (data, changed) == (EMPTY, True)
    assert hll.count(data) == 0
    data = hll.with_cache(hll.add(data, b"a", b"b")[0])
    assert hll.cached(data) == 2
    assert hll.add(data, b"a") == (data, False)
    data, changed = hll.add(data, b"c")
    assert changed
    assert hll.cached(data) is None


def test_error_stays_small_and_bytes_are_known():
    data = None
    for number in range(20_000):
        if data is not None and data[4] == 0:
            data = hll.dense_add(data, b"ele:%d" % number)
        else:
            data = hll.add(data, b"ele:%d" % number)[0]
        if number + 1 in (10, 300, 1000, 20_000):
            assert abs(hll.count(data) - number - 1) <= 0.03 * (number + 1)
        if number + 1 == 1000:
            sparse = data
    # what Redis 7.0 stores after PFADD of the same elements
    assert hashlib.sha1(sparse).hexdigest() == SPARSE_SHA1
    assert hashlib.sha1(data).hexdigest() == DENSE_SHA1


SPARSE_SHA1 = "46f068edb4c8471584c75dea9b9b4761d4f9b535"
DENSE_SHA1 = "115e4bc303a39720cea8a6799daa8c4d00205656"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=8), max_size=80), min_size=1, max_size=4),
       st.booleans(), st.booleans())
def test_merge(groups, one_is_dense, into_new):
    sources = [hll.add(None, *group)[0] for group in groups]
    if one_is_dense:
        sources[0] = hll.to_dense(sources[0])
    whole = hll.add(None, *(element for group in groups for element in group))[0]
    merged = hll.merge(None, *sources) if into_new else hll.merge(*sources)
    assert (merged[4] == 0) == one_is_dense
    assert hll.registers_of(merged) == hll.registers_of(whole) == hll.registers_of(*sources)
    assert hll.count_union(*sources) == hll.count(whole)
    assert hll.cached(merged) is None


def test_what_is_no_hyperloglog():
    for data in (b"", b"HYLL", EMPTY[:15], b"HYLM" + EMPTY[4:], b"HYLL\x02" + EMPTY[5:],
                 b"HYLL\0" + EMPTY[5:], b"HYLL\xff" + EMPTY[5:]):
        with pytest.raises(hll.NotHyperLogLog):
            hll.count(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.lists(st.binary(max_size=3), min_size=1, max_size=20))
@example(b"\x7f\xff" * 2, [b"a"])           # covers twice as many registers as there are
@example(b"\x7f", [b"a"])                   # ends within an opcode
@example(b"\x80" * 40_000, [b"a", b"b"])    # longer than anything valid
def test_corrupt_strings_are_refused(opcodes, elements):
    data = EMPTY[:16] + opcodes
    covered, i = 0, 0
    while i < len(opcodes):
        op = opcodes[i]
        if op & 0x80:
            covered += (op & 3) + 1
        elif op & 0x40:
            covered += (((op & 63) << 8) | opcodes[i + 1]) + 1 if i + 1 < len(opcodes) else 99999
            i += 1
        else:
            covered += op + 1
        i += 1
    if covered == 16384:
        hll.count(data)
    else:
        for read in (hll.count, hll.registers_of, hll.to_dense):
            with pytest.raises(hll.Corrupt):
                read(data)
    for element in elements:
        try:
            data = hll.add(data, element, sparse_max=3000)[0]
        except hll.Corrupt:
            assert covered != 16384
