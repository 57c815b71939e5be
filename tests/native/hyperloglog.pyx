"""HyperLogLog on Python bytes with the logic PFADD, PFCOUNT and PFMERGE need."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from carnelian.base.slice cimport slice_of
from carnelian.encodings.hyperloglog cimport (
    HLL_DENSE, HLL_NONE, HLL_REGISTERS, HllWork, hll_add, hll_cache_clear, hll_cache_store,
    hll_cached, hll_count, hll_count_registers, hll_dense_add, hll_kind, hll_load, hll_merge,
    hll_new, hll_raise, hll_to_dense,
)


class Corrupt(Exception):
    pass


class NotHyperLogLog(Exception):
    pass


cdef const uint8_t *checked(bytes data) except NULL:
    cdef const uint8_t *p = <const uint8_t *><char *>data
    if hll_kind(p, len(data)) == HLL_NONE:
        raise NotHyperLogLog
    return p


def add(data, *elements, size_t sparse_max=3000):
    """(new bytes, whether a register changed); `data` None for a new key."""
    cdef HllWork work
    cdef bint changed = data is None
    cdef int got
    cdef bytes element
    if data is None:
        hll_new(&work)
    elif hll_load(&work, checked(data), len(data)):
        raise Corrupt
    for element in elements:
        got = hll_add(&work, slice_of(element, len(element)), sparse_max)
        if got < 0:
            raise Corrupt
        changed |= got
    if changed:
        hll_cache_clear(work.data)
    return (<char *>work.data)[:work.size], changed


def dense_add(bytes data, bytes element):
    out = bytearray(data)
    assert hll_kind(<uint8_t *><char *>out, len(out)) == HLL_DENSE
    if hll_dense_add(<uint8_t *><char *>out, slice_of(element, len(element))):
        hll_cache_clear(<uint8_t *><char *>out)
    return bytes(out)


def count(bytes data):
    cdef int64_t found = hll_count(checked(data), len(data))
    if found < 0:
        raise Corrupt
    return found


def cached(bytes data):
    cdef uint64_t found
    return found if hll_cached(checked(data), &found) else None


def with_cache(bytes data):
    out = bytearray(data)
    hll_cache_store(<uint8_t *><char *>out, count(data))
    return bytes(out)


cdef bint merge_all(uint8_t *registers, sources) except -1:
    cdef bint dense = False
    memset(registers, 0, HLL_REGISTERS)
    for source in sources:
        if hll_merge(registers, checked(source), len(source)):
            raise Corrupt
        dense |= source[4] == HLL_DENSE
    return dense


def registers_of(*sources):
    cdef uint8_t registers[HLL_REGISTERS]
    merge_all(registers, sources)
    return registers[:HLL_REGISTERS]


def count_union(*sources):
    cdef uint8_t registers[HLL_REGISTERS]
    merge_all(registers, sources)
    return hll_count_registers(registers)


def merge(destination, *sources, size_t sparse_max=3000):
    cdef HllWork work
    cdef uint8_t registers[HLL_REGISTERS]
    existing = () if destination is None else (destination,)
    cdef bint dense = merge_all(registers, existing + sources)
    if destination is None:
        hll_new(&work)
    else:
        hll_load(&work, destination, len(destination))
    if (dense and hll_to_dense(&work)) or hll_raise(&work, registers, sparse_max):
        raise Corrupt
    hll_cache_clear(work.data)
    return (<char *>work.data)[:work.size]


def to_dense(bytes data):
    cdef HllWork work
    if hll_load(&work, checked(data), len(data)) or hll_to_dense(&work):
        raise Corrupt
    return (<char *>work.data)[:work.size]
