"""Streams as commands; see commands_out.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from carnelian.base.slice cimport slice_of
from carnelian.encodings.id_tree cimport (
    IdCursor, id_cursor_item, id_cursor_next, id_tree_first,
)
from carnelian.encodings.stream cimport (
    StreamCursor, stream_cursor_field, stream_cursor_next, stream_cursor_open,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, stream_consumer_at, stream_group_at,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id, stream_id_max, stream_id_min,
)
from carnelian.formats.commands_out cimport (
    commands_head, commands_put, commands_put_id, commands_put_int, commands_put_text,
)
from carnelian.formats.rdb cimport (
    RDB_VERSION_PRODUCERS, RdbOut, rdb_out_free, rdb_out_init, rdb_put_byte,
)
from carnelian.keyspace.payload cimport payload_end
from carnelian.types.stream.rdb_out cimport rdb_put_stream, rdb_stream_type


cdef void put_entries(CommandsOut *w, Slice key, Stream *s) noexcept nogil:
    cdef StreamCursor cursor
    cdef Slice field
    cdef Slice value
    stream_cursor_open(&cursor, s, stream_id_min(), stream_id_max(), False)
    while stream_cursor_next(&cursor):
        commands_head(w, 3 + 2 * cursor.field_count, b"XADD")
        commands_put(w, key)
        commands_put_id(w, cursor.id)
        while stream_cursor_field(&cursor, &field, &value):
            commands_put(w, field)
            commands_put(w, value)


cdef void put_empty_stream(CommandsOut *w, Slice key) noexcept nogil:
    """An entry that MAXLEN 0 takes away at once."""
    commands_head(w, 7, b"XADD")
    commands_put(w, key)
    commands_put_text(w, b"MAXLEN")
    commands_put_int(w, 0)
    commands_put_id(w, stream_id(0, 1))
    commands_put_text(w, b"x")
    commands_put_text(w, b"y")


cdef void put_pending(
    CommandsOut *w, Slice key, StreamGroup *group, Slice consumer, StreamId id, Pending *pending
) noexcept nogil:
    commands_head(w, 12, b"XCLAIM")
    commands_put(w, key)
    commands_put(w, group.name)
    commands_put(w, consumer)
    commands_put_int(w, 0)
    commands_put_id(w, id)
    commands_put_text(w, b"TIME")
    commands_put_int(w, pending.delivered_ms)
    commands_put_text(w, b"RETRYCOUNT")
    commands_put_int(w, <int64_t>pending.deliveries)
    commands_put_text(w, b"JUSTID")
    commands_put_text(w, b"FORCE")


cdef void put_consumer(
    CommandsOut *w, Slice key, StreamGroup *group, StreamConsumer *consumer
) noexcept nogil:
    cdef IdCursor cursor
    cdef bint more = id_tree_first(&consumer.pending, &cursor)
    if not more:
        commands_head(w, 5, b"XGROUP")
        commands_put_text(w, b"CREATECONSUMER")
        commands_put(w, key)
        commands_put(w, group.name)
        commands_put(w, consumer.name)
    while more:
        put_pending(w, key, group, consumer.name, id_cursor_item(&cursor).id,
                    <Pending *>id_cursor_item(&cursor).value)
        more = id_cursor_next(&cursor)


cdef void put_nobodys(CommandsOut *w, Slice key, StreamGroup *group) noexcept nogil:
    """Pending entries that were given back."""
    cdef IdCursor cursor
    cdef Pending *pending
    cdef bint more = id_tree_first(&group.pending, &cursor)
    while more:
        pending = <Pending *>id_cursor_item(&cursor).value
        if pending.consumer == NULL:
            commands_head(w, 10, b"XNACK")
            commands_put(w, key)
            commands_put(w, group.name)
            commands_put_text(w, b"SILENT")
            commands_put_text(w, b"IDS")
            commands_put_int(w, 1)
            commands_put_id(w, id_cursor_item(&cursor).id)
            commands_put_text(w, b"RETRYCOUNT")
            commands_put_int(w, <int64_t>pending.deliveries)
            commands_put_text(w, b"FORCE")
        more = id_cursor_next(&cursor)


cdef void put_group(CommandsOut *w, Slice key, StreamGroup *group) noexcept nogil:
    cdef uint64_t owned = 0
    cdef size_t i
    commands_head(w, 7, b"XGROUP")
    commands_put_text(w, b"CREATE")
    commands_put(w, key)
    commands_put(w, group.name)
    commands_put_id(w, group.last_id)
    commands_put_text(w, b"ENTRIESREAD")
    commands_put_int(w, group.entries_read)
    for i in range(group.consumers.count):
        put_consumer(w, key, group, stream_consumer_at(group, i))
        owned += stream_consumer_at(group, i).pending.count
    if owned != group.pending.count:
        put_nobodys(w, key, group)


cdef void put_idempotency(CommandsOut *w, Slice key, Stream *s) noexcept nogil:
    """An empty stream that knows the producers' messages: no commands set all of their counters."""
    cdef RdbOut payload
    cdef Stream shell
    memset(&shell, 0, sizeof(Stream))
    shell.idempotency = s.idempotency
    rdb_out_init(&payload, -1)
    rdb_put_byte(&payload, <uint8_t>rdb_stream_type(&shell))
    rdb_put_stream(&payload, &shell)
    payload_end(&payload, RDB_VERSION_PRODUCERS)
    commands_head(w, 4, b"RESTORE")
    commands_put(w, key)
    commands_put_int(w, 0)
    commands_put(w, slice_of(payload.buffer, payload.used))
    rdb_out_free(&payload)


cdef void commands_put_stream(CommandsOut *w, Slice key, Stream *s) noexcept nogil:
    cdef size_t i
    if s.idempotency != NULL:
        put_idempotency(w, key, s)
    if s.length:
        put_entries(w, key, s)
    elif s.idempotency == NULL:
        put_empty_stream(w, key)
    commands_head(w, 7, b"XSETID")
    commands_put(w, key)
    commands_put_id(w, s.last_id)
    commands_put_text(w, b"ENTRIESADDED")
    commands_put_int(w, <int64_t>s.entries_added)
    commands_put_text(w, b"MAXDELETEDID")
    commands_put_id(w, s.max_deleted_id)
    for i in range(s.groups.count):
        put_group(w, key, stream_group_at(&s.groups, i))
