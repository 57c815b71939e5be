"""The sorted set commands that add, look up, count and remove members."""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.numbers cimport parse_double
from carnelian.base.slice cimport Slice, slice_is
from carnelian.commands.sorted_sets.values cimport (
    add_scores, clamp_ranks, lex_bounds, remove_ranks, score_bounds, shrunk,
)
from carnelian.encodings.member cimport Cut
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET
from carnelian.types.sorted_set.value cimport (
    ZSET_GT, ZSET_INCR, ZSET_LT, ZSET_NX, ZSET_XX, zset_count, zset_cut, zset_rank, zset_remove,
    zset_score,
)
from carnelian.resp.reply cimport (
    reply_array, reply_double, reply_int, reply_null, reply_null_array,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_FLOAT, SYNTAX, error
from carnelian.declare.flags import KEYS_CHANGED, KEYS_INSPECTED

command = family("sorted-set")

NX_AND_XX = error("XX and NX options at the same time are not compatible")
GT_LT_NX = error("GT, LT, and/or NX options at the same time are not compatible")
INCR_ONE = error("INCR option supports a single increment-element pair")

cdef enum:
    SCORES_NEARBY = 32
    COUNT_CHANGES = 64             # CH, beside the ZSET_ conditions


def attach(Engine engine, config):
    """Follow the thresholds of the packed encoding."""
    names = ("zset-max-listpack-entries", "zset-max-listpack-value")

    def follow():
        engine.limits.zset_entries_max = config.zset_max_listpack_entries
        engine.limits.zset_value_max = config.zset_max_listpack_value

    config.on_any_change(names, follow)


# ------------------------------------------------------------------------------------------- adding

cdef int option_of(Slice word) noexcept nogil:
    if word.len == 2:
        if slice_is(word, b"nx"):
            return ZSET_NX
        if slice_is(word, b"xx"):
            return ZSET_XX
        if slice_is(word, b"gt"):
            return ZSET_GT
        if slice_is(word, b"lt"):
            return ZSET_LT
        if slice_is(word, b"ch"):
            return COUNT_CHANGES
    return ZSET_INCR if slice_is(word, b"incr") else 0


cdef int read_scores(Call call, int first, double *scores, int count) noexcept nogil:
    """Every other argument from `first` on; how many were good before a bad one."""
    cdef int i
    for i in range(count):
        if not parse_double(call.argv[first + 2 * i].ptr, call.argv[first + 2 * i].len, &scores[i]):
            return i
    return count


cdef int add_pairs(Call call, int options) except -1:
    cdef double nearby[SCORES_NEARBY]
    cdef double *scores = nearby
    cdef int first = 2
    cdef int option
    cdef int count
    while first < call.argc:
        option = option_of(call.argv[first])
        if not option:
            break
        options |= option
        first += 1
    count = (call.argc - first) // 2
    if (call.argc - first) % 2 or count == 0:
        raise SYNTAX
    if options & ZSET_NX and options & ZSET_XX:
        raise NX_AND_XX
    if ((options & ZSET_NX) > 0) + ((options & ZSET_GT) > 0) + ((options & ZSET_LT) > 0) > 1:
        raise GT_LT_NX
    if options & ZSET_INCR and count > 1:
        raise INCR_ONE
    if count > SCORES_NEARBY:
        scores = <double *>mem_alloc(count * sizeof(double))
    try:
        if read_scores(call, first, scores, count) < count:
            raise NOT_FLOAT
        add_scores(
            call, options & ~COUNT_CHANGES, options & COUNT_CHANGES, first + 1, scores, count, 2)
    finally:
        if scores != nearby:
            mem_free(scores)
    return 0


cdef int zadd(Call call) except -1:
    return add_pairs(call, 0)


command(handler(zadd),
        "ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        WRITES | DENY_OOM | FAST, since="1.2.0",
        cost="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        about="Add members to a sorted set, or give them new scores.",
        history=(("2.4.0", "Accepts multiple elements."),
                 ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
                 ("6.2.0", "Added the `GT` and `LT` options.")))


cdef int zincrby(Call call) except -1:
    return add_pairs(call, ZSET_INCR)


command(handler(zincrby), "ZINCRBY key increment member", WRITES | DENY_OOM | FAST,
        since="1.2.0", key_flags=KEYS_CHANGED,
        cost="O(log(N)) where N is the number of elements in the sorted set.",
        about="Add to the score of a sorted set's member.")


# --------------------------------------------------------------------------------------- looking up

cdef int zcard(Call call) except -1:
    cdef KeyRef ref
    cdef bint found = call.find_typed(1, TYPE_ZSET, &ref)
    reply_int(call.reply, <int64_t>zset_count(ref.slot[0]) if found else 0)
    return 0


command(handler(zcard), "ZCARD key", READS | FAST, since="1.2.0", cost="O(1)",
        key_flags=KEYS_INSPECTED, about="Return how many members a sorted set has.")


cdef int zscore(Call call) except -1:
    cdef KeyRef ref
    cdef double score = 0
    if call.find_typed(1, TYPE_ZSET, &ref) and zset_score(ref.slot[0], call.argv[2], &score):
        reply_double(call.reply, score)
    else:
        reply_null(call.reply)
    return 0


command(handler(zscore), "ZSCORE key member", READS | FAST, since="1.2.0", cost="O(1)",
        about="Return the score of a sorted set's member.")


cdef int zmscore(Call call) except -1:
    cdef KeyRef ref
    cdef double score = 0
    cdef bint found = call.find_typed(1, TYPE_ZSET, &ref)
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        if found and zset_score(ref.slot[0], call.argv[i], &score):
            reply_double(call.reply, score)
        else:
            reply_null(call.reply)
    return 0


command(handler(zmscore), "ZMSCORE key member [member ...]", READS | FAST, since="6.2.0",
        cost="O(N) where N is the number of members being requested.",
        about="Return the scores of several members of a sorted set.")


cdef int rank_of(Call call, bint reverse) except -1:
    cdef KeyRef ref
    cdef double score = 0
    cdef int64_t rank = -1
    cdef bint with_score = call.argc > 3
    if call.argc > 4:
        raise error("wrong number of arguments for '%s' command" % call.command.name)
    if with_score and not call.is_word(3, b"withscore"):
        raise SYNTAX
    if call.find_typed(1, TYPE_ZSET, &ref):
        rank = zset_rank(ref.slot[0], call.argv[2], &score)
    if rank < 0:
        if with_score:
            reply_null_array(call.reply)
        else:
            reply_null(call.reply)
        return 0
    if reverse:
        rank = <int64_t>zset_count(ref.slot[0]) - 1 - rank
    if with_score:
        reply_array(call.reply, 2)
    reply_int(call.reply, rank)
    if with_score:
        reply_double(call.reply, score)
    return 0


cdef int zrank(Call call) except -1:
    return rank_of(call, False)


command(handler(zrank), "ZRANK key member [WITHSCORE]", READS | FAST, since="2.0.0",
        cost="O(log(N))", about="Return a member's index in a sorted set, lowest score first.",
        history=(("7.2.0", "Added the optional `WITHSCORE` argument."),))


cdef int zrevrank(Call call) except -1:
    return rank_of(call, True)


command(handler(zrevrank), "ZREVRANK key member [WITHSCORE]", READS | FAST, since="2.0.0",
        cost="O(log(N))", about="Return a member's index in a sorted set, highest score first.",
        history=(("7.2.0", "Added the optional `WITHSCORE` argument."),))


# ----------------------------------------------------------------------------------------- counting

cdef int count_between(Call call, const Cut *first, const Cut *end) except -1:
    cdef KeyRef ref
    cdef size_t low = 0
    cdef size_t high = 0
    if call.find_typed(1, TYPE_ZSET, &ref):
        low = zset_cut(ref.slot[0], first)
        high = zset_cut(ref.slot[0], end)
    reply_int(call.reply, <int64_t>(high - low) if high > low else 0)
    return 0


cdef int zcount(Call call) except -1:
    cdef Cut first
    cdef Cut end
    score_bounds(call, 2, 3, &first, &end)
    return count_between(call, &first, &end)


command(handler(zcount), "ZCOUNT key min max", READS | FAST, since="2.0.0",
        cost="O(log(N)) with N being the number of elements in the sorted set.",
        about="Count a sorted set's members with scores in a range.")


cdef int zlexcount(Call call) except -1:
    cdef Cut first
    cdef Cut end
    lex_bounds(call, 2, 3, &first, &end)
    return count_between(call, &first, &end)


command(handler(zlexcount), "ZLEXCOUNT key min max", READS | FAST, since="2.8.9",
        cost="O(log(N)) with N being the number of elements in the sorted set.",
        types={"min": "string", "max": "string"},
        about="Count a sorted set's members in a lexicographical range.")


# ----------------------------------------------------------------------------------------- removing

cdef int zrem(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t removed = 0
    cdef int i
    if call.find_typed_to_write(1, TYPE_ZSET, &ref):
        for i in range(2, call.argc):
            removed += zset_remove(&ref, call.argv[i])
        if removed:
            shrunk(call, &ref, b"zrem", removed)
    reply_int(call.reply, removed)
    return 0


command(handler(zrem), "ZREM key member [member ...]", WRITES | FAST, since="1.2.0",
        cost="O(M*log(N)) with N being the number of elements in the sorted set and M the number"
             " of elements to be removed.",
        about="Remove members from a sorted set; the key goes with the last one.",
        history=(("2.4.0", "Accepts multiple elements."),))

RANGE_COST = ("O(log(N)+M) with N being the number of elements in the sorted set and M the number"
              " of elements removed by the operation.")


cdef int zremrangebyrank(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t first = call.int(2)
    cdef int64_t end = call.int(3)
    cdef size_t removed = 0
    if call.find_typed_to_write(1, TYPE_ZSET, &ref):
        clamp_ranks(&first, &end, zset_count(ref.slot[0]))
        removed = remove_ranks(call, &ref, b"zremrangebyrank", first, end)
    reply_int(call.reply, <int64_t>removed)
    return 0


command(handler(zremrangebyrank), "ZREMRANGEBYRANK key start stop", WRITES, since="2.0.0",
        cost=RANGE_COST, about="Remove a range of ranks from a sorted set.")


cdef int remove_between(Call call, const Cut *first, const Cut *end, const char *event) except -1:
    cdef KeyRef ref
    cdef size_t removed = 0
    if call.find_typed_to_write(1, TYPE_ZSET, &ref):
        removed = remove_ranks(
            call, &ref, event, zset_cut(ref.slot[0], first), zset_cut(ref.slot[0], end))
    reply_int(call.reply, <int64_t>removed)
    return 0


cdef int zremrangebyscore(Call call) except -1:
    cdef Cut first
    cdef Cut end
    score_bounds(call, 2, 3, &first, &end)
    return remove_between(call, &first, &end, b"zremrangebyscore")


command(handler(zremrangebyscore), "ZREMRANGEBYSCORE key min max", WRITES, since="1.2.0",
        cost=RANGE_COST, about="Remove a range of scores from a sorted set.")


cdef int zremrangebylex(Call call) except -1:
    cdef Cut first
    cdef Cut end
    lex_bounds(call, 2, 3, &first, &end)
    return remove_between(call, &first, &end, b"zremrangebylex")


command(handler(zremrangebylex), "ZREMRANGEBYLEX key min max", WRITES, since="2.8.9",
        cost=RANGE_COST, types={"min": "string", "max": "string"},
        about="Remove a lexicographical range from a sorted set.")
