"""Streams and consumer groups as a Python object, IDs as tuples."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slice_of, slices_of
from carnelian.encodings.id_tree cimport (
    IdCursor, IdTree, id_cursor_item, id_cursor_next, id_tree_first,
)
from carnelian.encodings.stream cimport (
    STREAM_APPENDED, STREAM_ID_NOT_LARGER, Stream, StreamCursor, StreamLimits, stream_append,
    stream_blocks, stream_bytes, stream_contains, stream_copy, stream_cursor_field,
    stream_cursor_next, stream_cursor_open, stream_delete, stream_free, stream_last_live_id,
    stream_new, stream_next_id, stream_next_seq, stream_verify,
)
from carnelian.encodings.stream_group cimport (
    Pending, StreamConsumer, StreamGroup, pending_add, pending_assign, pending_deliver,
    pending_delivered_at, pending_find, pending_oldest, pending_redate, pending_remove,
    stream_consumer_at, stream_consumer_create,
    stream_consumer_destroy, stream_consumer_find, stream_group_at, stream_group_create,
    stream_group_destroy, stream_group_find,
)
from carnelian.encodings.stream_id cimport StreamId, stream_id
from carnelian.encodings.stream_lag cimport (
    stream_entries_up_to, stream_group_advance, stream_group_lag, stream_has_tombstones,
)
from carnelian.encodings.stream_trim cimport (
    StreamRefs, StreamTrim, stream_delete_referenced, stream_referenced, stream_trim,
    stream_unreference,
)

REFS = ["KEEPREF", "DELREF", "ACKED"]
cdef tuple LOWEST = (0, 0)
cdef tuple HIGHEST = (2**64 - 1, 2**64 - 1)


cdef StreamId id_of(tuple id):
    return stream_id(id[0], id[1])


cdef tuple tuple_of(StreamId id):
    return id.ms, id.seq


cdef list pending_list(const IdTree *tree):
    cdef IdCursor c
    cdef Pending *pending
    cdef bint more = id_tree_first(tree, &c)
    found = []
    while more:
        pending = <Pending *>id_cursor_item(&c).value
        owner = None
        if pending.consumer != NULL:
            owner = pending.consumer.name.ptr[:pending.consumer.name.len]
        found.append((tuple_of(id_cursor_item(&c).id), owner, pending.delivered_ms,
                      pending.deliveries))
        more = id_cursor_next(&c)
    return found


cdef class Entries:
    """A stream; everything about its groups takes their names."""
    cdef Stream *s
    cdef StreamLimits limits

    def __cinit__(self, bytes_max=4096, entries_max=100):
        self.s = stream_new()
        self.limits.node_bytes_max = bytes_max
        self.limits.node_entries_max = entries_max

    def __dealloc__(self):
        stream_free(self.s)

    def copy(self):
        cdef Entries twin = Entries(self.limits.node_bytes_max, self.limits.node_entries_max)
        stream_free(twin.s)
        twin.s = stream_copy(self.s)
        return twin

    def __len__(self):
        return self.s.length

    @property
    def facts(self):
        return {
            "added": self.s.entries_added, "last": tuple_of(self.s.last_id),
            "first": tuple_of(self.s.first_id), "max_deleted": tuple_of(self.s.max_deleted_id),
        }

    @property
    def nodes(self):
        return self.s.nodes.count

    def set_last(self, tuple id, added=None):
        self.s.last_id = id_of(id)
        if added is not None:
            self.s.entries_added = added

    def append(self, tuple id, *parts):
        cdef Slice *slices = slices_of(list(parts))
        got = stream_append(self.s, id_of(id), slices, len(parts) // 2, &self.limits)
        mem_free(slices)
        if got != STREAM_APPENDED:
            raise ValueError("not larger" if got == STREAM_ID_NOT_LARGER else "too large")

    def fill(self, uint64_t count, uint64_t ms, uint64_t per_ms, *parts):
        """Append the same entry many times, so many in each millisecond."""
        cdef Slice slices[16]
        cdef uint64_t i
        cdef int k
        cdef bytes part
        for k in range(len(parts)):
            part = parts[k]
            slices[k] = slice_of(part, len(part))
        for i in range(count):
            stream_append(self.s, stream_id(ms + i // per_ms, i % per_ms), slices,
                          len(parts) // 2, &self.limits)

    def count(self, bint reverse=False):
        """Read everything, natively."""
        cdef StreamCursor c
        cdef Slice field
        cdef Slice value
        cdef uint64_t total = 0
        stream_cursor_open(&c, self.s, id_of(LOWEST), id_of(HIGHEST), reverse)
        while stream_cursor_next(&c):
            while stream_cursor_field(&c, &field, &value):
                total += field.len + value.len
        return total

    def entries(self, tuple start=LOWEST, tuple end=HIGHEST, bint reverse=False, count=-1):
        cdef StreamCursor c
        cdef Slice field
        cdef Slice value
        found = []
        stream_cursor_open(&c, self.s, id_of(start), id_of(end), reverse)
        while len(found) != count and stream_cursor_next(&c):
            parts = []
            while stream_cursor_field(&c, &field, &value):
                parts += [field.ptr[:field.len], value.ptr[:value.len]]
            assert <uint64_t>len(parts) == 2 * c.field_count
            found.append((tuple_of(c.id), *parts))
        return found

    def delete(self, tuple id):
        return stream_delete(self.s, id_of(id))

    def delete_referenced(self, tuple id, str refs):
        return stream_delete_referenced(self.s, id_of(id), <StreamRefs><int>REFS.index(refs))

    def __contains__(self, tuple id):
        return stream_contains(self.s, id_of(id))

    def last_live(self):
        cdef StreamId id
        return tuple_of(id) if stream_last_live_id(self.s, &id) else None

    def next_id(self, uint64_t now_ms):
        cdef StreamId id
        return tuple_of(id) if stream_next_id(self.s, now_ms, &id) else None

    def next_seq(self, uint64_t ms):
        cdef StreamId id
        return tuple_of(id) if stream_next_seq(self.s, ms, &id) else None

    def trim(self, length=None, tuple id_min=None, bint approximate=False, uint64_t limit=0,
             str refs="KEEPREF"):
        cdef StreamTrim trim
        trim.by_id = id_min is not None
        if trim.by_id:
            trim.id_min = id_of(id_min)
        else:
            trim.length_max = length
        trim.approximate = approximate
        trim.limit = limit
        trim.refs = <StreamRefs><int>REFS.index(refs)
        return stream_trim(self.s, &trim)

    def bytes_used(self):
        return stream_bytes(self.s)

    def blocks(self):
        return stream_blocks(self.s)

    def verify(self):
        return stream_verify(self.s)

    # groups

    cdef StreamGroup *group(self, bytes name) except NULL:
        cdef StreamGroup *group = stream_group_find(&self.s.groups, slice_of(name, len(name)))
        if group == NULL:
            raise KeyError(name)
        return group

    cdef StreamConsumer *consumer(self, bytes group, bytes name) except NULL:
        cdef StreamConsumer *consumer = stream_consumer_find(
            self.group(group), slice_of(name, len(name)))
        if consumer == NULL:
            raise KeyError(name)
        return consumer

    def create_group(self, bytes name, tuple last=LOWEST, int64_t entries_read=-1):
        return stream_group_create(
            &self.s.groups, slice_of(name, len(name)), id_of(last), entries_read) != NULL

    def destroy_group(self, bytes name):
        stream_group_destroy(&self.s.groups, self.group(name))

    def groups(self):
        cdef StreamGroup *group
        cdef size_t i
        found = []
        for i in range(self.s.groups.count):
            group = stream_group_at(&self.s.groups, i)
            found.append((group.name.ptr[:group.name.len], tuple_of(group.last_id),
                          group.entries_read))
        return found

    def create_consumer(self, bytes group, bytes name, int64_t now_ms=0):
        return stream_consumer_create(
            self.group(group), slice_of(name, len(name)), now_ms) != NULL

    def destroy_consumer(self, bytes group, bytes name):
        return stream_consumer_destroy(self.group(group), self.consumer(group, name))

    def consumers(self, bytes group):
        cdef StreamConsumer *consumer
        cdef size_t i
        found = []
        for i in range(self.group(group).consumers.count):
            consumer = stream_consumer_at(self.group(group), i)
            found.append((consumer.name.ptr[:consumer.name.len], consumer.seen_ms,
                          consumer.active_ms))
        return found

    def pending(self, bytes group, bytes consumer=None):
        if consumer is None:
            return pending_list(&self.group(group).pending)
        return pending_list(&self.consumer(group, consumer).pending)

    def deliver(self, bytes group, bytes consumer, tuple id, int64_t now_ms=0):
        pending_deliver(self.group(group), id_of(id), self.consumer(group, consumer), now_ms)

    def add_pending(self, bytes group, tuple id, bytes consumer, int64_t ms, uint64_t deliveries):
        cdef StreamConsumer *owner = NULL
        if consumer is not None:
            owner = self.consumer(group, consumer)
        return pending_add(self.group(group), id_of(id), owner, ms, deliveries) != NULL

    def claim(self, bytes group, tuple id, bytes consumer):
        cdef Pending *pending = pending_find(self.group(group), id_of(id))
        cdef StreamConsumer *owner = NULL
        if pending == NULL:
            return False
        if consumer is not None:
            owner = self.consumer(group, consumer)
        pending_assign(pending, id_of(id), owner)
        return True

    def redate(self, bytes group, tuple id, int64_t delivered_ms):
        cdef Pending *pending = pending_find(self.group(group), id_of(id))
        if pending == NULL:
            return False
        pending_redate(self.group(group), id_of(id), pending, delivered_ms)
        return True

    def oldest(self, bytes group):
        """(ID, time of delivery) of what is pending for longest, or None."""
        cdef StreamId id
        cdef Pending *pending = pending_oldest(self.group(group), &id)
        return None if pending == NULL else (tuple_of(id), pending.delivered_ms)

    def delivered_at(self, bytes group, int64_t delivered_ms):
        cdef size_t count
        cdef size_t i
        cdef StreamId *ids = pending_delivered_at(self.group(group), delivered_ms, &count)
        found = [tuple_of(ids[i]) for i in range(count)]
        mem_free(ids)
        return found

    def acknowledge(self, bytes group, tuple id):
        return pending_remove(self.group(group), id_of(id))

    def referenced(self, tuple id):
        return stream_referenced(self.s, id_of(id))

    def unreference(self, tuple id):
        stream_unreference(self.s, id_of(id))

    def advance(self, bytes group, tuple id):
        return stream_group_advance(self.s, self.group(group), id_of(id))

    def lag(self, bytes group):
        cdef int64_t lag
        return lag if stream_group_lag(self.s, self.group(group), &lag) else None

    def entries_up_to(self, tuple id):
        return stream_entries_up_to(self.s, id_of(id))

    def has_tombstones(self, tuple start, tuple end):
        return stream_has_tombstones(self.s, id_of(start), id_of(end))
