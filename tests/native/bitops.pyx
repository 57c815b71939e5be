"""Bit operations on Python bytes."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice, slices_of
from carnelian.encodings.bitops cimport (
    BitOperation, BitOverflow, bit_clamp_range, bit_count, bit_count_range, bit_operation,
    bit_position, bit_position_range, bitfield_end, bitfield_fit_signed, bitfield_fit_unsigned,
    bitfield_get, bitfield_set, bitfield_signed,
)

OPERATIONS = ["AND", "OR", "XOR", "NOT", "DIFF", "DIFF1", "ANDOR", "ONE"]
POLICIES = ["WRAP", "SAT", "FAIL"]


def clamp_range(int64_t first, int64_t last, int64_t total):
    if bit_clamp_range(&first, &last, total):
        return first, last
    return None


def count(const uint8_t[::1] data):
    return bit_count(&data[0] if len(data) else NULL, len(data))


def count_range(bytes data, uint64_t first, uint64_t last):
    return bit_count_range(<const uint8_t *><char *>data, first, last)


def position(bytes data, bint bit):
    return bit_position(<const uint8_t *><char *>data, len(data), bit)


def position_range(bytes data, uint64_t first, uint64_t last, bint bit):
    return bit_position_range(<const uint8_t *><char *>data, first, last, bit)


def operate(str name, list sources):
    cdef size_t size = max(len(source) for source in sources)
    cdef uint8_t *out = <uint8_t *>mem_alloc(size)
    cdef Slice *slices = slices_of(sources)
    bit_operation(<BitOperation><int>OPERATIONS.index(name), out, size, slices, len(sources))
    result = (<char *>out)[:size]
    mem_free(slices)
    mem_free(out)
    return result


def get_field(bytes data, uint64_t offset, int width, bint signed):
    cdef uint64_t value = bitfield_get(<const uint8_t *><char *>data, len(data), offset, width)
    if signed:
        return bitfield_signed(value, width)
    return value


def set_field(bytes data, uint64_t offset, int width, uint64_t value):
    out = bytearray(data.ljust(bitfield_end(offset, width), b"\0"))
    bitfield_set(<uint8_t *><char *>out, offset, width, value)
    return bytes(out)


def fit(object value, int64_t increment, int width, bint signed, str policy):
    cdef BitOverflow overflow = <BitOverflow><int>POLICIES.index(policy)
    cdef uint64_t positive
    cdef int64_t whole
    if signed:
        return whole if bitfield_fit_signed(value, increment, width, overflow, &whole) else None
    return positive if bitfield_fit_unsigned(value, increment, width, overflow, &positive) else None
