"""XINFO: what a stream, its consumer groups and their consumers look like inside."""

from libc.stdint cimport INT64_MAX, int64_t

from carnelian.commands.streams.idempotency cimport idem_info, idem_info_count
from carnelian.commands.streams.support cimport (
    consumer_name, reply_entry, reply_stream_id, stream_at,
)
from carnelian.encodings.id_tree cimport (
    IdCursor, IdTree, id_cursor_item, id_cursor_next, id_tree_first,
)
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_cursor_next, stream_cursor_open,
)
from carnelian.encodings.stream_group cimport (
    ENTRIES_READ_UNKNOWN, Pending, StreamConsumer, StreamGroup, stream_consumer_at,
    stream_group_at, stream_group_find,
)
from carnelian.encodings.stream_id cimport stream_id_max, stream_id_min
from carnelian.encodings.stream_lag cimport stream_group_lag
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, READS, STALE
from carnelian.engine.replies cimport container_help
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STREAM
from carnelian.resp.reply cimport (
    Reply, ReplyMark, reply_array, reply_bulk_text, reply_defer, reply_int, reply_map, reply_null,
    reply_set_array, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NO_SUCH_KEY, CommandError, error

command = family("stream")

command(0, "XINFO", container=True, since="5.0.0", cost="Depends on subcommand.",
        about="A container for commands that describe streams.")


cdef int find_stream(Call call, KeyRef *ref) except -1:
    if not call.find_typed(2, TYPE_STREAM, ref):
        raise NO_SUCH_KEY
    return 0


cdef void reply_group_progress(Reply *reply, const Stream *s, const StreamGroup *group) noexcept:
    cdef int64_t lag
    reply_bulk_text(reply, b"last-delivered-id")
    reply_stream_id(reply, group.last_id)
    reply_bulk_text(reply, b"entries-read")
    if group.entries_read == ENTRIES_READ_UNKNOWN:
        reply_null(reply)
    else:
        reply_int(reply, group.entries_read)
    reply_bulk_text(reply, b"lag")
    if stream_group_lag(s, group, &lag):
        reply_int(reply, lag)
    else:
        reply_null(reply)


# --- XINFO STREAM -----------------------------------------------------------------------------

cdef void reply_edge(Call call, const Stream *s, bint last) noexcept:
    """The first or last entry, or null."""
    cdef StreamCursor cursor
    stream_cursor_open(&cursor, s, stream_id_min(), stream_id_max(), last)
    if stream_cursor_next(&cursor):
        reply_entry(call.reply, &cursor)
    else:
        reply_null(call.reply)


cdef void reply_pending(Call call, const IdTree *tree, int64_t count, bint with_consumer) noexcept:
    cdef ReplyMark mark = reply_defer(call.reply)
    cdef Pending *pending
    cdef IdCursor c
    cdef int64_t found = 0
    cdef bint more = id_tree_first(tree, &c)
    while more and found < count:
        pending = <Pending *>id_cursor_item(&c).value
        reply_array(call.reply, 4 if with_consumer else 3)
        reply_stream_id(call.reply, id_cursor_item(&c).id)
        if with_consumer:
            reply_slice(call.reply, consumer_name(pending))
        reply_int(call.reply, pending.delivered_ms)
        reply_int(call.reply, <int64_t>pending.deliveries)
        found += 1
        more = id_cursor_next(&c)
    reply_set_array(call.reply, mark, found)


cdef void reply_full_consumer(Call call, const StreamConsumer *consumer, int64_t count) noexcept:
    reply_map(call.reply, 5)
    reply_bulk_text(call.reply, b"name")
    reply_slice(call.reply, consumer.name)
    reply_bulk_text(call.reply, b"seen-time")
    reply_int(call.reply, consumer.seen_ms)
    reply_bulk_text(call.reply, b"active-time")
    reply_int(call.reply, consumer.active_ms)
    reply_bulk_text(call.reply, b"pel-count")
    reply_int(call.reply, <int64_t>consumer.pending.count)
    reply_bulk_text(call.reply, b"pending")
    reply_pending(call, &consumer.pending, count, False)


cdef void reply_full_group(Call call, const Stream *s, const StreamGroup *group,
                           int64_t count) noexcept:
    cdef size_t i
    reply_map(call.reply, 7)
    reply_bulk_text(call.reply, b"name")
    reply_slice(call.reply, group.name)
    reply_group_progress(call.reply, s, group)
    reply_bulk_text(call.reply, b"pel-count")
    reply_int(call.reply, <int64_t>group.pending.count)
    reply_bulk_text(call.reply, b"pending")
    reply_pending(call, &group.pending, count, True)
    reply_bulk_text(call.reply, b"consumers")
    reply_array(call.reply, group.consumers.count)
    for i in range(group.consumers.count):
        reply_full_consumer(call, stream_consumer_at(group, i), count)


cdef void reply_full(Call call, const Stream *s, int64_t count) noexcept:
    cdef StreamCursor cursor
    cdef ReplyMark mark
    cdef int64_t found = 0
    cdef size_t i
    reply_bulk_text(call.reply, b"entries")
    mark = reply_defer(call.reply)
    stream_cursor_open(&cursor, s, stream_id_min(), stream_id_max(), False)
    while found < count and stream_cursor_next(&cursor):
        reply_entry(call.reply, &cursor)
        found += 1
    reply_set_array(call.reply, mark, found)
    reply_bulk_text(call.reply, b"groups")
    reply_array(call.reply, s.groups.count)
    for i in range(s.groups.count):
        reply_full_group(call, s, stream_group_at(&s.groups, i), count)


cdef int64_t full_count(Call call) except? -1:
    """How many entries XINFO STREAM is to show in full; 0 without FULL."""
    cdef int64_t count = 10
    if call.argc == 3:
        return 0
    if call.argc not in (4, 6) or not call.is_word(3, b"full") or (
            call.argc == 6 and not call.is_word(4, b"count")):
        raise error(b"unknown subcommand or wrong number of arguments for '%b'. Try XINFO HELP."
                    % call.bytes(1))
    if call.argc == 6:
        count = call.int(5)
    if count == 0:
        return INT64_MAX
    return count if count > 0 else 10


cdef int xinfo_stream(Call call) except -1:
    cdef KeyRef ref
    cdef Stream *s
    cdef int64_t count
    find_stream(call, &ref)
    count = full_count(call)
    s = stream_at(&ref)
    reply_map(call.reply, (9 if count else 10) + idem_info_count(s))
    reply_bulk_text(call.reply, b"length")
    reply_int(call.reply, <int64_t>s.length)
    reply_bulk_text(call.reply, b"radix-tree-keys")
    reply_int(call.reply, <int64_t>s.nodes.count)
    reply_bulk_text(call.reply, b"radix-tree-nodes")
    reply_int(call.reply, <int64_t>s.nodes.count + 1)
    reply_bulk_text(call.reply, b"last-generated-id")
    reply_stream_id(call.reply, s.last_id)
    reply_bulk_text(call.reply, b"max-deleted-entry-id")
    reply_stream_id(call.reply, s.max_deleted_id)
    reply_bulk_text(call.reply, b"entries-added")
    reply_int(call.reply, <int64_t>s.entries_added)
    reply_bulk_text(call.reply, b"recorded-first-entry-id")
    reply_stream_id(call.reply, s.first_id)
    idem_info(call, s)
    if count:
        reply_full(call, s, count)
        return 0
    reply_bulk_text(call.reply, b"groups")
    reply_int(call.reply, s.groups.count)
    reply_bulk_text(call.reply, b"first-entry")
    reply_edge(call, s, False)
    reply_bulk_text(call.reply, b"last-entry")
    reply_edge(call, s, True)
    return 0


command(handler(xinfo_stream), "XINFO STREAM key [FULL [COUNT count]]", READS, since="5.0.0",
        cost="O(1)", about="Describe a stream.",
        history=(
            ("6.0.0", "Added the `FULL` modifier."),
            ("7.0.0", "Added the `max-deleted-entry-id`, `entries-added`,"
             " `recorded-first-entry-id`, `entries-read` and `lag` fields"),
            ("7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`."),
        ),
        help=("STREAM <key> [FULL [COUNT <count>]",
              "    Show information about the stream."))


# --- XINFO GROUPS and CONSUMERS ---------------------------------------------------------------

cdef int xinfo_groups(Call call) except -1:
    cdef KeyRef ref
    cdef Stream *s
    cdef StreamGroup *group
    cdef size_t i
    find_stream(call, &ref)
    s = stream_at(&ref)
    reply_array(call.reply, s.groups.count)
    for i in range(s.groups.count):
        group = stream_group_at(&s.groups, i)
        reply_map(call.reply, 6)
        reply_bulk_text(call.reply, b"name")
        reply_slice(call.reply, group.name)
        reply_bulk_text(call.reply, b"consumers")
        reply_int(call.reply, group.consumers.count)
        reply_bulk_text(call.reply, b"pending")
        reply_int(call.reply, <int64_t>group.pending.count)
        reply_group_progress(call.reply, s, group)
    return 0


command(handler(xinfo_groups), "XINFO GROUPS key", READS, since="5.0.0", cost="O(1)",
        about="List the consumer groups of a stream.",
        history=(("7.0.0", "Added the `entries-read` and `lag` fields"),),
        help=("    Show the stream consumer groups.",))


cdef int xinfo_consumers(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group
    cdef StreamConsumer *consumer
    cdef int64_t now = call.engine.now_ms
    cdef size_t i
    find_stream(call, &ref)
    group = stream_group_find(&stream_at(&ref).groups, call.argv[3])
    if group == NULL:
        raise CommandError(b"NOGROUP No such consumer group '%b' for key name '%b'" % (
            call.bytes(3), call.bytes(2)))
    reply_array(call.reply, group.consumers.count)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        reply_map(call.reply, 4)
        reply_bulk_text(call.reply, b"name")
        reply_slice(call.reply, consumer.name)
        reply_bulk_text(call.reply, b"pending")
        reply_int(call.reply, <int64_t>consumer.pending.count)
        reply_bulk_text(call.reply, b"idle")
        reply_int(call.reply, max(now - consumer.seen_ms, <int64_t>0))
        reply_bulk_text(call.reply, b"inactive")
        reply_int(call.reply, -1 if consumer.active_ms == -1 else now - consumer.active_ms)
    return 0


command(handler(xinfo_consumers), "XINFO CONSUMERS key group", READS, since="5.0.0",
        cost="O(1)", tips=("nondeterministic_output",),
        about="List the consumers of a consumer group.",
        history=(("7.2.0", "Added the `inactive` field, and changed the meaning of `idle`."),),
        help=("CONSUMERS <key> <groupname>",
              "    Show consumers of <groupname>."))


command(handler(container_help), "XINFO HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="List the subcommands.")
