"""The string commands that count: INCR and its kin."""

from libc.stdint cimport INT64_MIN, int64_t

from carnelian.base.native cimport add_overflow, likely
from carnelian.base.numbers cimport (
    INT64_CHARS_MAX, LONG_DOUBLE_CHARS_MAX, format_int64, format_long_double, parse_int64,
    parse_long_double,
)
from carnelian.base.slice cimport Slice
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, WRITES
from carnelian.engine.events cimport NOTIFY_STRING
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport STRING_NOT_INT, TYPE_STRING
from carnelian.types.string.value cimport text_assign, text_create, text_value
from carnelian.resp.reply cimport reply_bulk, reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_FLOAT, NOT_INTEGER, error
from carnelian.declare.flags import KEYS_CHANGED

command = family("string")

ADD_OVERFLOW = error("increment or decrement would overflow")
NOT_FINITE = error("increment would produce NaN or Infinity")


cdef int add(Call call, int64_t increment) except -1:
    cdef KeyRef ref
    cdef Slice text
    cdef int64_t value = 0
    cdef char buffer[INT64_CHARS_MAX]
    cdef int length
    cdef bint found = call.find_typed_to_write(1, TYPE_STRING, &ref)
    if found:
        text = text_value(ref.slot[0])
        if not parse_int64(text.ptr, text.len, &value):
            raise NOT_INTEGER
    if add_overflow(value, increment, &value):
        raise ADD_OVERFLOW
    length = format_int64(buffer, value)
    if likely(found):
        text_assign(&ref, buffer, <size_t>length)
    else:
        text_create(&ref, buffer, <size_t>length)
        call.added(&ref)
    call.changed(&ref, NOTIFY_STRING, b"incrby")
    reply_int(call.reply, value)
    return 0


cdef int incr(Call call) except -1:
    return add(call, 1)


cdef int decr(Call call) except -1:
    return add(call, -1)


cdef int incrby(Call call) except -1:
    return add(call, call.int(2))


cdef int decrby(Call call) except -1:
    cdef int64_t decrement = call.int(2)
    if decrement == INT64_MIN:
        raise error("decrement would overflow")
    return add(call, -decrement)


command(handler(incr), "INCR key", WRITES | DENY_OOM | FAST, since="1.0.0", cost="O(1)",
        key_flags=KEYS_CHANGED, about="Add one to the integer at a key; a missing one is 0.")
command(handler(decr), "DECR key", WRITES | DENY_OOM | FAST, since="1.0.0", cost="O(1)",
        key_flags=KEYS_CHANGED, about="Subtract one from the integer at a key; a missing one is 0.")
command(handler(incrby), "INCRBY key increment", WRITES | DENY_OOM | FAST, since="1.0.0",
        cost="O(1)", key_flags=KEYS_CHANGED,
        about="Add to the integer at a key; a missing one is 0.")
command(handler(decrby), "DECRBY key decrement", WRITES | DENY_OOM | FAST, since="1.0.0",
        cost="O(1)", key_flags=KEYS_CHANGED,
        about="Subtract from the integer at a key; a missing one is 0.")


cdef int incrbyfloat(Call call) except -1:
    cdef KeyRef ref
    cdef Slice text
    cdef long double value = 0
    cdef long double increment = 0
    cdef char buffer[LONG_DOUBLE_CHARS_MAX]
    cdef size_t length
    cdef bint found = call.find_typed_to_write(1, TYPE_STRING, &ref)
    if found:
        text = text_value(ref.slot[0])
        if not parse_long_double(text.ptr, text.len, &value):
            raise NOT_FLOAT
    if not parse_long_double(call.argv[2].ptr, call.argv[2].len, &increment):
        raise NOT_FLOAT
    value += increment
    if value != value or value - value != 0:
        raise NOT_FINITE
    length = <size_t>format_long_double(buffer, value)
    if found:
        text_assign(&ref, buffer, length)
    else:
        text_create(&ref, buffer, length)
        call.added(&ref)
    ref.slot[0].flags |= STRING_NOT_INT
    call.changed(&ref, NOTIFY_STRING, b"incrbyfloat")
    reply_bulk(call.reply, buffer, length)
    # The result goes out, not the sum: replicas may round otherwise.
    if call.propagates():
        call.propagate_as([b"SET", call.bytes(1), buffer[:length], b"KEEPTTL"])
    return 0


command(handler(incrbyfloat), "INCRBYFLOAT key increment", WRITES | DENY_OOM | FAST,
        since="2.6.0", cost="O(1)", key_flags=KEYS_CHANGED, types={"increment": "double"},
        about="Add to the number with a fraction at a key; a missing one is 0.")
