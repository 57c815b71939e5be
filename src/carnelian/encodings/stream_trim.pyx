"""Trimming, and deletion that heeds references. Contracts are in the .pxd."""

from libc.stdint cimport uint64_t

from carnelian.encodings.id_tree cimport IdCursor, id_cursor_item, id_tree_seek
from carnelian.encodings.stream cimport (
    Stream, stream_contains, stream_delete, stream_drop_node, stream_find_first, stream_tidy_node,
)
from carnelian.encodings.stream_group cimport (
    StreamGroup, pending_find, pending_remove, stream_group_at,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id_incr, stream_id_less, stream_id_min,
)
from carnelian.encodings.stream_node cimport (
    NodeWalk, StreamNode, node_begin, node_delete, node_next, node_next_live,
)


cdef bint stream_referenced(const Stream *s, StreamId id) noexcept nogil:
    cdef StreamGroup *group
    cdef size_t i
    for i in range(s.groups.count):
        group = stream_group_at(&s.groups, i)
        if stream_id_less(group.last_id, id) or pending_find(group, id) != NULL:
            return True
    return False


cdef void stream_unreference(Stream *s, StreamId id) noexcept nogil:
    cdef size_t i
    for i in range(s.groups.count):
        pending_remove(stream_group_at(&s.groups, i), id)


cdef int stream_delete_referenced(Stream *s, StreamId id, StreamRefs refs) noexcept nogil:
    if refs == REFS_DELETE:
        stream_unreference(s, id)
    elif refs == REFS_ACKED and stream_contains(s, id) and stream_referenced(s, id):
        return 2
    return 1 if stream_delete(s, id) else -1


cdef bint whole_node_goes(const Stream *s, StreamNode *node, StreamId key,
                          const StreamTrim *trim) noexcept nogil:
    cdef NodeWalk walk
    if not trim.by_id:
        return s.length - node.live >= trim.length_max
    if not stream_id_less(key, trim.id_min):
        return False
    node_begin(&walk, node, key)
    while node_next(&walk):
        if not stream_id_less(walk.id, trim.id_min):
            return False
    return True


cdef inline bint reached(const Stream *s, StreamId id, const StreamTrim *trim) noexcept nogil:
    if trim.by_id:
        return not stream_id_less(id, trim.id_min)
    return s.length <= trim.length_max


cdef uint64_t trim_entries(Stream *s, StreamNode *node, StreamId key, const StreamTrim *trim,
                           bint *kept) noexcept nogil:
    """Flag the node's entries up to where trimming ends. *kept is set when one has to stay."""
    cdef NodeWalk walk
    cdef uint64_t removed = 0
    node_begin(&walk, node, key)
    while node_next_live(&walk, stream_id_min()) and not reached(s, walk.id, trim):
        if trim.refs == REFS_ACKED and stream_referenced(s, walk.id):
            kept[0] = True
            continue
        if trim.refs == REFS_DELETE:
            stream_unreference(s, walk.id)
        if kept[0] and stream_id_less(s.max_deleted_id, walk.id):
            s.max_deleted_id = walk.id      # a hole, not a trimmed beginning
        node_delete(&walk)
        s.length -= 1
        removed += 1
    stream_tidy_node(s, node, key)
    return removed


cdef uint64_t stream_trim(Stream *s, const StreamTrim *trim) noexcept nogil:
    cdef uint64_t removed = 0
    cdef StreamId key = stream_id_min()
    cdef StreamNode *node
    cdef IdCursor c
    cdef bint kept = False
    cdef bint whole
    while trim.by_id or s.length > trim.length_max:
        if not id_tree_seek(&s.nodes, key, &c):
            break
        key = id_cursor_item(&c).id
        node = <StreamNode *>id_cursor_item(&c).value
        if trim.limit and removed + node.live > trim.limit:
            break
        whole = whole_node_goes(s, node, key, trim)
        if whole and trim.refs == REFS_KEEP:
            s.length -= node.live
            removed += node.live
            stream_drop_node(s, key)
        elif whole or not trim.approximate:
            removed += trim_entries(s, node, key, trim, &kept)
        # with entries kept for their references, later nodes have to give more
        if not whole and (trim.approximate or trim.by_id or not kept):
            break
        if not stream_id_incr(&key):
            break
    if removed:
        stream_find_first(s)
    return removed
