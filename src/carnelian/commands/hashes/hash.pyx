"""The hash commands but those of field expiry, sampling and HSCAN."""

from libc.stdint cimport int64_t

from carnelian.base.native cimport add_overflow
from carnelian.base.numbers cimport (
    INT64_CHARS_MAX, LONG_DOUBLE_CHARS_MAX, format_int64, format_long_double, parse_int64,
    parse_long_double,
)
from carnelian.base.slice cimport Slice, slice_of
from carnelian.commands.hashes.values cimport (
    drop_if_empty, find_hash, find_hash_to_write, find_live, find_or_create_hash, is_live,
    reply_value,
)
from carnelian.encodings.field_map cimport HashField
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_HASH
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.types.hash.value cimport (
    HashIter, hash_count, hash_entry_new, hash_expect, hash_iter_init,
    hash_iter_next, hash_may_expire, hash_put, hash_remove, hash_reschedule,
)
from carnelian.resp.reply cimport (
    ReplyMark, reply_array, reply_bulk, reply_defer, reply_int, reply_map, reply_null, reply_ok,
    reply_set_array, reply_set_map, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_FLOAT, error
from carnelian.declare.flags import KEYS_CHANGED, KEYS_EXTENDED, KEYS_INSPECTED

command = family("hash")

VALUE_NOT_INTEGER = error("hash value is not an integer")
VALUE_NOT_FLOAT = error("hash value is not a float")
INCREMENT_OVERFLOWS = error("increment or decrement would overflow")
INCREMENT_INFINITE = error("value is NaN or Infinity")
RESULT_INFINITE = error("increment would produce NaN or Infinity")


def attach(Engine engine, config):
    """Follow the thresholds of the packed encoding."""
    names = ("hash-max-listpack-entries", "hash-max-listpack-value")

    def follow():
        engine.limits.hash_entries_max = config.hash_max_listpack_entries
        engine.limits.hash_value_max = config.hash_max_listpack_value

    config.on_any_change(names, follow)


# --- setting ---

cdef int64_t put_pairs(Call call, KeyRef *ref) except -1:
    """The pairs from argument 2 on; how many fields are new."""
    cdef HashField field
    cdef int64_t created = 0
    cdef size_t longest = 0
    cdef bint expiring
    cdef int i
    for i in range(2, call.argc):
        if call.argv[i].len > longest:
            longest = call.argv[i].len
    find_or_create_hash(call, ref)
    hash_expect(ref, <size_t>(call.argc - 2) >> 1, longest)
    expiring = hash_may_expire(ref.slot[0])
    for i in range(2, call.argc, 2):
        if expiring and not find_live(call, ref, call.argv[i], &field):
            hash_put(ref, call.argv[i], call.argv[i + 1], False)
            created += 1
        else:
            created += hash_put(ref, call.argv[i], call.argv[i + 1], False)
    if expiring:
        hash_reschedule(ref)
    call.changed(ref, NOTIFY_HASH, b"hset")
    call.dirty += (call.argc - 2) // 2 - 1
    return created


cdef int check_pairs(Call call, name) except -1:
    if call.argc & 1:
        raise error(f"wrong number of arguments for '{name}' command")
    return 0


cdef int hset(Call call) except -1:
    cdef KeyRef ref
    check_pairs(call, "hset")
    reply_int(call.reply, put_pairs(call, &ref))
    return 0


command(handler(hset), "HSET key field value [field value ...]", WRITES | DENY_OOM | FAST,
        since="2.0.0", cost="O(1) for each field",
        about="Set fields of a hash, creating it if need be.",
        history=(("4.0.0", "Several pairs of field and value."),))


cdef int hmset(Call call) except -1:
    cdef KeyRef ref
    check_pairs(call, "hmset")
    put_pairs(call, &ref)
    reply_ok(call.reply)
    return 0


command(handler(hmset), "HMSET key field value [field value ...]", WRITES | DENY_OOM | FAST,
        since="2.0.0", cost="O(1) for each field", about="Set fields of a hash.",
        deprecated_since="4.0.0", replaced_by="`HSET` with multiple field-value pairs")


cdef int hsetnx(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    if find_hash_to_write(call, &ref) and find_live(call, &ref, call.argv[2], &field):
        reply_int(call.reply, 0)
        return 0
    put_pairs(call, &ref)
    reply_int(call.reply, 1)
    return 0


command(handler(hsetnx), "HSETNX key field value", WRITES | DENY_OOM | FAST, since="2.0.0",
        cost="O(1)", about="Set a field of a hash unless it is there.", key_flags=KEYS_EXTENDED)


# --- getting ---

cdef int hget(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    if find_hash(call, &ref) and find_live(call, &ref, call.argv[2], &field):
        reply_value(call.reply, &field)
    else:
        reply_null(call.reply)
    return 0


command(handler(hget), "HGET key field", READS | FAST, since="2.0.0", cost="O(1)",
        about="Return the value of a field.")


cdef int hmget(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef bint found = find_hash(call, &ref)
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        if found and find_live(call, &ref, call.argv[i], &field):
            reply_value(call.reply, &field)
        else:
            reply_null(call.reply)
    return 0


command(handler(hmget), "HMGET key field [field ...]", READS | FAST, since="2.0.0",
        cost="O(1) for each field", about="Return the values of several fields.")


cdef int64_t reply_fields(Call call, Entry *e, bint names, bint values) noexcept:
    """All live fields; how many."""
    cdef HashIter it
    cdef HashField field
    cdef int64_t n = 0
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        if not is_live(call, &field):
            continue
        n += 1
        if names:
            reply_slice(call.reply, field.name)
        if values:
            reply_value(call.reply, &field)
    return n


cdef int reply_whole(Call call, bint names, bint values) except -1:
    cdef KeyRef ref
    cdef ReplyMark mark
    cdef int64_t count = 0
    if find_hash(call, &ref):
        if hash_may_expire(ref.slot[0]):
            mark = reply_defer(call.reply)
            count = reply_fields(call, ref.slot[0], names, values)
            if names and values:
                reply_set_map(call.reply, mark, count)
            else:
                reply_set_array(call.reply, mark, count)
            return 0
        count = <int64_t>hash_count(ref.slot[0])
    if names and values:
        reply_map(call.reply, count)
    else:
        reply_array(call.reply, count)
    if count:
        reply_fields(call, ref.slot[0], names, values)
    return 0


cdef int hgetall(Call call) except -1:
    return reply_whole(call, True, True)


cdef int hkeys(Call call) except -1:
    return reply_whole(call, True, False)


cdef int hvals(Call call) except -1:
    return reply_whole(call, False, True)


WHOLE = "O(N) where N is the size of the hash"

command(handler(hgetall), "HGETALL key", READS, since="2.0.0", cost=WHOLE,
        about="Return all fields of a hash with their values.",
        tips=("nondeterministic_output_order",))

command(handler(hkeys), "HKEYS key", READS, since="2.0.0", cost=WHOLE,
        about="Return all fields of a hash.", tips=("nondeterministic_output_order",))

command(handler(hvals), "HVALS key", READS, since="2.0.0", cost=WHOLE,
        about="Return all values of a hash.", tips=("nondeterministic_output_order",))


cdef int hlen(Call call) except -1:
    cdef KeyRef ref
    reply_int(call.reply, <int64_t>hash_count(ref.slot[0]) if find_hash(call, &ref) else 0)
    return 0


command(handler(hlen), "HLEN key", READS | FAST, since="2.0.0", cost="O(1)",
        about="Return how many fields a hash has.", key_flags=KEYS_INSPECTED)


cdef int hstrlen(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    if find_hash(call, &ref) and find_live(call, &ref, call.argv[2], &field):
        reply_int(call.reply, <int64_t>field.value.len)
    else:
        reply_int(call.reply, 0)
    return 0


command(handler(hstrlen), "HSTRLEN key field", READS | FAST, since="3.2.0", cost="O(1)",
        about="Return the length of the value of a field.", key_flags=KEYS_INSPECTED)


cdef int hexists(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    reply_int(call.reply, find_hash(call, &ref) and (
        find_live(call, &ref, call.argv[2], &field)))
    return 0


command(handler(hexists), "HEXISTS key field", READS | FAST, since="2.0.0", cost="O(1)",
        about="Say whether a hash has a field.", key_flags=KEYS_INSPECTED)


# --- removing ---

cdef int hdel(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef int64_t removed = 0
    cdef bint expiring
    cdef int i
    if not find_hash_to_write(call, &ref):
        reply_int(call.reply, 0)
        return 0
    expiring = hash_may_expire(ref.slot[0])
    for i in range(2, call.argc):
        if expiring and not find_live(call, &ref, call.argv[i], &field):
            continue
        if hash_remove(&ref, call.argv[i]):
            removed += 1
            if hash_count(ref.slot[0]) == 0:
                break
    if removed:
        if expiring:
            hash_reschedule(&ref)
        call.changed(&ref, NOTIFY_HASH, b"hdel")
        call.dirty += removed - 1
        drop_if_empty(call, &ref)
    reply_int(call.reply, removed)
    return 0


command(handler(hdel), "HDEL key field [field ...]", WRITES | FAST, since="2.0.0",
        cost="O(1) for each field",
        about="Remove fields from a hash; a hash without fields is gone.",
        history=(("2.4.0", "Several fields at once."),))


# --- counting ---

cdef int put_number(Call call, KeyRef *ref, Slice value, bint live, const char *event) except -1:
    """Set the field named by argument 2 in the hash that was looked for."""
    if ref.slot == NULL:
        call.link(ref, hash_entry_new(ref.key, ref.len))
    hash_put(ref, call.argv[2], value, live)
    if not live:
        hash_reschedule(ref)
    call.changed(ref, NOTIFY_HASH, event)
    return 0


cdef int hincrby(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef int64_t increment = call.int(3)
    cdef int64_t value = 0
    cdef char text[INT64_CHARS_MAX]
    cdef bint live = find_hash_to_write(call, &ref) and (
        find_live(call, &ref, call.argv[2], &field))
    if live and not parse_int64(field.value.ptr, field.value.len, &value):
        raise VALUE_NOT_INTEGER
    if add_overflow(value, increment, &value):
        raise INCREMENT_OVERFLOWS
    put_number(call, &ref, slice_of(text, format_int64(text, value)), live, b"hincrby")
    reply_int(call.reply, value)
    return 0


command(handler(hincrby), "HINCRBY key field increment", WRITES | DENY_OOM | FAST, since="2.0.0",
        cost="O(1)", about="Add an integer to the value of a field.", key_flags=KEYS_CHANGED)


cdef int hincrbyfloat(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef long double increment = 0
    cdef long double value = 0
    cdef char text[LONG_DOUBLE_CHARS_MAX]
    cdef Slice spelled
    cdef bint live
    if not parse_long_double(call.argv[3].ptr, call.argv[3].len, &increment):
        raise NOT_FLOAT
    if increment - increment != 0:
        raise INCREMENT_INFINITE
    live = find_hash_to_write(call, &ref) and find_live(call, &ref, call.argv[2], &field)
    if live and not parse_long_double(field.value.ptr, field.value.len, &value):
        raise VALUE_NOT_FLOAT
    value += increment
    if value - value != 0:
        raise RESULT_INFINITE
    spelled = slice_of(text, format_long_double(text, value))
    if call.propagates():
        propagate_value(call, spelled, live and field.expires_ms != 0)
    put_number(call, &ref, spelled, live, b"hincrbyfloat")
    reply_bulk(call.reply, spelled.ptr, spelled.len)
    return 0


cdef int propagate_value(Call call, Slice value, bint expires) except -1:
    """The result in place of the sum, which another machine may round another way."""
    cdef bytes text = value.ptr[:value.len]
    if expires:
        call.propagate_as(
            [b"HSETEX", call.bytes(1), b"KEEPTTL", b"FIELDS", b"1", call.bytes(2), text])
    else:
        call.propagate_as([b"HSET", call.bytes(1), call.bytes(2), text])
    return 0


command(handler(hincrbyfloat), "HINCRBYFLOAT key field increment", WRITES | DENY_OOM | FAST,
        since="2.6.0", cost="O(1)", about="Add a number to the value of a field.",
        key_flags=KEYS_CHANGED, types={"increment": "double"})
