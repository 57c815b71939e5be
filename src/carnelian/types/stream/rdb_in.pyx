"""Reading streams; rdb_out.pyx has the layout. Entries are appended one by one: whatever order
or count the file claims, the result is a sound stream or an error."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.stream cimport (
    STREAM_APPENDED, Stream, StreamLimits, stream_append, stream_new,
)
from carnelian.encodings.stream_group cimport (
    ENTRIES_READ_UNKNOWN, Pending, StreamConsumer, StreamGroup, pending_add, pending_assign,
    pending_find, stream_consumer_create, stream_group_create,
    stream_group_destroy,
)
from carnelian.encodings.stream_id cimport StreamId, stream_id_less
from carnelian.encodings.stream_idempotency cimport (
    IDEM_DURATION_MAX_S, IDEM_DURATION_USUAL_S, IDEM_SIZE_MAX, IDEM_SIZE_USUAL, Idempotency,
    idem_add, idem_find, idem_free, idem_new, idem_sort,
)
from carnelian.encodings.stream_lag cimport stream_clamp_read, stream_entries_up_to
from carnelian.formats.rdb cimport (
    RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_3, RDB_STREAM_LISTPACKS_4, RDB_STREAM_LISTPACKS_5,
    RdbIn, RdbValue, rdb_begin, rdb_bytes, rdb_count, rdb_fail, rdb_fixed64, rdb_keep,
    rdb_length, rdb_string, rdb_taken,
)
from carnelian.formats.foreign cimport (
    FOREIGN_LISTPACK, ForeignIter, foreign_init, foreign_next,
)


cdef extern from * nogil:
    uint64_t swap64 "__builtin_bswap64"(uint64_t value)

cdef enum:
    DELETED = 1
    SAME_FIELDS = 2
    ID_SIZE = 16
    TEXT_MAX = 24              # an integer element as text
    GROUPS = 1                 # RdbValue.stage: the entries are complete, `left` counts groups

# An element of the listpack kept while others are read: integers need storage of their own.
cdef struct Kept:
    Slice *pairs
    char *texts
    size_t capacity


cdef bint raw_id(RdbIn *r, StreamId *id) noexcept nogil:
    cdef const uint8_t *p = NULL
    if not rdb_bytes(r, ID_SIZE, &p):
        return False
    memcpy(id, p, ID_SIZE)
    id.ms = swap64(id.ms)
    id.seq = swap64(id.seq)
    return True


cdef bint lengths_id(RdbIn *r, StreamId *id) noexcept nogil:
    return rdb_length(r, &id.ms) and rdb_length(r, &id.seq)


cdef bint next_int(ForeignIter *it, int64_t *value) noexcept nogil:
    cdef Slice element
    if not foreign_next(it, &element) or not it.is_integer:
        it.bad = True
        return False
    value[0] = it.integer
    return True


cdef void reserve(Kept *kept, size_t slots) noexcept nogil:
    if kept.capacity < slots:
        kept.capacity = slots
        kept.pairs = <Slice *>mem_realloc(kept.pairs, slots * sizeof(Slice))
        kept.texts = <char *>mem_realloc(kept.texts, slots * TEXT_MAX)


cdef bint next_text(ForeignIter *it, Kept *kept, size_t slot) noexcept nogil:
    cdef Slice element
    if not foreign_next(it, &element):
        it.bad = True
        return False
    if it.is_integer:
        memcpy(kept.texts + slot * TEXT_MAX, it.text, element.len)
        element.ptr = kept.texts + slot * TEXT_MAX
    kept.pairs[slot] = element
    return True


cdef bint read_master(ForeignIter *it, Kept *fields, int64_t *count) noexcept nogil:
    """Field names into fields.pairs[0 .. count)."""
    cdef int64_t ignored = 0
    cdef int64_t i
    if not (next_int(it, &ignored) and next_int(it, &ignored) and next_int(it, count)):
        return False
    if not 0 <= count[0] <= it.end - it.at:
        it.bad = True
        return False
    reserve(fields, <size_t>count[0] + 1)
    for i in range(count[0]):
        if not next_text(it, fields, <size_t>i):
            return False
    return next_int(it, &ignored)


cdef bint read_entry(
    ForeignIter *it, int64_t flags, const Kept *master, int64_t master_count, Kept *pairs,
    StreamId *id, int64_t *count
) noexcept nogil:
    """One entry after its flags: its ID (given: the master's) and its pairs."""
    cdef int64_t ms = 0
    cdef int64_t seq = 0
    cdef int64_t ignored = 0
    cdef int64_t i
    if not next_int(it, &ms) or not next_int(it, &seq):
        return False
    id.ms += <uint64_t>ms
    id.seq += <uint64_t>seq
    count[0] = master_count
    if not flags & SAME_FIELDS:
        if not next_int(it, count) or not 0 <= count[0] <= it.end - it.at:
            it.bad = True
            return False
    reserve(pairs, <size_t>count[0] * 2 + 1)
    for i in range(count[0]):
        if flags & SAME_FIELDS:
            pairs.pairs[2 * i] = master.pairs[i]
        elif not next_text(it, pairs, <size_t>(2 * i)):
            return False
        if not next_text(it, pairs, <size_t>(2 * i + 1)):
            return False
    return next_int(it, &ignored)


cdef bint read_block(
    RdbIn *r, Stream *s, Slice block, StreamId key, const StreamLimits *limits
) noexcept nogil:
    cdef ForeignIter it
    cdef Kept master
    cdef Kept pairs
    cdef StreamId id
    cdef int64_t master_count = 0
    cdef int64_t count = 0
    cdef int64_t flags = 0
    cdef bint good
    master.pairs = pairs.pairs = NULL
    master.texts = pairs.texts = NULL
    master.capacity = pairs.capacity = 0
    foreign_init(&it, FOREIGN_LISTPACK, block.ptr, block.len)
    good = not it.bad and read_master(&it, &master, &master_count)
    while good and it.at != it.end - 1:
        id = key
        good = next_int(&it, &flags) and read_entry(
            &it, flags, &master, master_count, &pairs, &id, &count)
        if good and not flags & DELETED:
            good = count > 0 and STREAM_APPENDED == stream_append(
                s, id, pairs.pairs, <size_t>count, limits)
    mem_free(master.pairs)
    mem_free(master.texts)
    mem_free(pairs.pairs)
    mem_free(pairs.texts)
    return good or rdb_fail(r, b"damaged stream node")


cdef bint read_blocks(RdbIn *r, RdbValue *v, const StreamLimits *limits) noexcept nogil:
    cdef Slice text
    cdef StreamId key
    while v.left:
        if not rdb_string(r, &text):
            return False
        if text.len != ID_SIZE:
            return rdb_fail(r, b"stream node key of a wrong size")
        memcpy(&key, text.ptr, ID_SIZE)
        key.ms = swap64(key.ms)
        key.seq = swap64(key.seq)
        if not rdb_string(r, &text) or not read_block(
                r, <Stream *>v.partial, text, key, limits):
            return False
        rdb_taken(r, v)
    return True


cdef bint read_head(RdbIn *r, Stream *s, int type) noexcept nogil:
    cdef uint64_t length = 0
    cdef StreamId last
    cdef StreamId ignored
    if not rdb_length(r, &length) or not lengths_id(r, &last):
        return False
    if length != s.length:
        return rdb_fail(r, b"stream length does not match its entries")
    if stream_id_less(last, s.last_id):
        return rdb_fail(r, b"stream's last ID lies before its entries")
    s.last_id = last
    if type == RDB_STREAM_LISTPACKS:
        s.entries_added = s.length
        return True
    return (lengths_id(r, &ignored) and lengths_id(r, &s.max_deleted_id)
            and rdb_length(r, &s.entries_added))


cdef bint read_consumer(RdbIn *r, StreamGroup *group, int type) noexcept nogil:
    cdef StreamConsumer *consumer
    cdef Pending *pending
    cdef StreamId id
    cdef Slice name
    cdef uint64_t seen = 0
    cdef uint64_t active = 0
    cdef uint64_t count = 0
    if not rdb_string(r, &name):
        return False
    consumer = stream_consumer_create(group, name, 0)
    if consumer == NULL:
        return rdb_fail(r, b"consumer named twice")
    if not rdb_fixed64(r, &seen):
        return False
    active = seen
    if type >= RDB_STREAM_LISTPACKS_3 and not rdb_fixed64(r, &active):
        return False
    consumer.seen_ms = <int64_t>seen
    consumer.active_ms = <int64_t>active
    if not rdb_count(r, ID_SIZE, &count):
        return False
    while count:
        count -= 1
        if not raw_id(r, &id):
            return False
        pending = pending_find(group, id)
        if pending == NULL or pending.consumer != NULL:
            return rdb_fail(r, b"pending entry of a consumer unknown to its group, or shared")
        pending_assign(pending, id, consumer)
    return True


cdef bint read_nobodys(RdbIn *r, StreamGroup *group) noexcept nogil:
    """Which pending entries no consumer has."""
    cdef Pending *pending
    cdef StreamId id
    cdef uint64_t count = 0
    if not rdb_count(r, ID_SIZE, &count):
        return False
    while count:
        count -= 1
        if not raw_id(r, &id):
            return False
        pending = pending_find(group, id)
        if pending == NULL or pending.consumer != NULL:
            return rdb_fail(r, b"given back entry that is not pending, or somebody's")
    return True


cdef bint read_messages(RdbIn *r, Stream *s, Slice producer) noexcept nogil:
    cdef StreamId id
    cdef StreamId had
    cdef Slice message
    cdef uint64_t count = 0
    if not rdb_count(r, 3, &count):
        return False
    while count:
        count -= 1
        if not rdb_string(r, &message) or not lengths_id(r, &id):
            return False
        if idem_find(s.idempotency, producer, message, &had):
            return rdb_fail(r, b"message of a producer listed twice")
        idem_add(s.idempotency, producer, message, id)
    return True


cdef bint read_producer(RdbIn *r, Stream *s) noexcept nogil:
    cdef Slice name
    cdef char *kept
    cdef bint good
    if not rdb_string(r, &name):
        return False
    kept = <char *>mem_alloc(name.len + 1)     # the next string may take the scratch space
    memcpy(kept, name.ptr, name.len)
    good = read_messages(r, s, slice_of(kept, name.len))
    mem_free(kept)
    return good


cdef bint read_idempotency(RdbIn *r, Stream *s) noexcept nogil:
    cdef Idempotency *m
    cdef uint64_t duration_s = 0
    cdef uint64_t size = 0
    cdef uint64_t left = 0
    cdef uint64_t added = 0
    cdef uint64_t duplicates = 0
    if not (rdb_length(r, &duration_s) and rdb_length(r, &size) and rdb_count(r, 2, &left)):
        return False
    if not 1 <= duration_s <= IDEM_DURATION_MAX_S or not 1 <= size <= IDEM_SIZE_MAX:
        return rdb_fail(r, b"impossible settings for messages of producers")
    idem_free(s.idempotency)           # of a try that ran dry
    m = s.idempotency = idem_new(<int64_t>duration_s, <int64_t>size)
    while left:
        left -= 1
        if not read_producer(r, s):
            return False
    if not rdb_length(r, &added) or not rdb_length(r, &duplicates):
        return False
    idem_sort(m)
    m.added = added
    m.duplicates = duplicates
    if not added and duration_s == IDEM_DURATION_USUAL_S and size == IDEM_SIZE_USUAL:
        s.idempotency = NULL       # Redis writes this for every stream
        idem_free(m)
    return True


cdef bint fill_group(RdbIn *r, Stream *s, StreamGroup *group, int type) noexcept nogil:
    cdef StreamId id
    cdef uint64_t entries_read = 0
    cdef uint64_t count = 0
    cdef uint64_t delivered = 0
    cdef uint64_t deliveries = 0
    if not lengths_id(r, &id):
        return False
    group.last_id = id
    if type == RDB_STREAM_LISTPACKS:
        group.entries_read = stream_entries_up_to(s, id)
    else:
        if not rdb_length(r, &entries_read):
            return False
        group.entries_read = stream_clamp_read(s, <int64_t>entries_read)
    if not rdb_count(r, ID_SIZE + 9, &count):
        return False
    while count:
        count -= 1
        if not (raw_id(r, &id) and rdb_fixed64(r, &delivered) and rdb_length(r, &deliveries)):
            return False
        if pending_add(group, id, NULL, <int64_t>delivered, deliveries) == NULL:
            return rdb_fail(r, b"pending entry listed twice")
    if not rdb_count(r, 10, &count):
        return False
    while count:
        count -= 1
        if not read_consumer(r, group, type):
            return False
    return type < RDB_STREAM_LISTPACKS_5 or read_nobodys(r, group)


cdef bint read_group(RdbIn *r, Stream *s, int type) noexcept nogil:
    cdef StreamGroup *group
    cdef Slice name
    if not rdb_string(r, &name):
        return False
    group = stream_group_create(&s.groups, name, s.last_id, ENTRIES_READ_UNKNOWN)
    if group == NULL:
        return rdb_fail(r, b"consumer group named twice")
    if fill_group(r, s, group, type):
        return True
    stream_group_destroy(&s.groups, group)     # it may be read once more, from its start
    return False


cdef bint begin_groups(RdbIn *r, RdbValue *v) noexcept nogil:
    if v.stage == GROUPS:
        return True
    if not read_head(r, <Stream *>v.partial, v.type) or not rdb_count(r, 5, &v.left):
        return False
    v.stage = GROUPS
    rdb_keep(r)
    return True


cdef bint read_groups(RdbIn *r, RdbValue *v) noexcept nogil:
    while v.left:
        if not read_group(r, <Stream *>v.partial, v.type):
            return False
        rdb_taken(r, v)
    return True


cdef bint rdb_get_stream(
    RdbIn *r, RdbValue *v, const StreamLimits *limits
) noexcept nogil:
    if not rdb_begin(r, v, ID_SIZE + 2):
        return False
    if v.partial == NULL:
        v.partial = stream_new()
    return ((v.stage == GROUPS or read_blocks(r, v, limits))
            and begin_groups(r, v) and read_groups(r, v)
            and (v.type < RDB_STREAM_LISTPACKS_4
                 or read_idempotency(r, <Stream *>v.partial)))
