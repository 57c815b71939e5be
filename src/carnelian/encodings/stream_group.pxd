"""Consumer groups: who has read how far, and which entries are delivered but not acknowledged.

A pending entry is one `Pending`, found by ID from the group and from its consumer. From when
somebody first asks what has idled longest, the group also has an index by time of delivery: who
changes that time does so through `pending_redate`. The group owns its consumers and pendings; the
stream owns its groups. Nothing here looks at the entries:
one may be deleted from the stream and stay pending. Freeing may happen in the background.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.id_tree cimport IdTree
from carnelian.encodings.name_table cimport NameTable
from carnelian.encodings.stream_id cimport StreamId


cdef struct StreamConsumer:
    Slice name                  # in the same allocation
    int64_t seen_ms             # last attempt to read or claim
    int64_t active_ms           # last one that got something; -1: never
    IdTree pending              # values: Pending, shared with the group's

cdef struct Pending:
    int64_t delivered_ms
    uint64_t deliveries
    StreamConsumer *consumer    # NULL: given back, and nobody's until claimed

cdef struct PendingMoment:      # what was delivered in one millisecond
    IdTree pending              # values: Pending

cdef struct StreamGroup:
    Slice name                  # in the same allocation
    StreamId last_id            # the last one delivered
    int64_t entries_read        # logical reads counter, or ENTRIES_READ_UNKNOWN
    IdTree pending              # values: Pending
    IdTree moments              # keyed by time of delivery; values: PendingMoment
    bint has_moments
    NameTable consumers

cdef enum:
    ENTRIES_READ_UNKNOWN = -1


cdef inline StreamGroup *stream_group_at(const NameTable *groups, size_t i) noexcept nogil:
    return <StreamGroup *>groups.things[i]


cdef inline StreamConsumer *stream_consumer_at(const StreamGroup *group, size_t i) noexcept nogil:
    return <StreamConsumer *>group.consumers.things[i]


cdef StreamGroup *stream_group_find(const NameTable *groups, Slice name) noexcept nogil   # or NULL
# NULL if the name is taken.
cdef StreamGroup *stream_group_create(
    NameTable *groups, Slice name, StreamId last_id, int64_t entries_read
) noexcept nogil
cdef void stream_group_destroy(NameTable *groups, StreamGroup *group) noexcept nogil
cdef void stream_groups_clear(NameTable *groups) noexcept nogil
cdef void stream_groups_copy(NameTable *target, const NameTable *source) noexcept nogil

cdef StreamConsumer *stream_consumer_find(
    const StreamGroup *group, Slice name
) noexcept nogil                                                                        # or NULL
# Never active, seen now; NULL if the name is taken.
cdef StreamConsumer *stream_consumer_create(
    StreamGroup *group, Slice name, int64_t now_ms
) noexcept nogil
# With what is pending for it; returns how many that were.
cdef uint64_t stream_consumer_destroy(StreamGroup *group, StreamConsumer *consumer) noexcept nogil

# Scan with id_tree_seek over group.pending or consumer.pending; seek again after any change.
cdef Pending *pending_find(const StreamGroup *group, StreamId id) noexcept nogil        # or NULL
# NULL if that ID is pending already. The consumer may be NULL, here and in pending_assign.
cdef Pending *pending_add(
    StreamGroup *group, StreamId id, StreamConsumer *consumer, int64_t delivered_ms,
    uint64_t deliveries
) noexcept nogil
cdef void pending_redate(
    StreamGroup *group, StreamId id, Pending *pending, int64_t delivered_ms
) noexcept nogil
# What was delivered longest ago, of several the one with the lowest ID; NULL if nothing is pending.
cdef Pending *pending_oldest(StreamGroup *group, StreamId *id) noexcept nogil
# The IDs of what was delivered in that millisecond; free it with mem_free. NULL: none.
cdef StreamId *pending_delivered_at(
    StreamGroup *group, int64_t delivered_ms, size_t *count
) noexcept nogil
# NULL: nobody's, as after XNACK; only newer files hold such entries.
cdef void pending_assign(Pending *pending, StreamId id, StreamConsumer *consumer) noexcept nogil
cdef bint pending_remove(StreamGroup *group, StreamId id) noexcept nogil
# What reading new entries does: pending for this consumer, delivered now for the first time, even
# if it was pending before (after XGROUP SETID).
cdef Pending *pending_deliver(
    StreamGroup *group, StreamId id, StreamConsumer *consumer, int64_t now_ms
) noexcept nogil

cdef size_t stream_groups_bytes(const NameTable *groups) noexcept nogil
cdef bint stream_groups_verify(const NameTable *groups) noexcept nogil
