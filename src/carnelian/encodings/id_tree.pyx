"""The B+tree behind streams and pending lists. Contracts are in the .pxd.

    root  [ -    | 500-0 ]                    items are (ID, pointer), 24 bytes; a node has up to 63
            |       \\
    leaf  [ 100-0, 300-1 ]  [ 500-0, 500-7 ]  the ID beside a child is a lower bound of its IDs;
                                              the first child's is never looked at

A full node that is appended to at the right end of the tree stays full, others are halved. A node
left with a quarter of its items is merged with a neighbour when both fit comfortably in one. Small
nodes are small allocations, so a tree of one item takes 32 bytes.
"""

from libc.stdint cimport uint16_t, uint64_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc, mem_usable
from carnelian.encodings.stream_id cimport StreamId, stream_id_equal, stream_id_less

cdef enum:
    ITEMS_MAX = 63              # 1520 bytes
    ITEMS_MERGED_MAX = 47
    ITEMS_FEW = 15
    SHRINK_CAPACITY_MIN = 16


cdef inline size_t node_size(int capacity) noexcept nogil:
    return sizeof(IdNode) + <size_t>capacity * sizeof(IdItem)


cdef inline void set_capacity(IdNode *node) noexcept nogil:
    cdef size_t fits = (mem_usable(node) - sizeof(IdNode)) // sizeof(IdItem)
    node.capacity = <uint16_t>(fits if fits < ITEMS_MAX else ITEMS_MAX)


cdef IdNode *new_node(int level, int capacity) noexcept nogil:
    cdef IdNode *node = <IdNode *>mem_alloc(node_size(capacity))
    node.count = 0
    node.level = <uint16_t>level
    node.pad = 0
    set_capacity(node)
    return node


cdef inline int lower_bound(IdNode *node, StreamId id) noexcept nogil:
    """How many items have a smaller ID."""
    cdef IdItem *items = id_items(node)
    cdef int low = 0
    cdef int high = node.count
    cdef int middle
    while low < high:
        middle = (low + high) >> 1
        if stream_id_less(items[middle].id, id):
            low = middle + 1
        else:
            high = middle
    return low


cdef inline int child_for(IdNode *node, StreamId id) noexcept nogil:
    cdef IdItem *items = id_items(node)
    cdef int low = 1
    cdef int high = node.count
    cdef int middle
    while low < high:
        middle = (low + high) >> 1
        if stream_id_less(id, items[middle].id):
            high = middle
        else:
            low = middle + 1
    return low - 1


cdef inline IdNode *child(IdNode *node, int at) noexcept nogil:
    return <IdNode *>id_items(node)[at].value


cdef void descend(const IdTree *tree, StreamId id, IdCursor *c) noexcept nogil:
    """The path to where `id` is or would be inserted."""
    cdef IdNode *node = tree.root
    cdef int depth = 0
    while node.level:
        c.nodes[depth] = node
        c.at[depth] = child_for(node, id)
        node = child(node, c.at[depth])
        depth += 1
    c.nodes[depth] = node
    c.at[depth] = lower_bound(node, id)
    c.depth = depth + 1


cdef void descend_to_edge(IdCursor *c, IdNode *node, bint right) noexcept nogil:
    """Lengthen the path from `node` to its first or last item."""
    while True:
        c.nodes[c.depth] = node
        c.at[c.depth] = node.count - 1 if right else 0
        c.depth += 1
        if node.level == 0:
            return
        node = child(node, c.at[c.depth - 1])


# --- reading ----------------------------------------------------------------------------------

cdef void *id_tree_find(const IdTree *tree, StreamId id) noexcept nogil:
    cdef IdNode *node = tree.root
    cdef int at
    if node == NULL:
        return NULL
    while node.level:
        node = child(node, child_for(node, id))
    at = lower_bound(node, id)
    if at < node.count and stream_id_equal(id_items(node)[at].id, id):
        return id_items(node)[at].value
    return NULL


cdef bint id_tree_first(const IdTree *tree, IdCursor *c) noexcept nogil:
    c.depth = 0
    if tree.root == NULL:
        return False
    descend_to_edge(c, tree.root, False)
    return True


cdef bint id_tree_last(const IdTree *tree, IdCursor *c) noexcept nogil:
    c.depth = 0
    if tree.root == NULL:
        return False
    descend_to_edge(c, tree.root, True)
    return True


cdef bint id_tree_seek(const IdTree *tree, StreamId id, IdCursor *c) noexcept nogil:
    c.depth = 0
    if tree.root == NULL:
        return False
    descend(tree, id, c)
    if c.at[c.depth - 1] < c.nodes[c.depth - 1].count:
        return True
    c.at[c.depth - 1] -= 1
    return id_cursor_next(c)


cdef bint id_tree_seek_back(const IdTree *tree, StreamId id, IdCursor *c) noexcept nogil:
    c.depth = 0
    if tree.root == NULL:
        return False
    descend(tree, id, c)
    if (c.at[c.depth - 1] < c.nodes[c.depth - 1].count
            and stream_id_equal(id_cursor_item(c).id, id)):
        return True
    return id_cursor_previous(c)


cdef bint id_cursor_next(IdCursor *c) noexcept nogil:
    while c.depth:
        c.at[c.depth - 1] += 1
        if c.at[c.depth - 1] < c.nodes[c.depth - 1].count:
            if c.nodes[c.depth - 1].level:
                descend_to_edge(c, child(c.nodes[c.depth - 1], c.at[c.depth - 1]), False)
            return True
        c.depth -= 1
    return False


cdef bint id_cursor_previous(IdCursor *c) noexcept nogil:
    while c.depth:
        c.at[c.depth - 1] -= 1
        if c.at[c.depth - 1] >= 0:
            if c.nodes[c.depth - 1].level:
                descend_to_edge(c, child(c.nodes[c.depth - 1], c.at[c.depth - 1]), True)
            return True
        c.depth -= 1
    return False


# --- changing ---------------------------------------------------------------------------------

cdef IdNode *resize(IdTree *tree, IdCursor *path, int depth, int capacity) noexcept nogil:
    cdef IdNode *node = <IdNode *>mem_realloc(path.nodes[depth], node_size(capacity))
    set_capacity(node)
    path.nodes[depth] = node
    if depth == 0:
        tree.root = node
    else:
        id_items(path.nodes[depth - 1])[path.at[depth - 1]].value = node
    return node


cdef inline void put_item(IdNode *node, int at, IdItem item) noexcept nogil:
    cdef IdItem *items = id_items(node)
    memmove(items + at + 1, items + at, <size_t>(node.count - at) * sizeof(IdItem))
    items[at] = item
    node.count += 1


cdef inline void drop_item(IdNode *node, int at) noexcept nogil:
    cdef IdItem *items = id_items(node)
    node.count -= 1
    memmove(items + at, items + at + 1, <size_t>(node.count - at) * sizeof(IdItem))


cdef bint at_right_end(IdCursor *path, int depth) noexcept nogil:
    cdef int i
    for i in range(depth):
        if path.at[i] + 1 < path.nodes[i].count:
            return False
    return path.at[depth] == path.nodes[depth].count


cdef IdItem split(IdCursor *path, int depth, IdItem item) noexcept nogil:
    """Make room for `item`: the upper part moves to a new node, whose item is returned."""
    cdef IdNode *left = path.nodes[depth]
    cdef int at = path.at[depth]
    cdef int keep = ITEMS_MAX if at_right_end(path, depth) else ITEMS_MAX // 2 + 1
    cdef int moved = ITEMS_MAX - keep
    cdef IdNode *right = new_node(left.level, ITEMS_MAX if moved else 1)
    cdef IdItem separator
    memcpy(id_items(right), id_items(left) + keep, <size_t>moved * sizeof(IdItem))
    right.count = <uint16_t>moved
    left.count = <uint16_t>keep
    if at < keep:
        put_item(left, at, item)
    else:
        put_item(right, at - keep, item)
    separator.id = id_items(right)[0].id
    separator.value = right
    return separator


cdef bint id_tree_insert(IdTree *tree, StreamId id, void *value) noexcept nogil:
    cdef IdCursor path
    cdef IdItem item
    cdef IdItem first
    cdef IdNode *node
    cdef int depth
    item.id = id
    item.value = value
    if tree.root == NULL:
        tree.root = new_node(0, 1)
    descend(tree, id, &path)
    depth = path.depth - 1
    node = path.nodes[depth]
    if path.at[depth] < node.count and stream_id_equal(id_items(node)[path.at[depth]].id, id):
        return False
    tree.count += 1
    while True:
        node = path.nodes[depth]
        if node.count < ITEMS_MAX:
            if node.count == node.capacity:
                node = resize(tree, &path, depth, min(2 * node.capacity, <int>ITEMS_MAX))
            put_item(node, path.at[depth], item)
            return True
        item = split(&path, depth, item)
        if depth == 0:
            break
        depth -= 1
        path.at[depth] += 1
    first.id = id_items(node)[0].id
    first.value = node
    tree.root = new_node(node.level + 1, 2)
    put_item(tree.root, 0, first)
    put_item(tree.root, 1, item)
    return True


cdef bint merge_right(IdTree *tree, IdCursor *path, int depth, int at) noexcept nogil:
    """Move child `at + 1` of the node at `depth` into child `at`, if they fit comfortably."""
    cdef IdNode *parent = path.nodes[depth]
    cdef IdNode *left
    cdef IdNode *right
    if at < 0 or at + 1 >= parent.count:
        return False
    left = child(parent, at)
    right = child(parent, at + 1)
    if left.count + right.count > ITEMS_MERGED_MAX:
        return False
    if left.count + right.count > left.capacity:
        path.at[depth] = at
        path.nodes[depth + 1] = left
        left = resize(tree, path, depth + 1, left.count + right.count)
    memcpy(id_items(left) + left.count, id_items(right), <size_t>right.count * sizeof(IdItem))
    # a first child's own bound may be too high; the parent's is not
    if left.level:
        id_items(left)[left.count].id = id_items(parent)[at + 1].id
    left.count += right.count
    drop_item(parent, at + 1)
    mem_free(right)
    return True


cdef void shrink_path(IdTree *tree, IdCursor *path) noexcept nogil:
    """After a removal from the path's leaf: free what is empty, merge what is nearly so."""
    cdef int depth = path.depth - 1
    cdef IdNode *node
    while depth:
        node = path.nodes[depth]
        if node.count == 0:
            mem_free(node)
            drop_item(path.nodes[depth - 1], path.at[depth - 1])
        elif node.count <= ITEMS_FEW and (
            merge_right(tree, path, depth - 1, path.at[depth - 1])
            or merge_right(tree, path, depth - 1, path.at[depth - 1] - 1)
        ):
            pass
        else:
            break
        depth -= 1
    node = path.nodes[depth]
    if node.capacity >= SHRINK_CAPACITY_MIN and 0 < node.count <= node.capacity // 4:
        resize(tree, path, depth, 2 * node.count)
    while tree.root.level and tree.root.count == 1:
        node = tree.root
        tree.root = child(node, 0)
        mem_free(node)
    if tree.root.count == 0:
        mem_free(tree.root)
        tree.root = NULL


cdef void *id_tree_remove(IdTree *tree, StreamId id) noexcept nogil:
    cdef IdCursor path
    cdef IdNode *leaf
    cdef void *value
    cdef int at
    if tree.root == NULL:
        return NULL
    descend(tree, id, &path)
    leaf = path.nodes[path.depth - 1]
    at = path.at[path.depth - 1]
    if at == leaf.count or not stream_id_equal(id_items(leaf)[at].id, id):
        return NULL
    value = id_items(leaf)[at].value
    drop_item(leaf, at)
    tree.count -= 1
    if leaf.count <= ITEMS_FEW:
        shrink_path(tree, &path)
    return value


cdef void free_nodes(IdNode *node) noexcept nogil:
    cdef int i
    if node.level:
        for i in range(node.count):
            free_nodes(child(node, i))
    mem_free(node)


cdef void id_tree_clear(IdTree *tree) noexcept nogil:
    if tree.root != NULL:
        free_nodes(tree.root)
    tree.root = NULL
    tree.count = 0


# --- audit ------------------------------------------------------------------------------------

cdef size_t node_bytes(IdNode *node) noexcept nogil:
    cdef size_t total = mem_usable(node)
    cdef int i
    if node.level:
        for i in range(node.count):
            total += node_bytes(child(node, i))
    return total


cdef size_t id_tree_bytes(const IdTree *tree) noexcept nogil:
    return node_bytes(tree.root) if tree.root != NULL else 0


cdef bint verify_node(IdNode *node, int level, const StreamId *low, const StreamId *high,
                      uint64_t *count) noexcept nogil:
    """low <= every ID < high, where given."""
    cdef IdItem *items = id_items(node)
    cdef const StreamId *bottom
    cdef const StreamId *top
    cdef int i
    if node.level != level or not 0 < node.count <= node.capacity or node.capacity > ITEMS_MAX:
        return False
    if mem_usable(node) < node_size(node.capacity):
        return False
    for i in range(node.count):
        bottom = low
        top = high
        if i:
            bottom = &items[i].id
        if i + 1 < node.count:
            top = &items[i + 1].id
        if i and not stream_id_less(items[i - 1].id, items[i].id):
            if level == 0 or i > 1:     # the first child's bound is stale
                return False
        if level == 0:
            if low != NULL and stream_id_less(items[i].id, low[0]):
                return False
            if high != NULL and not stream_id_less(items[i].id, high[0]):
                return False
        elif not verify_node(child(node, i), level - 1, bottom, top, count):
            return False
    if level == 0:
        count[0] += node.count
    return True


cdef bint id_tree_verify(const IdTree *tree) noexcept nogil:
    cdef uint64_t count = 0
    if tree.root == NULL:
        return tree.count == 0
    if tree.root.level and tree.root.count < 2:
        return False
    return verify_node(tree.root, tree.root.level, NULL, NULL, &count) and count == tree.count
