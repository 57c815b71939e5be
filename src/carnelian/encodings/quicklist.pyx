"""The functions of quicklist.pxd: the array of nodes, elements, cursors, conversion, audit."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.native cimport likely, store16
from carnelian.base.slice cimport Slice
from carnelian.encodings.list_node cimport (
    ListNode, node_append, node_claim, node_copy, node_first, node_last, node_make, node_splice,
    node_split, node_trim, node_used, node_verify,
)
from carnelian.encodings.packed cimport PACKED_HEADER
from carnelian.encodings.packed_list cimport (
    list_entry_after, list_entry_before, list_entry_read, list_entry_seek, list_entry_size,
    list_entry_write, list_limit_bytes, list_limit_count, packed_list_count, packed_list_next,
)

cdef enum:
    NODE_BYTES_MIN = 64         # a new node's block, as long as the list is small
    NODES_MIN = 2
    FEW_NODES = 4               # lists of more nodes start each with a block of full size
    CUT_NODES_MIN = 64          # fewer are freed at once


cdef Quicklist *quicklist_new(long fill) noexcept nogil:
    cdef Quicklist *list = <Quicklist *>mem_alloc_zeroed(sizeof(Quicklist))
    list.limit_bytes = list_limit_bytes(fill)
    list.limit_count = list_limit_count(fill)
    return list


cdef void quicklist_free(Quicklist *list) noexcept nogil:
    cdef size_t i
    for i in range(list.length):
        mem_free(quicklist_node(list, i).block)
    mem_free(list.nodes)
    mem_free(list)


cdef Quicklist *quicklist_copy(const Quicklist *list) noexcept nogil:
    cdef Quicklist *copy = <Quicklist *>mem_alloc(sizeof(Quicklist))
    cdef size_t i
    copy[0] = list[0]
    copy.first = 0
    copy.capacity = list.length if list.length else 1
    copy.nodes = <ListNode *>mem_alloc(copy.capacity * sizeof(ListNode))
    for i in range(list.length):
        node_copy(quicklist_node(list, i), quicklist_node(copy, i))
    return copy


# The array of nodes

cdef void spread(Quicklist *list, bint front) noexcept nogil:
    """Make at least one place free at one end: most free places go there, some to the other end."""
    cdef size_t capacity = list.capacity
    cdef size_t room
    cdef ListNode *nodes = list.nodes
    if capacity - list.length < (capacity >> 2) + 1:
        capacity = capacity * 2 if capacity else NODES_MIN
        nodes = <ListNode *>mem_alloc(capacity * sizeof(ListNode))
    room = (capacity - list.length) >> 2
    if front:
        room = capacity - list.length - room
    if list.length:
        memmove(nodes + room, list.nodes + list.first, list.length * sizeof(ListNode))
    if nodes != list.nodes:
        mem_free(list.nodes)
        list.nodes = nodes
        list.capacity = capacity
    list.first = room


cdef ListNode *add_node(Quicklist *list, size_t i) noexcept nogil:
    """A place for a node before node i, to be filled by the caller."""
    cdef bint front = i * 2 < list.length
    cdef ListNode *nodes
    if list.first == 0 if front else list.first + list.length == list.capacity:
        spread(list, front)
    list.length += 1
    if front:
        list.first -= 1
        nodes = list.nodes + list.first
        memmove(nodes, nodes + 1, i * sizeof(ListNode))
    else:
        nodes = list.nodes + list.first
        memmove(nodes + i + 1, nodes + i, (list.length - 1 - i) * sizeof(ListNode))
    return nodes + i


cdef void forget_nodes(Quicklist *list, size_t i, size_t n) noexcept nogil:
    """Take nodes out of the array, not their blocks."""
    cdef ListNode *nodes = list.nodes + list.first
    cdef size_t behind = list.length - i - n
    if i < behind:
        memmove(nodes + n, nodes, i * sizeof(ListNode))
        list.first += n
    else:
        memmove(nodes + i, nodes + i + n, behind * sizeof(ListNode))
    list.length -= n


cdef void remove_nodes(Quicklist *list, size_t i, size_t n) noexcept nogil:
    cdef size_t k
    for k in range(i, i + n):
        mem_free(quicklist_node(list, k).block)
    forget_nodes(list, i, n)


cdef Quicklist *take_nodes(Quicklist *list, size_t i, size_t n) noexcept nogil:
    """Make a list of its own out of some nodes."""
    cdef Quicklist *taken = <Quicklist *>mem_alloc_zeroed(sizeof(Quicklist))
    cdef size_t k
    taken.nodes = <ListNode *>mem_alloc(n * sizeof(ListNode))
    taken.length = taken.capacity = n
    taken.limit_bytes = list.limit_bytes
    taken.limit_count = list.limit_count
    memcpy(taken.nodes, quicklist_node(list, i), n * sizeof(ListNode))
    for k in range(n):
        taken.count += taken.nodes[k].count
    forget_nodes(list, i, n)
    return taken


cdef bint locate(const Quicklist *list, size_t index, size_t *node, size_t *inner) noexcept nogil:
    """The node of an element and the element's number there."""
    cdef const ListNode *n
    if index >= list.count:
        return False
    if index < list.count >> 1:
        n = quicklist_node(list, 0)
        while index >= n.count:
            index -= n.count
            n += 1
        inner[0] = index
    else:
        index = list.count - 1 - index
        n = quicklist_node(list, list.length - 1)
        while index >= n.count:
            index -= n.count
            n -= 1
        inner[0] = n.count - 1 - index
    node[0] = n - quicklist_node(list, 0)
    return True


cdef inline uint8_t *entry_at(const ListNode *n, size_t inner) noexcept nogil:
    return <uint8_t *>list_entry_seek(node_first(n), node_last(n), n.count, inner)


cdef void start_node(Quicklist *list, size_t i, bint front, Slice element) noexcept nogil:
    """A new node before node i with one element."""
    cdef size_t need = list_entry_size(element.len)
    cdef size_t room = list.limit_bytes
    cdef ListNode *n
    if 0 < i < list.length or list.length == 0:
        room = NODE_BYTES_MIN
    elif list.length < FEW_NODES:
        room = room * list.length // FEW_NODES
    if room > need * list.limit_count:
        room = need * list.limit_count
    elif room < need:
        room = need
    n = add_node(list, i)
    node_make(n, room, front)
    list_entry_write(node_claim(n, need, front, need), element)


# Elements

cdef bint push_to(Quicklist *list, size_t i, bint front, Slice element) noexcept nogil:
    """At one end of node i, if there is such a node and it has room."""
    cdef ListNode *n = quicklist_node(list, i)
    cdef uint8_t *hole
    if i >= list.length or n.count >= list.limit_count:
        return False
    hole = node_claim(n, list_entry_size(element.len), front, list.limit_bytes)
    if hole == NULL:
        return False
    list_entry_write(hole, element)
    return True


cdef void quicklist_push(Quicklist *list, bint front, Slice element) noexcept nogil:
    cdef size_t i = 0 if front else list.length - 1
    list.count += 1
    if likely(push_to(list, i, front, element)):
        return
    if list.length:
        node_trim(quicklist_node(list, i), 16)
    start_node(list, 0 if front else list.length, front, element)


cdef void quicklist_drop(Quicklist *list, bint front) noexcept nogil:
    cdef size_t i = 0 if front else list.length - 1
    cdef ListNode *n = quicklist_node(list, i)
    list.count -= 1
    if n.count == 1:
        remove_nodes(list, i, 1)
        return
    n.count -= 1
    if front:
        n.start = <uint32_t>(list_entry_after(node_first(n)) - n.block)
    else:
        n.end = <uint32_t>(list_entry_before(node_last(n)) - n.block)
    if node_used(n) < n.capacity >> 3 and n.capacity > NODE_BYTES_MIN:
        node_trim(n, 2)


cdef bint quicklist_get(const Quicklist *list, size_t index, Slice *element) noexcept nogil:
    cdef size_t i
    cdef size_t inner
    if not locate(list, index, &i, &inner):
        return False
    list_entry_read(entry_at(quicklist_node(list, i), inner), element)
    return True


cdef bint quicklist_set(Quicklist *list, size_t index, Slice element) noexcept nogil:
    cdef size_t i
    cdef size_t inner
    cdef size_t old
    cdef size_t need = list_entry_size(element.len)
    cdef uint8_t *p
    cdef ListNode *n
    if not locate(list, index, &i, &inner):
        return False
    n = quicklist_node(list, i)
    p = entry_at(n, inner)
    old = list_entry_after(p) - p
    if n.count > 1 and need > old and node_used(n) - old + need > list.limit_bytes:
        quicklist_delete(list, index, 1)
        return quicklist_insert(list, index, element)
    if old != need:
        p = node_splice(n, p, old, need, list.limit_bytes)
    list_entry_write(p, element)
    return True


cdef bint quicklist_insert(Quicklist *list, size_t index, Slice element) noexcept nogil:
    cdef size_t i
    cdef size_t inner
    cdef size_t need = list_entry_size(element.len)
    cdef ListNode *n
    cdef ListNode right
    if index == list.count or index == 0:
        quicklist_push(list, index == 0, element)
        return True
    if not locate(list, index, &i, &inner):
        return False
    list.count += 1
    while inner:
        n = quicklist_node(list, i)
        if inner == n.count:
            break
        if n.count < list.limit_count and node_used(n) + need <= list.limit_bytes:
            list_entry_write(
                node_splice(n, entry_at(n, inner), 0, need, list.limit_bytes), element)
            n.count += 1
            return True
        node_split(n, &right)
        add_node(list, i + 1)[0] = right
        n = quicklist_node(list, i)
        if inner > n.count:
            inner -= n.count
            i += 1
    if inner:
        i += 1
    # between node i - 1 and node i
    if not push_to(list, i, True, element) and not (i and push_to(list, i - 1, False, element)):
        start_node(list, i, False, element)
    return True


cdef void erase_entries(ListNode *n, size_t inner, size_t count) noexcept nogil:
    """Some of a node's elements, not all."""
    cdef uint8_t *p = entry_at(n, inner)
    cdef uint8_t *end = entry_at(n, inner + count)
    node_splice(n, p, end - p, 0, 0)
    n.count -= <uint32_t>count


cdef void join(Quicklist *list, size_t i) noexcept nogil:
    """Put node i + 1 into node i if both together fill half a node at most."""
    cdef ListNode *n = quicklist_node(list, i)
    cdef ListNode *right = n + 1
    if (
        i + 1 < list.length and node_used(n) + node_used(right) <= list.limit_bytes >> 1
        and n.count + right.count <= list.limit_count
    ):
        node_append(n, node_first(right), node_used(right), right.count)
        remove_nodes(list, i + 1, 1)


cdef void quicklist_delete(Quicklist *list, size_t index, size_t count) noexcept nogil:
    cdef Quicklist *cut = quicklist_cut(list, index, count)
    if cut != NULL:
        quicklist_free(cut)


cdef Quicklist *quicklist_cut(Quicklist *list, size_t index, size_t count) noexcept nogil:
    cdef size_t i
    cdef size_t inner
    cdef size_t some
    cdef size_t whole
    cdef ListNode *n
    cdef Quicklist *taken = NULL
    if not locate(list, index, &i, &inner):
        return NULL
    if count > list.count - index:
        count = list.count - index
    list.count -= count
    n = quicklist_node(list, i)
    if inner and count:
        some = n.count - inner
        if some > count:
            some = count
        erase_entries(n, inner, some)
        count -= some
        i += 1
    whole = i
    while whole < list.length and count >= quicklist_node(list, whole).count:
        count -= quicklist_node(list, whole).count
        whole += 1
    if whole - i >= CUT_NODES_MIN:
        taken = take_nodes(list, i, whole - i)
    elif whole > i:
        remove_nodes(list, i, whole - i)
    if count:
        erase_entries(quicklist_node(list, i), 0, count)
    if i < list.length:
        node_trim(quicklist_node(list, i), 2)
    if i:
        node_trim(quicklist_node(list, i - 1), 2)
        join(list, i - 1)
    return taken


# Cursors

cdef void enter(QuicklistCursor *cursor) noexcept nogil:
    """Stand at the near end of the cursor's node."""
    cdef ListNode *n = quicklist_node(cursor.list, cursor.node)
    cursor.at = node_last(n) if cursor.backward else node_first(n)
    cursor.stop = node_first(n) if cursor.backward else node_last(n)


cdef void quicklist_seek(
    Quicklist *list, size_t index, bint backward, QuicklistCursor *cursor
) noexcept nogil:
    cdef size_t inner
    cursor.list = list
    cursor.backward = backward
    cursor.at = cursor.stop = cursor.current = NULL
    cursor.node = 0 if backward else list.length
    if locate(list, index, &cursor.node, &inner):
        enter(cursor)
        cursor.at = entry_at(quicklist_node(list, cursor.node), inner + (1 if backward else 0))


cdef bint quicklist_turn(QuicklistCursor *cursor) noexcept nogil:
    if cursor.backward:
        if cursor.node == 0:
            return False
        cursor.node -= 1
    else:
        if cursor.node + 1 >= cursor.list.length:     # node may be -1, see quicklist_erase
            return False
        cursor.node += 1
    enter(cursor)
    return True


cdef void quicklist_erase(QuicklistCursor *cursor) noexcept nogil:
    cdef Quicklist *list = cursor.list
    cdef ListNode *n = quicklist_node(list, cursor.node)
    cdef const uint8_t *p = cursor.current
    list.count -= 1
    if n.count == 1:
        remove_nodes(list, cursor.node, 1)
        cursor.at = cursor.stop = NULL
        if not cursor.backward:
            cursor.node -= 1        # of the first node: wraps, and the next turn wraps back
        return
    cursor.at = node_splice(n, p, list_entry_after(p) - p, 0, 0)
    cursor.stop = node_first(n) if cursor.backward else node_last(n)
    n.count -= 1


cdef void quicklist_tidy(Quicklist *list) noexcept nogil:
    cdef ListNode *nodes = quicklist_node(list, 0)
    cdef ListNode *n
    cdef size_t kept = 0
    cdef size_t i
    for i in range(list.length):
        n = nodes + kept - 1
        if kept and (
            node_used(n) + node_used(nodes + i) <= list.limit_bytes >> 1
            and n.count + nodes[i].count <= list.limit_count
        ):
            node_append(n, node_first(nodes + i), node_used(nodes + i), nodes[i].count)
            mem_free(nodes[i].block)
        else:
            if kept:
                node_trim(n, 2)
            nodes[kept] = nodes[i]
            kept += 1
    list.length = kept
    if kept:
        node_trim(nodes + kept - 1, 2)


# Packed lists

cdef Quicklist *quicklist_from_packed(
    const uint8_t *data, size_t size, long fill
) noexcept nogil:
    """The entries have the same form, so they move as one if a node may hold them."""
    cdef Quicklist *list = quicklist_new(fill)
    cdef size_t count = packed_list_count(data)
    cdef size_t used = size - PACKED_HEADER
    cdef size_t offset = PACKED_HEADER
    cdef Slice element
    cdef ListNode *n
    if count and used <= list.limit_bytes and count <= list.limit_count:
        n = add_node(list, 0)
        node_make(n, used, False)
        node_append(n, data + PACKED_HEADER, used, <uint32_t>count)
        list.count = count
        return list
    while packed_list_next(data, size, &offset, &element):
        quicklist_push(list, False, element)
    return list


cdef size_t quicklist_packed_size(const Quicklist *list) noexcept nogil:
    cdef size_t size = PACKED_HEADER
    cdef size_t i
    for i in range(list.length):
        size += node_used(quicklist_node(list, i))
    return size


cdef void quicklist_to_packed(const Quicklist *list, uint8_t *data) noexcept nogil:
    cdef ListNode *n
    cdef size_t i
    store16(data, <uint16_t>list.count)
    data += PACKED_HEADER
    for i in range(list.length):
        n = quicklist_node(list, i)
        memcpy(data, node_first(n), node_used(n))
        data += node_used(n)


cdef size_t quicklist_bytes(const Quicklist *list) noexcept nogil:
    cdef size_t size = mem_usable(<void *>list)
    cdef size_t i
    if list.nodes != NULL:
        size += mem_usable(list.nodes)
    for i in range(list.length):
        size += mem_usable(quicklist_node(list, i).block)
    return size


cdef bint quicklist_verify(const Quicklist *list) noexcept nogil:
    cdef const ListNode *n
    cdef size_t count = 0
    cdef size_t i
    if list.first > list.capacity or list.length > list.capacity - list.first:
        return False
    for i in range(list.length):
        n = quicklist_node(list, i)
        if not node_verify(n) or n.count > list.limit_count:
            return False
        if n.count > 1 and node_used(n) > list.limit_bytes:
            return False
        count += n.count
    return count == list.count
