"""Walking and building Redis's packed forms; see foreign.pxd."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.native cimport load16, load32, load64, store16, store32, store64
from carnelian.base.numbers cimport format_int64, parse_int64
from carnelian.base.slice cimport Slice


cdef enum:
    LISTPACK_HEADER = 6
    ZIPLIST_HEADER = 10
    END_BYTE = 255
    COUNT_UNKNOWN = 0xFFFF
    BIG_LENGTH = 254

cdef uint32_t UNTOLD = 0xFFFFFFFF


cdef bint damaged(ForeignIter *it) noexcept nogil:
    it.bad = True
    return False


cdef bint foreign_init(ForeignIter *it, int kind, const char *p, size_t n) noexcept nogil:
    cdef const uint8_t *data = <const uint8_t *>p
    cdef uint32_t count
    memset(it, 0, sizeof(ForeignIter))
    it.kind = kind
    it.expected = UNTOLD
    it.end = data + n
    it.field_next = True
    if kind == FOREIGN_LISTPACK:
        if n < LISTPACK_HEADER + 1 or load32(data) != n or data[n - 1] != END_BYTE:
            return damaged(it)
        count = load16(data + 4)
        it.at = data + LISTPACK_HEADER
    elif kind == FOREIGN_ZIPLIST:
        if n < ZIPLIST_HEADER + 1 or load32(data) != n or data[n - 1] != END_BYTE:
            return damaged(it)
        count = load16(data + 8)
        it.at = data + ZIPLIST_HEADER
    elif kind == FOREIGN_ZIPMAP:
        if n < 2 or data[n - 1] != END_BYTE:
            return damaged(it)
        it.at = data + 1
        return True
    else:
        if n < 8:
            return damaged(it)
        it.width = <int>load32(data)
        it.expected = load32(data + 4)
        it.at = data + 8
        if it.width != 2 and it.width != 4 and it.width != 8:
            return damaged(it)
        if <uint64_t>it.expected * it.width != n - 8:
            return damaged(it)
        return True
    if count != COUNT_UNKNOWN:
        it.expected = count
    return True


cdef bint room(ForeignIter *it, size_t n) noexcept nogil:
    """Whether n bytes lie before the end marker."""
    if <size_t>(it.end - 1 - it.at) < n:
        return damaged(it)
    return True


cdef bint give_integer(ForeignIter *it, int64_t value, Slice *out) noexcept nogil:
    it.is_integer = True
    it.integer = value
    out.ptr = it.text
    out.len = format_int64(it.text, value)
    return True


cdef int64_t little_endian(const uint8_t *p, int bytes) noexcept nogil:
    if bytes == 1:
        return <int8_t>p[0]
    if bytes == 2:
        return <int16_t>load16(p)
    if bytes == 3:
        return <int32_t>(<uint32_t>p[2] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[0] << 8) >> 8
    if bytes == 4:
        return <int32_t>load32(p)
    return <int64_t>load64(p)


cdef int listpack_back_size(uint64_t n) noexcept nogil:
    if n <= 127:
        return 1
    if n < 16383:
        return 2
    if n < 2097151:
        return 3
    return 4 if n < 268435455 else 5


cdef bint listpack_next(ForeignIter *it, Slice *out) noexcept nogil:
    cdef const uint8_t *p = it.at
    cdef uint8_t first = p[0]
    cdef uint64_t head = 1
    cdef uint64_t text = 0
    cdef int number = 0
    if first < 0x80:
        give_integer(it, first, out)
    elif first < 0xC0:
        text = first & 63
    elif first < 0xE0:
        if not room(it, 2):
            return False
        give_integer(it, <int32_t>((<uint32_t>(first & 31) << 8 | p[1]) << 19) >> 19, out)
        head = 2
    elif first < 0xF0:
        if not room(it, 2):
            return False
        text = <uint64_t>(first & 15) << 8 | p[1]
        head = 2
    elif first == 0xF0:
        if not room(it, 5):
            return False
        text = load32(p + 1)
        head = 5
    elif first <= 0xF4:
        number = 8 if first == 0xF4 else first - 0xF1 + 2
        if not room(it, 1 + number):
            return False
        give_integer(it, little_endian(p + 1, number), out)
        head = 1 + number
    else:
        return damaged(it)
    if not it.is_integer:
        out.ptr = <const char *>p + head
        out.len = text
    head += text
    head += listpack_back_size(head)
    if not room(it, head):
        return False
    it.at += head
    return True


cdef bint ziplist_next(ForeignIter *it, Slice *out) noexcept nogil:
    cdef const uint8_t *p = it.at
    cdef uint64_t head = 1
    cdef uint64_t text = 0
    cdef uint64_t before = p[0]
    cdef uint8_t code
    cdef int number = 0
    if p[0] == BIG_LENGTH:
        if not room(it, 5):
            return False
        before = load32(p + 1)
        head = 5
    if before != it.previous_len or not room(it, head + 1):
        return damaged(it)
    code = p[head]
    head += 1
    if code >> 6 == 0:
        text = code & 63
    elif code >> 6 == 1:
        if not room(it, head + 1):
            return False
        text = <uint64_t>(code & 63) << 8 | p[head]
        head += 1
    elif code >> 6 == 2:
        if not room(it, head + 4):
            return False
        text = (<uint64_t>p[head] << 24 | <uint64_t>p[head + 1] << 16 | <uint64_t>p[head + 2] << 8
                | p[head + 3])
        head += 4
    elif 0xF1 <= code <= 0xFD:
        give_integer(it, (code & 15) - 1, out)
    else:
        number = (2 if code == 0xC0 else 4 if code == 0xD0 else 8 if code == 0xE0
                  else 3 if code == 0xF0 else 1 if code == 0xFE else 0)
        if number == 0 or not room(it, head + number):
            return damaged(it)
        give_integer(it, little_endian(p + head, number), out)
        head += number
    if not it.is_integer:
        out.ptr = <const char *>p + head
        out.len = text
    if not room(it, head + text):
        return False
    it.previous_len = <uint32_t>(head + text)
    it.at += head + text
    return True


cdef bint zipmap_next(ForeignIter *it, Slice *out) noexcept nogil:
    cdef const uint8_t *p = it.at
    cdef uint64_t length = p[0]
    cdef uint64_t head = 1
    cdef uint64_t spare = 0
    if length == BIG_LENGTH:
        if not room(it, 5):
            return False
        length = load32(p + 1)
        head = 5
    if not it.field_next:
        if not room(it, head + 1):
            return False
        spare = p[head]            # unused bytes behind the value
        head += 1
    if not room(it, head + length + spare):
        return False
    out.ptr = <const char *>p + head
    out.len = length
    it.field_next = not it.field_next
    it.at += head + length + spare
    return True


cdef bint foreign_next(ForeignIter *it, Slice *out) noexcept nogil:
    if it.bad:
        return False
    it.is_integer = False
    if it.kind == FOREIGN_INTSET:
        if it.seen == it.expected:
            return False
        it.seen += 1
        it.at += it.width
        return give_integer(it, little_endian(it.at - it.width, it.width), out)
    if it.at == it.end - 1:
        if (it.expected != UNTOLD and it.seen != it.expected) or not it.field_next:
            it.bad = True
        return False
    if it.at[0] == END_BYTE:
        return damaged(it)         # an end marker before the end
    it.seen += 1
    if it.kind == FOREIGN_LISTPACK:
        return listpack_next(it, out)
    if it.kind == FOREIGN_ZIPLIST:
        return ziplist_next(it, out)
    return zipmap_next(it, out)


# --- building listpacks ---

cdef void listpack_begin(ListpackOut *lp) noexcept nogil:
    lp.capacity = 256
    lp.data = <uint8_t *>mem_alloc(lp.capacity)
    lp.used = LISTPACK_HEADER
    lp.count = 0


cdef uint8_t *listpack_room(ListpackOut *lp, size_t n) noexcept nogil:
    if lp.capacity - lp.used < n:
        lp.capacity = (lp.used + n) * 2
        lp.data = <uint8_t *>mem_realloc(lp.data, lp.capacity)
    return lp.data + lp.used


cdef void listpack_close_entry(ListpackOut *lp, size_t size) noexcept nogil:
    """Write the back-length of an entry of `size` bytes that stands at the end."""
    cdef int count = listpack_back_size(size)
    cdef uint8_t *p
    cdef int i
    lp.used += size
    p = listpack_room(lp, 5)
    for i in range(count):
        # Read backwards, 7 bits a byte, the top bit says that more follow to the left.
        p[count - 1 - i] = <uint8_t>(size & 127) | (128 if i < count - 1 else 0)
        size >>= 7
    lp.used += count
    lp.count += 1


cdef void listpack_put_int(ListpackOut *lp, int64_t value) noexcept nogil:
    cdef uint8_t *p = listpack_room(lp, 9)
    if 0 <= value <= 127:
        p[0] = <uint8_t>value
        listpack_close_entry(lp, 1)
    elif -4096 <= value <= 4095:
        p[0] = <uint8_t>(0xC0 | (value >> 8 & 31))
        p[1] = <uint8_t>value
        listpack_close_entry(lp, 2)
    elif -32768 <= value <= 32767:
        p[0] = 0xF1
        store16(p + 1, <short>value)
        listpack_close_entry(lp, 3)
    elif -8388608 <= value <= 8388607:
        p[0] = 0xF2
        p[1] = <uint8_t>value
        p[2] = <uint8_t>(value >> 8)
        p[3] = <uint8_t>(value >> 16)
        listpack_close_entry(lp, 4)
    elif -2147483648LL <= value <= 2147483647:
        p[0] = 0xF3
        store32(p + 1, <uint32_t>value)
        listpack_close_entry(lp, 5)
    else:
        p[0] = 0xF4
        store64(p + 1, <uint64_t>value)
        listpack_close_entry(lp, 9)


cdef void listpack_put(ListpackOut *lp, const char *text, size_t n) noexcept nogil:
    cdef uint8_t *p
    cdef int64_t value = 0
    cdef size_t head
    if n <= 20 and parse_int64(text, n, &value):
        listpack_put_int(lp, value)
        return
    p = listpack_room(lp, n + 5)
    if n < 64:
        p[0] = <uint8_t>(0x80 | n)
        head = 1
    elif n < 4096:
        p[0] = <uint8_t>(0xE0 | n >> 8)
        p[1] = <uint8_t>n
        head = 2
    else:
        p[0] = 0xF0
        store32(p + 1, <uint32_t>n)
        head = 5
    memcpy(p + head, text, n)
    listpack_close_entry(lp, head + n)


cdef void listpack_end(ListpackOut *lp) noexcept nogil:
    listpack_room(lp, 1)[0] = END_BYTE
    lp.used += 1
    store32(lp.data, <uint32_t>lp.used)
    store16(lp.data + 4, <short>(lp.count if lp.count < COUNT_UNKNOWN else COUNT_UNKNOWN))


cdef void listpack_free(ListpackOut *lp) noexcept nogil:
    mem_free(lp.data)
    lp.data = NULL
