"""The loops behind intset.pxd."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from carnelian.base.native cimport store16, store32, store64
from carnelian.encodings.packed cimport Splice, splice_of


cdef inline size_t width_of(int64_t number) noexcept nogil:
    if number == <int16_t>number:
        return sizeof(int16_t)
    return sizeof(int32_t) if number == <int32_t>number else sizeof(int64_t)


cdef inline void put(uint8_t *data, size_t position, int64_t number) noexcept nogil:
    cdef uint8_t *p = data + INTSET_HEADER + position * data[0]
    if data[0] == sizeof(int16_t):
        store16(p, <uint16_t>number)
    elif data[0] == sizeof(int32_t):
        store32(p, <uint32_t>number)
    else:
        store64(p, <uint64_t>number)


cdef bint intset_find(
    const uint8_t *data, size_t size, int64_t number, size_t *position
) noexcept nogil:
    cdef size_t low = 0
    cdef size_t high = intset_count(data, size)
    cdef size_t middle
    cdef size_t count = high
    if high and number > intset_at(data, high - 1):     # ascending input is common
        position[0] = high
        return False
    while low < high:
        middle = (low + high) >> 1
        if intset_at(data, middle) < number:
            low = middle + 1
        else:
            high = middle
    position[0] = low
    return low < count and intset_at(data, low) == number


cdef Splice intset_plan_add(
    const uint8_t *data, size_t size, int64_t number, size_t position
) noexcept nogil:
    cdef size_t count = intset_count(data, size)
    cdef size_t width = width_of(number)
    if width > data[0]:
        return splice_of(size, 0, INTSET_HEADER + (count + 1) * width - size)
    return splice_of(INTSET_HEADER + position * data[0], 0, data[0])


cdef void widen(uint8_t *data, size_t count, size_t width, size_t shift) noexcept nogil:
    """Rewrite all numbers from the last to the first, `shift` places further on."""
    cdef size_t i = count
    cdef uint8_t narrow = data[0]
    cdef int64_t number
    while i:
        i -= 1
        data[0] = narrow
        number = intset_at(data, i)
        data[0] = <uint8_t>width
        put(data, i + shift, number)
    data[0] = <uint8_t>width


cdef void intset_write_add(
    uint8_t *data, size_t size, int64_t number, size_t position
) noexcept nogil:
    cdef size_t width = width_of(number)
    if width > data[0]:     # it is below or above all others
        widen(data, intset_count(data, size), width, 1 if position == 0 else 0)
    put(data, position, number)


cdef bint intset_verify(const uint8_t *data, size_t size) noexcept nogil:
    cdef size_t i
    if size < INTSET_HEADER or data[0] not in (2, 4, 8) or (size - INTSET_HEADER) % data[0]:
        return False
    for i in range(1, intset_count(data, size)):
        if intset_at(data, i - 1) >= intset_at(data, i):
            return False
    return True
