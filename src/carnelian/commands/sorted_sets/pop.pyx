"""Taking members from either end of a sorted set: ZPOPMIN, ZPOPMAX, ZMPOP and the waiting ones."""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice
from carnelian.commands.sorted_sets.values cimport remove_ranks, shrunk
from carnelian.encodings.member cimport Member, member_slice
from carnelian.encodings.sorted_set cimport sorted_set_pop_max, sorted_set_pop_min
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport BLOCKING, FAST, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET, Entry
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_big, zset_count, zset_is_packed, zset_iter, zset_iter_end, zset_next,
)
from carnelian.resp.reply cimport (
    reply_array, reply_bulk, reply_double, reply_empty_array, reply_null_array,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_POSITIVE, SYNTAX, CommandError, error
from carnelian.declare.flags import KEYS_TAKEN

command = family("sorted-set")

NO_KEYS = error("numkeys should be greater than 0")
NO_COUNT = error("count should be greater than 0")


cdef int64_t int_at_least(Call call, int i, int64_t low, otherwise) except? -1:
    """An integer argument, or `otherwise` whatever is wrong with it."""
    cdef int64_t value
    try:
        value = call.int(i)
    except CommandError:
        raise otherwise from None
    if value < low:
        raise otherwise
    return value


cdef void reply_ends(Call call, Entry *e, bint from_max, size_t count, bint nested):
    cdef ZsetIter it
    cdef size_t _
    zset_iter(&it, e, zset_count(e) - 1 if from_max else 0, from_max)
    for _ in range(count):
        zset_next(&it)
        if nested:
            reply_array(call.reply, 2)
        reply_bulk(call.reply, it.member.ptr, it.member.len)
        reply_double(call.reply, it.score)
    zset_iter_end(&it)


cdef void take(Call call, KeyRef *ref, bint from_max, size_t count, bint nested):
    """Reply so many members, which there are, and remove them. The caller replied the header."""
    cdef const char *event = b"zpopmax" if from_max else b"zpopmin"
    cdef Member *m
    cdef Slice s
    cdef size_t first
    if count == 1 and not zset_is_packed(ref.slot[0]):
        m = (sorted_set_pop_max if from_max else sorted_set_pop_min)(zset_big(ref.slot[0]))
        s = member_slice(m)
        if nested:
            reply_array(call.reply, 2)
        reply_bulk(call.reply, s.ptr, s.len)
        reply_double(call.reply, m.score)
        mem_free(m)
        shrunk(call, ref, event, 1)
        return
    reply_ends(call, ref.slot[0], from_max, count, nested)
    first = zset_count(ref.slot[0]) - count if from_max else 0
    remove_ranks(call, ref, event, first, first + count)


# ------------------------------------------------------------------------------------------ one key

cdef int pop(Call call, bint from_max) except -1:
    cdef KeyRef ref
    cdef int64_t count = 1
    cdef bint nested = call.argc == 3 and call.reply.resp > 2
    if call.argc > 3:
        raise SYNTAX
    if call.argc == 3:
        count = int_at_least(call, 2, 0, NOT_POSITIVE)
    if not call.find_typed_to_write(1, TYPE_ZSET, &ref) or count == 0:
        reply_empty_array(call.reply)
        return 0
    count = min(count, <int64_t>zset_count(ref.slot[0]))
    reply_array(call.reply, count if nested else count * 2)
    take(call, &ref, from_max, count, nested)
    return 0


cdef int zpopmin(Call call) except -1:
    return pop(call, False)


command(handler(zpopmin), "ZPOPMIN key [count]", WRITES | FAST, since="5.0.0",
        key_flags=KEYS_TAKEN,
        cost="O(log(N)*M) with N being the number of elements in the sorted set, and M being the"
             " number of elements popped.",
        about="Remove and return the lowest-scoring members of a sorted set.")


cdef int zpopmax(Call call) except -1:
    return pop(call, True)


command(handler(zpopmax), "ZPOPMAX key [count]", WRITES | FAST, since="5.0.0",
        key_flags=KEYS_TAKEN,
        cost="O(log(N)*M) with N being the number of elements in the sorted set, and M being the"
             " number of elements popped.",
        about="Remove and return the highest-scoring members of a sorted set.")


# ------------------------------------------------------------------------------------- several keys

cdef int first_of(Call call, int first, int end, KeyRef *ref) except -2:
    """Index of the first of these keys that exists, or -1."""
    cdef int i
    for i in range(first, end):
        if call.find_typed_to_write(i, TYPE_ZSET, ref):
            return i
    return -1


cdef void propagate_pop(Call call, int key, bint from_max, int64_t count):
    """As ZPOPMIN or ZPOPMAX; count 0: without one."""
    cdef list argv
    if not call.propagates():
        return
    argv = [b"ZPOPMAX" if from_max else b"ZPOPMIN", call.bytes(key)]
    if count:
        argv.append(b"%d" % count)
    call.propagate_as(argv)


cdef int wait_for(Call call, int first, int end, int64_t timeout_ms) except -1:
    if not call.may_block():
        reply_null_array(call.reply)
        return 0
    return call.block([call.bytes(i) for i in range(first, end)], TYPE_ZSET, timeout_ms)


cdef int pop_waiting(Call call, bint from_max) except -1:
    cdef KeyRef ref
    cdef int64_t timeout_ms = call.timeout_ms(call.argc - 1)
    cdef int found = first_of(call, 1, call.argc - 1, &ref)
    if found < 0:
        return wait_for(call, 1, call.argc - 1, timeout_ms)
    reply_array(call.reply, 3)
    reply_bulk(call.reply, ref.key, ref.len)
    take(call, &ref, from_max, 1, False)
    propagate_pop(call, found, from_max, 0)
    return 0


cdef int bzpopmin(Call call) except -1:
    return pop_waiting(call, False)


command(handler(bzpopmin), "BZPOPMIN key [key ...] timeout", WRITES | BLOCKING | FAST,
        since="5.0.0",
        cost="O(log(N)) with N being the number of elements in the sorted set.",
        about="Remove and return the lowest-scoring member of the first sorted set that has one;"
              " wait for it if need be.",
        history=(("6.0.0", "`timeout` is interpreted as a double instead of an integer."),))


cdef int bzpopmax(Call call) except -1:
    return pop_waiting(call, True)


command(handler(bzpopmax), "BZPOPMAX key [key ...] timeout", WRITES | BLOCKING | FAST,
        since="5.0.0",
        cost="O(log(N)) with N being the number of elements in the sorted set.",
        about="Remove and return the highest-scoring member of the first sorted set that has one;"
              " wait for it if need be.",
        history=(("6.0.0", "`timeout` is interpreted as a double instead of an integer."),))


cdef int pop_several(Call call, int numkeys, bint waits) except -1:
    """ZMPOP and BZMPOP; `numkeys` is the index of that argument."""
    cdef KeyRef ref
    cdef int64_t keys = int_at_least(call, numkeys, 1, NO_KEYS)
    cdef int64_t count = 1
    cdef int64_t timeout_ms = 0
    cdef int where
    cdef int found
    cdef bint from_max
    if keys >= call.argc - numkeys - 1:
        raise SYNTAX
    where = numkeys + 1 + <int>keys
    from_max = call.is_word(where, b"max")
    if not from_max and not call.is_word(where, b"min"):
        raise SYNTAX
    if call.argc > where + 1:
        if call.argc == where + 2 or not call.is_word(where + 1, b"count"):
            raise SYNTAX
        count = int_at_least(call, where + 2, 1, NO_COUNT)
        if call.argc > where + 3:
            raise SYNTAX
    if waits:
        timeout_ms = call.timeout_ms(1)
    found = first_of(call, numkeys + 1, where, &ref)
    if found < 0:
        if waits:
            return wait_for(call, numkeys + 1, where, timeout_ms)
        reply_null_array(call.reply)
        return 0
    count = min(count, <int64_t>zset_count(ref.slot[0]))
    reply_array(call.reply, 2)
    reply_bulk(call.reply, ref.key, ref.len)
    reply_array(call.reply, count)
    take(call, &ref, from_max, count, True)
    propagate_pop(call, found, from_max, count)
    return 0


cdef int zmpop(Call call) except -1:
    return pop_several(call, 1, False)


command(handler(zmpop), "ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]", WRITES,
        since="7.0.0", key_flags=KEYS_TAKEN,
        cost="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of"
             " elements in the sorted set, and M being the number of elements popped.",
        about="Remove and return members from one end of the first sorted set that has any.")


cdef int bzmpop(Call call) except -1:
    return pop_several(call, 2, True)


command(handler(bzmpop), "BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        WRITES | BLOCKING, since="7.0.0",
        cost="O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of"
             " elements in the sorted set, and M being the number of elements popped.",
        about="Remove and return members from one end of the first sorted set that has any; wait"
              " for them if need be.")
