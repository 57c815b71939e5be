"""KEYS and SCAN: going through all keys of a database, at once or in steps."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport READS
from carnelian.engine.engine cimport Engine
from carnelian.engine.scanning cimport (
    SCAN_TYPE, Scan, scan_begin, scan_cursor, scan_end, scan_options, scan_pattern, scan_reply,
    scan_table,
)
from carnelian.keyspace.database cimport Database, KeyRef, key_find
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_key, entry_type, entry_when
from carnelian.resp.reply cimport (
    Reply, ReplyMark, reply_defer, reply_set_array, reply_slice,
)

from carnelian.engine.command import family

command = family("generic")

cdef enum:
    KEYS_BATCH = 256           # entries prefetched ahead


cdef inline bint has_expired(Entry *e, int64_t now_ms) noexcept nogil:
    return e.flags & EXPIRES and entry_when(e) < now_ms


cdef int64_t reply_keys(Reply *reply, Database *db, Slice pattern, int64_t now_ms) noexcept nogil:
    """The keys that match and have not expired; how many they are."""
    cdef Scan scan
    cdef int64_t replied = 0
    cdef size_t i
    scan_begin(&scan, 0)
    scan.wanted = KEYS_BATCH
    scan_pattern(&scan, pattern)
    while True:
        scan.count = 0
        scan_table(&scan, db.keys)
        for i in range(scan.count):
            if not has_expired(<Entry *>scan.found[i], now_ms):
                reply_slice(reply, entry_key(scan.found[i]))
                replied += 1
        if scan.cursor == 0:
            break
    scan_end(&scan)
    return replied


cdef int keys(Call call) except -1:
    cdef ReplyMark mark = reply_defer(call.reply)
    reply_set_array(
        call.reply, mark, reply_keys(call.reply, call.db, call.argv[1], call.engine.now_ms))
    return 0


command(handler(keys), "KEYS pattern", READS, since="1.0.0", cost="O(N) for N keys in the database",
        about="List the keys that match a pattern.", acl="+dangerous",
        tips=("request_policy:all_shards", "nondeterministic_output_order"))


cdef void drop_expired(Call call, Scan *scan):
    """Take other types and expired keys out of what was found, and delete the latter."""
    cdef Engine engine = call.engine
    cdef KeyRef ref
    cdef Entry *e
    cdef Slice key
    cdef size_t kept = 0
    cdef size_t i
    for i in range(scan.count):
        e = <Entry *>scan.found[i]
        if scan.type >= 0 and entry_type(e) != scan.type:
            continue
        if has_expired(e, engine.now_ms):
            key = entry_key(e)
            ref = key_find(call.db, key.ptr, key.len)
            engine.expiry.expired(&ref)
            engine.end_arbitrary()
            continue
        scan.found[kept] = e
        kept += 1
    scan.count = kept


cdef int scan(Call call) except -1:
    cdef Scan step
    cdef size_t i
    scan_begin(&step, scan_cursor(call, 1))
    scan_options(call, 2, SCAN_TYPE, &step)
    scan_table(&step, call.db.keys)
    drop_expired(call, &step)
    scan_reply(&step, call.reply, <int64_t>step.count)
    for i in range(step.count):
        reply_slice(call.reply, entry_key(step.found[i]))
    scan_end(&step)
    return 0


command(handler(scan), "SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]", READS,
        since="2.8.0", cost="O(1) for a call, O(N) for a whole iteration over N keys",
        about="Go through the keys of the database step by step.",
        tips=("nondeterministic_output", "request_policy:special", "response_policy:special"),
        since_of={"TYPE": "6.0.0"}, history=(("6.0.0", "`TYPE` selects the keys of one type."),))
