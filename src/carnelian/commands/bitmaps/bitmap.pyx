"""The commands on single bits and runs of bits of strings, and BITOP; BITFIELD is a module of its
own."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.blob cimport Blob, blob_data, blob_new, blob_release
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport mul_overflow
from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice, slice_is, slice_of
from carnelian.encodings.bitops cimport (
    BIT_AND, BIT_ANDOR, BIT_DIFF, BIT_DIFF1, BIT_NOT, BIT_ONE, BIT_OR, BIT_XOR, BitOperation,
    bit_clamp_range, bit_count, bit_count_range, bit_operation, bit_position_range,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_STRING
from carnelian.engine.session cimport INTERNAL, PRIMARY
from carnelian.engine.values cimport assign_blob, assign_text
from carnelian.keyspace.database cimport KeyRef, key_again
from carnelian.keyspace.entry cimport STRING_RAW, TYPE_STRING
from carnelian.types.string.value cimport (
    INLINE_MAX, text_create, text_resize, text_value, text_writable,
)
from carnelian.resp.reply cimport reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import KEYS_CHANGED

command = family("bitmap")

BAD_OFFSET = error("bit offset is not an integer or out of range")
BAD_BIT = error("bit is not an integer or out of range")


cdef int64_t bit_offset(Call call, int i, int width) except -1:
    """A position in bits; with a width `#n` counts fields of that width."""
    cdef Slice text = call.argv[i]
    cdef int64_t offset = 0
    cdef bint in_fields = width and text.len and text.ptr[0] == b"#"
    if not parse_int64(text.ptr + in_fields, text.len - in_fields, &offset):
        raise BAD_OFFSET
    if in_fields and mul_overflow(offset, width, &offset) or offset < 0:
        raise BAD_OFFSET
    if offset >> 3 >= <int64_t>call.engine.host.configuration.proto_max_bulk_len and (
            not call.session.flags & (PRIMARY | INTERNAL)):
        raise BAD_OFFSET
    return offset


cdef uint8_t *writable_bits(Call call, KeyRef *ref, size_t size, bint *grown) except NULL:
    """The bytes of the string at argument 1, made as long as `size` if shorter."""
    cdef char *p
    grown[0] = True
    if not call.find_typed_to_write(1, TYPE_STRING, ref):
        text_create(ref, b"", 0)
        call.added(ref)
        p = text_resize(ref, size)
    elif text_value(ref.slot[0]).len < size:
        p = text_resize(ref, size)
    else:
        p = text_writable(ref)
        grown[0] = False
    ref.slot[0].flags |= STRING_RAW
    return <uint8_t *>p


cdef int setbit(Call call) except -1:
    cdef KeyRef ref
    cdef uint64_t offset = <uint64_t>bit_offset(call, 2, 0)
    cdef int64_t wanted = 0
    cdef uint8_t *byte
    cdef uint8_t mask = 128 >> <int>(offset & 7)
    cdef bint grown = False
    cdef bint old
    if not parse_int64(call.argv[3].ptr, call.argv[3].len, &wanted) or not 0 <= wanted <= 1:
        raise BAD_BIT
    byte = writable_bits(call, &ref, (offset >> 3) + 1, &grown) + (offset >> 3)
    old = byte[0] & mask != 0
    if grown or old != wanted:
        byte[0] = byte[0] & ~mask | (mask if wanted else 0)
        call.changed(&ref, NOTIFY_STRING, b"setbit")
    reply_int(call.reply, old)
    return 0


command(handler(setbit), "SETBIT key offset value", WRITES | DENY_OOM, since="2.2.0", cost="O(1)",
        key_flags=KEYS_CHANGED, types={"value": "integer"},
        about="Set or clear a bit of the string at a key and return what it was.")


cdef int getbit(Call call) except -1:
    cdef KeyRef ref
    cdef Slice value
    cdef uint64_t offset = <uint64_t>bit_offset(call, 2, 0)
    cdef int bit = 0
    if call.find_typed(1, TYPE_STRING, &ref):
        value = text_value(ref.slot[0])
        if offset >> 3 < value.len:
            bit = <uint8_t>value.ptr[offset >> 3] >> (7 - <int>(offset & 7)) & 1
    reply_int(call.reply, bit)
    return 0


command(handler(getbit), "GETBIT key offset", READS | FAST, since="2.2.0", cost="O(1)",
        about="Return a bit of the string at a key.")


cdef bint in_bits(Call call, int i) except -1:
    """Whether the optional unit at argument i is BIT."""
    if i >= call.argc:
        return False
    if call.is_word(i, b"bit"):
        return True
    if not call.is_word(i, b"byte"):
        raise SYNTAX
    return False


cdef int bitcount(Call call) except -1:
    cdef KeyRef ref
    cdef Slice value
    cdef int64_t first = 0
    cdef int64_t last = -1
    cdef int64_t total
    cdef bint bits = False
    if call.argc == 3 or call.argc > 5:
        raise SYNTAX
    if call.argc > 3:
        first = call.int(2)
        last = call.int(3)
        bits = in_bits(call, 4)
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_int(call.reply, 0)
        return 0
    value = text_value(ref.slot[0])
    total = <int64_t>value.len * 8 if bits else <int64_t>value.len
    if first < 0 and last < 0 and first > last or not bit_clamp_range(&first, &last, total):
        reply_int(call.reply, 0)
    elif bits:
        reply_int(call.reply, <int64_t>bit_count_range(
            <const uint8_t *>value.ptr, <uint64_t>first, <uint64_t>last))
    else:
        reply_int(call.reply, <int64_t>bit_count(
            <const uint8_t *>value.ptr + first, <size_t>(last - first + 1)))
    return 0


command(handler(bitcount), "BITCOUNT key [start end [BYTE | BIT]]", READS, since="2.6.0",
        cost="O(N) where N is the length of the range",
        about="Count the bits set in the string at a key or in a part of it.",
        history=(("7.0.0", "Added the `BYTE|BIT` option."),))


cdef int bitpos(Call call) except -1:
    cdef KeyRef ref
    cdef Slice value
    cdef int64_t bit = call.int(2)
    cdef int64_t first = 0
    cdef int64_t last = -1
    cdef int64_t found = -1
    cdef int64_t unit
    cdef bint bits
    if bit != 0 and bit != 1:
        raise error("The bit argument must be 1 or 0.")
    if call.argc > 6:
        raise SYNTAX
    if call.argc > 3:
        first = call.int(3)
    bits = in_bits(call, 5)
    if call.argc > 4:
        last = call.int(4)
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_int(call.reply, -bit)
        return 0
    value = text_value(ref.slot[0])
    unit = 8 if bits else 1
    if bit_clamp_range(&first, &last, <int64_t>value.len * unit):
        if not bits:
            first *= 8
            last = last * 8 + 7
        found = bit_position_range(
            <const uint8_t *>value.ptr, <uint64_t>first, <uint64_t>last, bit != 0)
        # Without an end the string is followed by zeros.
        if found < 0 and not bit and call.argc < 5:
            found = <int64_t>value.len * 8
    reply_int(call.reply, found)
    return 0


command(handler(bitpos), "BITPOS key bit [start [end [BYTE | BIT]]]", READS, since="2.8.7",
        cost="O(N) where N is the length of the range",
        about="Find the first bit that is set, or clear, in the string at a key.",
        history=(("7.0.0", "Added the `BYTE|BIT` option."),))


cdef struct NamedOperation:
    const char *name
    BitOperation operation
    int keys_min

cdef NamedOperation[8] OPERATIONS = [
    NamedOperation(b"and", BIT_AND, 1), NamedOperation(b"or", BIT_OR, 1),
    NamedOperation(b"xor", BIT_XOR, 1), NamedOperation(b"not", BIT_NOT, 1),
    NamedOperation(b"diff", BIT_DIFF, 2), NamedOperation(b"diff1", BIT_DIFF1, 2),
    NamedOperation(b"andor", BIT_ANDOR, 2), NamedOperation(b"one", BIT_ONE, 1),
]


cdef int find_operation(Call call, BitOperation *operation) except -1:
    cdef int i
    for i in range(8):
        if slice_is(call.argv[1], OPERATIONS[i].name):
            operation[0] = OPERATIONS[i].operation
            if operation[0] == BIT_NOT and call.argc != 4:
                raise error("BITOP NOT must be called with a single source key.")
            if call.argc - 3 < OPERATIONS[i].keys_min:
                name = call.bytes(1).upper()
                raise error(b"BITOP %b must be called with multiple source keys." % name)
            return 0
    raise SYNTAX


cdef size_t find_sources(Call call, KeyRef *refs, Slice *sources, int count) except? 0:
    """Fill in the values of the source keys; the length of the longest."""
    cdef size_t longest = 0
    cdef int i
    for i in range(count):
        call.find_typed(3 + i, TYPE_STRING, &refs[i])
    for i in range(count):
        sources[i] = slice_of(b"", 0)
        if refs[i].slot != NULL:
            key_again(&refs[i])    # a later source may have been an expired key
            sources[i] = text_value(refs[i].slot[0])
        longest = max(longest, sources[i].len)
    return longest


cdef int bitop(Call call) except -1:
    cdef BitOperation operation = BIT_AND
    cdef KeyRef target
    cdef KeyRef *refs
    cdef Slice *sources
    cdef Blob *result = NULL
    cdef size_t longest
    cdef int count = call.argc - 3
    find_operation(call, &operation)
    refs = <KeyRef *>mem_alloc((sizeof(KeyRef) + sizeof(Slice)) * count)
    sources = <Slice *>(refs + count)
    try:
        longest = find_sources(call, refs, sources, count)
        if longest:
            result = blob_new(longest)
            bit_operation(
                operation, <uint8_t *>blob_data(result), longest, sources, <size_t>count)
            call.find_to_write(2, &target)
            if longest > INLINE_MAX:
                assign_blob(call, &target, result)
                result = NULL
            else:
                assign_text(call, &target, blob_data(result), longest, False)
            target.slot[0].flags |= STRING_RAW
            call.changed(&target, NOTIFY_STRING, b"set")
        else:
            call.find_to_write(2, &target)
            if target.slot != NULL:
                call.remove(&target)
                call.changed(&target, NOTIFY_GENERIC, b"del")
        reply_int(call.reply, <int64_t>longest)
    finally:
        mem_free(refs)
        blob_release(result)
    return 0


command(handler(bitop), "BITOP <AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey"
        " key [key ...]", WRITES | DENY_OOM, since="2.6.0",
        cost="O(N) where N is the length of the longest string",
        about="Combine strings bit by bit and store the result.",
        history=(("8.2.0", "Added the `DIFF`, `DIFF1`, `ANDOR` and `ONE` operations."),))
