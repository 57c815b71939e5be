"""XREAD and XREADGROUP: reading several streams, with waiting.

A read takes two passes: the first looks every key up and may fail, the second serves. While a
client waits, `call.extra` holds what its command line cannot say again: for XREAD the IDs that "$"
stood for when it began to wait, for XREADGROUP CLAIM the end of its wait.
"""


from libc.stdint cimport INT64_MAX, int64_t, uint64_t
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.commands.streams.support cimport (
    consumer_for, group_or_raise, int_or, propagate_group_id, propagate_pending, reply_entry,
    reply_fields, reply_stream_id, stream_at, strict_id,
)
from carnelian.encodings.id_tree cimport (
    IdCursor, id_cursor_item, id_cursor_next, id_tree_seek,
)
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_contains, stream_cursor_next, stream_cursor_open,
    stream_last_live_id,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, pending_assign, pending_deliver, pending_delivered_at,
    pending_find, pending_oldest, pending_redate, pending_remove, stream_group_find,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id, stream_id_decr, stream_id_equal, stream_id_incr, stream_id_less,
    stream_id_max, stream_id_min,
)
from carnelian.encodings.stream_lag cimport stream_group_advance
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport BLOCKING, READS, WRITES
from carnelian.engine.blocking cimport Blocked
from carnelian.keyspace.database cimport KeyRef, key_find
from carnelian.keyspace.entry cimport TYPE_STREAM
from carnelian.resp.reply cimport (
    ReplyMark, reply_array, reply_bulk, reply_defer, reply_int, reply_null_array,
    reply_pending_bytes, reply_set_array, reply_set_map,
)

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, TIMEOUT_NEGATIVE, TIMEOUT_RANGE, error
from carnelian.declare.flags import KEY_ACCESS, KEY_RO

HISTORY_INSTEAD = (
    " ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer"
    " by specifying a proper ID, or use the > ID to get new messages. The "
)
ONLY_XREADGROUP = " option is only supported by XREADGROUP. You called XREAD instead."
NEW_ONLY_FOR_GROUPS = error(
    "The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer>"
    " option.")

command = family("stream")

cdef enum:
    FEW = 8                 # streams whose IDs need no allocation
    CLAIM_PERIOD_MIN_MS = 50

cdef struct Options:
    bint group              # XREADGROUP
    int group_at            # argument with the group, the consumer is behind it; 0: not given
    int streams_at
    int streams
    bint noack
    int64_t block_ms        # -1: do not wait
    int64_t count           # of entries for each stream; 0: all
    int64_t claim_ms        # least idle time of what is claimed; -1: no claiming
    int64_t entries_left    # MAXCOUNT: of entries altogether; 0: no limit
    uint64_t bytes_max      # MAXSIZE: of the reply, which stops after the entry that exceeds it
    uint64_t bytes_before
    StreamId *ids           # read what comes after; the maximum: new for the group
    StreamId few[FEW]


# --- arguments --------------------------------------------------------------------------------

cdef int64_t block_argument(Call call, int i) except? -1:
    cdef int64_t timeout = int_or(call, i, "timeout is not an integer or out of range")
    if timeout < 0:
        raise TIMEOUT_NEGATIVE
    if timeout > INT64_MAX - call.engine.now_ms:
        raise TIMEOUT_RANGE
    return timeout


cdef int group_option(Call call, Options *o, int i) except -1:
    """GROUP, NOACK or CLAIM at argument i; returns the last argument it takes, -2 if it is none."""
    cdef int more = call.argc - i - 1
    if call.is_word(i, b"group") and more >= 2:
        if not o.group:
            raise error("The GROUP" + ONLY_XREADGROUP)
        o.group_at = i + 1
        return i + 2
    if call.is_word(i, b"noack"):
        if not o.group:
            raise error("The NOACK" + ONLY_XREADGROUP)
        o.noack = True
        return i
    if call.is_word(i, b"claim") and more:
        if not o.group:
            raise error("The CLAIM" + ONLY_XREADGROUP)
        o.claim_ms = int_or(call, i + 1, "min-idle-time is not an integer")
        if o.claim_ms < 0:
            raise error("min-idle-time must be a positive integer")
        return i + 1
    raise SYNTAX


cdef int limit_option(Call call, Options *o, int i) except -1:
    cdef int64_t limit = call.int(i + 1)
    if limit <= 0:
        raise error("MAXCOUNT and MAXSIZE must be positive")
    if call.is_word(i, b"maxcount"):
        o.entries_left = limit
    else:
        o.bytes_max = <uint64_t>limit
    return 0


cdef int parse_options(Call call, Options *o) except -1:
    cdef int i = 1
    while i < call.argc:
        if call.is_word(i, b"streams") and i + 1 < call.argc:
            o.streams_at = i + 1
            o.streams = (call.argc - i - 1) // 2
            if (call.argc - i - 1) % 2:
                raise error(
                    "Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must"
                    " be specified." if o.group else
                    "Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be"
                    " specified.")
            break
        if call.is_word(i, b"block") and i + 1 < call.argc:
            i += 1
            o.block_ms = block_argument(call, i)
        elif call.is_word(i, b"count") and i + 1 < call.argc:
            i += 1
            o.count = max(call.int(i), <int64_t>0)
        elif (call.is_word(i, b"maxcount") or call.is_word(i, b"maxsize")) and i + 1 < call.argc:
            limit_option(call, o, i)
            i += 1
        else:
            i = group_option(call, o, i)
        i += 1
    if not o.streams_at:
        raise SYNTAX
    if o.group and not o.group_at:
        raise error("Missing GROUP option for XREADGROUP")
    return 0


cdef int id_argument(Call call, Options *o, int i, KeyRef *ref) except -1:
    """What stream i is to be read after."""
    cdef int at = o.streams_at + o.streams + i
    cdef Slice text = call.argv[at]
    cdef char sign = text.ptr[0] if text.len == 1 else 0
    if sign == 36 or sign == 43:            # $ +
        if o.group:
            raise error("The " + chr(sign) + HISTORY_INSTEAD + chr(sign)
                        + " ID would just return an empty result set.")
        if sign == 36 and call.extra is not None:
            o.ids[i] = stream_id(call.extra[i][0], call.extra[i][1])
        elif ref.slot == NULL:
            o.ids[i] = stream_id_min()
        else:
            o.ids[i] = stream_at(ref).last_id
            if sign == 43 and stream_last_live_id(stream_at(ref), &o.ids[i]):
                stream_id_decr(&o.ids[i])
    elif sign == 62:                        # >
        if not o.group:
            raise NEW_ONLY_FOR_GROUPS
        o.ids[i] = stream_id_max()
    else:
        strict_id(call, at, &o.ids[i])
    return 0


cdef int look_up(Call call, Options *o) except -1:
    """The first pass: whatever can fail."""
    cdef KeyRef ref
    cdef int i
    for i in range(o.streams):
        if o.group:
            group_or_raise(
                call, &ref, o.streams_at + i, o.group_at, " in XREADGROUP with GROUP option")
        else:
            call.find_typed(o.streams_at + i, TYPE_STREAM, &ref)
        id_argument(call, o, i, &ref)
    return 0


# --- serving ----------------------------------------------------------------------------------

cdef inline bint enough(Call call, Options *o, int64_t found) noexcept:
    """Whether no more entries may be returned for this stream."""
    if o.count and found >= o.count:
        return True
    return exhausted(call, o)


cdef inline bint exhausted(Call call, Options *o) noexcept:
    if o.entries_left < 0:
        return True
    return o.bytes_max and reply_pending_bytes(call.reply) - o.bytes_before >= o.bytes_max


cdef inline void count_entry(Options *o) noexcept:
    if o.entries_left:
        o.entries_left -= 1
        if o.entries_left == 0:
            o.entries_left = -1


cdef void begin_stream(Call call, Slice key, ReplyMark *top, int *served) noexcept:
    if served[0] == 0:
        top[0] = reply_defer(call.reply)
    served[0] += 1
    if call.reply.resp == 2:
        reply_array(call.reply, 2)
    reply_bulk(call.reply, key.ptr, key.len)


cdef int serve_plain(Call call, Options *o, int i, KeyRef *ref, ReplyMark *top,
                     int *served) except -1:
    """XREAD of one stream."""
    cdef Stream *s = stream_at(ref)
    cdef StreamId start = o.ids[i]
    cdef StreamCursor cursor
    cdef ReplyMark mark
    cdef int64_t found = 0
    if s.length == 0 or not stream_id_less(start, s.last_id):
        return 0
    stream_id_incr(&start)
    stream_cursor_open(&cursor, s, start, stream_id_max(), False)
    if not stream_cursor_next(&cursor):
        return 0
    begin_stream(call, call.argv[o.streams_at + i], top, served)
    mark = reply_defer(call.reply)
    while True:
        reply_entry(call.reply, &cursor)
        found += 1
        count_entry(o)
        if enough(call, o, found) or not stream_cursor_next(&cursor):
            break
    reply_set_array(call.reply, mark, found)
    return 0


cdef int serve_history(Call call, Options *o, int i, KeyRef *ref, StreamGroup *group,
                       StreamConsumer *consumer) except -1:
    """What is pending for the consumer, beginning after an ID."""
    cdef ReplyMark mark = reply_defer(call.reply)
    cdef StreamId start = o.ids[i]
    cdef StreamCursor cursor
    cdef IdCursor pending
    cdef Pending *item
    cdef int64_t found = 0
    cdef bint more
    stream_id_incr(&start)
    more = id_tree_seek(&consumer.pending, start, &pending)
    while more and not enough(call, o, found):
        stream_cursor_open(&cursor, stream_at(ref), id_cursor_item(&pending).id,
                           id_cursor_item(&pending).id, False)
        if stream_cursor_next(&cursor):
            reply_entry(call.reply, &cursor)
            item = <Pending *>id_cursor_item(&pending).value
            pending_redate(group, id_cursor_item(&pending).id, item, call.engine.now_ms)
            item.deliveries += 1
        else:
            reply_array(call.reply, 2)
            reply_stream_id(call.reply, id_cursor_item(&pending).id)
            reply_null_array(call.reply)
        found += 1
        count_entry(o)
        more = id_cursor_next(&pending)
    reply_set_array(call.reply, mark, found)
    return 0


cdef int64_t serve_new(Call call, Options *o, KeyRef *ref, StreamGroup *group,
                       StreamConsumer *consumer, int64_t found) except -1:
    """Entries nobody of the group has read. How many there are in the reply then."""
    cdef Stream *s = stream_at(ref)
    cdef StreamId start = group.last_id
    cdef StreamCursor cursor
    cdef Pending *pending
    cdef bint advanced = False
    stream_id_incr(&start)
    stream_cursor_open(&cursor, s, start, stream_id_max(), False)
    while not enough(call, o, found) and stream_cursor_next(&cursor):
        advanced |= stream_group_advance(s, group, cursor.id)
        reply_array(call.reply, 2 if o.claim_ms < 0 else 4)
        reply_stream_id(call.reply, cursor.id)
        reply_fields(call.reply, &cursor)
        if o.claim_ms >= 0:
            reply_int(call.reply, 0)
            reply_int(call.reply, 0)
        if not o.noack:
            pending = pending_deliver(group, cursor.id, consumer, call.engine.now_ms)
            consumer.active_ms = call.engine.now_ms
            propagate_pending(call, ref, group, cursor.id, pending)
        found += 1
        count_entry(o)
    if advanced:
        propagate_group_id(call, ref, group)
    return found


cdef bint has_new(Stream *s, StreamGroup *group) noexcept nogil:
    cdef StreamCursor cursor
    cdef StreamId start = group.last_id
    if s.length == 0 or not stream_id_less(start, s.last_id):
        return False
    stream_id_incr(&start)
    stream_cursor_open(&cursor, s, start, stream_id_max(), False)
    return stream_cursor_next(&cursor)


# --- claiming what idles ----------------------------------------------------------------------

cdef bint drop_if_deleted(Call call, KeyRef *ref, StreamGroup *group, StreamId id,
                          Pending *pending) except -1:
    """What is pending but not in the stream any more is pending no longer. Whether it was so."""
    if stream_contains(stream_at(ref), id):
        return False
    propagate_pending(call, ref, group, id, pending)
    pending_remove(group, id)
    call.dirty += 1
    return True


cdef bint has_idlers(Call call, KeyRef *ref, StreamGroup *group, int64_t latest_ms) except -1:
    cdef StreamId id
    cdef Pending *pending = pending_oldest(group, &id)
    while pending != NULL and pending.delivered_ms <= latest_ms:
        if not drop_if_deleted(call, ref, group, id, pending):
            return True
        pending = pending_oldest(group, &id)
    return False


cdef int claim_one(Call call, Options *o, KeyRef *ref, StreamGroup *group,
                   StreamConsumer *consumer, StreamId id, Pending *pending) except -1:
    """Reply an entry that idled and make it the consumer's. How many there were: 1, or 0."""
    cdef int64_t now = call.engine.now_ms
    cdef StreamCursor cursor
    if drop_if_deleted(call, ref, group, id, pending):
        return 0
    stream_cursor_open(&cursor, stream_at(ref), id, id, False)
    stream_cursor_next(&cursor)
    reply_array(call.reply, 4)
    reply_stream_id(call.reply, id)
    reply_fields(call.reply, &cursor)
    reply_int(call.reply, max(now - pending.delivered_ms, <int64_t>0))
    reply_int(call.reply, <int64_t>pending.deliveries)
    pending_redate(group, id, pending, now)
    pending.deliveries += pending.deliveries < <uint64_t>INT64_MAX
    pending_assign(pending, id, consumer)
    consumer.active_ms = now
    propagate_pending(call, ref, group, id, pending)
    count_entry(o)
    return 1


cdef int64_t claim_idlers(Call call, Options *o, KeyRef *ref, StreamGroup *group,
                          StreamConsumer *consumer) except -1:
    """Claim what was delivered long enough ago, longest ago first."""
    cdef int64_t now = call.engine.now_ms
    cdef int64_t latest_ms = now - o.claim_ms
    cdef StreamId *fresh = NULL
    cdef StreamId id
    cdef Pending *pending
    cdef int64_t found = 0
    cdef size_t count = 0
    cdef size_t i
    if latest_ms >= now:
        # What is claimed now gets this time too: it must not come again.
        fresh = pending_delivered_at(group, now, &count)
    try:
        while not enough(call, o, found):
            pending = pending_oldest(group, &id)
            if pending == NULL or pending.delivered_ms > latest_ms or pending.delivered_ms >= now:
                break
            found += claim_one(call, o, ref, group, consumer, id, pending)
        for i in range(count):
            if enough(call, o, found):
                break
            found += claim_one(
                call, o, ref, group, consumer, fresh[i], pending_find(group, fresh[i]))
    finally:
        mem_free(fresh)
    return found


# --- XREADGROUP of one stream -----------------------------------------------------------------

cdef int serve_group(Call call, Options *o, int i, KeyRef *ref, ReplyMark *top,
                     int *served) except -1:
    cdef Stream *s = stream_at(ref)
    cdef StreamGroup *group = stream_group_find(&s.groups, call.argv[o.group_at])
    cdef StreamConsumer *consumer
    cdef ReplyMark mark
    cdef int64_t found = 0
    cdef bint created = False
    consumer = consumer_for(call, ref, group, call.argv[o.group_at + 1], &created)
    if created and o.noack and call.propagates():
        call.propagate_as([
            b"XGROUP", b"CREATECONSUMER", call.bytes(o.streams_at + i), call.bytes(o.group_at),
            call.bytes(o.group_at + 1)])
    # Redis's mark for ">" is an ID too
    if not stream_id_equal(o.ids[i], stream_id_max()):
        begin_stream(call, call.argv[o.streams_at + i], top, served)
        return serve_history(call, o, i, ref, group, consumer)
    if not has_new(s, group) and (
            o.claim_ms < 0
            or not has_idlers(call, ref, group, call.engine.now_ms - o.claim_ms)):
        return 0
    begin_stream(call, call.argv[o.streams_at + i], top, served)
    mark = reply_defer(call.reply)
    if o.claim_ms >= 0:
        found = claim_idlers(call, o, ref, group, consumer)
    found = serve_new(call, o, ref, group, consumer, found)
    reply_set_array(call.reply, mark, found)
    call.dirty += 1
    return 0


cdef bint serve(Call call, Options *o) except -1:
    """The second pass. Whether anything was replied."""
    cdef KeyRef ref
    cdef ReplyMark top
    cdef Slice key
    cdef int served = 0
    cdef int i
    for i in range(o.streams):
        if served and exhausted(call, o):
            break
        key = call.argv[o.streams_at + i]
        ref = key_find(call.db, key.ptr, key.len)
        if ref.slot == NULL:
            continue
        if o.group:
            serve_group(call, o, i, &ref, &top, &served)
        else:
            serve_plain(call, o, i, &ref, &top, &served)
    if served and call.reply.resp == 2:
        reply_set_array(call.reply, top, served)
    elif served:
        reply_set_map(call.reply, top, served)
    return served != 0


# --- waiting ----------------------------------------------------------------------------------

cdef int wait(Call call, Options *o) except -1:
    cdef list keys = [call.bytes(o.streams_at + i) for i in range(o.streams)]
    cdef int i
    if o.claim_ms >= 0:
        return wait_to_claim(call, o, keys)
    if call.extra is None and not o.group:
        call.extra = [(o.ids[i].ms, o.ids[i].seq) for i in range(o.streams)]
    return call.block(keys, TYPE_STREAM, o.block_ms, o.group)


cdef int64_t claimable_in_ms(Call call, Options *o, int i) noexcept:
    """How long until what has idled longest in a stream's group has done so long enough."""
    cdef Slice key = call.argv[o.streams_at + i]
    cdef KeyRef ref = key_find(call.db, key.ptr, key.len)
    cdef StreamGroup *group = NULL
    cdef Pending *pending = NULL
    cdef StreamId id
    if ref.slot != NULL:
        group = stream_group_find(&stream_at(&ref).groups, call.argv[o.group_at])
    if group != NULL:
        pending = pending_oldest(group, &id)
    if pending == NULL or pending.delivered_ms > INT64_MAX - o.claim_ms:
        return INT64_MAX
    return max(pending.delivered_ms + o.claim_ms - call.engine.now_ms, <int64_t>1)


cdef int wait_to_claim(Call call, Options *o, list keys) except -1:
    """Wait for new entries, and for the time when what is pending now, or will be soon, has idled
    long enough."""
    cdef int64_t period = max(o.claim_ms, <int64_t>CLAIM_PERIOD_MIN_MS)
    cdef int64_t now = (call.engine.clock.steady_us() + 999) // 1000     # never early
    cdef int64_t deadline
    cdef int64_t next_look
    cdef int i
    for i in range(o.streams):
        period = min(period, claimable_in_ms(call, o, i))
    if call.extra is None:
        call.extra = now + o.block_ms if o.block_ms else INT64_MAX
    deadline = call.extra
    next_look = deadline if period >= deadline - now else now + period
    call.block(keys, TYPE_STREAM, next_look - now, True)
    if call.resumed and call.timed_out:
        call.engine.blocking.wait_until(<Blocked>call.session.blocked, next_look)
    return 0


cdef bint may_wait(Call call, Options *o) noexcept:
    if o.block_ms < 0:
        return False
    if call.may_block():
        return True
    # A look at what idles was due, the wait itself may go on; not so after CLIENT UNBLOCK, which
    # leaves the deadline where it was.
    return (o.claim_ms >= 0 and call.timed_out and call.extra is not None
            and (<Blocked>call.session.blocked).deadline_ms == 0
            and call.engine.steady_ms < <int64_t>call.extra)


cdef int read(Call call, bint group) except -1:
    cdef Options o
    o.group = group
    o.group_at = 0
    o.streams_at = 0
    o.noack = False
    o.block_ms = -1
    o.count = 0
    o.claim_ms = -1
    o.entries_left = 0
    o.bytes_max = 0
    o.bytes_before = reply_pending_bytes(call.reply)
    if call.timed_out and not group:
        reply_null_array(call.reply)        # whatever the keys are by now
        return 0
    parse_options(call, &o)
    o.ids = o.few
    if o.streams > FEW:
        o.ids = <StreamId *>mem_alloc(sizeof(StreamId) * o.streams)
    try:
        look_up(call, &o)
        if group:
            call.propagate_nothing()
        if not serve(call, &o):
            if may_wait(call, &o):
                wait(call, &o)
            else:
                reply_null_array(call.reply)
    finally:
        if o.ids != o.few:
            mem_free(o.ids)
    return 0


cdef int xread(Call call) except -1:
    return read(call, False)


command(handler(xread),
        "XREAD [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds]"
        " STREAMS key [key ...] id [id ...]",
        READS | BLOCKING, since="5.0.0",
        cost="O(M) for each stream, M being the number of entries returned.",
        about="Return entries newer than given IDs from several streams, waiting for them if asked"
        " to.",
        since_of={"maxcount": "8.10.0", "maxsize": "8.10.0"})


cdef int xreadgroup(Call call) except -1:
    return read(call, True)


command(handler(xreadgroup),
        "XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize]"
        " [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS key [key ...] id [id ...]",
        WRITES | BLOCKING, key_flags=KEY_RO | KEY_ACCESS, since="5.0.0",
        cost="O(M) for each stream, M being the number of entries returned.",
        about="Return entries that are new to a consumer group, or pending for one of its"
        " consumers.",
        types={"min-idle-time": "integer"},
        since_of={"maxcount": "8.10.0", "maxsize": "8.10.0", "min-idle-time": "8.4.0"})
