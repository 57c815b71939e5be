"""Commands on whole databases: counting, flushing, swapping."""

from libc.stdint cimport int64_t

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport FAST, READS, WRITES
from carnelian.base.numbers cimport parse_int64
from carnelian.keyspace.database cimport database_count
from carnelian.resp.reply cimport reply_int, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import DB_OUT_OF_RANGE, SYNTAX, error

command = family("server")

ALL_SHARDS_OK = ("request_policy:all_shards", "response_policy:all_succeeded")


cdef int dbsize(Call call) except -1:
    reply_int(call.reply, <int64_t>database_count(call.db))
    return 0


command(handler(dbsize), "DBSIZE", READS | FAST, since="1.0.0", cost="O(1)",
        about="Count the keys of the database.", acl="keyspace",
        tips=("request_policy:all_shards", "response_policy:agg_sum"))


# --- flushing ---

cdef bint in_background(Call call) except -1:
    """What ASYNC or SYNC or, without either, the configuration says."""
    if call.argc > 2:
        raise SYNTAX
    if call.argc == 1:
        return call.engine.host.configuration.lazyfree_lazy_user_flush
    if call.is_word(1, b"async"):
        return True
    if not call.is_word(1, b"sync"):
        raise SYNTAX
    return False


cdef void flush(Call call, int first, int end, bint background):
    """Empty the databases; propagated even if they were empty."""
    cdef int i
    for i in range(first, end):
        call.dirty += <int64_t>database_count(call.engine.databases[i])
        call.engine.flush(i, background)
    if call.propagates():
        call.propagate_as(call.words(0))


cdef int flushdb(Call call) except -1:
    flush(call, call.db.id, call.db.id + 1, in_background(call))
    reply_ok(call.reply)
    return 0


cdef int flushall(Call call) except -1:
    flush(call, 0, call.engine.database_count, in_background(call))
    call.dirty += 1
    if call.engine.host.persistence.flushed():
        call.dirty = 0             # a snapshot of nothing is on disk already
    reply_ok(call.reply)
    return 0


command(handler(flushall), "FLUSHALL [ASYNC | SYNC]", WRITES, since="1.0.0",
        cost="O(N) for N keys, in the background when there are many",
        about="Remove all keys of all databases.", acl="keyspace dangerous", tips=ALL_SHARDS_OK,
        history=(("4.0.0", "`ASYNC` frees in the background."),
                 ("6.2.0", "`SYNC` overrides `lazyfree-lazy-user-flush`.")))
command(handler(flushdb), "FLUSHDB [ASYNC | SYNC]", WRITES, since="1.0.0",
        cost="O(N) for N keys, in the background when there are many",
        about="Remove all keys of the database.", acl="keyspace dangerous", tips=ALL_SHARDS_OK,
        history=(("4.0.0", "`ASYNC` frees in the background."),
                 ("6.2.0", "`SYNC` overrides `lazyfree-lazy-user-flush`.")))


# --- swapping ---

cdef int database_number(Call call, int i, str which) except -1:
    cdef int64_t number = 0
    if not parse_int64(call.argv[i].ptr, call.argv[i].len, &number) or number != <int>number:
        raise error(f"invalid {which} DB index")
    # Both are parsed before either is checked against the number of databases.
    return <int>number if 0 <= number < call.engine.database_count else call.engine.database_count


cdef int swapdb(Call call) except -1:
    cdef int first
    cdef int second
    if call.engine.host.configuration.cluster_enabled:
        raise error("SWAPDB is not allowed in cluster mode")
    first = database_number(call, 1, "first")
    second = database_number(call, 2, "second")
    if max(first, second) == call.engine.database_count:
        raise DB_OUT_OF_RANGE
    call.engine.swap(first, second)
    call.dirty += 1
    reply_ok(call.reply)
    return 0


command(handler(swapdb), "SWAPDB index1 index2", WRITES | FAST, since="4.0.0",
        cost="O(N) for N clients that watch or wait for keys of either database",
        about="Exchange the contents of two databases.", acl="keyspace dangerous")
