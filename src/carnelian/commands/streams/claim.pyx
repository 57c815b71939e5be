"""XCLAIM and XAUTOCLAIM: entries pending for one consumer become pending for another."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from carnelian.commands.streams.support cimport (
    consumer_for, group_or_raise, id_text, int_or, interval_start, propagate_group_id,
    propagate_pending, reply_entry_at, reply_stream_id, stream_at, strict_id,
)
from carnelian.encodings.id_tree cimport (
    IdCursor, id_cursor_item, id_cursor_next, id_tree_seek,
)
from carnelian.encodings.stream cimport Stream, stream_contains
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, pending_add, pending_assign, pending_find,
    pending_redate, pending_remove,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id_less, stream_id_min, stream_id_parse,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport FAST, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.resp.reply cimport (
    ReplyMark, reply_array, reply_bulk, reply_defer, reply_set_array,
)

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import KEYS_UPDATED

command = family("stream")

cdef enum:
    LOOKED_AT_PER_COUNT = 10        # XAUTOCLAIM: pending entries looked at for each to be claimed

cdef int64_t COUNT_MAX = INT64_MAX // 16

cdef struct Claim:
    int64_t idle_min_ms
    int64_t delivered_ms            # what to write down
    int64_t deliveries              # -1: count up
    bint force
    bint just_ids
    StreamId last_id
    int ids                         # how many, from argument 5 on


cdef int parse_claim(Call call, Claim *o) except -1:
    cdef int64_t now = call.engine.now_ms
    cdef StreamId id
    cdef int i = 5
    o.idle_min_ms = max(
        int_or(call, 4, "Invalid min-idle-time argument for XCLAIM"), <int64_t>0)
    o.delivered_ms = -1
    o.deliveries = -1
    o.force = o.just_ids = False
    o.last_id = stream_id_min()
    while i < call.argc and stream_id_parse(call.argv[i], 0, True, &id, NULL):
        i += 1
    o.ids = i - 5
    while i < call.argc:
        if call.is_word(i, b"force"):
            o.force = True
        elif call.is_word(i, b"justid"):
            o.just_ids = True
        elif i + 1 < call.argc and call.is_word(i, b"lastid"):
            i += 1
            strict_id(call, i, &o.last_id)
        elif i + 1 < call.argc and call.is_word(i, b"idle"):
            i += 1
            o.delivered_ms = int_or(call, i, "Invalid IDLE option argument for XCLAIM")
            o.delivered_ms = now - o.delivered_ms if o.delivered_ms >= 0 else -1
        elif i + 1 < call.argc and call.is_word(i, b"time"):
            i += 1
            o.delivered_ms = int_or(call, i, "Invalid TIME option argument for XCLAIM")
        elif i + 1 < call.argc and call.is_word(i, b"retrycount"):
            i += 1
            o.deliveries = int_or(call, i, "Invalid RETRYCOUNT option argument for XCLAIM")
        else:
            raise error(b"Unrecognized XCLAIM option '%b'" % call.bytes(i))
        i += 1
    # a clock that is ahead of ours is no reason for an error
    if not 0 <= o.delivered_ms <= now:
        o.delivered_ms = now
    return 0


cdef int deliver(Call call, KeyRef *ref, StreamGroup *group, StreamId id, Pending *pending,
                 StreamConsumer *consumer, Claim *o) except -1:
    """Make a pending entry this consumer's, reply and propagate it."""
    pending_redate(group, id, pending, o.delivered_ms)
    if o.deliveries >= 0:
        pending.deliveries = <uint64_t>o.deliveries
    elif not o.just_ids and pending.deliveries < <uint64_t>INT64_MAX:
        pending.deliveries += 1
    pending_assign(pending, id, consumer)
    if o.just_ids:
        reply_stream_id(call.reply, id)
    else:
        reply_entry_at(call.reply, stream_at(ref), id)
    consumer.active_ms = call.engine.now_ms
    call.dirty += 1
    return propagate_pending(call, ref, group, id, pending)


cdef int drop(Call call, KeyRef *ref, StreamGroup *group, StreamId id, Pending *pending) except -1:
    """The entry is gone from the stream: nobody can process it any more."""
    propagate_pending(call, ref, group, id, pending)
    pending_remove(group, id)
    call.dirty += 1
    return 0


cdef bint claim_one(Call call, KeyRef *ref, StreamGroup *group, StreamId id,
                    StreamConsumer *consumer, Claim *o) except -1:
    cdef Pending *pending = pending_find(group, id)
    cdef int64_t idle
    if not stream_contains(stream_at(ref), id):
        if pending != NULL:
            drop(call, ref, group, id, pending)
        return False
    if pending == NULL:
        if not o.force:
            return False
        pending = pending_add(group, id, NULL, call.engine.now_ms, 1)
    elif pending.consumer != NULL and o.idle_min_ms:
        idle = call.engine.now_ms - pending.delivered_ms
        if idle < o.idle_min_ms:
            return False
    deliver(call, ref, group, id, pending, consumer, o)
    return True


cdef int xclaim(Call call) except -1:
    cdef KeyRef ref
    cdef Claim o
    cdef StreamGroup *group = group_or_raise(call, &ref, 1, 2, "")
    cdef StreamConsumer *consumer
    cdef StreamId id
    cdef ReplyMark mark
    cdef int64_t claimed = 0
    cdef int64_t before
    cdef bint tell_last_id
    cdef int i
    parse_claim(call, &o)
    call.propagate_nothing()
    tell_last_id = stream_id_less(group.last_id, o.last_id)
    if tell_last_id:
        group.last_id = o.last_id
    consumer = consumer_for(call, &ref, group, call.argv[3], NULL)
    before = call.dirty
    mark = reply_defer(call.reply)
    for i in range(5, 5 + o.ids):
        strict_id(call, i, &id)
        claimed += claim_one(call, &ref, group, id, consumer, &o)
    reply_set_array(call.reply, mark, claimed)
    # each XCLAIM that was propagated carries the last ID
    if tell_last_id and call.dirty == before:
        propagate_group_id(call, &ref, group)
        call.dirty += 1
    return 0


command(handler(xclaim),
        "XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms]"
        " [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        WRITES | FAST, key_flags=KEYS_UPDATED, since="5.0.0", tips=("nondeterministic_output",),
        cost="O(log N) for each ID, N being the number of pending entries of the group.",
        about="Make entries that are pending for a consumer group pending for this consumer.")


# --- XAUTOCLAIM -------------------------------------------------------------------------------

cdef int parse_autoclaim(Call call, Claim *o, StreamId *start, int64_t *count) except -1:
    cdef int i = 6
    o.idle_min_ms = max(
        int_or(call, 4, "Invalid min-idle-time argument for XAUTOCLAIM"), <int64_t>0)
    o.delivered_ms = call.engine.now_ms
    o.deliveries = -1
    o.just_ids = False
    interval_start(call, 5, start)
    while i < call.argc:
        if i + 1 < call.argc and call.is_word(i, b"count"):
            i += 1
            count[0] = int_or(call, i, "COUNT must be > 0")
            if not 1 <= count[0] <= COUNT_MAX:
                raise error("COUNT must be > 0")
        elif call.is_word(i, b"justid"):
            o.just_ids = True
        else:
            raise SYNTAX
        i += 1
    return 0


cdef int reply_deleted(Call call, list deleted) except -1:
    cdef bytes text
    reply_array(call.reply, len(deleted))
    for gone in deleted:
        text = gone
        reply_bulk(call.reply, text, len(text))
    return 0


cdef StreamId autoclaim_end(StreamGroup *group, StreamId start, int64_t count, Claim *o,
                            Stream *s, int64_t now) noexcept nogil:
    """The cursor the next call begins with, found ahead of claiming: it comes first in the
    reply."""
    cdef int64_t attempts = count * LOOKED_AT_PER_COUNT
    cdef Pending *pending
    cdef IdCursor c
    cdef bint more = id_tree_seek(&group.pending, start, &c)
    while more and attempts and count:
        attempts -= 1
        pending = <Pending *>id_cursor_item(&c).value
        if (not o.idle_min_ms or now - pending.delivered_ms >= o.idle_min_ms
                or not stream_contains(s, id_cursor_item(&c).id)):
            count -= 1
        more = id_cursor_next(&c)
    return id_cursor_item(&c).id if more else stream_id_min()


cdef int xautoclaim(Call call) except -1:
    cdef KeyRef ref
    cdef Claim o
    cdef StreamId id
    cdef StreamId end
    cdef StreamGroup *group
    cdef StreamConsumer *consumer
    cdef Pending *pending
    cdef IdCursor c
    cdef ReplyMark mark
    cdef int64_t count = 100
    cdef int64_t claimed = 0
    cdef list deleted = []
    cdef bint more
    parse_autoclaim(call, &o, &id, &count)
    group = group_or_raise(call, &ref, 1, 2, "")
    call.propagate_nothing()
    consumer = consumer_for(call, &ref, group, call.argv[3], NULL)
    end = autoclaim_end(group, id, count, &o, stream_at(&ref), call.engine.now_ms)
    reply_array(call.reply, 3)
    reply_stream_id(call.reply, end)
    mark = reply_defer(call.reply)
    more = id_tree_seek(&group.pending, id, &c)
    while more and (end.ms == 0 and end.seq == 0 or stream_id_less(id_cursor_item(&c).id, end)):
        id = id_cursor_item(&c).id
        pending = <Pending *>id_cursor_item(&c).value
        if not stream_contains(stream_at(&ref), id):
            drop(call, &ref, group, id, pending)
            deleted.append(id_text(id))
            more = id_tree_seek(&group.pending, id, &c)
            continue
        if not o.idle_min_ms or o.delivered_ms - pending.delivered_ms >= o.idle_min_ms:
            deliver(call, &ref, group, id, pending, consumer, &o)
            claimed += 1
        more = id_cursor_next(&c)
    reply_set_array(call.reply, mark, claimed)
    return reply_deleted(call, deleted)


command(handler(xautoclaim),
        "XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]",
        WRITES | FAST, since="6.2.0", tips=("nondeterministic_output",),
        cost="O(1) for a small count.",
        about="Scan the pending entries of a consumer group and take over those that idle.",
        types={"start": "string"},
        history=(("7.0.0", "Added an element to the reply array, containing deleted entries the"
                  " command cleared from the PEL"),))
