"""ZRANDMEMBER and ZSCAN: some members of a sorted set, by chance or bit by bit."""

from libc.math cimport isinf
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf

from carnelian.base.glob cimport glob_match
from carnelian.base.memory cimport mem_alloc_zeroed, mem_free
from carnelian.base.numbers cimport (
    INT64_CHARS_MAX, format_double, format_uint64, parse_uint64_lenient,
)
from carnelian.base.random cimport random_below
from carnelian.base.slice cimport Slice
from carnelian.encodings.member cimport Member, member_slice
from carnelian.encodings.packed_zset cimport (
    PackedMember, PackedZsetIndex, packed_zset_index, packed_zset_index_free, packed_zset_read,
)
from carnelian.encodings.sorted_set cimport sorted_set_random, sorted_set_scan
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport READS
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET, Entry, entry_value_len, entry_value_ptr
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_at, zset_big, zset_count, zset_is_packed, zset_iter, zset_iter_end, zset_next,
)
from carnelian.resp.reply cimport (
    Reply, reply_array, reply_bulk, reply_bulk_int, reply_double, reply_empty_array, reply_init,
    reply_null, reply_splice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import INVALID_CURSOR, OUT_OF_RANGE, SYNTAX, error

command = family("sorted-set")

cdef int64_t INT64_HIGHEST = 0x7FFFFFFFFFFFFFFF

cdef enum:
    REPEATS_MAX = 1 << 28          # with repetition: a longer reply would end the process
    SCORE_CHARS = 64


# ----------------------------------------------------------------------------------------- sampling

cdef inline void reply_one(
    Reply *reply, Slice member, double score, bint with_score
) noexcept nogil:
    if with_score and reply.resp > 2:
        reply_array(reply, 2)
    reply_bulk(reply, member.ptr, member.len)
    if with_score:
        reply_double(reply, score)


cdef void reply_with_repeats(
    Reply *reply, Entry *e, int64_t count, bint with_scores
) noexcept nogil:
    cdef PackedZsetIndex index
    cdef PackedMember item
    cdef Member *m
    cdef int64_t _
    if not zset_is_packed(e):
        for _ in range(count):
            m = sorted_set_random(zset_big(e))
            reply_one(reply, member_slice(m), m.score, with_scores)
        return
    packed_zset_index(<const unsigned char *>entry_value_ptr(e), entry_value_len(e), &index)
    for _ in range(count):
        item.offset = index.offsets[random_below(index.count)]
        packed_zset_read(<const unsigned char *>entry_value_ptr(e), &item)
        reply_one(reply, item.member, item.score, with_scores)
    packed_zset_index_free(&index)


cdef void reply_by_passing(
    Reply *reply, Entry *e, size_t total, size_t wanted, bint with_scores
) noexcept nogil:
    """One pass over all members, each taken with the chance that makes all choices equal."""
    cdef ZsetIter it
    cdef size_t left = total
    zset_iter(&it, e, 0, False)
    while wanted and zset_next(&it):
        if random_below(left) < wanted:
            reply_one(reply, it.member, it.score, with_scores)
            wanted -= 1
        left -= 1
    zset_iter_end(&it)


cdef void reply_by_drawing(
    Reply *reply, Entry *e, size_t total, size_t wanted, bint with_scores
) noexcept nogil:
    """Random ranks, drawn again if they came up before: for few of many."""
    cdef size_t capacity = 16
    cdef size_t place
    cdef uint64_t rank
    cdef uint64_t *seen            # an open-addressing table of rank + 1
    cdef double score = 0
    cdef Slice member
    while capacity < wanted * 2:
        capacity *= 2
    seen = <uint64_t *>mem_alloc_zeroed(capacity * sizeof(uint64_t))
    while wanted:
        rank = random_below(total)
        place = rank & (capacity - 1)
        while seen[place] and seen[place] != rank + 1:
            place = (place + 1) & (capacity - 1)
        if seen[place]:
            continue
        seen[place] = rank + 1
        zset_at(e, rank, &score, &member)
        reply_one(reply, member, score, with_scores)
        wanted -= 1
    mem_free(seen)


cdef int sample(Call call, Entry *e, int64_t count, bint with_scores) except -1:
    cdef int64_t total = <int64_t>zset_count(e)
    cdef int64_t shown = -count if count < 0 else min(count, total)
    if shown > REPEATS_MAX and count < 0:
        raise OUT_OF_RANGE
    reply_array(call.reply, shown * 2 if with_scores and call.reply.resp == 2 else shown)
    if count < 0:
        reply_with_repeats(call.reply, e, shown, with_scores)
    elif zset_is_packed(e) or shown * 8 > total:
        reply_by_passing(call.reply, e, total, shown, with_scores)
    else:
        reply_by_drawing(call.reply, e, total, shown, with_scores)
    return 0


cdef int zrandmember(Call call) except -1:
    cdef KeyRef ref
    cdef double score = 0
    cdef Slice member
    cdef int64_t count = 0
    if call.argc > 2:
        count = call.int(2)
        if count < -INT64_HIGHEST:
            raise error(f"value is out of range, value must between {-INT64_HIGHEST} and "
                        f"{INT64_HIGHEST}")
        if call.argc > 4 or (call.argc == 4 and not call.is_word(3, b"withscores")):
            raise SYNTAX
        if call.argc == 4 and not -(INT64_HIGHEST // 2) <= count <= INT64_HIGHEST // 2:
            raise OUT_OF_RANGE
    if not call.find_typed(1, TYPE_ZSET, &ref):
        if call.argc > 2:
            reply_empty_array(call.reply)
        else:
            reply_null(call.reply)
        return 0
    if call.argc > 2:
        return sample(call, ref.slot[0], count, call.argc == 4)
    zset_at(ref.slot[0], random_below(zset_count(ref.slot[0])), &score, &member)
    reply_bulk(call.reply, member.ptr, member.len)
    return 0


command(handler(zrandmember), "ZRANDMEMBER key [count [WITHSCORES]]", READS, since="6.2.0",
        cost="O(N) where N is the number of members returned",
        about="Return random members of a sorted set.", tips=("nondeterministic_output",))


# ----------------------------------------------------------------------------------------- scanning

cdef struct Scan:
    Reply *reply
    Slice pattern
    bint matches_all
    bint packed
    bint bare                  # NOSCORES
    size_t visited
    int64_t shown


cdef int format_scanned(char *text, double score, bint packed) noexcept nogil:
    """As Redis: its big encoding prints ZSCAN's scores with 17 digits, the small one as ever."""
    if packed or isinf(score):
        return format_double(text, score)
    return snprintf(text, SCORE_CHARS, b"%.17Lg", <long double>score)


cdef void show(Scan *scan, Slice member, double score) noexcept nogil:
    cdef char text[SCORE_CHARS]
    scan.visited += 1
    if not scan.matches_all and not glob_match(
            scan.pattern.ptr, scan.pattern.len, member.ptr, member.len, False):
        return
    reply_bulk(scan.reply, member.ptr, member.len)
    if not scan.bare:
        reply_bulk(scan.reply, text, format_scanned(text, score, scan.packed))
    scan.shown += 1


cdef void show_member(void *entry, void *context) noexcept nogil:
    show(<Scan *>context, member_slice(<Member *>entry), (<Member *>entry).score)


cdef int read_scan_options(Call call, Scan *scan, int64_t *count) except -1:
    cdef int i = 3
    while i < call.argc:
        if call.argc - i >= 2 and call.is_word(i, b"count"):
            count[0] = call.int(i + 1)
            if count[0] < 1:
                raise SYNTAX
            i += 2
        elif call.argc - i >= 2 and call.is_word(i, b"match"):
            scan.pattern = call.argv[i + 1]
            scan.matches_all = scan.pattern.len == 1 and scan.pattern.ptr[0] == b"*"
            i += 2
        elif call.is_word(i, b"noscores"):
            scan.bare = True
            i += 1
        elif call.is_word(i, b"novalues"):
            raise error("NOVALUES option can only be used in HSCAN")
        else:
            raise SYNTAX
    return 0


cdef uint64_t scan_big(Entry *e, Scan *scan, uint64_t cursor, int64_t count) noexcept nogil:
    """At least `count` members, unless there are no more of them or few of many buckets used."""
    cdef int64_t rounds = count * 10 if count < INT64_HIGHEST // 10 else INT64_HIGHEST
    while True:
        cursor = sorted_set_scan(zset_big(e), cursor, show_member, scan)
        rounds -= 1
        if cursor == 0 or rounds <= 0 or scan.visited >= <size_t>count:
            return cursor


cdef uint64_t scan_some(Entry *e, Scan *scan, uint64_t cursor, int64_t count) noexcept nogil:
    """The next cursor. A packed set is shown at once, whatever the count."""
    cdef ZsetIter it
    if not scan.packed:
        return scan_big(e, scan, cursor, count)
    zset_iter(&it, e, 0, False)
    while zset_next(&it):
        show(scan, it.member, it.score)
    zset_iter_end(&it)
    return 0


cdef int zscan(Call call) except -1:
    cdef KeyRef ref
    cdef Scan scan
    cdef Reply items
    cdef uint64_t cursor = 0
    cdef int64_t count = 10
    cdef char text[INT64_CHARS_MAX]
    if not parse_uint64_lenient(call.argv[2].ptr, call.argv[2].len, &cursor):
        raise INVALID_CURSOR
    if not call.find_typed(1, TYPE_ZSET, &ref):
        reply_array(call.reply, 2)
        reply_bulk_int(call.reply, 0)
        reply_empty_array(call.reply)
        return 0
    scan.matches_all = True
    scan.packed = zset_is_packed(ref.slot[0])
    scan.bare = False
    scan.visited = 0
    scan.shown = 0
    read_scan_options(call, &scan, &count)
    reply_init(&items)
    scan.reply = &items
    cursor = scan_some(ref.slot[0], &scan, cursor, count)
    reply_array(call.reply, 2)
    reply_bulk(call.reply, text, format_uint64(text, cursor))
    reply_array(call.reply, scan.shown if scan.bare else scan.shown * 2)
    reply_splice(call.reply, &items)
    return 0


command(handler(zscan), "ZSCAN key cursor [MATCH pattern] [COUNT count]", READS, since="2.8.0",
        cost="O(1) for every call. O(N) for a complete iteration, including enough command calls"
             " for the cursor to return back to 0. N is the number of elements inside the"
             " collection.",
        about="Iterate over a sorted set's members and scores.",
        tips=("nondeterministic_output",))
