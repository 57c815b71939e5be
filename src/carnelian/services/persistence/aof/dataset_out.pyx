"""The data set as commands: a base of the append-only file without a snapshot in it.

Runs in a forked child, or in the server itself when it starts empty; only reads the databases.
Collections go in pieces of 64 elements, as Redis writes them, so that no command is huge.
"""

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset
from posix.unistd cimport usleep, write

from carnelian.base.numbers cimport (
    DOUBLE_CHARS_MAX, INT64_CHARS_MAX, format_double, format_uint64,
)
from carnelian.base.slice cimport Slice
from carnelian.base.write_back cimport write_back_after
from carnelian.encodings.field_map cimport HashField
from carnelian.encodings.id_tree cimport (
    IdCursor, id_cursor_item, id_cursor_next, id_tree_first,
)
from carnelian.encodings.member_set cimport SetMember
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_contains, stream_cursor_field, stream_cursor_next,
    stream_cursor_open,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, stream_consumer_at, stream_group_at,
)
from carnelian.encodings.stream_idempotency cimport (
    IdemRecord, idem_message_id, idem_producer_id,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id, stream_id_max, stream_id_min,
)
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.database cimport Database, database_count
from carnelian.keyspace.entry cimport (
    EXPIRES, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET, Entry, entry_key,
    entry_pointer, entry_type, entry_when,
)
from carnelian.types.hash.value cimport (
    HashIter, hash_count, hash_iter_init, hash_iter_next, hash_may_expire,
)
from carnelian.types.list.value cimport list_count, list_next, list_seek
from carnelian.types.set.value cimport SetIter, set_count, set_iter_init, set_iter_next
from carnelian.types.string.value cimport text_value
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_count, zset_iter, zset_iter_end, zset_next,
)
from carnelian.resp.command_writer cimport (
    CommandBuffer, command_buffer_free, command_put_head, command_put_int, command_put_raw,
    command_put_text, command_put_word,
)


cdef enum:
    FLUSH_SIZE = 1 << 18
    PIECE = 64                     # elements in one command

cdef struct Writer:
    CommandBuffer out
    int fd
    int failed                     # errno of the first failed write
    size_t written
    bint write_back                # have the system write to disk every few megabytes
    int key_delay_us
    int64_t *keys_done             # counted up with each key, or NULL
    size_t left                    # elements of the collection not yet announced


cdef void flush(Writer *w) noexcept nogil:
    cdef size_t done = 0
    cdef ssize_t sent
    while done < w.out.used and not w.failed:
        sent = write(w.fd, w.out.bytes + done, w.out.used - done)
        if sent >= 0:
            done += <size_t>sent
            if w.write_back:
                write_back_after(w.fd, w.written, w.written + <size_t>sent)
            w.written += <size_t>sent
        elif errno != EINTR:
            w.failed = errno
    w.out.used = 0


cdef inline void put(Writer *w, Slice text) noexcept nogil:
    command_put_word(&w.out, text.ptr, text.len)


cdef void begin_piece(
    Writer *w, const char *command, Slice key, size_t i, size_t words
) noexcept nogil:
    """Before element i: the head of another command, if it is time; elements take `words` each."""
    cdef size_t count
    if i % PIECE:
        return
    count = min(w.left, <size_t>PIECE)
    w.left -= count
    command_put_head(&w.out, 2 + count * words)
    command_put_text(&w.out, command)
    put(w, key)
    if w.out.used >= FLUSH_SIZE:
        flush(w)


cdef void put_list(Writer *w, Slice key, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    cdef size_t i = 0
    w.left = list_count(e)
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        begin_piece(w, b"RPUSH", key, i, 1)
        put(w, element)
        i += 1


cdef void put_set(Writer *w, Slice key, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember member
    cdef size_t i = 0
    w.left = set_count(e)
    set_iter_init(&it, e)
    while set_iter_next(&it, &member):
        begin_piece(w, b"SADD", key, i, 1)
        put(w, member.text)
        i += 1


cdef void put_zset(Writer *w, Slice key, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef char score[DOUBLE_CHARS_MAX]
    cdef size_t i = 0
    w.left = zset_count(e)
    zset_iter(&it, e, 0, False)
    while zset_next(&it):
        begin_piece(w, b"ZADD", key, i, 2)
        command_put_word(&w.out, score, format_double(score, it.score))
        put(w, it.member)
        i += 1
    zset_iter_end(&it)


cdef void put_hash(Writer *w, Slice key, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    cdef size_t i = 0
    w.left = hash_count(e)
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        begin_piece(w, b"HMSET", key, i, 2)
        put(w, field.name)
        put(w, field.value)
        i += 1
    if hash_may_expire(e):
        put_field_times(w, key, e)


cdef void put_field_times(Writer *w, Slice key, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        if field.expires_ms:
            command_put_head(&w.out, 6)
            command_put_text(&w.out, b"HPEXPIREAT")
            put(w, key)
            command_put_int(&w.out, field.expires_ms)
            command_put_text(&w.out, b"FIELDS")
            command_put_int(&w.out, 1)
            put(w, field.name)


# --- streams ---

cdef void put_id(Writer *w, StreamId id) noexcept nogil:
    cdef char text[2 * INT64_CHARS_MAX + 1]
    cdef int n = format_uint64(text, id.ms)
    text[n] = 45
    n += 1
    n += format_uint64(text + n, id.seq)
    command_put_word(&w.out, text, n)


cdef void put_entries(Writer *w, Slice key, Stream *s) noexcept nogil:
    cdef StreamCursor cursor
    cdef Slice field
    cdef Slice value
    stream_cursor_open(&cursor, s, stream_id_min(), stream_id_max(), False)
    while stream_cursor_next(&cursor):
        command_put_head(&w.out, 3 + 2 * cursor.field_count)
        command_put_text(&w.out, b"XADD")
        put(w, key)
        put_id(w, cursor.id)
        while stream_cursor_field(&cursor, &field, &value):
            put(w, field)
            put(w, value)
        if w.out.used >= FLUSH_SIZE:
            flush(w)


cdef void put_empty_stream(Writer *w, Slice key) noexcept nogil:
    """An entry that MAXLEN 0 takes away at once."""
    command_put_head(&w.out, 7)
    command_put_text(&w.out, b"XADD")
    put(w, key)
    command_put_text(&w.out, b"MAXLEN")
    command_put_int(&w.out, 0)
    put_id(w, stream_id(0, 1))
    command_put_text(&w.out, b"x")
    command_put_text(&w.out, b"y")


cdef void put_pending(
    Writer *w, Slice key, StreamGroup *group, Slice consumer, StreamId id, Pending *pending
) noexcept nogil:
    command_put_head(&w.out, 12)
    command_put_text(&w.out, b"XCLAIM")
    put(w, key)
    put(w, group.name)
    put(w, consumer)
    command_put_int(&w.out, 0)
    put_id(w, id)
    command_put_text(&w.out, b"TIME")
    command_put_int(&w.out, pending.delivered_ms)
    command_put_text(&w.out, b"RETRYCOUNT")
    command_put_int(&w.out, <int64_t>pending.deliveries)
    command_put_text(&w.out, b"JUSTID")
    command_put_text(&w.out, b"FORCE")


cdef void put_consumer(
    Writer *w, Slice key, StreamGroup *group, StreamConsumer *consumer
) noexcept nogil:
    cdef IdCursor cursor
    cdef bint more = id_tree_first(&consumer.pending, &cursor)
    if not more:
        command_put_head(&w.out, 5)
        command_put_text(&w.out, b"XGROUP")
        command_put_text(&w.out, b"CREATECONSUMER")
        put(w, key)
        put(w, group.name)
        put(w, consumer.name)
    while more:
        put_pending(w, key, group, consumer.name, id_cursor_item(&cursor).id,
                    <Pending *>id_cursor_item(&cursor).value)
        if w.out.used >= FLUSH_SIZE:
            flush(w)
        more = id_cursor_next(&cursor)


cdef void put_nobodys(Writer *w, Slice key, StreamGroup *group) noexcept nogil:
    """Pending entries that were given back."""
    cdef IdCursor cursor
    cdef Pending *pending
    cdef bint more = id_tree_first(&group.pending, &cursor)
    while more:
        pending = <Pending *>id_cursor_item(&cursor).value
        if pending.consumer == NULL:
            command_put_head(&w.out, 10)
            command_put_text(&w.out, b"XNACK")
            put(w, key)
            put(w, group.name)
            command_put_text(&w.out, b"SILENT")
            command_put_text(&w.out, b"IDS")
            command_put_int(&w.out, 1)
            put_id(w, id_cursor_item(&cursor).id)
            command_put_text(&w.out, b"RETRYCOUNT")
            command_put_int(&w.out, <int64_t>pending.deliveries)
            command_put_text(&w.out, b"FORCE")
            if w.out.used >= FLUSH_SIZE:
                flush(w)
        more = id_cursor_next(&cursor)


cdef void put_group(Writer *w, Slice key, StreamGroup *group) noexcept nogil:
    cdef uint64_t owned = 0
    cdef size_t i
    command_put_head(&w.out, 7)
    command_put_text(&w.out, b"XGROUP")
    command_put_text(&w.out, b"CREATE")
    put(w, key)
    put(w, group.name)
    put_id(w, group.last_id)
    command_put_text(&w.out, b"ENTRIESREAD")
    command_put_int(&w.out, group.entries_read)
    for i in range(group.consumers.count):
        put_consumer(w, key, group, stream_consumer_at(group, i))
        owned += stream_consumer_at(group, i).pending.count
    if owned != group.pending.count:
        put_nobodys(w, key, group)


cdef void put_stream(Writer *w, Slice key, Stream *s) noexcept nogil:
    cdef size_t i
    if s.length:
        put_entries(w, key, s)
    else:
        put_empty_stream(w, key)
    command_put_head(&w.out, 7)
    command_put_text(&w.out, b"XSETID")
    put(w, key)
    put_id(w, s.last_id)
    command_put_text(&w.out, b"ENTRIESADDED")
    command_put_int(&w.out, <int64_t>s.entries_added)
    command_put_text(&w.out, b"MAXDELETEDID")
    put_id(w, s.max_deleted_id)
    for i in range(s.groups.count):
        put_group(w, key, stream_group_at(&s.groups, i))
    if s.idempotency != NULL:
        put_idempotency(w, key, s)


cdef void put_idempotency(Writer *w, Slice key, Stream *s) noexcept nogil:
    cdef IdemRecord *record = s.idempotency.oldest
    command_put_head(&w.out, 6)
    command_put_text(&w.out, b"XCFGSET")
    put(w, key)
    command_put_text(&w.out, b"IDMP-DURATION")
    command_put_int(&w.out, s.idempotency.duration_s)
    command_put_text(&w.out, b"IDMP-MAXSIZE")
    command_put_int(&w.out, s.idempotency.size_max)
    while record != NULL:
        if stream_contains(s, record.id):
            command_put_head(&w.out, 5)
            command_put_text(&w.out, b"XIDMPRECORD")
            put(w, key)
            put(w, idem_producer_id(record))
            put(w, idem_message_id(record))
            put_id(w, record.id)
        if w.out.used >= FLUSH_SIZE:
            flush(w)
        record = record.newer


# --- keys ---

cdef void put_string(Writer *w, Slice key, Entry *e) noexcept nogil:
    command_put_head(&w.out, 3)
    command_put_text(&w.out, b"SET")
    put(w, key)
    put(w, text_value(e))


cdef void put_entry(Writer *w, Entry *e) noexcept nogil:
    cdef int type = entry_type(e)
    cdef Slice key = entry_key(e)
    if type == TYPE_STRING:
        put_string(w, key, e)
    elif type == TYPE_LIST:
        put_list(w, key, e)
    elif type == TYPE_SET:
        put_set(w, key, e)
    elif type == TYPE_ZSET:
        put_zset(w, key, e)
    elif type == TYPE_HASH:
        put_hash(w, key, e)
    else:
        put_stream(w, key, <Stream *>entry_pointer(e))
    if e.flags & EXPIRES:
        command_put_head(&w.out, 3)
        command_put_text(&w.out, b"PEXPIREAT")
        put(w, key)
        command_put_int(&w.out, entry_when(e))
    if w.out.used >= FLUSH_SIZE:
        flush(w)


cdef void put_database(Writer *w, Database *db) noexcept nogil:
    cdef TableIter it
    cdef void *e
    if database_count(db) == 0:
        return
    command_put_head(&w.out, 2)
    command_put_text(&w.out, b"SELECT")
    command_put_int(&w.out, db.id)
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL and not w.failed:
        put_entry(w, <Entry *>e)
        if w.keys_done != NULL:
            w.keys_done[0] += 1
        if w.key_delay_us > 0:
            usleep(w.key_delay_us)
        e = table_next(&it)


def write_dataset(Engine engine, int fd, int64_t stamp_s, int key_delay_us, bint write_back,
                  keys_done):
    """Write commands that make the data set; with `stamp_s` the time comes first. OSError."""
    cdef Writer w
    cdef int64_t[::1] counter = keys_done
    cdef int i
    memset(&w, 0, sizeof(Writer))
    if counter is not None:
        w.keys_done = &counter[0]
    w.fd = fd
    w.key_delay_us = key_delay_us
    w.write_back = write_back
    if stamp_s:
        line = b"#TS:%d\r\n" % stamp_s
        command_put_raw(&w.out, line, len(line))
    with nogil:
        for i in range(engine.database_count):
            put_database(&w, engine.databases[i])
        flush(&w)
        command_buffer_free(&w.out)
    if w.failed:
        raise OSError(w.failed, "write")
