"""BITFIELD: integers of any width at any bit of a string."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice, slice_of
from carnelian.commands.bitmaps.bitmap cimport bit_offset, writable_bits
from carnelian.encodings.bitops cimport (
    OVERFLOW_FAIL, OVERFLOW_SATURATE, OVERFLOW_WRAP, BitOverflow, bitfield_end,
    bitfield_fit_signed, bitfield_fit_unsigned, bitfield_get, bitfield_set, bitfield_signed,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_STRING
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STRING
from carnelian.types.string.value cimport text_value
from carnelian.resp.reply cimport Reply, reply_array, reply_int, reply_null

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import KEY_VARIABLE_FLAGS, KEYS_CHANGED

command = family("bitmap")

BAD_TYPE = error("Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported"
                 " but i64 is.")


cdef enum Verb:
    FIELD_GET
    FIELD_SET
    FIELD_INCREASE

cdef struct FieldOperation:
    uint64_t offset
    int64_t operand
    Verb verb
    BitOverflow overflow
    int width
    bint is_signed

cdef struct Program:
    FieldOperation *operations     # room for one per two arguments
    int count
    bint writes
    uint64_t end                   # bytes the fields written to reach


cdef int parse_type(Call call, int i, FieldOperation *operation) except -1:
    cdef Slice text = call.argv[i]
    cdef int64_t width = 0
    if text.len < 2 or text.ptr[0] != b"i" and text.ptr[0] != b"u":
        raise BAD_TYPE
    operation.is_signed = text.ptr[0] == b"i"
    if not parse_int64(text.ptr + 1, text.len - 1, &width) or (
            not 1 <= width <= (64 if operation.is_signed else 63)):
        raise BAD_TYPE
    operation.width = <int>width
    return 0


cdef int parse_overflow(Call call, int i, BitOverflow *overflow) except -1:
    if call.is_word(i, b"wrap"):
        overflow[0] = OVERFLOW_WRAP
    elif call.is_word(i, b"sat"):
        overflow[0] = OVERFLOW_SATURATE
    elif call.is_word(i, b"fail"):
        overflow[0] = OVERFLOW_FAIL
    else:
        raise error("Invalid OVERFLOW type specified")
    return 0


cdef int parse(Call call, Program *program) except -1:
    cdef BitOverflow overflow = OVERFLOW_WRAP
    cdef FieldOperation *operation
    cdef int i = 2
    cdef int left
    while i < call.argc:
        left = call.argc - i - 1
        operation = &program.operations[program.count]
        if call.is_word(i, b"get") and left >= 2:
            operation.verb = FIELD_GET
        elif call.is_word(i, b"set") and left >= 3:
            operation.verb = FIELD_SET
        elif call.is_word(i, b"incrby") and left >= 3:
            operation.verb = FIELD_INCREASE
        elif call.is_word(i, b"overflow") and left >= 1:
            parse_overflow(call, i + 1, &overflow)
            i += 2
            continue
        else:
            raise SYNTAX
        parse_type(call, i + 1, operation)
        operation.offset = <uint64_t>bit_offset(call, i + 2, operation.width)
        operation.overflow = overflow
        i += 3
        if operation.verb != FIELD_GET:
            operation.operand = call.int(i)
            i += 1
            program.writes = True
            program.end = max(program.end, bitfield_end(operation.offset, operation.width))
        program.count += 1
    return 0


cdef bint reply_field(Reply *reply, FieldOperation *operation, uint8_t *p, size_t n) noexcept nogil:
    """Carry out one operation; whether it changed the field."""
    cdef uint64_t old = bitfield_get(p, n, operation.offset, operation.width)
    cdef uint64_t new = 0
    cdef int64_t shown
    cdef bint fits
    cdef bint increases = operation.verb == FIELD_INCREASE
    if operation.is_signed:
        shown = bitfield_signed(old, operation.width)
    else:
        shown = <int64_t>old
    if operation.verb == FIELD_GET:
        reply_int(reply, shown)
        return False
    if operation.is_signed:
        fits = bitfield_fit_signed(
            shown if increases else operation.operand, operation.operand if increases else 0,
            operation.width, operation.overflow, <int64_t *>&new)
    else:
        fits = bitfield_fit_unsigned(
            old if increases else <uint64_t>operation.operand,
            operation.operand if increases else 0, operation.width, operation.overflow, &new)
    if not fits:
        reply_null(reply)
        return False
    reply_int(reply, <int64_t>new if increases else shown)
    bitfield_set(p, operation.offset, operation.width, new)
    return bitfield_get(p, n, operation.offset, operation.width) != old


cdef int execute(Call call, Program *program) except -1:
    cdef KeyRef ref
    cdef Slice value = slice_of(b"", 0)
    cdef bint grown = False
    cdef int64_t changes = 0
    cdef int i
    if program.writes:
        value.ptr = <char *>writable_bits(call, &ref, program.end, &grown)
        value.len = text_value(ref.slot[0]).len
    elif call.find_typed(1, TYPE_STRING, &ref):
        value = text_value(ref.slot[0])
    reply_array(call.reply, program.count)
    for i in range(program.count):
        changes += reply_field(
            call.reply, &program.operations[i], <uint8_t *>value.ptr, value.len)
    if changes or grown:
        call.changed(&ref, NOTIFY_STRING, b"setbit")
        call.dirty += max(changes - 1, 0)
    return 0


cdef int run(Call call, bint only_reads) except -1:
    cdef Program program
    program.operations = <FieldOperation *>mem_alloc(sizeof(FieldOperation) * call.argc)
    program.count = 0
    program.writes = False
    program.end = 0
    try:
        parse(call, &program)
        if only_reads and program.writes:
            raise error("BITFIELD_RO only supports the GET subcommand")
        execute(call, &program)
    finally:
        mem_free(program.operations)
    return 0


cdef int bitfield(Call call) except -1:
    return run(call, False)


cdef int bitfield_ro(Call call) except -1:
    return run(call, True)


command(handler(bitfield), "BITFIELD key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>]"
        " <SET encoding offset value | INCRBY encoding offset increment>"
        " [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>]"
        " <SET encoding offset value | INCRBY encoding offset increment> ...]]",
        WRITES | DENY_OOM, since="3.2.0", cost="O(1) for each operation",
        key_finder="bitfield", key_flags=KEYS_CHANGED | KEY_VARIABLE_FLAGS,
        types={"value": "integer"},
        about="Read and change integers of any width within the string at a key.",
        key_notes=("This command allows both access and modification of the key",))
command(handler(bitfield_ro), "BITFIELD_RO key [GET encoding offset [GET encoding offset ...]]",
        READS | FAST, since="6.0.0", cost="O(1) for each operation",
        about="Read integers of any width within the string at a key.")
