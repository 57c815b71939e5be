"""The layout of a node of a stream. Contracts are in the .pxd.

    +--------+-------+---------+---------+---------+-- ... --+---------+---------+-- ... --+
    | header | count | field 1 | value 1 | field 2 |         | entry 1 | entry 2 |         |
    +--------+-------+---------+---------+---------+-- ... --+---------+---------+-- ... --+

The fields and values of the first entry come once; an entry with the same fields has only its
values, and one with the same values too has neither:

    +-------+----------+-----+--------------+---------------------------------------+
    | flags | ms delta | seq | payload size | payload                               |
    +-------+----------+-----+--------------+---------------------------------------+
    DELETED     the entry is dead
    OWN_FIELDS  payload: count, field 1, value 1, ...       else value 1, value 2, ...
    SAME        no payload size and no payload
    LATER_MS    ms delta since the entry before; `seq` is then absolute, 0 if absent
    SEQ         `seq` is there; without LATER_MS it is the delta, 1 if absent

so that an entry like the first, added in the same millisecond as the one before, is a single byte.
The walk begins at the key with its sequence number less one. Numbers above are LEB128; a string is

    0lllllll                l bytes follow
    10nnnnnn                the decimal digits of n
    110lllll llllllll       l (high bits first) bytes follow
    11100nnn ...            the decimal digits of an integer in n+1 bytes
    11110000 llll           l (32 bits) bytes follow
    11110001                the first entry's value (only in entries that share its fields)
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc, mem_usable
from carnelian.base.native cimport load32, store32
from carnelian.base.numbers cimport format_int64, parse_int64
from carnelian.base.slice cimport Slice, slice_equal, slice_of
from carnelian.encodings.stream_id cimport StreamId, stream_id, stream_id_less

cdef enum:
    DELETED = 1
    OWN_FIELDS = 2
    SAME = 4
    LATER_MS = 8
    SEQ = 16

    TAG_SMALL = 0x80
    TAG_13_BITS = 0xC0
    TAG_INTEGER = 0xE0
    TAG_32_BITS = 0xF0
    TAG_SHARED = 0xF1

    VARINT_MAX = 10
    STRING_OVERHEAD_MAX = 5
    ENTRY_OVERHEAD_MAX = 1 + 2 * VARINT_MAX + 5


# --- numbers and strings ----------------------------------------------------------------------

cdef inline uint8_t *put_varint(uint8_t *p, uint64_t value) noexcept nogil:
    while value >= 0x80:
        p[0] = <uint8_t>(value | 0x80)
        value >>= 7
        p += 1
    p[0] = <uint8_t>value
    return p + 1


cdef inline const uint8_t *get_varint(const uint8_t *p, uint64_t *value) noexcept nogil:
    cdef uint64_t result = p[0] & 0x7F
    cdef int shift = 7
    while p[0] & 0x80:
        p += 1
        result |= <uint64_t>(p[0] & 0x7F) << shift
        shift += 7
    value[0] = result
    return p + 1


cdef inline int integer_size(int64_t value) noexcept nogil:
    """Bytes that hold it as a two's complement number."""
    cdef int size = 1
    while value < -128 or value > 127:
        value >>= 8
        size += 1
    return size


cdef inline bint is_integer(Slice s, int64_t *value) noexcept nogil:
    if s.len == 0 or s.len > INT_CHARS_MAX or s.ptr[s.len - 1] < 48 or s.ptr[s.len - 1] > 57:
        return False
    return parse_int64(s.ptr, s.len, value)


cdef uint8_t *put_string(uint8_t *p, Slice s) noexcept nogil:
    """Writes at most s.len + STRING_OVERHEAD_MAX bytes."""
    cdef int64_t number
    cdef int size
    if is_integer(s, &number):
        if 0 <= number < 64:
            p[0] = <uint8_t>(TAG_SMALL | number)
            return p + 1
        size = integer_size(number)
        p[0] = <uint8_t>(TAG_INTEGER | (size - 1))
        memcpy(p + 1, &number, size)
        return p + 1 + size
    if s.len < 0x80:
        p[0] = <uint8_t>s.len
        p += 1
    elif s.len < 0x2000:
        p[0] = <uint8_t>(TAG_13_BITS | s.len >> 8)
        p[1] = <uint8_t>s.len
        p += 2
    else:
        p[0] = TAG_32_BITS
        store32(p + 1, <uint32_t>s.len)
        p += 5
    if s.len:
        memcpy(p, s.ptr, s.len)
    return p + s.len


cdef const uint8_t *get_string(const uint8_t *p, Slice *s, char *digits) noexcept nogil:
    """Any string but TAG_SHARED; `digits` has room for INT_CHARS_MAX."""
    cdef uint8_t tag = p[0]
    cdef int64_t number = 0
    cdef int size
    if tag < TAG_SMALL:
        s[0] = slice_of(<const char *>p + 1, tag)
    elif tag >= TAG_32_BITS:
        s[0] = slice_of(<const char *>p + 5, load32(p + 1))
    elif tag >= TAG_INTEGER:
        size = (tag & 7) + 1
        memcpy(&number, p + 1, size)
        number = <int64_t>(<uint64_t>number << (64 - 8 * size)) >> (64 - 8 * size)
        s[0] = slice_of(digits, format_int64(digits, number))
        return p + 1 + size
    elif tag >= TAG_13_BITS:
        s[0] = slice_of(<const char *>p + 2, <size_t>(tag & 31) << 8 | p[1])
    else:
        s[0] = slice_of(digits, format_int64(digits, tag & 63))
        return p + 1
    return <const uint8_t *>s.ptr + s.len


cdef inline const uint8_t *skip_string(const uint8_t *p) noexcept nogil:
    cdef uint8_t tag = p[0]
    if tag < TAG_SMALL:
        return p + 1 + tag
    if tag >= TAG_32_BITS:
        return p + 5 + load32(p + 1)
    if tag >= TAG_INTEGER:
        return p + 2 + (tag & 7)
    if tag >= TAG_13_BITS:
        return p + 2 + (<size_t>(tag & 31) << 8 | p[1])
    return p + 1


# --- entries ----------------------------------------------------------------------------------

cdef inline uint8_t *bytes_of(const StreamNode *node) noexcept nogil:
    return <uint8_t *>node


cdef inline const uint8_t *fields_of(const StreamNode *node, uint64_t *count) noexcept nogil:
    return get_varint(bytes_of(node) + sizeof(StreamNode), count)


cdef inline StreamId before(StreamId key) noexcept nogil:
    """Where the walk of a node begins; its sequence number may wrap around, and does so back."""
    return stream_id(key.ms, key.seq - 1)


cdef inline uint8_t *put_header(uint8_t *p, uint8_t flags, StreamId previous,
                                StreamId id) noexcept nogil:
    """Flags and ID; `flags` are those that do not belong to the ID."""
    cdef uint8_t *first = p
    cdef uint64_t seq = id.seq
    p += 1
    if id.ms != previous.ms:
        flags |= LATER_MS
        p = put_varint(p, id.ms - previous.ms)
        if seq:
            flags |= SEQ
            p = put_varint(p, seq)
    elif seq - previous.seq != 1:
        flags |= SEQ
        p = put_varint(p, seq - previous.seq)
    first[0] = flags
    return p


cdef uint8_t *put_shared_payload(uint8_t *p, const StreamNode *node, const Slice *pairs,
                                 size_t count, bint *same) noexcept nogil:
    """The values, if the fields are the node's; else NULL. *same: and the values are the node's."""
    cdef char digits[INT_CHARS_MAX]
    cdef const uint8_t *shared
    cdef Slice text
    cdef uint64_t shared_count
    cdef size_t i
    same[0] = True
    shared = fields_of(node, &shared_count)
    if count != shared_count:
        return NULL
    for i in range(0, 2 * count, 2):
        shared = get_string(shared, &text, digits)
        if not slice_equal(text, pairs[i]):
            return NULL
        shared = get_string(shared, &text, digits)
        if slice_equal(text, pairs[i + 1]):
            p[0] = TAG_SHARED
            p += 1
        else:
            same[0] = False
            p = put_string(p, pairs[i + 1])
    return p


cdef size_t payload_max(const Slice *pairs, size_t count) noexcept nogil:
    cdef size_t total = VARINT_MAX
    cdef size_t i
    for i in range(2 * count):
        total += pairs[i].len + STRING_OVERHEAD_MAX
    return total


cdef StreamNode *node_new(const Slice *pairs, size_t count) noexcept nogil:
    cdef size_t size = sizeof(StreamNode) + payload_max(pairs, count) + 1
    cdef StreamNode *node = <StreamNode *>mem_alloc(size)
    cdef uint8_t *p = put_varint(bytes_of(node) + sizeof(StreamNode), count)
    cdef size_t i
    for i in range(2 * count):
        p = put_string(p, pairs[i])
    node.entries = <uint32_t>(p - bytes_of(node))
    p[0] = SAME
    node.size = node.entries + 1
    node.live = 1
    node.deleted = 0
    return node_shrink(node)


cdef StreamNode *node_append(
    StreamNode *node, StreamId latest, StreamId id, const Slice *pairs, size_t count
) noexcept nogil:
    cdef size_t need = node.size + <size_t>ENTRY_OVERHEAD_MAX + payload_max(pairs, count)
    cdef uint8_t flags = 0
    cdef uint8_t *payload
    cdef uint8_t *end
    cdef uint8_t *p
    cdef bint same
    cdef size_t i
    if need > mem_usable(node):
        node = <StreamNode *>mem_realloc(node, max(need, <size_t>node.size * 3 // 2))
    p = bytes_of(node) + node.size
    payload = p + ENTRY_OVERHEAD_MAX        # moved down once its size and the header's are known
    end = put_shared_payload(payload, node, pairs, count, &same)
    if end == NULL:
        flags = OWN_FIELDS
        end = put_varint(payload, count)
        for i in range(2 * count):
            end = put_string(end, pairs[i])
    elif same:
        flags = SAME
    p = put_header(p, flags, latest, id)
    if flags != SAME:
        p = put_varint(p, <uint64_t>(end - payload))
        memmove(p, payload, <size_t>(end - payload))
        p += end - payload
    node.size = <uint32_t>(p - bytes_of(node))
    node.live += 1
    return node


cdef StreamNode *node_shrink(StreamNode *node) noexcept nogil:
    return <StreamNode *>mem_realloc(node, node.size)


cdef void node_begin(NodeWalk *walk, StreamNode *node, StreamId key) noexcept nogil:
    walk.node = node
    walk.id = before(key)
    walk.next = node.entries


cdef bint node_next(NodeWalk *walk) noexcept nogil:
    cdef const uint8_t *p = bytes_of(walk.node) + walk.next
    cdef uint8_t flags
    cdef uint64_t number
    if walk.next >= walk.node.size:
        return False
    walk.entry = walk.next
    flags = p[0]
    p += 1
    if flags & LATER_MS:
        p = get_varint(p, &number)
        walk.id.ms += number
        walk.id.seq = 0
        if flags & SEQ:
            p = get_varint(p, &walk.id.seq)
    elif flags & SEQ:
        p = get_varint(p, &number)
        walk.id.seq += number
    else:
        walk.id.seq += 1
    number = 0
    if not flags & SAME:
        p = get_varint(p, &number)
    walk.payload = <uint32_t>(p - bytes_of(walk.node))
    walk.next = walk.payload + <uint32_t>number
    return True


cdef bint node_deleted(const NodeWalk *walk) noexcept nogil:
    return bytes_of(walk.node)[walk.entry] & DELETED


cdef bint node_next_live(NodeWalk *walk, StreamId start) noexcept nogil:
    while node_next(walk):
        if not node_deleted(walk) and not stream_id_less(walk.id, start):
            return True
    return False


cdef void node_delete(NodeWalk *walk) noexcept nogil:
    bytes_of(walk.node)[walk.entry] |= DELETED
    walk.node.live -= 1
    walk.node.deleted += 1


cdef StreamNode *node_compact(StreamNode *node, StreamId key, StreamId *latest) noexcept nogil:
    # no larger than before: what an ID needs more, the entries dropped before it needed
    cdef StreamNode *fresh = <StreamNode *>mem_alloc(node.size + <size_t>ENTRY_OVERHEAD_MAX)
    cdef uint8_t *p = bytes_of(fresh) + node.entries
    cdef const uint8_t *flags
    cdef NodeWalk walk
    memcpy(fresh, node, node.entries)
    latest[0] = before(key)
    node_begin(&walk, node, key)
    while node_next(&walk):
        if node_deleted(&walk):
            continue
        flags = bytes_of(node) + walk.entry
        p = put_header(p, flags[0] & (OWN_FIELDS | SAME), latest[0], walk.id)
        if not flags[0] & SAME:
            p = put_varint(p, walk.next - walk.payload)
            memcpy(p, bytes_of(node) + walk.payload, walk.next - walk.payload)
            p += walk.next - walk.payload
        latest[0] = walk.id
    fresh.deleted = 0
    fresh.size = <uint32_t>(p - bytes_of(fresh))
    mem_free(node)
    return node_shrink(fresh)


# --- fields -----------------------------------------------------------------------------------

cdef void fields_begin(
    FieldReader *reader, const StreamNode *node, uint32_t entry, uint32_t payload
) noexcept nogil:
    cdef uint8_t flags = bytes_of(node)[entry]
    reader.own = bytes_of(node) + payload
    if flags & OWN_FIELDS:
        reader.own = get_varint(reader.own, &reader.left)
        reader.shared = NULL
        return
    reader.shared = fields_of(node, &reader.left)
    if flags & SAME:
        reader.own = NULL


cdef bint fields_next(FieldReader *reader, Slice *field, Slice *value) noexcept nogil:
    if reader.left == 0:
        return False
    reader.left -= 1
    if reader.shared == NULL:
        reader.own = get_string(reader.own, field, reader.field_digits)
        reader.own = get_string(reader.own, value, reader.value_digits)
        return True
    reader.shared = get_string(reader.shared, field, reader.field_digits)
    if reader.own == NULL:
        reader.shared = get_string(reader.shared, value, reader.value_digits)
    elif reader.own[0] == TAG_SHARED:
        reader.own += 1
        reader.shared = get_string(reader.shared, value, reader.value_digits)
    else:
        reader.shared = skip_string(reader.shared)
        reader.own = get_string(reader.own, value, reader.value_digits)
    return True


# --- audit ------------------------------------------------------------------------------------

cdef bint verify_payload(const NodeWalk *walk) noexcept nogil:
    cdef FieldReader reader
    cdef Slice field
    cdef Slice value
    fields_begin(&reader, walk.node, walk.entry, walk.payload)
    while fields_next(&reader, &field, &value):
        pass
    return reader.own == NULL or reader.own == bytes_of(walk.node) + walk.next


cdef bint node_verify(StreamNode *node, StreamId key, StreamId *latest) noexcept nogil:
    cdef NodeWalk walk
    cdef const uint8_t *p
    cdef uint64_t count
    cdef uint64_t _
    cdef uint32_t live = 0
    cdef uint32_t deleted = 0
    if mem_usable(node) < node.size or node.entries >= node.size:
        return False
    p = fields_of(node, &count)
    for _ in range(2 * count):
        p = skip_string(p)
    if p != bytes_of(node) + node.entries:
        return False
    node_begin(&walk, node, key)
    while node_next(&walk):
        if live + deleted == 0:
            if stream_id_less(walk.id, key):
                return False
        elif not stream_id_less(latest[0], walk.id):
            return False
        if walk.next > node.size or not verify_payload(&walk):
            return False
        latest[0] = walk.id
        if node_deleted(&walk):
            deleted += 1
        else:
            live += 1
    return walk.next == node.size and live == node.live and deleted == node.deleted and live > 0
