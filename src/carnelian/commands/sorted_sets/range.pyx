"""The ZRANGE family: a run of members by rank, score or bytes, replied or stored."""

from libc.stdint cimport int64_t

from carnelian.commands.sorted_sets.values cimport (
    clamp_ranks, lex_bounds, score_bounds, store_result,
)
from carnelian.encodings.member cimport Cut, cut_first
from carnelian.encodings.sorted_set cimport SortedSet, sorted_set_add, sorted_set_new
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET, Entry
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_count, zset_cut, zset_iter, zset_iter_end, zset_next,
)
from carnelian.resp.reply cimport reply_array, reply_bulk, reply_double, reply_empty_array

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error

command = family("sorted-set")

LIMIT_BY_RANK = error("syntax error, LIMIT is only supported in combination with either BYSCORE "
                      "or BYLEX")
SCORES_BY_LEX = error("syntax error, WITHSCORES not supported in combination with BYLEX")

cdef enum RangeBy:
    BY_UNSAID
    BY_RANK
    BY_SCORE
    BY_LEX

cdef struct RangeQuery:
    RangeBy by
    bint reverse
    bint reverse_unsaid        # REV may still come
    bint stores
    bint with_scores
    int64_t offset
    int64_t limit              # negative: none
    int64_t start              # by rank, as the client said
    int64_t stop
    Cut first                  # else
    Cut end

cdef struct Run:               # first <= rank < end
    size_t first
    size_t end


cdef RangeQuery query_of(RangeBy by, bint reverse) noexcept nogil:
    cdef RangeQuery query
    query.by = by
    query.reverse = reverse
    query.reverse_unsaid = False
    query.stores = False
    query.with_scores = False
    query.offset = 0
    query.limit = -1
    query.start = query.stop = 0
    query.first = query.end = cut_first()
    return query


cdef int read_options(Call call, RangeQuery *query, int first) except -1:
    cdef int i = first
    while i < call.argc:
        if not query.stores and call.is_word(i, b"withscores"):
            query.with_scores = True
        elif call.is_word(i, b"limit") and i + 2 < call.argc:
            query.offset = call.int(i + 1)
            query.limit = call.int(i + 2)
            i += 2
        elif query.reverse_unsaid and call.is_word(i, b"rev"):
            query.reverse = True
            query.reverse_unsaid = False
        elif query.by == BY_UNSAID and call.is_word(i, b"bylex"):
            query.by = BY_LEX
        elif query.by == BY_UNSAID and call.is_word(i, b"byscore"):
            query.by = BY_SCORE
        else:
            raise SYNTAX
        i += 1
    if query.by == BY_UNSAID:
        query.by = BY_RANK
    if query.by == BY_RANK and query.limit != -1:
        raise LIMIT_BY_RANK
    if query.by == BY_LEX and query.with_scores:
        raise SCORES_BY_LEX
    return 0


cdef int read_query(Call call, RangeQuery *query, int source) except -1:
    """The arguments from the source key on."""
    cdef int low = source + 1
    cdef int high = source + 2
    read_options(call, query, source + 3)
    if query.by == BY_RANK:
        query.start = call.int(low)
        query.stop = call.int(high)
        return 0
    if query.reverse:
        low, high = high, low
    if query.by == BY_SCORE:
        return score_bounds(call, low, high, &query.first, &query.end)
    return lex_bounds(call, low, high, &query.first, &query.end)


cdef Run run_of(Entry *e, const RangeQuery *query) noexcept nogil:
    """The ranks the query means, in ascending order whatever its direction."""
    cdef Run run
    cdef int64_t first = query.start
    cdef int64_t end = query.stop
    cdef size_t count
    if query.by == BY_RANK:
        count = zset_count(e)
        clamp_ranks(&first, &end, count)
        run.first = count - end if query.reverse else first
        run.end = count - first if query.reverse else end
        return run
    run.first = zset_cut(e, &query.first)
    run.end = zset_cut(e, &query.end)
    if run.first >= run.end or query.offset < 0 or <size_t>query.offset >= run.end - run.first:
        run.first = run.end = 0
        return run
    if query.reverse:
        run.end -= query.offset
    else:
        run.first += query.offset
    if query.limit >= 0 and <size_t>query.limit < run.end - run.first:
        if query.reverse:
            run.first = run.end - query.limit
        else:
            run.end = run.first + query.limit
    return run


cdef void reply_run(Call call, Entry *e, Run run, bint reverse, bint with_scores):
    cdef ZsetIter it
    cdef size_t count = run.end - run.first
    cdef size_t _
    cdef bint nested = with_scores and call.reply.resp > 2
    if count == 0:
        reply_empty_array(call.reply)
        return
    reply_array(call.reply, <int64_t>(count * 2 if with_scores and not nested else count))
    zset_iter(&it, e, run.end - 1 if reverse else run.first, reverse)
    for _ in range(count):
        zset_next(&it)
        if nested:
            reply_array(call.reply, 2)
        reply_bulk(call.reply, it.member.ptr, it.member.len)
        if with_scores:
            reply_double(call.reply, it.score)
    zset_iter_end(&it)


cdef int reply_range(Call call, RangeQuery *query) except -1:
    cdef KeyRef ref
    read_query(call, query, 1)
    if not call.find_typed(1, TYPE_ZSET, &ref):
        reply_empty_array(call.reply)
        return 0
    reply_run(call, ref.slot[0], run_of(ref.slot[0], query), query.reverse, query.with_scores)
    return 0


cdef int zrange(Call call) except -1:
    cdef RangeQuery query = query_of(BY_UNSAID, False)
    query.reverse_unsaid = True
    return reply_range(call, &query)


command(handler(zrange),
        "ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        READS, since="1.2.0", types={"start": "string", "stop": "string"},
        cost="O(log(N)+M) with N being the number of elements in the sorted set and M the number"
             " of elements returned.",
        about="Return a range of a sorted set's members, by rank, score or bytes.",
        history=(("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options."),))


cdef int zrevrange(Call call) except -1:
    cdef RangeQuery query = query_of(BY_RANK, True)
    return reply_range(call, &query)


command(handler(zrevrange), "ZREVRANGE key start stop [WITHSCORES]", READS, since="1.2.0",
        cost="O(log(N)+M) with N being the number of elements in the sorted set and M the number"
             " of elements returned.",
        about="Return a range of ranks of a sorted set, highest score first.",
        deprecated_since="6.2.0", replaced_by="`ZRANGE` with the `REV` argument")

PART_COST = ("O(log(N)+M) with N being the number of elements in the sorted set and M the number"
             " of elements being returned. If M is constant (e.g. always asking for the first 10"
             " elements with LIMIT), you can consider it O(log(N)).")


cdef int zrangebyscore(Call call) except -1:
    cdef RangeQuery query = query_of(BY_SCORE, False)
    return reply_range(call, &query)


command(handler(zrangebyscore),
        "ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]", READS, since="1.0.5",
        cost=PART_COST, about="Return a sorted set's members with scores in a range.",
        deprecated_since="6.2.0", replaced_by="`ZRANGE` with the `BYSCORE` argument",
        history=(("2.0.0", "Added the `WITHSCORES` modifier."),))


cdef int zrevrangebyscore(Call call) except -1:
    cdef RangeQuery query = query_of(BY_SCORE, True)
    return reply_range(call, &query)


command(handler(zrevrangebyscore),
        "ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]", READS, since="2.2.0",
        cost=PART_COST,
        about="Return a sorted set's members with scores in a range, highest score first.",
        deprecated_since="6.2.0",
        replaced_by="`ZRANGE` with the `REV` and `BYSCORE` arguments",
        history=(("2.1.6", "`min` and `max` can be exclusive."),))


cdef int zrangebylex(Call call) except -1:
    cdef RangeQuery query = query_of(BY_LEX, False)
    return reply_range(call, &query)


command(handler(zrangebylex), "ZRANGEBYLEX key min max [LIMIT offset count]", READS,
        since="2.8.9", cost=PART_COST, types={"min": "string", "max": "string"},
        about="Return a lexicographical range of a sorted set's members.",
        deprecated_since="6.2.0", replaced_by="`ZRANGE` with the `BYLEX` argument")


cdef int zrevrangebylex(Call call) except -1:
    cdef RangeQuery query = query_of(BY_LEX, True)
    return reply_range(call, &query)


command(handler(zrevrangebylex), "ZREVRANGEBYLEX key max min [LIMIT offset count]", READS,
        since="2.8.9", cost=PART_COST, types={"min": "string", "max": "string"},
        about="Return a lexicographical range of a sorted set's members in reverse order.",
        deprecated_since="6.2.0", replaced_by="`ZRANGE` with the `REV` and `BYLEX` arguments")


cdef SortedSet *copy_of(Entry *e, Run run) noexcept nogil:
    cdef SortedSet *z = sorted_set_new()
    cdef ZsetIter it
    cdef size_t _
    zset_iter(&it, e, run.first, False)
    for _ in range(run.end - run.first):
        zset_next(&it)
        sorted_set_add(z, it.score, it.member.ptr, it.member.len)
    zset_iter_end(&it)
    return z


cdef int zrangestore(Call call) except -1:
    cdef RangeQuery query = query_of(BY_UNSAID, False)
    cdef KeyRef ref
    cdef SortedSet *z
    query.reverse_unsaid = True
    query.stores = True
    read_query(call, &query, 2)
    if call.find_typed(2, TYPE_ZSET, &ref):
        z = copy_of(ref.slot[0], run_of(ref.slot[0], &query))
    else:
        z = sorted_set_new()
    store_result(call, 1, z, b"zrangestore", 1)
    return 0


command(handler(zrangestore),
        "ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        WRITES | DENY_OOM, since="6.2.0", types={"min": "string", "max": "string"},
        cost="O(log(N)+M) with N being the number of elements in the sorted set and M the number"
             " of elements stored into the destination key.",
        about="Store a range of a sorted set's members as another sorted set.")
