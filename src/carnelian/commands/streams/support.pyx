"""IDs, entries, groups and consumers for the stream commands; see stream_support.pxd."""

from libc.stdint cimport UINT64_MAX, int64_t, uint64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_cursor_field, stream_cursor_next, stream_cursor_open,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, stream_consumer_create, stream_consumer_find,
    stream_group_find,
)
from carnelian.encodings.stream_id cimport (
    STREAM_ID_CHARS_MAX, StreamId, stream_id_decr, stream_id_format, stream_id_incr,
    stream_id_parse,
)
from carnelian.encodings.stream_trim cimport REFS_ACKED, REFS_DELETE, REFS_KEEP, StreamRefs
from carnelian.engine.call cimport Call
from carnelian.engine.events cimport NOTIFY_STREAM
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STREAM
from carnelian.resp.reply cimport Reply, reply_array, reply_bulk, reply_slice

from carnelian.engine.errors import SYNTAX, CommandError, error

INVALID_ID = error("Invalid stream ID specified as stream command argument")
INVALID_START = error("invalid start ID for the interval")
INVALID_END = error("invalid end ID for the interval")
NUMIDS_NOT_POSITIVE = error("Number of IDs must be a positive integer")
NUMIDS_MISMATCH = error("The `numids` parameter must match the number of arguments")


# --- arguments --------------------------------------------------------------------------------

cdef int strict_id(Call call, int i, StreamId *id) except -1:
    if not stream_id_parse(call.argv[i], 0, True, id, NULL):
        raise INVALID_ID
    return 0


cdef int lenient_id(Call call, int i, StreamId *id) except -1:
    if not stream_id_parse(call.argv[i], 0, False, id, NULL):
        raise INVALID_ID
    return 0


cdef int interval_bound(Slice text, uint64_t missing_seq, StreamId *id) except -1:
    """Whether the bound is excluded."""
    cdef bint excluded = text.len > 1 and text.ptr[0] == 40         # (
    if excluded:
        text.ptr += 1
        text.len -= 1
    if not stream_id_parse(text, missing_seq, excluded, id, NULL):
        raise INVALID_ID
    return excluded


cdef int interval_start(Call call, int i, StreamId *id) except -1:
    if interval_bound(call.argv[i], 0, id) and not stream_id_incr(id):
        raise INVALID_START
    return 0


cdef int interval_end(Call call, int i, StreamId *id) except -1:
    if interval_bound(call.argv[i], UINT64_MAX, id) and not stream_id_decr(id):
        raise INVALID_END
    return 0


cdef int64_t int_or(Call call, int i, str message) except? -1:
    cdef int64_t value = 0
    if not parse_int64(call.argv[i].ptr, call.argv[i].len, &value):
        raise error(message)
    return value


cdef bint refs_word(Call call, int i, StreamRefs *refs) noexcept:
    if call.is_word(i, b"keepref"):
        refs[0] = REFS_KEEP
    elif call.is_word(i, b"delref"):
        refs[0] = REFS_DELETE
    elif call.is_word(i, b"acked"):
        refs[0] = REFS_ACKED
    else:
        return False
    return True


cdef int ids_block(Call call, int i, bint more_may_follow) except -1:
    cdef int64_t count = 0
    cdef int left = call.argc - i - 2
    cdef StreamId id
    cdef int k
    if left < 0 or not call.is_word(i, b"ids"):
        raise SYNTAX
    if not parse_int64(call.argv[i + 1].ptr, call.argv[i + 1].len, &count) or count <= 0:
        raise NUMIDS_NOT_POSITIVE
    if count > left or (count < left and not more_may_follow):
        raise NUMIDS_MISMATCH
    for k in range(<int>count):
        strict_id(call, i + 2 + k, &id)
    return <int>count


# --- replies ----------------------------------------------------------------------------------

cdef void reply_stream_id(Reply *reply, StreamId id) noexcept nogil:
    cdef char[STREAM_ID_CHARS_MAX] text
    reply_bulk(reply, text, stream_id_format(text, id))


cdef void reply_fields(Reply *reply, StreamCursor *cursor) noexcept nogil:
    cdef Slice field
    cdef Slice value
    reply_array(reply, <int64_t>(2 * cursor.field_count))
    while stream_cursor_field(cursor, &field, &value):
        reply_slice(reply, field)
        reply_slice(reply, value)


cdef void reply_entry(Reply *reply, StreamCursor *cursor) noexcept nogil:
    reply_array(reply, 2)
    reply_stream_id(reply, cursor.id)
    reply_fields(reply, cursor)


cdef bint reply_entry_at(Reply *reply, const Stream *s, StreamId id) noexcept nogil:
    cdef StreamCursor cursor
    stream_cursor_open(&cursor, s, id, id, False)
    if not stream_cursor_next(&cursor):
        return False
    reply_entry(reply, &cursor)
    return True


cdef bytes id_text(StreamId id):
    cdef char[STREAM_ID_CHARS_MAX] text
    cdef int n = stream_id_format(text, id)
    return text[:n]


cdef Slice consumer_name(const Pending *pending) noexcept nogil:
    if pending.consumer == NULL:
        return slice_of(b"", 0)
    return pending.consumer.name


# --- groups -----------------------------------------------------------------------------------

cdef void group_changed(Call call, KeyRef *ref, const char *event):
    call.dirty += 1
    call.notify(NOTIFY_STREAM, event, ref)


cdef StreamConsumer *consumer_for(
    Call call, KeyRef *ref, StreamGroup *group, Slice name, bint *created
):
    cdef StreamConsumer *consumer = stream_consumer_find(group, name)
    if created != NULL:
        created[0] = consumer == NULL
    if consumer == NULL:
        consumer = stream_consumer_create(group, name, call.engine.now_ms)
        group_changed(call, ref, b"xgroup-createconsumer")
    consumer.seen_ms = call.engine.now_ms
    return consumer


cdef StreamGroup *group_or_raise(Call call, KeyRef *ref, int key, int group, str tail) except NULL:
    cdef StreamGroup *found = NULL
    if call.find_typed(key, TYPE_STREAM, ref):
        found = stream_group_find(&stream_at(ref).groups, call.argv[group])
    if found == NULL:
        raise CommandError(b"NOGROUP No such key '%b' or consumer group '%b'%b" % (
            call.bytes(key), call.bytes(group), tail.encode()))
    return found


cdef int propagate_pending(
    Call call, KeyRef *ref, StreamGroup *group, StreamId id, const Pending *pending
) except -1:
    cdef bytes key
    cdef bytes name
    if not call.propagates():
        return 0
    key = ref.key[:ref.len]
    name = group.name.ptr[:group.name.len]
    if pending.consumer == NULL:
        call.propagate_as([b"XACK", key, name, id_text(id)])
        return 0
    call.propagate_as([
        b"XCLAIM", key, name, pending.consumer.name.ptr[:pending.consumer.name.len], b"0",
        id_text(id), b"TIME", b"%d" % pending.delivered_ms, b"RETRYCOUNT",
        b"%d" % pending.deliveries, b"FORCE", b"JUSTID", b"LASTID", id_text(group.last_id),
    ])
    return 0


cdef int propagate_group_id(Call call, KeyRef *ref, StreamGroup *group) except -1:
    if call.propagates():
        call.propagate_as([
            b"XGROUP", b"SETID", ref.key[:ref.len], group.name.ptr[:group.name.len],
            id_text(group.last_id), b"ENTRIESREAD", b"%d" % group.entries_read,
        ])
    return 0
