"""The string commands on several keys at once."""

from libc.stdint cimport int64_t

from carnelian.commands.strings.options cimport (
    OPTION_EXISTENCE, OPTION_KEEPTTL, OPTION_NX, OPTION_TIME, Options, options_expiry,
    options_parse,
)
from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_STRING
from carnelian.engine.values cimport assign_text, reply_text
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STRING, entry_type
from carnelian.resp.reply cimport reply_array, reply_int, reply_null, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import KEYS_CREATED, KEYS_REPLACED

command = family("string")

cdef int64_t INT32_MAX = 0x7FFFFFFF


cdef int mget(Call call) except -1:
    cdef KeyRef ref
    cdef int i
    reply_array(call.reply, call.argc - 1)
    for i in range(1, call.argc):
        call.find(i, &ref)
        if ref.slot == NULL or entry_type(ref.slot[0]) != TYPE_STRING:
            reply_null(call.reply)
        else:
            reply_text(call.reply, ref.slot[0])
    return 0


command(handler(mget), "MGET key [key ...]", READS | FAST, since="1.0.0",
        cost="O(N) where N is the number of keys", tips=("request_policy:multi_shard",),
        about="Return the strings at several keys.")


cdef void store_pairs(Call call, int first, int end, bint keep_ttl, int64_t when_ms):
    cdef KeyRef ref
    cdef int i
    for i in range(first, end, 2):
        call.find_to_write(i, &ref)
        assign_text(
            call, &ref, call.argv[i + 1].ptr, call.argv[i + 1].len, keep_ttl or when_ms != 0)
        call.changed(&ref, NOTIFY_STRING, b"set")
        if when_ms:
            call.expire_at(&ref, when_ms)
            call.notify(NOTIFY_GENERIC, b"expire", &ref)


cdef int how_many_exist(Call call, int first, int end):
    cdef KeyRef ref
    cdef int found = 0
    cdef int i
    for i in range(first, end, 2):
        call.find_to_write(i, &ref)
        found += ref.slot != NULL
    return found


cdef int check_pairs(Call call) except -1:
    if call.argc % 2 == 0:
        raise error(f"wrong number of arguments for '{call.command.name}' command")
    return 0


cdef int mset(Call call) except -1:
    check_pairs(call)
    store_pairs(call, 1, call.argc, False, 0)
    reply_ok(call.reply)
    return 0


command(handler(mset), "MSET key value [key value ...]", WRITES | DENY_OOM, since="1.0.1",
        cost="O(N) where N is the number of keys", key_flags=KEYS_REPLACED,
        tips=("request_policy:multi_shard", "response_policy:all_succeeded"),
        about="Set several keys to a string each.")


cdef int msetnx(Call call) except -1:
    check_pairs(call)
    if how_many_exist(call, 1, call.argc):
        reply_int(call.reply, 0)
        return 0
    store_pairs(call, 1, call.argc, False, 0)
    reply_int(call.reply, 1)
    return 0


command(handler(msetnx), "MSETNX key value [key value ...]", WRITES | DENY_OOM, since="1.0.1",
        cost="O(N) where N is the number of keys", key_flags=KEYS_CREATED,
        about="Set several keys to a string each if none of them exists.")


cdef int msetex(Call call) except -1:
    cdef Options options
    cdef int64_t count = 0
    cdef int64_t when_ms
    cdef int end
    cdef int found
    if not parse_int64(call.argv[1].ptr, call.argv[1].len, &count) or (
            not 1 <= count <= INT32_MAX):
        raise error("invalid numkeys value or out of range")
    if 2 + 2 * count > call.argc:
        raise SYNTAX
    end = <int>(2 + 2 * count)
    options_parse(call, end, OPTION_EXISTENCE | OPTION_TIME | OPTION_KEEPTTL, &options)
    when_ms = options_expiry(call, &options)
    if options.flags & OPTION_EXISTENCE:
        found = how_many_exist(call, 2, end)
        if found != (0 if options.flags & OPTION_NX else count):
            reply_int(call.reply, 0)
            return 0
    store_pairs(call, 2, end, options.flags & OPTION_KEEPTTL != 0, when_ms)
    reply_int(call.reply, 1)
    if when_ms and call.propagates():
        call.propagate_as([b"MSETEX", *call.words(1)[:end - 1], b"PXAT", b"%d" % when_ms])
    return 0


command(handler(msetex), "MSETEX numkeys key value [key value ...] [NX | XX]"
        " [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds"
        " | KEEPTTL]", WRITES | DENY_OOM, since="8.4.0",
        cost="O(N) where N is the number of keys", key_flags=KEYS_REPLACED,
        tips=("request_policy:multi_shard", "response_policy:all_succeeded"),
        about="Set several keys to a string each with one expiry time, under a condition.")
