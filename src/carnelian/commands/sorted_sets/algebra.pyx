"""Union, intersection and difference of sorted sets, replied, stored or counted.

An input may also be a plain set, whose members all have the score 1.
"""

from libc.math cimport isnan
from libc.stdint cimport int64_t
from libc.stdlib cimport qsort

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.commands.sorted_sets.values cimport discard_result, reply_members, store_result
from carnelian.encodings.member cimport Member
from carnelian.encodings.member_set cimport SetMember, member_of_text
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_add, sorted_set_find, sorted_set_new, sorted_set_update,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_SET, TYPE_ZSET, Entry, entry_type
from carnelian.types.set.value cimport (
    SetIter, set_count, set_has, set_iter_init, set_iter_next,
)
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_count, zset_iter, zset_iter_end, zset_next, zset_score,
)
from carnelian.resp.reply cimport reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, WRONG_TYPE, CommandError, error

command = family("sorted-set")

NOT_WEIGHT = error("weight value is not a float")
NEGATIVE_LIMIT = error("LIMIT can't be negative")

cdef enum Operation:
    UNION
    INTERSECTION
    DIFFERENCE

cdef enum Aggregate:
    AGGREGATE_SUM
    AGGREGATE_MIN
    AGGREGATE_MAX
    AGGREGATE_COUNT            # the sum of the weights

cdef struct Source:
    Entry *e                   # NULL: no such key
    size_t count
    double weight

cdef struct SourceIter:
    bint plain                 # a set
    ZsetIter zset
    SetIter set
    SetMember member           # whose bytes the caller sees

cdef struct Query:
    Source *sources
    int count
    int options                # index of the first argument behind the keys
    Aggregate aggregate
    bint with_scores
    bint stores
    bint counts                # ZINTERCARD
    int64_t limit


# ------------------------------------------------------------------------------------------ sources

cdef void source_iter(SourceIter *it, const Source *source) noexcept nogil:
    it.plain = entry_type(source.e) == TYPE_SET
    if it.plain:
        set_iter_init(&it.set, source.e)
    else:
        zset_iter(&it.zset, source.e, 0, False)


cdef bint source_next(SourceIter *it, Slice *member, double *score) noexcept nogil:
    """The next member; its bytes are good until the next one."""
    if it.plain:
        if not set_iter_next(&it.set, &it.member):
            return False
        member[0] = it.member.text
        score[0] = 1
        return True
    if not zset_next(&it.zset):
        return False
    member[0] = it.zset.member
    score[0] = it.zset.score
    return True


cdef void source_iter_end(SourceIter *it) noexcept nogil:
    if not it.plain:
        zset_iter_end(&it.zset)


cdef bint source_find(const Source *source, Slice member, double *score) noexcept nogil:
    cdef SetMember m
    if entry_type(source.e) != TYPE_SET:
        return zset_score(source.e, member, score)
    member_of_text(member, &m)
    score[0] = 1
    return set_has(source.e, &m)


cdef int source_order(const void *a, const void *b) noexcept nogil:
    cdef size_t left = (<const Source *>a).count
    cdef size_t right = (<const Source *>b).count
    return (left > right) - (left < right)


# ---------------------------------------------------------------------------------------- computing

cdef inline double product(const Query *query, const Source *source, double score) noexcept nogil:
    return source.weight if query.aggregate == AGGREGATE_COUNT else score * source.weight


cdef inline double weighted(const Query *query, const Source *source, double score) noexcept nogil:
    """What a source contributes; infinity times 0 is 0 here."""
    score = product(query, source, score)
    return 0 if isnan(score) else score


cdef inline double combined(Aggregate how, double a, double b) noexcept nogil:
    """The sum of opposite infinities is 0 here."""
    if how == AGGREGATE_MIN:
        return b if b < a else a
    if how == AGGREGATE_MAX:
        return b if b > a else a
    a += b
    return 0 if isnan(a) else a


cdef SortedSet *unite(const Query *query) noexcept nogil:
    cdef SortedSet *z = sorted_set_new()
    cdef SourceIter it
    cdef Slice member
    cdef double score = 0
    cdef Member *m
    cdef int i
    for i in range(query.count):
        if query.sources[i].count == 0:
            continue
        source_iter(&it, &query.sources[i])
        while source_next(&it, &member, &score):
            score = weighted(query, &query.sources[i], score)
            m = sorted_set_find(z, member.ptr, member.len)
            if m == NULL:
                sorted_set_add(z, score, member.ptr, member.len)
            else:
                sorted_set_update(z, m, combined(query.aggregate, m.score, score))
        source_iter_end(&it)
    return z


cdef bint in_all(const Query *query, Slice member, double *score) noexcept nogil:
    """Whether the other sources have it too; `score` becomes the aggregate."""
    cdef double other = 0
    cdef int i
    score[0] = weighted(query, &query.sources[0], score[0])
    for i in range(1, query.count):
        if not source_find(&query.sources[i], member, &other):
            return False
        # Redis: no number joins a sum to 0 at the end, and a minimum or maximum not at all.
        other = product(query, &query.sources[i], other)
        score[0] = combined(query.aggregate, score[0], other)
    return True


cdef int64_t intersect(const Query *query, SortedSet *z) noexcept nogil:
    """How many members are in all sources, up to the limit; they are added to `z` if given."""
    cdef SourceIter it
    cdef Slice member
    cdef double score = 0
    cdef int64_t found = 0
    if query.sources[0].count == 0:
        return 0
    source_iter(&it, &query.sources[0])
    while source_next(&it, &member, &score):
        if not in_all(query, member, &score):
            continue
        found += 1
        if z != NULL:
            sorted_set_add(z, score, member.ptr, member.len)
        elif found == query.limit:
            break
    source_iter_end(&it)
    return found


cdef bint in_any_other(const Query *query, Slice member) noexcept nogil:
    cdef double score
    cdef int i
    for i in range(1, query.count):
        if query.sources[i].count and source_find(&query.sources[i], member, &score):
            return True
    return False


cdef SortedSet *subtract(const Query *query) noexcept nogil:
    cdef SortedSet *z = sorted_set_new()
    cdef SourceIter it
    cdef Slice member
    cdef double score = 0
    if query.sources[0].count == 0:
        return z
    source_iter(&it, &query.sources[0])
    while source_next(&it, &member, &score):
        if not in_any_other(query, member):
            sorted_set_add(z, score, member.ptr, member.len)
    source_iter_end(&it)
    return z


# ------------------------------------------------------------------------------------------ parsing

cdef int read_sources(Call call, Query *query, int first) except -1:
    cdef KeyRef ref
    cdef int i
    for i in range(query.count):
        query.sources[i].weight = 1
        query.sources[i].count = 0
        query.sources[i].e = NULL
        call.find(first + i, &ref)
        if ref.slot == NULL:
            continue
        query.sources[i].e = ref.slot[0]
        if entry_type(ref.slot[0]) == TYPE_ZSET:
            query.sources[i].count = zset_count(ref.slot[0])
        elif entry_type(ref.slot[0]) == TYPE_SET:
            query.sources[i].count = set_count(ref.slot[0])
        else:
            raise WRONG_TYPE
    return 0


cdef int read_weights(Call call, Query *query, int first) except -1:
    cdef int i
    for i in range(query.count):
        try:
            query.sources[i].weight = call.float(first + i)
        except CommandError:
            raise NOT_WEIGHT from None
    return 0


cdef int read_aggregate(Call call, Query *query, int i) except -1:
    if call.is_word(i, b"sum"):
        query.aggregate = AGGREGATE_SUM
    elif call.is_word(i, b"min"):
        query.aggregate = AGGREGATE_MIN
    elif call.is_word(i, b"max"):
        query.aggregate = AGGREGATE_MAX
    elif call.is_word(i, b"count"):
        query.aggregate = AGGREGATE_COUNT
    else:
        raise SYNTAX
    return 0


cdef int read_limit(Call call, Query *query, int i) except -1:
    try:
        query.limit = call.int(i)
    except CommandError:
        raise NEGATIVE_LIMIT from None
    if query.limit < 0:
        raise NEGATIVE_LIMIT
    return 0


cdef int read_options(Call call, Query *query, Operation operation) except -1:
    cdef bint aggregates = operation != DIFFERENCE and not query.counts
    cdef int i = query.options
    cdef int left
    while i < call.argc:
        left = call.argc - i
        if aggregates and left > query.count and call.is_word(i, b"weights"):
            read_weights(call, query, i + 1)
            i += 1 + query.count
        elif aggregates and left >= 2 and call.is_word(i, b"aggregate"):
            read_aggregate(call, query, i + 1)
            i += 2
        elif not query.stores and not query.counts and call.is_word(i, b"withscores"):
            query.with_scores = True
            i += 1
        elif query.counts and left >= 2 and call.is_word(i, b"limit"):
            read_limit(call, query, i + 1)
            i += 2
        else:
            raise SYNTAX
    return 0


cdef int64_t run(Call call, Query *query, Operation operation, int numkeys) except -1:
    """The command once the number of keys is known to be sound."""
    cdef SortedSet *z = NULL
    cdef int64_t found
    read_sources(call, query, numkeys + 1)
    read_options(call, query, operation)
    if operation != DIFFERENCE:
        qsort(query.sources, query.count, sizeof(Source), source_order)
    if query.counts:
        found = intersect(query, NULL)
        reply_int(call.reply, found)
        return 0
    if operation == UNION:
        z = unite(query)
    elif operation == DIFFERENCE:
        z = subtract(query)
    else:
        z = sorted_set_new()
        intersect(query, z)
    if query.stores:
        store_result(call, 1, z, event_of(operation), 1)
    else:
        reply_members(call, z, query.with_scores)
        discard_result(call, z)
    return 0


cdef const char *event_of(Operation operation) noexcept nogil:
    if operation == UNION:
        return b"zunionstore"
    return b"zinterstore" if operation == INTERSECTION else b"zdiffstore"


cdef int combine(Call call, Operation operation, bint stores, bint counts) except -1:
    cdef Query query
    cdef int numkeys = 2 if stores else 1
    cdef int64_t count = call.int(numkeys)
    if count < 1:
        raise error("at least 1 input key is needed for '%s' command" % call.command.name)
    if count > call.argc - numkeys - 1:
        raise SYNTAX
    query.count = <int>count
    query.options = numkeys + 1 + query.count
    query.aggregate = AGGREGATE_SUM
    query.with_scores = False
    query.stores = stores
    query.counts = counts
    query.limit = 0
    query.sources = <Source *>mem_alloc(query.count * sizeof(Source))
    try:
        run(call, &query, operation, numkeys)
    finally:
        mem_free(query.sources)
    return 0


# ----------------------------------------------------------------------------------------- commands

SOURCES = "numkeys key [key ...]"
AGGREGATION = "[WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX | COUNT>]"
UNION_COST = ("O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M"
              " being the number of elements in the resulting sorted set.")
INTERSECTION_COST = ("O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K"
                     " being the number of input sorted sets and M being the number of elements"
                     " in the resulting sorted set.")
DIFFERENCE_COST = ("O(L + (N-K)log(N)) worst case where L is the total number of elements in all"
                   " the sets, N is the size of the first set, and K is the size of the result"
                   " set.")


cdef int zunion(Call call) except -1:
    return combine(call, UNION, False, False)


command(handler(zunion), f"ZUNION {SOURCES} {AGGREGATION} [WITHSCORES]", READS, since="6.2.0",
        cost=UNION_COST, about="Return the union of sorted sets.")


cdef int zunionstore(Call call) except -1:
    return combine(call, UNION, True, False)


command(handler(zunionstore), f"ZUNIONSTORE destination {SOURCES} {AGGREGATION}",
        WRITES | DENY_OOM, since="2.0.0",
        cost="O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M"
             " being the number of elements in the resulting sorted set.",
        about="Store the union of sorted sets.")


cdef int zinter(Call call) except -1:
    return combine(call, INTERSECTION, False, False)


command(handler(zinter), f"ZINTER {SOURCES} {AGGREGATION} [WITHSCORES]", READS, since="6.2.0",
        cost=INTERSECTION_COST, about="Return the intersection of sorted sets.")


cdef int zinterstore(Call call) except -1:
    return combine(call, INTERSECTION, True, False)


command(handler(zinterstore), f"ZINTERSTORE destination {SOURCES} {AGGREGATION}",
        WRITES | DENY_OOM, since="2.0.0", cost=INTERSECTION_COST,
        about="Store the intersection of sorted sets.")


cdef int zdiff(Call call) except -1:
    return combine(call, DIFFERENCE, False, False)


command(handler(zdiff), f"ZDIFF {SOURCES} [WITHSCORES]", READS, since="6.2.0",
        cost=DIFFERENCE_COST,
        about="Return the members of the first sorted set that the others do not have.")


cdef int zdiffstore(Call call) except -1:
    return combine(call, DIFFERENCE, True, False)


command(handler(zdiffstore), f"ZDIFFSTORE destination {SOURCES}", WRITES | DENY_OOM,
        since="6.2.0", cost=DIFFERENCE_COST,
        about="Store the members of the first sorted set that the others do not have.")


cdef int zintercard(Call call) except -1:
    return combine(call, INTERSECTION, False, True)


command(handler(zintercard), f"ZINTERCARD {SOURCES} [LIMIT limit]", READS, since="7.0.0",
        cost="O(N*K) worst case with N being the smallest input sorted set, K being the number of"
             " input sorted sets.",
        about="Count the members of the intersection of sorted sets.")
