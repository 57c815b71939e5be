"""An ordered map from stream IDs to pointers: a B+tree that keeps appended nodes full.

The tree owns its nodes, never what the pointers point at. A change of the tree invalidates cursors:
seek again. Freeing may happen on a background thread.
"""

from libc.stdint cimport uint16_t, uint64_t

from carnelian.encodings.stream_id cimport StreamId


cdef struct IdItem:
    StreamId id
    void *value

cdef struct IdNode:             # followed by `capacity` items
    uint16_t count
    uint16_t capacity
    uint16_t level              # 0: a leaf; else the values are IdNodes
    uint16_t pad

cdef struct IdTree:             # all zero: empty
    IdNode *root
    uint64_t count

cdef enum:
    ID_DEPTH_MAX = 12           # more than 31 ** 12 insertions could make it deeper

cdef struct IdCursor:
    int depth                   # 0: at no item
    int at[ID_DEPTH_MAX]        # from the root down
    IdNode *nodes[ID_DEPTH_MAX]


cdef inline IdItem *id_items(IdNode *node) noexcept nogil:
    return <IdItem *>(node + 1)


cdef inline IdItem *id_cursor_item(IdCursor *c) noexcept nogil:
    """The item of a cursor whose last move succeeded. Its value may be changed in place."""
    return id_items(c.nodes[c.depth - 1]) + c.at[c.depth - 1]


cdef void *id_tree_find(const IdTree *tree, StreamId id) noexcept nogil     # NULL if absent
cdef bint id_tree_insert(IdTree *tree, StreamId id, void *value) noexcept nogil     # 0 if present
cdef void *id_tree_remove(IdTree *tree, StreamId id) noexcept nogil         # its value, or NULL
cdef void id_tree_clear(IdTree *tree) noexcept nogil

# Every move returns 0 when there is no such item.
cdef bint id_tree_first(const IdTree *tree, IdCursor *c) noexcept nogil
cdef bint id_tree_last(const IdTree *tree, IdCursor *c) noexcept nogil
cdef bint id_tree_seek(const IdTree *tree, StreamId id, IdCursor *c) noexcept nogil         # >= id
cdef bint id_tree_seek_back(const IdTree *tree, StreamId id, IdCursor *c) noexcept nogil    # <= id
cdef bint id_cursor_next(IdCursor *c) noexcept nogil
cdef bint id_cursor_previous(IdCursor *c) noexcept nogil

cdef size_t id_tree_bytes(const IdTree *tree) noexcept nogil
cdef bint id_tree_verify(const IdTree *tree) noexcept nogil
