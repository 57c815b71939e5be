"""Streams: appending, reading and deleting entries. Contracts are in the .pxd.

    Stream -> nodes (IdTree) -> [ 1526919030474-0 | StreamNode ] [ 1526919030888-3 | ...
           -> groups         -> StreamGroup -> pending (IdTree), consumers

Nodes are read forward only. Going backward, a cursor walks a node from its start and marks the last
few entries of the part not yet returned; one of the usual 100 entries is walked four times at most.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.slice cimport Slice
from carnelian.encodings.id_tree cimport (
    IdCursor, id_cursor_item, id_cursor_next, id_cursor_previous, id_tree_bytes, id_tree_clear,
    id_tree_first, id_tree_insert, id_tree_last, id_tree_remove, id_tree_seek_back, id_tree_verify,
)
from carnelian.encodings.stream_group cimport (
    StreamGroup, stream_group_at, stream_groups_bytes, stream_groups_clear, stream_groups_copy,
    stream_groups_verify,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id, stream_id_equal, stream_id_incr, stream_id_less,
    stream_id_max, stream_id_min,
)
from carnelian.encodings.stream_idempotency cimport (
    idem_bytes, idem_copy, idem_count, idem_free, idem_verify,
)
from carnelian.encodings.stream_node cimport (
    NODE_FIELDS_BYTES_MAX, NodeWalk, StreamNode, fields_begin, fields_next, node_append,
    node_begin, node_compact, node_delete, node_new, node_next_live, node_shrink, node_verify,
)

cdef enum:
    COMPACT_DELETED_MIN = 16    # nodes with fewer dead entries, or fewer dead than live, are left


cdef Stream *stream_new() noexcept nogil:
    return <Stream *>mem_alloc_zeroed(sizeof(Stream))


cdef void stream_free(Stream *s) noexcept nogil:
    cdef IdCursor c
    cdef bint more = id_tree_first(&s.nodes, &c)
    while more:
        mem_free(id_cursor_item(&c).value)
        more = id_cursor_next(&c)
    id_tree_clear(&s.nodes)
    stream_groups_clear(&s.groups)
    idem_free(s.idempotency)
    mem_free(s)


cdef Stream *stream_copy(const Stream *s) noexcept nogil:
    cdef Stream *copy = stream_new()
    cdef StreamNode *node
    cdef StreamNode *twin
    cdef IdCursor c
    cdef bint more = id_tree_first(&s.nodes, &c)
    copy.length = s.length
    copy.entries_added = s.entries_added
    copy.last_id = s.last_id
    copy.first_id = s.first_id
    copy.max_deleted_id = s.max_deleted_id
    copy.tail_id = s.tail_id
    while more:
        node = <StreamNode *>id_cursor_item(&c).value
        twin = <StreamNode *>mem_alloc(node.size)
        memcpy(twin, node, node.size)
        id_tree_insert(&copy.nodes, id_cursor_item(&c).id, twin)
        if node == s.tail:
            copy.tail = twin
        more = id_cursor_next(&c)
    stream_groups_copy(&copy.groups, &s.groups)
    copy.idempotency = idem_copy(s.idempotency)
    return copy


# --- appending --------------------------------------------------------------------------------

cdef bint stream_next_id(const Stream *s, uint64_t now_ms, StreamId *id) noexcept nogil:
    if now_ms > s.last_id.ms:
        id[0] = stream_id(now_ms, 0)
        return True
    id[0] = s.last_id
    return stream_id_incr(id)


cdef bint stream_next_seq(const Stream *s, uint64_t ms, StreamId *id) noexcept nogil:
    id[0] = stream_id(ms, 0)
    if ms == s.last_id.ms:
        id.seq = s.last_id.seq + 1
    return stream_id_less(s.last_id, id[0])


cdef bint tail_has_room(const Stream *s, size_t bytes_added,
                        const StreamLimits *limits) noexcept nogil:
    cdef size_t bytes_max = NODE_FIELDS_BYTES_MAX
    cdef uint64_t entries
    if s.tail == NULL:
        return False
    if limits.node_bytes_max and limits.node_bytes_max < bytes_max:
        bytes_max = limits.node_bytes_max
    entries = <uint64_t>s.tail.live + s.tail.deleted
    return (s.tail.size + bytes_added < bytes_max
            and (limits.node_entries_max == 0 or entries < limits.node_entries_max))


cdef void set_last_node(Stream *s, StreamNode *node) noexcept nogil:
    """The last node has moved."""
    cdef IdCursor c
    id_tree_last(&s.nodes, &c)
    id_cursor_item(&c).value = node
    s.tail = node


cdef StreamAppend stream_append(
    Stream *s, StreamId id, const Slice *pairs, size_t field_count, const StreamLimits *limits
) noexcept nogil:
    cdef size_t total = 0
    cdef StreamNode *node
    cdef size_t i
    if not stream_id_less(s.last_id, id):
        return STREAM_ID_NOT_LARGER
    for i in range(2 * field_count):
        total += pairs[i].len
        if total > NODE_FIELDS_BYTES_MAX:
            return STREAM_TOO_LARGE
    if tail_has_room(s, total, limits):
        node = node_append(s.tail, s.tail_id, id, pairs, field_count)
        if node != s.tail:
            set_last_node(s, node)
    else:
        if s.tail != NULL:
            node = node_shrink(s.tail)
            if node != s.tail:
                set_last_node(s, node)
        s.tail = node_new(pairs, field_count)
        id_tree_insert(&s.nodes, id, s.tail)
    s.tail_id = id
    s.last_id = id
    if s.length == 0:
        s.first_id = id
    s.length += 1
    s.entries_added += 1
    return STREAM_APPENDED


# --- deleting ---------------------------------------------------------------------------------

cdef void stream_drop_node(Stream *s, StreamId key) noexcept nogil:
    cdef StreamNode *node = <StreamNode *>id_tree_remove(&s.nodes, key)
    if node == s.tail:
        s.tail = NULL
    mem_free(node)


cdef void stream_tidy_node(Stream *s, StreamNode *node, StreamId key) noexcept nogil:
    cdef StreamNode *fresh
    cdef StreamId latest
    cdef IdCursor c
    if node.live == 0:
        stream_drop_node(s, key)
    elif node.deleted >= COMPACT_DELETED_MIN and node.deleted > node.live:
        fresh = node_compact(node, key, &latest)
        if node == s.tail:
            s.tail = fresh
            s.tail_id = latest
        id_tree_seek_back(&s.nodes, key, &c)
        id_cursor_item(&c).value = fresh


cdef void stream_find_first(Stream *s) noexcept nogil:
    cdef NodeWalk walk
    cdef IdCursor c
    s.first_id = stream_id_min()
    if id_tree_first(&s.nodes, &c):
        node_begin(&walk, <StreamNode *>id_cursor_item(&c).value, id_cursor_item(&c).id)
        node_next_live(&walk, stream_id_min())
        s.first_id = walk.id


cdef bint find_entry(const Stream *s, StreamId id, NodeWalk *walk, StreamId *key) noexcept nogil:
    cdef IdCursor c
    if not id_tree_seek_back(&s.nodes, id, &c):
        return False
    key[0] = id_cursor_item(&c).id
    node_begin(walk, <StreamNode *>id_cursor_item(&c).value, key[0])
    return node_next_live(walk, id) and stream_id_equal(walk.id, id)


cdef bint stream_delete(Stream *s, StreamId id) noexcept nogil:
    cdef NodeWalk walk
    cdef StreamId key
    if not find_entry(s, id, &walk, &key):
        return False
    node_delete(&walk)
    stream_tidy_node(s, walk.node, key)
    s.length -= 1
    if stream_id_less(s.max_deleted_id, id):
        s.max_deleted_id = id
    if s.length == 0 or stream_id_equal(id, s.first_id):
        stream_find_first(s)
    return True


# --- reading ----------------------------------------------------------------------------------

cdef void load_marks(StreamCursor *c, uint32_t before) noexcept nogil:
    """Mark the last live entries of the node, within the range and at offsets below `before`."""
    cdef NodeWalk walk
    cdef uint64_t count = 0
    cdef int shift
    cdef int i
    cdef CursorMark[CURSOR_MARKS] ring
    node_begin(&walk, <StreamNode *>id_cursor_item(&c.nodes).value, id_cursor_item(&c.nodes).id)
    c.walk = walk
    while node_next_live(&walk, c.start):
        if walk.entry >= before or stream_id_less(c.end, walk.id):
            break
        i = <int>(count % CURSOR_MARKS)
        ring[i].id = walk.id
        ring[i].entry = walk.entry
        ring[i].payload = walk.payload
        count += 1
    c.more_before_marks = count > CURSOR_MARKS
    c.mark_count = <int>min(count, <uint64_t>CURSOR_MARKS)
    shift = <int>(count % CURSOR_MARKS) if c.more_before_marks else 0
    for i in range(c.mark_count):
        c.marks[i] = ring[(i + shift) % CURSOR_MARKS]


cdef void stream_cursor_open(
    StreamCursor *c, const Stream *s, StreamId start, StreamId end, bint reverse
) noexcept nogil:
    c.start = start
    c.end = end
    c.reverse = reverse
    c.mark_count = 0
    c.done = stream_id_less(end, start) or s.nodes.count == 0
    if c.done:
        return
    if not id_tree_seek_back(&s.nodes, end if reverse else start, &c.nodes):
        c.done = reverse or not id_tree_first(&s.nodes, &c.nodes)
        if c.done:
            return
    if reverse:
        load_marks(c, <uint32_t>-1)
    else:
        node_begin(&c.walk, <StreamNode *>id_cursor_item(&c.nodes).value,
                   id_cursor_item(&c.nodes).id)


cdef bint found(StreamCursor *c, StreamId id, uint32_t entry, uint32_t payload) noexcept nogil:
    c.id = id
    fields_begin(&c.fields, c.walk.node, entry, payload)
    c.field_count = c.fields.left
    return True


cdef bint cursor_back(StreamCursor *c) noexcept nogil:
    cdef CursorMark *mark
    while c.mark_count == 0:
        if c.more_before_marks:
            load_marks(c, c.marks[0].entry)
        elif (stream_id_less(id_cursor_item(&c.nodes).id, c.start)
                or not id_cursor_previous(&c.nodes)):
            c.done = True
            return False
        else:
            load_marks(c, <uint32_t>-1)
    c.mark_count -= 1
    mark = &c.marks[c.mark_count]
    return found(c, mark.id, mark.entry, mark.payload)


cdef bint stream_cursor_next(StreamCursor *c) noexcept nogil:
    if c.done:
        return False
    if c.reverse:
        return cursor_back(c)
    while not node_next_live(&c.walk, c.start):
        if not id_cursor_next(&c.nodes):
            c.done = True
            return False
        node_begin(&c.walk, <StreamNode *>id_cursor_item(&c.nodes).value,
                   id_cursor_item(&c.nodes).id)
    if stream_id_less(c.end, c.walk.id):
        c.done = True
        return False
    return found(c, c.walk.id, c.walk.entry, c.walk.payload)


cdef bint stream_cursor_field(StreamCursor *c, Slice *field, Slice *value) noexcept nogil:
    return fields_next(&c.fields, field, value)


cdef bint stream_contains(const Stream *s, StreamId id) noexcept nogil:
    cdef NodeWalk walk
    cdef StreamId key
    return find_entry(s, id, &walk, &key)


cdef bint stream_last_live_id(const Stream *s, StreamId *id) noexcept nogil:
    cdef StreamCursor c
    stream_cursor_open(&c, s, stream_id_min(), stream_id_max(), True)
    if not stream_cursor_next(&c):
        return False
    id[0] = c.id
    return True


# --- audit ------------------------------------------------------------------------------------

cdef uint64_t stream_blocks(const Stream *s) noexcept nogil:
    cdef uint64_t total = 1 + s.nodes.count
    cdef StreamGroup *group
    cdef size_t i
    for i in range(s.groups.count):
        group = stream_group_at(&s.groups, i)
        total += 1 + group.pending.count + group.consumers.count
    if s.idempotency != NULL:
        total += idem_count(s.idempotency)
    return total


cdef size_t stream_bytes(const Stream *s) noexcept nogil:
    cdef size_t total = sizeof(Stream) + id_tree_bytes(&s.nodes) + stream_groups_bytes(&s.groups)
    cdef IdCursor c
    cdef bint more = id_tree_first(&s.nodes, &c)
    while more:
        total += mem_usable(id_cursor_item(&c).value)
        more = id_cursor_next(&c)
    return total + idem_bytes(s.idempotency)


cdef bint stream_verify(const Stream *s) noexcept nogil:
    cdef IdCursor c
    cdef StreamId latest = stream_id_min()
    cdef StreamId key
    cdef StreamId first
    cdef StreamNode *node = NULL
    cdef StreamCursor cursor
    cdef uint64_t length = 0
    cdef bint more
    if not id_tree_verify(&s.nodes) or not stream_groups_verify(&s.groups):
        return False
    if not idem_verify(s.idempotency):
        return False
    more = id_tree_first(&s.nodes, &c)
    while more:
        key = id_cursor_item(&c).id
        node = <StreamNode *>id_cursor_item(&c).value
        if node == NULL or not stream_id_less(latest, key):
            return False
        if not node_verify(node, key, &latest):
            return False
        length += node.live
        more = id_cursor_next(&c)
    if s.tail != NULL and (s.tail != node or not stream_id_equal(s.tail_id, latest)):
        return False
    if stream_id_less(s.last_id, latest) or length != s.length:
        return False
    stream_cursor_open(&cursor, s, stream_id_min(), stream_id_max(), False)
    first = cursor.id if stream_cursor_next(&cursor) else stream_id_min()
    return stream_id_equal(first, s.first_id)
