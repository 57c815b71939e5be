"""Consumer groups and pending entries. Contracts are in the .pxd."""

from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.string cimport memcpy, memset

from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.id_tree cimport (
    IdCursor, IdItem, IdTree, id_cursor_item, id_cursor_next, id_tree_bytes, id_tree_clear,
    id_tree_find, id_tree_first, id_tree_insert, id_tree_remove, id_tree_verify,
)
from carnelian.encodings.name_table cimport (
    NameTable, name_table_add, name_table_clear, name_table_find, name_table_remove,
    name_table_verify,
)
from carnelian.encodings.stream_id cimport StreamId, stream_id


cdef void *new_named(Slice name, size_t size) noexcept nogil:
    """A zeroed struct that begins with its name, and the bytes of the name behind it."""
    cdef char *p = <char *>mem_alloc(size + name.len)
    memset(p, 0, size)
    if name.len:
        memcpy(p + size, name.ptr, name.len)
    (<Slice *>p)[0] = slice_of(p + size, name.len)
    return p


# --- groups -----------------------------------------------------------------------------------

cdef StreamGroup *stream_group_find(const NameTable *groups, Slice name) noexcept nogil:
    return <StreamGroup *>name_table_find(groups, name)


cdef StreamGroup *stream_group_create(
    NameTable *groups, Slice name, StreamId last_id, int64_t entries_read
) noexcept nogil:
    cdef StreamGroup *group = <StreamGroup *>new_named(name, sizeof(StreamGroup))
    if not name_table_add(groups, group):
        mem_free(group)
        return NULL
    group.last_id = last_id
    group.entries_read = entries_read
    return group


cdef void free_values(const IdTree *tree) noexcept nogil:
    cdef IdCursor c
    cdef bint more = id_tree_first(tree, &c)
    while more:
        mem_free(id_cursor_item(&c).value)
        more = id_cursor_next(&c)


cdef void free_moments(StreamGroup *group) noexcept nogil:
    cdef PendingMoment *moment
    cdef IdCursor c
    cdef bint more = id_tree_first(&group.moments, &c)
    while more:
        moment = <PendingMoment *>id_cursor_item(&c).value
        id_tree_clear(&moment.pending)
        mem_free(moment)
        more = id_cursor_next(&c)
    id_tree_clear(&group.moments)


cdef void free_group(StreamGroup *group) noexcept nogil:
    cdef size_t i
    cdef StreamConsumer *consumer
    free_values(&group.pending)
    id_tree_clear(&group.pending)
    free_moments(group)
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        id_tree_clear(&consumer.pending)
        mem_free(consumer)
    name_table_clear(&group.consumers)
    mem_free(group)


cdef void stream_group_destroy(NameTable *groups, StreamGroup *group) noexcept nogil:
    name_table_remove(groups, group)
    free_group(group)


cdef void stream_groups_clear(NameTable *groups) noexcept nogil:
    cdef size_t i
    for i in range(groups.count):
        free_group(stream_group_at(groups, i))
    name_table_clear(groups)


cdef void copy_group(StreamGroup *target, const StreamGroup *source) noexcept nogil:
    cdef StreamConsumer *consumer
    cdef StreamConsumer *copy
    cdef Pending *pending
    cdef IdCursor c
    cdef bint more
    cdef size_t i
    for i in range(source.consumers.count):
        consumer = stream_consumer_at(source, i)
        copy = stream_consumer_create(target, consumer.name, consumer.seen_ms)
        copy.active_ms = consumer.active_ms
    more = id_tree_first(&source.pending, &c)
    while more:
        pending = <Pending *>id_cursor_item(&c).value
        copy = NULL
        if pending.consumer != NULL:
            copy = stream_consumer_find(target, pending.consumer.name)
        pending_add(target, id_cursor_item(&c).id, copy, pending.delivered_ms, pending.deliveries)
        more = id_cursor_next(&c)


cdef void stream_groups_copy(NameTable *target, const NameTable *source) noexcept nogil:
    cdef StreamGroup *group
    cdef StreamGroup *copy
    cdef size_t i
    for i in range(source.count):
        group = stream_group_at(source, i)
        copy = stream_group_create(target, group.name, group.last_id, group.entries_read)
        copy_group(copy, group)


# --- consumers --------------------------------------------------------------------------------

cdef StreamConsumer *stream_consumer_find(const StreamGroup *group, Slice name) noexcept nogil:
    return <StreamConsumer *>name_table_find(&group.consumers, name)


cdef StreamConsumer *stream_consumer_create(
    StreamGroup *group, Slice name, int64_t now_ms
) noexcept nogil:
    cdef StreamConsumer *consumer = <StreamConsumer *>new_named(name, sizeof(StreamConsumer))
    if not name_table_add(&group.consumers, consumer):
        mem_free(consumer)
        return NULL
    consumer.seen_ms = now_ms
    consumer.active_ms = -1
    return consumer


cdef uint64_t stream_consumer_destroy(StreamGroup *group, StreamConsumer *consumer) noexcept nogil:
    cdef uint64_t count = consumer.pending.count
    cdef IdCursor c
    cdef bint more = id_tree_first(&consumer.pending, &c)
    while more:
        leave_moment(group, id_cursor_item(&c).id, <Pending *>id_cursor_item(&c).value)
        mem_free(id_tree_remove(&group.pending, id_cursor_item(&c).id))
        more = id_cursor_next(&c)
    id_tree_clear(&consumer.pending)
    name_table_remove(&group.consumers, consumer)
    mem_free(consumer)
    return count


# --- the index by time of delivery ------------------------------------------------------------

cdef inline StreamId moment_id(int64_t delivered_ms) noexcept nogil:
    """In the order of the times, also of those before 1970 that a file may hold."""
    return stream_id(<uint64_t>delivered_ms ^ <uint64_t>INT64_MIN, 0)


cdef void enter_moment(StreamGroup *group, StreamId id, Pending *pending) noexcept nogil:
    cdef StreamId key = moment_id(pending.delivered_ms)
    cdef PendingMoment *moment
    if not group.has_moments:
        return
    moment = <PendingMoment *>id_tree_find(&group.moments, key)
    if moment == NULL:
        moment = <PendingMoment *>mem_alloc_zeroed(sizeof(PendingMoment))
        id_tree_insert(&group.moments, key, moment)
    id_tree_insert(&moment.pending, id, pending)


cdef void leave_moment(StreamGroup *group, StreamId id, const Pending *pending) noexcept nogil:
    cdef StreamId key = moment_id(pending.delivered_ms)
    cdef PendingMoment *moment
    if not group.has_moments:
        return
    moment = <PendingMoment *>id_tree_find(&group.moments, key)
    id_tree_remove(&moment.pending, id)
    if moment.pending.count == 0:
        id_tree_clear(&moment.pending)
        id_tree_remove(&group.moments, key)
        mem_free(moment)


cdef void need_moments(StreamGroup *group) noexcept nogil:
    cdef IdCursor c
    cdef bint more
    if group.has_moments:
        return
    group.has_moments = True
    more = id_tree_first(&group.pending, &c)
    while more:
        enter_moment(group, id_cursor_item(&c).id, <Pending *>id_cursor_item(&c).value)
        more = id_cursor_next(&c)


cdef void pending_redate(
    StreamGroup *group, StreamId id, Pending *pending, int64_t delivered_ms
) noexcept nogil:
    if pending.delivered_ms == delivered_ms:
        return
    leave_moment(group, id, pending)
    pending.delivered_ms = delivered_ms
    enter_moment(group, id, pending)


cdef Pending *pending_oldest(StreamGroup *group, StreamId *id) noexcept nogil:
    cdef IdCursor c
    need_moments(group)
    if not id_tree_first(&group.moments, &c):
        return NULL
    id_tree_first(&(<PendingMoment *>id_cursor_item(&c).value).pending, &c)
    id[0] = id_cursor_item(&c).id
    return <Pending *>id_cursor_item(&c).value


cdef StreamId *pending_delivered_at(
    StreamGroup *group, int64_t delivered_ms, size_t *count
) noexcept nogil:
    cdef PendingMoment *moment
    cdef StreamId *ids
    cdef IdCursor c
    cdef bint more
    count[0] = 0
    need_moments(group)
    moment = <PendingMoment *>id_tree_find(&group.moments, moment_id(delivered_ms))
    if moment == NULL:
        return NULL
    ids = <StreamId *>mem_alloc(moment.pending.count * sizeof(StreamId))
    more = id_tree_first(&moment.pending, &c)
    while more:
        ids[count[0]] = id_cursor_item(&c).id
        count[0] += 1
        more = id_cursor_next(&c)
    return ids


# --- pending entries --------------------------------------------------------------------------

cdef Pending *pending_find(const StreamGroup *group, StreamId id) noexcept nogil:
    return <Pending *>id_tree_find(&group.pending, id)


cdef Pending *pending_add(
    StreamGroup *group, StreamId id, StreamConsumer *consumer, int64_t delivered_ms,
    uint64_t deliveries
) noexcept nogil:
    cdef Pending *pending = <Pending *>mem_alloc(sizeof(Pending))
    if not id_tree_insert(&group.pending, id, pending):
        mem_free(pending)
        return NULL
    pending.delivered_ms = delivered_ms
    pending.deliveries = deliveries
    pending.consumer = consumer
    if consumer != NULL:
        id_tree_insert(&consumer.pending, id, pending)
    enter_moment(group, id, pending)
    return pending


cdef void pending_assign(Pending *pending, StreamId id, StreamConsumer *consumer) noexcept nogil:
    if pending.consumer == consumer:
        return
    if pending.consumer != NULL:
        id_tree_remove(&pending.consumer.pending, id)
    pending.consumer = consumer
    if consumer != NULL:
        id_tree_insert(&consumer.pending, id, pending)


cdef bint pending_remove(StreamGroup *group, StreamId id) noexcept nogil:
    cdef Pending *pending = <Pending *>id_tree_remove(&group.pending, id)
    if pending == NULL:
        return False
    if pending.consumer != NULL:
        id_tree_remove(&pending.consumer.pending, id)
    leave_moment(group, id, pending)
    mem_free(pending)
    return True


cdef Pending *pending_deliver(
    StreamGroup *group, StreamId id, StreamConsumer *consumer, int64_t now_ms
) noexcept nogil:
    cdef Pending *pending = pending_add(group, id, consumer, now_ms, 1)
    if pending == NULL:
        pending = pending_find(group, id)
        pending_assign(pending, id, consumer)
        pending_redate(group, id, pending, now_ms)
        pending.deliveries = 1
    return pending


# --- audit ------------------------------------------------------------------------------------

cdef size_t moments_bytes(const StreamGroup *group) noexcept nogil:
    cdef size_t total = id_tree_bytes(&group.moments)
    cdef IdCursor c
    cdef bint more = id_tree_first(&group.moments, &c)
    while more:
        total += sizeof(PendingMoment)
        total += id_tree_bytes(&(<PendingMoment *>id_cursor_item(&c).value).pending)
        more = id_cursor_next(&c)
    return total


cdef bint verify_moments(const StreamGroup *group) noexcept nogil:
    cdef PendingMoment *moment
    cdef IdCursor outer
    cdef IdCursor inner
    cdef uint64_t found = 0
    cdef bint more
    cdef bint more_inside
    if not group.has_moments:
        return group.moments.count == 0
    if not id_tree_verify(&group.moments):
        return False
    more = id_tree_first(&group.moments, &outer)
    while more:
        moment = <PendingMoment *>id_cursor_item(&outer).value
        if moment.pending.count == 0 or not id_tree_verify(&moment.pending):
            return False
        more_inside = id_tree_first(&moment.pending, &inner)
        while more_inside:
            if id_tree_find(&group.pending, id_cursor_item(&inner).id) != (
                    id_cursor_item(&inner).value):
                return False
            if moment_id((<Pending *>id_cursor_item(&inner).value).delivered_ms).ms != (
                    id_cursor_item(&outer).id.ms):
                return False
            found += 1
            more_inside = id_cursor_next(&inner)
        more = id_cursor_next(&outer)
    return found == group.pending.count


cdef size_t stream_groups_bytes(const NameTable *groups) noexcept nogil:
    cdef size_t total = mem_usable(groups.things) if groups.things != NULL else 0
    cdef StreamGroup *group
    cdef StreamConsumer *consumer
    cdef size_t i
    cdef size_t k
    for i in range(groups.count):
        group = stream_group_at(groups, i)
        total += mem_usable(group) + id_tree_bytes(&group.pending)
        total += group.pending.count * sizeof(Pending) + moments_bytes(group)
        if group.consumers.things != NULL:
            total += mem_usable(group.consumers.things)
        for k in range(group.consumers.count):
            consumer = stream_consumer_at(group, k)
            total += mem_usable(consumer) + id_tree_bytes(&consumer.pending)
    return total


cdef bint verify_group(const StreamGroup *group) noexcept nogil:
    cdef StreamConsumer *consumer
    cdef IdItem *item
    cdef IdCursor c
    cdef uint64_t owned = 0
    cdef uint64_t found = 0
    cdef bint more
    cdef size_t i
    if not id_tree_verify(&group.pending) or not name_table_verify(&group.consumers):
        return False
    if not verify_moments(group):
        return False
    for i in range(group.consumers.count):
        consumer = stream_consumer_at(group, i)
        if not id_tree_verify(&consumer.pending):
            return False
        owned += consumer.pending.count
    more = id_tree_first(&group.pending, &c)
    while more:
        item = id_cursor_item(&c)
        consumer = (<Pending *>item.value).consumer
        if consumer != NULL:
            if stream_consumer_find(group, consumer.name) != consumer:
                return False
            if id_tree_find(&consumer.pending, item.id) != item.value:
                return False
            found += 1
        more = id_cursor_next(&c)
    return owned == found


cdef bint stream_groups_verify(const NameTable *groups) noexcept nogil:
    cdef size_t i
    if not name_table_verify(groups):
        return False
    for i in range(groups.count):
        if not verify_group(stream_group_at(groups, i)):
            return False
    return True
