"""What the handlers of sorted sets share; see sorted_set_values.pxd."""

from libc.math cimport isnan
from libc.stdint cimport int64_t
from libc.stdlib cimport strtod
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.numbers cimport parse_double
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.counted_tree cimport MemberIter, iter_next
from carnelian.encodings.member cimport (
    Cut, Member, cut_first, cut_last, cut_lex, cut_score, member_slice,
)
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_count, sorted_set_free, sorted_set_new, sorted_set_seek,
)
from carnelian.engine.call cimport Call
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_ZSET
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport ENC_PACKED, ENC_SORTED_SET, TYPE_ZSET, entry_value_ptr
from carnelian.types.sorted_set.value cimport (
    ZSET_ADDED, ZSET_INCR, ZSET_NAN, ZSET_REFUSED, ZSET_UPDATED, ZSET_XX, ZsetOutcome,
    zset_count, zset_entry, zset_put, zset_remove_range, zset_starts_packed, zset_unpack,
)
from carnelian.encodings.packed cimport PACKED_HEADER
from carnelian.encodings.packed_zset cimport packed_zset_init
from carnelian.resp.reply cimport (
    reply_array, reply_bulk, reply_double, reply_int, reply_null,
)

from carnelian.engine.errors import error

BAD_SCORE_BOUND = error("min or max is not a float")
BAD_LEX_BOUND = error("min or max not valid string range item")
NAN_SCORE = error("resulting score is not a number (NaN)")

cdef enum:
    LAZY_MIN = 64                  # members from which freeing is the background's


# ------------------------------------------------------------------------------------------- bounds

cdef bint score_of(Slice text, double *score) noexcept nogil:
    """As strtod reads a C string, which takes more than a score argument: nothing at all is 0,
    leading spaces and overflow are fine."""
    cdef char nearby[64]
    cdef char *copy = nearby
    cdef char *stop
    cdef bint whole
    if parse_double(text.ptr, text.len, score):
        return True
    if text.len >= sizeof(nearby):
        copy = <char *>mem_alloc(text.len + 1)
    memcpy(copy, text.ptr, text.len)
    copy[text.len] = 0
    score[0] = strtod(copy, &stop)
    whole = stop[0] == 0
    if copy != nearby:
        mem_free(copy)
    return whole and not isnan(score[0])


cdef int score_bound(Call call, int i, bint is_end, Cut *cut) except -1:
    cdef Slice text = call.argv[i]
    cdef bint exclusive = text.len > 0 and text.ptr[0] == b"("
    cdef double score = 0
    if exclusive:
        text = slice_of(text.ptr + 1, text.len - 1)
    if not score_of(text, &score):
        raise BAD_SCORE_BOUND
    cut[0] = cut_score(score, exclusive != is_end)
    return 0


cdef int score_bounds(Call call, int low, int high, Cut *first, Cut *end) except -1:
    score_bound(call, low, False, first)
    score_bound(call, high, True, end)
    return 0


cdef int lex_bound(Call call, int i, bint is_end, Cut *cut) except -1:
    cdef Slice text = call.argv[i]
    cdef char kind = text.ptr[0] if text.len else 0
    if kind == b"[" or kind == b"(":
        cut[0] = cut_lex(slice_of(text.ptr + 1, text.len - 1), (kind == b"(") != is_end)
    elif kind == b"-" and (text.len == 1 or text.ptr[1] == 0):
        cut[0] = cut_first()
    elif kind == b"+" and (text.len == 1 or text.ptr[1] == 0):
        cut[0] = cut_last()
    else:
        raise BAD_LEX_BOUND
    return 0


cdef int lex_bounds(Call call, int low, int high, Cut *first, Cut *end) except -1:
    lex_bound(call, low, False, first)
    lex_bound(call, high, True, end)
    return 0


cdef void clamp_ranks(int64_t *first, int64_t *end, size_t count) noexcept nogil:
    cdef int64_t n = <int64_t>count
    cdef int64_t start = first[0] + n if first[0] < 0 else first[0]
    cdef int64_t stop = end[0] + n if end[0] < 0 else end[0]
    if start < 0:
        start = 0
    if stop >= n:
        stop = n - 1
    if start > stop:
        start = stop = 0
    else:
        stop += 1
    first[0] = start
    end[0] = stop


# ------------------------------------------------------------------------------------------- adding

cdef void create(Call call, KeyRef *ref, size_t members, size_t length):
    if not zset_starts_packed(call.db.limits, members, length):
        call.create_pointer(ref, TYPE_ZSET, ENC_SORTED_SET, sorted_set_new())
        return
    call.create(ref, TYPE_ZSET, ENC_PACKED, PACKED_HEADER)
    packed_zset_init(<unsigned char *>entry_value_ptr(ref.slot[0]))


cdef int add_scores(
    Call call, int conditions, bint count_changes, int first, const double *scores, int count,
    int stride
) except -1:
    """Members are every `stride` arguments from `first` on. Replies as ZADD does."""
    cdef KeyRef ref
    cdef ZsetOutcome outcome = ZSET_REFUSED
    cdef double result = 0
    cdef int added = 0
    cdef int updated = 0
    cdef int i
    call.find_typed_to_write(1, TYPE_ZSET, &ref)
    if ref.slot == NULL:
        if conditions & ZSET_XX:
            count = 0
        else:
            create(call, &ref, count, call.argv[first].len)
    elif not zset_starts_packed(call.db.limits, count, 0):
        zset_unpack(&ref)
    for i in range(count):
        outcome = zset_put(&ref, call.argv[first + i * stride], scores[i], conditions, &result)
        if outcome == ZSET_NAN:
            raise NAN_SCORE        # only with INCR, whose first and only member this is
        added += outcome == ZSET_ADDED
        updated += outcome == ZSET_UPDATED
    if added or updated:
        call.changed(&ref, NOTIFY_ZSET, b"zincr" if conditions & ZSET_INCR else b"zadd")
        call.dirty += added + updated - 1
    if not conditions & ZSET_INCR:
        reply_int(call.reply, added + updated if count_changes else added)
    elif outcome == ZSET_REFUSED:
        reply_null(call.reply)
    else:
        reply_double(call.reply, result)
    return 0


# ----------------------------------------------------------------------------------------- removing

cdef void shrunk(Call call, KeyRef *ref, const char *event, int64_t removed):
    cdef bint emptied = zset_count(ref.slot[0]) == 0
    if emptied:
        call.remove(ref)
    call.changed(ref, NOTIFY_ZSET, event)
    call.dirty += removed - 1
    if emptied:
        call.notify(NOTIFY_GENERIC, b"del", ref)


cdef size_t remove_ranks(
    Call call, KeyRef *ref, const char *event, size_t first, size_t end
):
    cdef SortedSet *rest
    cdef size_t removed = zset_remove_range(ref, first, end, &rest)
    if rest != NULL:
        discard_result(call, rest)
    if removed:
        shrunk(call, ref, event, <int64_t>removed)
    return removed


# ------------------------------------------------------------------------------------------ results

cdef void discard_result(Call call, SortedSet *z):
    if sorted_set_count(z) >= LAZY_MIN:
        call.engine.lazyfree.free_value(TYPE_ZSET | ENC_SORTED_SET << 4, z)
    else:
        sorted_set_free(z)


cdef void store_result(
    Call call, int destination, SortedSet *z, const char *event, int64_t dirty
):
    cdef Slice key = call.argv[destination]
    cdef KeyRef ref
    cdef size_t count = sorted_set_count(z)
    call.engine.expiry.find(&ref, call.db, key.ptr, key.len)
    reply_int(call.reply, <int64_t>count)
    if count:
        call.replace(&ref, zset_entry(key.ptr, key.len, z, call.db.limits))
        call.changed(&ref, NOTIFY_ZSET, event)
        call.dirty += dirty - 1
        return
    sorted_set_free(z)
    if ref.slot != NULL:
        call.remove(&ref)
        call.changed(&ref, NOTIFY_GENERIC, b"del")


cdef int reply_members(Call call, SortedSet *z, bint with_scores) except -1:
    cdef MemberIter it
    cdef Member *m
    cdef Slice s
    cdef bint nested = with_scores and call.reply.resp > 2
    cdef int64_t count = <int64_t>sorted_set_count(z)
    reply_array(call.reply, count * 2 if with_scores and not nested else count)
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        s = member_slice(m)
        if nested:
            reply_array(call.reply, 2)
        reply_bulk(call.reply, s.ptr, s.len)
        if with_scores:
            reply_double(call.reply, m.score)
        m = iter_next(&it)
    return 0
