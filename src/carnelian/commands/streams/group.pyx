"""Consumer groups: XGROUP, acknowledging (XACK, XACKDEL, XNACK) and XPENDING."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.commands.streams.support cimport (
    consumer_name, group_changed, group_or_raise, ids_block, interval_end, interval_start,
    lenient_id, refs_word, reply_stream_id, stream_at, strict_id,
)
from carnelian.encodings.id_tree cimport (
    IdCursor, IdTree, id_cursor_item, id_cursor_next, id_tree_first, id_tree_last, id_tree_seek,
)
from carnelian.encodings.stream cimport Stream, stream_contains, stream_new
from carnelian.encodings.stream_group cimport (
    ENTRIES_READ_UNKNOWN, Pending, StreamConsumer, StreamGroup, pending_add, pending_assign,
    pending_find, pending_redate, pending_remove, stream_consumer_at, stream_consumer_create,
    stream_consumer_destroy, stream_consumer_find, stream_group_create, stream_group_destroy,
    stream_group_find,
)
from carnelian.encodings.stream_id cimport StreamId, stream_id_less, stream_id_min
from carnelian.encodings.stream_lag cimport stream_clamp_read
from carnelian.encodings.stream_trim cimport (
    REFS_KEEP, StreamRefs, stream_delete_referenced,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, LOADING, READS, STALE, WRITES
from carnelian.engine.events cimport NOTIFY_STREAM
from carnelian.engine.replies cimport container_help
from carnelian.keyspace.database cimport KeyRef, key_noted
from carnelian.keyspace.entry cimport ENC_STREAM, TYPE_STREAM
from carnelian.resp.reply cimport (
    ReplyMark, reply_array, reply_bulk_int, reply_defer, reply_empty_array, reply_int, reply_null,
    reply_null_array, reply_ok, reply_set_array, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error
from carnelian.declare.flags import (
    KEY_DELETE, KEY_RW, KEY_UPDATE, KEYS_EXTENDED, KEYS_UPDATED,
)

KEY_REQUIRED = error(
    "The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the"
    " MKSTREAM option to create an empty stream automatically.")
NEGATIVE_ENTRIES_READ = error("value for ENTRIESREAD must be positive or -1")
BUSY_GROUP = CommandError(b"BUSYGROUP Consumer Group name already exists")

command = family("stream")


# --- XGROUP -----------------------------------------------------------------------------------

command(0, "XGROUP", container=True, since="5.0.0", cost="Depends on subcommand.",
        about="A container for commands about the consumer groups of a stream.")


cdef int group_options(Call call, bint creating, bint *make, int64_t *entries_read) except -1:
    cdef int i = 5
    make[0] = False
    entries_read[0] = ENTRIES_READ_UNKNOWN
    while i < call.argc:
        if creating and call.is_word(i, b"mkstream"):
            make[0] = True
        elif call.is_word(i, b"entriesread") and i + 1 < call.argc:
            i += 1
            entries_read[0] = call.int(i)
            if entries_read[0] < ENTRIES_READ_UNKNOWN:
                raise NEGATIVE_ENTRIES_READ
        else:
            raise error(b"unknown subcommand or wrong number of arguments for '%b'. Try XGROUP"
                        b" HELP." % call.bytes(1))
        i += 1
    return 0


cdef StreamGroup *group_to_change(Call call, KeyRef *ref, bint required) except? NULL:
    """The group of XGROUP's key and group arguments; the key must exist."""
    cdef StreamGroup *group
    if not call.find_typed_to_write(2, TYPE_STREAM, ref):
        raise KEY_REQUIRED
    group = stream_group_find(&stream_at(ref).groups, call.argv[3])
    if group == NULL and required:
        raise CommandError(b"NOGROUP No such consumer group '%b' for key name '%b'" % (
            call.bytes(3), call.bytes(2)))
    return group


cdef bint is_dollar(Slice text) noexcept:
    return text.len == 1 and text.ptr[0] == 36


cdef int xgroup_create(Call call) except -1:
    cdef KeyRef ref
    cdef StreamId id = stream_id_min()
    cdef int64_t entries_read
    cdef bint make
    cdef bint exists
    group_options(call, True, &make, &entries_read)
    exists = call.find_typed_to_write(2, TYPE_STREAM, &ref)
    if not exists and not make:
        raise KEY_REQUIRED
    if not is_dollar(call.argv[4]):
        strict_id(call, 4, &id)
    elif exists:
        id = stream_at(&ref).last_id
    if exists and stream_group_find(&stream_at(&ref).groups, call.argv[3]) != NULL:
        raise BUSY_GROUP
    if not exists:
        call.create_pointer(&ref, TYPE_STREAM, ENC_STREAM, stream_new())
        call.engine.effects.key_modified(ref.db, ref.key, ref.len)
    entries_read = stream_clamp_read(stream_at(&ref), entries_read)
    stream_group_create(&stream_at(&ref).groups, call.argv[3], id, entries_read)
    group_changed(call, &ref, b"xgroup-create")
    reply_ok(call.reply)
    return 0


command(handler(xgroup_create),
        "XGROUP CREATE key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
        WRITES | DENY_OOM, key_flags=KEYS_EXTENDED, since="5.0.0", cost="O(1)",
        about="Create a consumer group.",
        history=(("7.0.0", "Added the `entries_read` named argument."),),
        help=("CREATE <key> <groupname> <id|$> [option]",
              "    Create a new consumer group. Options are:",
              "    * MKSTREAM",
              "      Create the empty stream if it does not exist.",
              "    * ENTRIESREAD entries_read",
              "      Set the group's entries_read counter (internal use)."))


cdef int xgroup_setid(Call call) except -1:
    cdef KeyRef ref
    cdef StreamId id
    cdef int64_t entries_read
    cdef bint make
    cdef StreamGroup *group
    group_options(call, False, &make, &entries_read)
    group = group_to_change(call, &ref, True)
    if is_dollar(call.argv[4]):
        id = stream_at(&ref).last_id
    else:
        lenient_id(call, 4, &id)
    group.last_id = id
    group.entries_read = stream_clamp_read(stream_at(&ref), entries_read)
    group_changed(call, &ref, b"xgroup-setid")
    reply_ok(call.reply)
    return 0


command(handler(xgroup_setid),
        "XGROUP SETID key group <id | $> [ENTRIESREAD entries-read]",
        WRITES, key_flags=KEYS_UPDATED, since="5.0.0", cost="O(1)",
        about="Set how far a consumer group has read.",
        history=(("7.0.0", "Added the optional `entries_read` argument."),),
        help=("SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
              "    Set the current group ID and entries_read counter."))


cdef int xgroup_destroy(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group = group_to_change(call, &ref, False)
    if group != NULL:
        stream_group_destroy(&stream_at(&ref).groups, group)
        group_changed(call, &ref, b"xgroup-destroy")
        call.engine.effects.key_ready(ref.db, ref.key, ref.len)
    reply_int(call.reply, group != NULL)
    return 0


command(handler(xgroup_destroy), "XGROUP DESTROY key group", WRITES, since="5.0.0",
        cost="O(N) for N pending entries of the group.",
        about="Delete a consumer group.",
        help=("DESTROY <key> <groupname>",
              "    Remove the specified group."))


cdef int xgroup_createconsumer(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group = group_to_change(call, &ref, True)
    cdef StreamConsumer *consumer = stream_consumer_create(
        group, call.argv[4], call.engine.now_ms)
    if consumer != NULL:
        group_changed(call, &ref, b"xgroup-createconsumer")
    reply_int(call.reply, consumer != NULL)
    return 0


command(handler(xgroup_createconsumer), "XGROUP CREATECONSUMER key group consumer",
        WRITES | DENY_OOM, key_flags=KEYS_EXTENDED, since="6.2.0", cost="O(1)",
        about="Create a consumer in a consumer group.",
        help=("CREATECONSUMER <key> <groupname> <consumer>",
              "    Create a new consumer in the specified group."))


cdef int xgroup_delconsumer(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group = group_to_change(call, &ref, True)
    cdef StreamConsumer *consumer = stream_consumer_find(group, call.argv[4])
    cdef uint64_t pending = 0
    if consumer != NULL:
        pending = stream_consumer_destroy(group, consumer)
        group_changed(call, &ref, b"xgroup-delconsumer")
    reply_int(call.reply, <int64_t>pending)
    return 0


command(handler(xgroup_delconsumer), "XGROUP DELCONSUMER key group consumer", WRITES,
        since="5.0.0", cost="O(1)",
        about="Delete a consumer and what is pending for it.",
        help=("DELCONSUMER <key> <groupname> <consumer>",
              "    Remove the specified consumer."))


command(handler(container_help), "XGROUP HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="List the subcommands.")


# --- acknowledging ----------------------------------------------------------------------------

cdef StreamGroup *group_if_any(Call call, KeyRef *ref) except? NULL:
    if not call.find_typed(1, TYPE_STREAM, ref):
        return NULL
    return stream_group_find(&stream_at(ref).groups, call.argv[2])


cdef int xack(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group = group_if_any(call, &ref)
    cdef StreamId id
    cdef int64_t acknowledged = 0
    cdef int i
    if group != NULL:
        for i in range(3, call.argc):
            strict_id(call, i, &id)
        for i in range(3, call.argc):
            strict_id(call, i, &id)
            acknowledged += pending_remove(group, id)
    call.dirty += acknowledged
    reply_int(call.reply, acknowledged)
    return 0


command(handler(xack), "XACK key group id [id ...]", WRITES | FAST, key_flags=KEYS_UPDATED,
        since="5.0.0", cost="O(1) for each ID.",
        about="Acknowledge entries: they are no longer pending.")


cdef int xackdel(Call call) except -1:
    cdef StreamRefs refs = REFS_KEEP
    cdef KeyRef ref
    cdef StreamGroup *group
    cdef StreamId id
    cdef int64_t deleted = 0
    cdef int first = 3
    cdef int count
    cdef int outcome
    cdef int i
    if refs_word(call, first, &refs):
        first += 1
    count = ids_block(call, first, False)
    group = group_if_any(call, &ref)
    reply_array(call.reply, count)
    for i in range(first + 2, first + 2 + count):
        strict_id(call, i, &id)
        if group == NULL or not pending_remove(group, id):
            reply_int(call.reply, -1)
            continue
        call.dirty += 1
        outcome = stream_delete_referenced(stream_at(&ref), id, refs)
        deleted += outcome == 1
        reply_int(call.reply, 2 if outcome == 2 else 1)
    if deleted:
        call.changed(&ref, NOTIFY_STREAM, b"xdel")
    return 0


command(handler(xackdel), "XACKDEL key group [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        WRITES | FAST, key_flags=KEY_RW | KEY_UPDATE | KEY_DELETE, since="8.2.0",
        cost="O(1) for each ID.",
        about="Acknowledge entries and delete them from the stream.")


cdef enum NackMode:
    NACK_SILENT             # as if it had not been delivered this time
    NACK_FAIL
    NACK_FATAL              # nobody should try again


cdef NackMode nack_mode(Call call, int i) except *:
    if call.is_word(i, b"silent"):
        return NACK_SILENT
    if call.is_word(i, b"fail"):
        return NACK_FAIL
    if call.is_word(i, b"fatal"):
        return NACK_FATAL
    raise SYNTAX


cdef bint give_back(Stream *s, StreamGroup *group, StreamId id, NackMode mode,
                    int64_t deliveries, bint force) noexcept:
    """Make a pending entry nobody's, and old enough for any claim. Whether there is one."""
    cdef Pending *pending = pending_find(group, id)
    if pending == NULL:
        if not force or not stream_contains(s, id):
            return False
        pending = pending_add(group, id, NULL, 0, 0)
    pending_assign(pending, id, NULL)
    pending_redate(group, id, pending, 0)
    if deliveries >= 0:
        pending.deliveries = <uint64_t>deliveries
    elif mode == NACK_SILENT and pending.deliveries:
        pending.deliveries -= 1
    elif mode == NACK_FATAL:
        pending.deliveries = <uint64_t>INT64_MAX
    return True


cdef int xnack(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group
    cdef StreamId id
    cdef NackMode mode = nack_mode(call, 3)
    cdef int count = ids_block(call, 4, True)
    cdef int64_t deliveries = -1
    cdef int64_t released = 0
    cdef bint force = False
    cdef int i = 6 + count
    while i < call.argc:
        if call.is_word(i, b"force"):
            force = True
        elif call.is_word(i, b"retrycount") and i + 1 < call.argc:
            i += 1
            deliveries = call.int(i)
            if deliveries < 0:
                raise error("RETRYCOUNT must be >= 0")
        else:
            raise SYNTAX
        i += 1
    group = group_or_raise(call, &ref, 1, 2, "")
    for i in range(6, 6 + count):
        strict_id(call, i, &id)
        released += give_back(stream_at(&ref), group, id, mode, deliveries, force)
    if released:
        call.dirty += released
        key_noted(&ref)
        # XREADGROUP CLAIM may wait for them
        call.engine.effects.key_ready(ref.db, ref.key, ref.len)
    reply_int(call.reply, released)
    return 0


command(handler(xnack),
        "XNACK key group <SILENT | FAIL | FATAL> IDS numids id [id ...] [RETRYCOUNT count]"
        " [FORCE]",
        WRITES | FAST, key_flags=KEYS_UPDATED, since="8.8.0", cost="O(1) for each ID.",
        about="Give pending entries back unprocessed, for any consumer to claim at once.")


# --- XPENDING ---------------------------------------------------------------------------------

cdef void reply_summary(Call call, StreamGroup *group) noexcept:
    """How many entries are pending, from which to which ID, and for whom."""
    cdef StreamConsumer *consumer
    cdef IdCursor c
    cdef ReplyMark mark
    cdef int64_t busy = 0
    cdef size_t i
    reply_array(call.reply, 4)
    reply_int(call.reply, <int64_t>group.pending.count)
    if not id_tree_first(&group.pending, &c):
        reply_null(call.reply)
        reply_null(call.reply)
        reply_null_array(call.reply)
        return
    reply_stream_id(call.reply, id_cursor_item(&c).id)
    id_tree_last(&group.pending, &c)
    reply_stream_id(call.reply, id_cursor_item(&c).id)
    mark = reply_defer(call.reply)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        if consumer.pending.count:
            reply_array(call.reply, 2)
            reply_slice(call.reply, consumer.name)
            reply_bulk_int(call.reply, <int64_t>consumer.pending.count)
            busy += 1
    reply_set_array(call.reply, mark, busy)


cdef void reply_pending(Call call, const IdTree *tree, StreamId start, StreamId end,
                        int64_t count, int64_t idle_min_ms) noexcept:
    cdef ReplyMark mark = reply_defer(call.reply)
    cdef Pending *pending
    cdef IdCursor c
    cdef int64_t found = 0
    cdef int64_t idle
    cdef bint more = id_tree_seek(tree, start, &c)
    while more and found < count and not stream_id_less(end, id_cursor_item(&c).id):
        pending = <Pending *>id_cursor_item(&c).value
        idle = call.engine.now_ms - pending.delivered_ms
        if not idle_min_ms or idle >= idle_min_ms:
            reply_array(call.reply, 4)
            reply_stream_id(call.reply, id_cursor_item(&c).id)
            reply_slice(call.reply, consumer_name(pending))
            reply_int(call.reply, max(idle, <int64_t>0))
            reply_int(call.reply, <int64_t>pending.deliveries)
            found += 1
        more = id_cursor_next(&c)
    reply_set_array(call.reply, mark, found)


cdef int xpending(Call call) except -1:
    cdef KeyRef ref
    cdef StreamGroup *group
    cdef StreamConsumer *consumer
    cdef StreamId start
    cdef StreamId end
    cdef int64_t count = 0
    cdef int64_t idle_min_ms = 0
    cdef int first = 3
    if call.argc != 3 and not 6 <= call.argc <= 9:
        raise SYNTAX
    if call.argc > 3:
        if call.is_word(3, b"idle"):
            idle_min_ms = call.int(4)
            if call.argc < 8:
                raise SYNTAX
            first = 5
        count = call.int(first + 2)
        interval_start(call, first, &start)
        interval_end(call, first + 1, &end)
    group = group_or_raise(call, &ref, 1, 2, "")
    if call.argc == 3:
        reply_summary(call, group)
    elif first + 3 == call.argc:
        reply_pending(call, &group.pending, start, end, count, idle_min_ms)
    else:
        consumer = stream_consumer_find(group, call.argv[first + 3])
        if consumer == NULL:
            reply_empty_array(call.reply)
        else:
            reply_pending(call, &consumer.pending, start, end, count, idle_min_ms)
    return 0


command(handler(xpending),
        "XPENDING key group [[IDLE min-idle-time] start end count [consumer]]", READS,
        since="5.0.0", tips=("nondeterministic_output",),
        cost="O(N) for N entries returned, O(M) for M entries looked at with IDLE.",
        about="Show what is delivered to a consumer group and not acknowledged.",
        types={"start": "string", "end": "string", "min-idle-time": "integer"},
        history=(("6.2.0", "Added the `IDLE` option and exclusive range intervals."),))
