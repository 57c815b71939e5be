"""Streams in RDB form; see rdb_out.pxd.

A block of entries is one listpack, keyed by the ID of its first entry. After the master entry all
entries carry their own fields, or only values when the fields are the master's:

    master:  count, deleted, field count, field ..., 0
    entry:   flags, ms - master's, seq - master's, [field count, field, value ... | value ...], back

`back` is how many listpack elements to go back from it to the entry's flags. The type is
RDB_STREAM_LISTPACKS_2, the newest that Redis 7.0 reads; it has no active time of consumers. A newer
one is used only for a stream that needs it:

    RDB_STREAM_LISTPACKS_4   behind the groups: duration, size, producers, added, duplicates
                             producer: its ID, count, { message ID, ms, seq } from the oldest on
    RDB_STREAM_LISTPACKS_5   also behind each group: count, IDs of pending entries that are nobody's
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.slice cimport Slice, slice_equal
from carnelian.encodings.id_tree cimport (
    IdCursor, IdTree, id_cursor_item, id_cursor_next, id_tree_first,
)
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_cursor_field, stream_cursor_next, stream_cursor_open,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, stream_consumer_at, stream_group_at,
)
from carnelian.encodings.stream_id cimport StreamId
from carnelian.encodings.stream_idempotency cimport (
    IDEM_DURATION_USUAL_S, IDEM_SIZE_USUAL, Idempotency, IdemProducer, IdemRecord,
    idem_message_id,
)
from carnelian.encodings.table cimport TableIter, table_count, table_iter_init, table_next
from carnelian.formats.rdb cimport (
    RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_4, RDB_STREAM_LISTPACKS_5, RdbOut, rdb_put,
    rdb_put_fixed64, rdb_put_length, rdb_put_plain,
)
from carnelian.formats.foreign cimport (
    ListpackOut, listpack_begin, listpack_end, listpack_free, listpack_put, listpack_put_int,
)


cdef extern from * nogil:
    uint64_t swap64 "__builtin_bswap64"(uint64_t value)

cdef enum:
    BLOCK_ENTRIES = 100
    BLOCK_BYTES = 4096
    SAME_FIELDS = 2
    TEXT_MAX = 24


cdef struct Fields:            # the pairs of one entry; they lie in the cursor's node
    Slice *pairs
    char *texts                # of those that are numbers
    size_t count
    size_t capacity

cdef struct Block:
    ListpackOut entries        # without header and master entry
    StreamId first
    uint32_t count
    Fields master


cdef void put_id(RdbOut *w, StreamId id) noexcept nogil:
    cdef uint64_t raw[2]
    raw[0] = swap64(id.ms)
    raw[1] = swap64(id.seq)
    rdb_put(w, <const char *>raw, 16)


cdef void put_id_lengths(RdbOut *w, StreamId id) noexcept nogil:
    rdb_put_length(w, id.ms)
    rdb_put_length(w, id.seq)


cdef void take_fields(StreamCursor *cursor, Fields *fields) noexcept nogil:
    cdef size_t needed = cursor.field_count * 2
    cdef size_t i = 0
    if fields.capacity < needed:
        fields.capacity = needed
        fields.pairs = <Slice *>mem_realloc(fields.pairs, needed * sizeof(Slice))
        fields.texts = <char *>mem_realloc(fields.texts, needed * TEXT_MAX)
    fields.count = cursor.field_count
    while i < needed and stream_cursor_field(cursor, &fields.pairs[i], &fields.pairs[i + 1]):
        keep_number(cursor, fields, i)
        keep_number(cursor, fields, i + 1)
        i += 2


cdef void keep_number(StreamCursor *cursor, Fields *fields, size_t slot) noexcept nogil:
    """A number is spelled inside the cursor, where the next one will overwrite it."""
    cdef Slice *text = &fields.pairs[slot]
    if <const char *>cursor <= text.ptr < <const char *>(cursor + 1):
        memcpy(fields.texts + slot * TEXT_MAX, text.ptr, text.len)
        text.ptr = fields.texts + slot * TEXT_MAX


cdef bint same_fields(const Fields *a, const Fields *b) noexcept nogil:
    cdef size_t i
    if a.count != b.count:
        return False
    for i in range(a.count):
        if not slice_equal(a.pairs[2 * i], b.pairs[2 * i]):
            return False
    return True


cdef void keep_master(Block *block, const Fields *fields) noexcept nogil:
    """Copy the field names, bytes too: the block outlives the cursor's position."""
    cdef size_t size = fields.count * 2 * sizeof(Slice)
    cdef char *text
    cdef size_t i
    for i in range(fields.count):
        size += fields.pairs[2 * i].len
    block.master.pairs = <Slice *>mem_alloc(size)
    block.master.count = fields.count
    text = <char *>(block.master.pairs + fields.count * 2)
    for i in range(fields.count):
        memcpy(text, fields.pairs[2 * i].ptr, fields.pairs[2 * i].len)
        block.master.pairs[2 * i].ptr = text
        block.master.pairs[2 * i].len = fields.pairs[2 * i].len
        text += fields.pairs[2 * i].len


cdef void add_entry(Block *block, StreamId id, const Fields *fields) noexcept nogil:
    cdef ListpackOut *lp = &block.entries
    cdef bint same
    cdef size_t i
    if block.count == 0:
        listpack_begin(lp)
        block.first = id
        keep_master(block, fields)
    block.count += 1
    same = same_fields(fields, &block.master)
    listpack_put_int(lp, SAME_FIELDS if same else 0)
    listpack_put_int(lp, <int64_t>(id.ms - block.first.ms))
    listpack_put_int(lp, <int64_t>(id.seq - block.first.seq))
    if not same:
        listpack_put_int(lp, <int64_t>fields.count)
    for i in range(fields.count):
        if not same:
            listpack_put(lp, fields.pairs[2 * i].ptr, fields.pairs[2 * i].len)
        listpack_put(lp, fields.pairs[2 * i + 1].ptr, fields.pairs[2 * i + 1].len)
    listpack_put_int(lp, <int64_t>(fields.count + 3 if same else 2 * fields.count + 4))


cdef void put_block(RdbOut *w, Block *block) noexcept nogil:
    cdef ListpackOut whole
    cdef uint64_t key[2]
    cdef size_t header
    cdef size_t i
    listpack_begin(&whole)
    header = whole.used
    listpack_put_int(&whole, block.count)
    listpack_put_int(&whole, 0)
    listpack_put_int(&whole, <int64_t>block.master.count)
    for i in range(block.master.count):
        listpack_put(&whole, block.master.pairs[2 * i].ptr, block.master.pairs[2 * i].len)
    listpack_put_int(&whole, 0)
    whole.capacity = whole.used + block.entries.used + 1
    whole.data = <uint8_t *>mem_realloc(whole.data, whole.capacity)
    memcpy(whole.data + whole.used, block.entries.data + header, block.entries.used - header)
    whole.used += block.entries.used - header
    whole.count += block.entries.count
    listpack_end(&whole)
    key[0] = swap64(block.first.ms)
    key[1] = swap64(block.first.seq)
    rdb_put_plain(w, <const char *>key, 16)
    rdb_put_plain(w, <const char *>whole.data, whole.used)
    listpack_free(&whole)
    listpack_free(&block.entries)
    mem_free(block.master.pairs)
    block.count = 0


cdef size_t pair_bytes(const Fields *fields) noexcept nogil:
    cdef size_t total = 0
    cdef size_t i
    for i in range(fields.count * 2):
        total += fields.pairs[i].len
    return total


cdef uint64_t walk_blocks(RdbOut *w, Stream *s) noexcept nogil:
    """Write the blocks, or with w NULL count them: the count stands before them in the file."""
    cdef StreamCursor cursor
    cdef StreamId low
    cdef StreamId high
    cdef Fields fields
    cdef Block block
    cdef uint64_t blocks = 0
    cdef size_t entries = 0
    cdef size_t total = 0
    low.ms = low.seq = 0
    high.ms = high.seq = <uint64_t>0 - 1
    fields.pairs = NULL
    fields.texts = NULL
    fields.capacity = 0
    block.count = 0
    stream_cursor_open(&cursor, s, low, high, False)
    while stream_cursor_next(&cursor):
        take_fields(&cursor, &fields)
        blocks += entries == 0
        entries += 1
        total += pair_bytes(&fields)
        if w != NULL:
            add_entry(&block, cursor.id, &fields)
        if entries == BLOCK_ENTRIES or total >= BLOCK_BYTES:
            entries = total = 0
            if w != NULL:
                put_block(w, &block)
    if w != NULL and block.count:
        put_block(w, &block)
    mem_free(fields.pairs)
    mem_free(fields.texts)
    return blocks


cdef void put_pending(RdbOut *w, const IdTree *tree, bint whole) noexcept nogil:
    cdef IdCursor cursor
    cdef Pending *pending
    cdef bint more = id_tree_first(tree, &cursor)
    rdb_put_length(w, tree.count)
    while more:
        put_id(w, id_cursor_item(&cursor).id)
        if whole:
            pending = <Pending *>id_cursor_item(&cursor).value
            rdb_put_fixed64(w, <uint64_t>pending.delivered_ms)
            rdb_put_length(w, pending.deliveries)
        more = id_cursor_next(&cursor)


cdef uint64_t nobodys_count(const StreamGroup *group) noexcept nogil:
    """Pending entries that no consumer has."""
    cdef uint64_t count = group.pending.count
    cdef size_t i
    for i in range(group.consumers.count):
        count -= stream_consumer_at(group, i).pending.count
    return count


cdef void put_nobodys(RdbOut *w, const StreamGroup *group) noexcept nogil:
    cdef IdCursor cursor
    cdef uint64_t left = nobodys_count(group)
    cdef bint more = left and id_tree_first(&group.pending, &cursor)
    rdb_put_length(w, left)
    while more and left:
        if (<Pending *>id_cursor_item(&cursor).value).consumer == NULL:
            put_id(w, id_cursor_item(&cursor).id)
            left -= 1
        more = id_cursor_next(&cursor)


cdef void put_producers(RdbOut *w, Idempotency *m) noexcept nogil:
    cdef TableIter it
    cdef IdemProducer *producer
    cdef IdemRecord *record
    rdb_put_length(w, table_count(m.producers))
    table_iter_init(&it, m.producers)
    producer = <IdemProducer *>table_next(&it)
    while producer != NULL:
        rdb_put_plain(w, producer.name, producer.name_len)
        rdb_put_length(w, producer.count)
        record = producer.oldest
        while record != NULL:
            rdb_put_plain(w, idem_message_id(record).ptr, idem_message_id(record).len)
            put_id_lengths(w, record.id)
            record = record.next
        producer = <IdemProducer *>table_next(&it)


cdef void put_idempotency(RdbOut *w, Idempotency *m) noexcept nogil:
    if m == NULL:
        rdb_put_length(w, IDEM_DURATION_USUAL_S)
        rdb_put_length(w, IDEM_SIZE_USUAL)
        rdb_put_length(w, 0)
        rdb_put_length(w, 0)
        rdb_put_length(w, 0)
        return
    rdb_put_length(w, <uint64_t>m.duration_s)
    rdb_put_length(w, <uint64_t>m.size_max)
    put_producers(w, m)
    rdb_put_length(w, m.added)
    rdb_put_length(w, m.duplicates)


cdef void put_group(RdbOut *w, StreamGroup *group, int type) noexcept nogil:
    cdef StreamConsumer *consumer
    cdef size_t i
    rdb_put_plain(w, group.name.ptr, group.name.len)
    put_id_lengths(w, group.last_id)
    rdb_put_length(w, <uint64_t>group.entries_read)
    put_pending(w, &group.pending, True)
    rdb_put_length(w, group.consumers.count)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        rdb_put_plain(w, consumer.name.ptr, consumer.name.len)
        rdb_put_fixed64(w, <uint64_t>consumer.seen_ms)
        if type >= RDB_STREAM_LISTPACKS_4:
            rdb_put_fixed64(w, <uint64_t>consumer.active_ms)
        put_pending(w, &consumer.pending, False)
    if type >= RDB_STREAM_LISTPACKS_5:
        put_nobodys(w, group)


cdef int rdb_stream_type(const Stream *s) noexcept nogil:
    cdef size_t i
    for i in range(s.groups.count):
        if nobodys_count(stream_group_at(&s.groups, i)):
            return RDB_STREAM_LISTPACKS_5
    return RDB_STREAM_LISTPACKS_2 if s.idempotency == NULL else RDB_STREAM_LISTPACKS_4


cdef void rdb_put_stream(RdbOut *w, Stream *s) noexcept nogil:
    cdef int type = rdb_stream_type(s)
    cdef size_t i
    rdb_put_length(w, walk_blocks(NULL, s))
    walk_blocks(w, s)
    rdb_put_length(w, s.length)
    put_id_lengths(w, s.last_id)
    put_id_lengths(w, s.first_id)
    put_id_lengths(w, s.max_deleted_id)
    rdb_put_length(w, s.entries_added)
    rdb_put_length(w, s.groups.count)
    for i in range(s.groups.count):
        put_group(w, stream_group_at(&s.groups, i), type)
    if type >= RDB_STREAM_LISTPACKS_4:
        put_idempotency(w, s.idempotency)
