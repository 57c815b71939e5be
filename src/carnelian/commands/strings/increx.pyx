"""INCREX: counting within bounds, with an expiry time, in one command."""

from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint32_t

from carnelian.base.native cimport add_overflow, sub_overflow
from carnelian.base.numbers cimport (
    LONG_DOUBLE_CHARS_MAX, format_int64, format_long_double, parse_int64,
    parse_long_double,
)
from carnelian.base.slice cimport Slice, slice_is
from carnelian.commands.strings.options cimport (
    OPTION_PERSIST, OPTION_TIME, expiry_ms, option_of,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_STRING
from carnelian.engine.removal cimport removal_name
from carnelian.keyspace.database cimport KeyRef, key_persist
from carnelian.keyspace.entry cimport EXPIRES, STRING_NOT_INT, TYPE_STRING
from carnelian.types.string.value cimport text_assign, text_create, text_value
from carnelian.resp.reply cimport Reply, reply_array, reply_bulk, reply_int, reply_raw

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_FLOAT, NOT_INTEGER, SYNTAX, error
from carnelian.declare.flags import KEYS_CHANGED

command = family("string")


cdef extern from "<float.h>" nogil:
    const long double LDBL_MAX

cdef struct Request:
    int increment              # indexes of arguments; 0: not given
    int lower
    int upper
    int time
    uint32_t ttl               # the OPTION_ that says what becomes of the expiry
    bint floats
    bint saturates
    bint only_without_expiry

cdef struct Outcome:
    bint refused               # out of bounds: nothing changes
    size_t length              # of the new value in `text`
    char text[LONG_DOUBLE_CHARS_MAX]
    int64_t integer
    int64_t integer_applied
    long double number
    long double applied


cdef int parse(Call call, Request *request) except -1:
    """Unlike elsewhere, no option may be repeated."""
    cdef Slice word
    cdef int *place
    cdef uint32_t option
    cdef int i = 2
    while i < call.argc:
        word = call.argv[i]
        option = option_of(word) & (OPTION_TIME | OPTION_PERSIST)
        place = NULL
        if slice_is(word, b"byint") or slice_is(word, b"byfloat"):
            request.floats = word.len == 7
            place = &request.increment
        elif slice_is(word, b"lbound"):
            place = &request.lower
        elif slice_is(word, b"ubound"):
            place = &request.upper
        elif slice_is(word, b"saturate") and not request.saturates:
            request.saturates = True
        elif slice_is(word, b"enx") and not request.only_without_expiry and (
                request.ttl != OPTION_PERSIST):
            request.only_without_expiry = True
        elif option and not request.ttl and (
                option != OPTION_PERSIST or not request.only_without_expiry):
            request.ttl = option
            if option & OPTION_TIME:
                place = &request.time
        else:
            raise SYNTAX
        if place != NULL:
            i += 1
            if place[0] or i == call.argc:
                raise SYNTAX
            place[0] = i
        i += 1
    if request.only_without_expiry and not request.time:
        raise error("ENX flag requires an expiration")
    return 0


cdef int64_t integer_argument(Call call, int i, int64_t missing, str name) except? -1:
    cdef int64_t value = missing
    if i and not parse_int64(call.argv[i].ptr, call.argv[i].len, &value):
        raise error(f"{name} is not an integer or out of range")
    return value


cdef long double float_argument(Call call, int i, long double missing, str name) except? -1:
    cdef long double value = missing
    if i and not parse_long_double(call.argv[i].ptr, call.argv[i].len, &value):
        raise error(f"{name} is not a valid float")
    return value


cdef int count_integer(Call call, Request *request, KeyRef *ref, Outcome *outcome) except -1:
    cdef int64_t increment = integer_argument(call, request.increment, 1, "Increment")
    cdef int64_t lower = integer_argument(call, request.lower, INT64_MIN, "LBOUND")
    cdef int64_t upper = integer_argument(call, request.upper, INT64_MAX, "UBOUND")
    cdef int64_t old = 0
    cdef int64_t sum = 0
    cdef bint overflowed
    cdef bint above
    cdef bint below
    cdef Slice text
    if lower > upper:
        raise error("LBOUND can't be greater than UBOUND")
    if request.time:
        expiry_ms(call, request.time, request.ttl)
    if call.find_typed_to_write(1, TYPE_STRING, ref):
        text = text_value(ref.slot[0])
        if not parse_int64(text.ptr, text.len, &old):
            raise NOT_INTEGER
    overflowed = add_overflow(old, increment, &sum)
    above = increment > 0 if overflowed else sum > upper
    below = increment < 0 if overflowed else sum < lower
    if above or below:
        outcome.refused = not request.saturates
        sum = old if outcome.refused else upper if above else lower
    if sub_overflow(sum, old, &outcome.integer_applied):
        raise error("applied increment would overflow")
    outcome.integer = sum
    outcome.length = <size_t>format_int64(outcome.text, sum)
    return 0


cdef inline bint infinite(long double value) noexcept nogil:
    return value - value != 0


cdef int count_float(Call call, Request *request, KeyRef *ref, Outcome *outcome) except -1:
    cdef long double increment = float_argument(call, request.increment, 1, "Increment")
    cdef long double lower
    cdef long double upper
    cdef long double old = 0
    cdef long double sum
    cdef Slice text
    if infinite(increment):
        raise error("BYFLOAT increment cannot be Infinity")
    lower = float_argument(call, request.lower, -LDBL_MAX, "LBOUND")
    upper = float_argument(call, request.upper, LDBL_MAX, "UBOUND")
    if lower > upper:
        raise error("LBOUND can't be greater than UBOUND")
    if request.time:
        expiry_ms(call, request.time, request.ttl)
    if call.find_typed_to_write(1, TYPE_STRING, ref):
        text = text_value(ref.slot[0])
        if not parse_long_double(text.ptr, text.len, &old):
            raise NOT_FLOAT
        if infinite(old):
            raise error("value cannot be Infinity")
    lower = max(lower, -LDBL_MAX)
    upper = min(upper, LDBL_MAX)
    sum = old + increment
    if sum > upper or sum < lower:
        outcome.refused = not request.saturates
        sum = old if outcome.refused else upper if sum > upper else lower
    outcome.number = sum
    outcome.applied = sum - old
    if infinite(outcome.applied) or infinite(sum):
        raise error("applied increment would overflow")
    outcome.length = <size_t>format_long_double(outcome.text, sum)
    return 0


cdef void reply_long_double(Reply *reply, long double value) noexcept:
    """In INCRBYFLOAT's spelling: a bulk string in RESP2, a double in RESP3."""
    cdef char buffer[LONG_DOUBLE_CHARS_MAX]
    cdef int length = format_long_double(buffer, value)
    if reply.resp == 2:
        reply_bulk(reply, buffer, <size_t>length)
    else:
        reply_raw(reply, b",", 1)
        reply_raw(reply, buffer, <size_t>length)
        reply_raw(reply, b"\r\n", 2)


cdef void store(Call call, Request *request, KeyRef *ref, Outcome *outcome, int64_t when_ms):
    cdef list ttl = [b"KEEPTTL"]
    if ref.slot == NULL:
        text_create(ref, outcome.text, outcome.length)
        call.added(ref)
    else:
        text_assign(ref, outcome.text, outcome.length)
    if request.floats:
        ref.slot[0].flags |= STRING_NOT_INT
    call.changed(ref, NOTIFY_STRING, b"incrbyfloat" if request.floats else b"incrby")
    if when_ms:
        call.expire_at(ref, when_ms)
        call.notify(NOTIFY_GENERIC, b"expire", ref)
        ttl = [b"PXAT", b"%d" % when_ms]
    elif request.ttl == OPTION_PERSIST and key_persist(ref):
        call.notify(NOTIFY_GENERIC, b"persist", ref)
        ttl = []
    if call.propagates():
        call.propagate_as([b"SET", call.bytes(1), outcome.text[:outcome.length], *ttl])


cdef int increx(Call call) except -1:
    cdef Request request
    cdef Outcome outcome
    cdef KeyRef ref
    cdef int64_t when_ms = 0
    request.increment = request.lower = request.upper = request.time = 0
    request.ttl = 0
    request.floats = request.saturates = request.only_without_expiry = outcome.refused = False
    parse(call, &request)
    if request.floats:
        count_float(call, &request, &ref, &outcome)
    else:
        count_integer(call, &request, &ref, &outcome)
    if request.time and not (request.only_without_expiry and ref.slot != NULL
                             and ref.slot[0].flags & EXPIRES):
        when_ms = expiry_ms(call, request.time, request.ttl)
    if outcome.refused:
        pass
    elif when_ms and call.engine.expiry.deletes_at(when_ms):
        if ref.slot != NULL:
            call.remove(&ref)
            call.changed(&ref, NOTIFY_GENERIC, b"del")
            if call.propagates():
                lazily = call.engine.host.configuration.lazyfree_lazy_expire
                call.propagate_as([removal_name(lazily), call.bytes(1)])
    else:
        store(call, &request, &ref, &outcome, when_ms)
    reply_array(call.reply, 2)
    if request.floats:
        reply_long_double(call.reply, outcome.number)
        reply_long_double(call.reply, outcome.applied)
    else:
        reply_int(call.reply, outcome.integer)
        reply_int(call.reply, outcome.integer_applied)
    return 0


command(handler(increx), "INCREX key [BYFLOAT increment | BYINT increment] [LBOUND lowerbound]"
        " [UBOUND upperbound] [SATURATE] [EX seconds | PX milliseconds | EXAT unix-time-seconds"
        "| PXAT unix-time-milliseconds | PERSIST] [ENX]", WRITES | DENY_OOM | FAST,
        since="8.8.0", cost="O(1)", key_flags=KEYS_CHANGED,
        about="Add to the number at a key within bounds and change when the key expires.")
