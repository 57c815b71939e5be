"""Quicklist ("quicklist"): a long list as an array of nodes, each a block of packed entries.

    nodes        first              first + length     capacity
    v            v                  v                  v
    +------------+--------+--------+-- ... --+---------+
    | unused     | node 0 | node 1 |         | unused  |     see list_node.pxd
    +------------+--------+--------+-- ... --+---------+

Finding an element by number adds up the counts in the array from the nearer end, without touching
the blocks: 125 nodes of 8 KiB for 100,000 elements of 8 bytes. An element too large for the limits
has a node of its own.

Owner: whoever called quicklist_new. quicklist_free does nothing but mem_free, so it may run in the
background. Any change invalidates the Slices and cursors handed out before (quicklist_erase keeps
its own cursor). An element given to a function never lies in the list itself.
"""

from libc.stdint cimport uint8_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.list_node cimport ListNode
from carnelian.encodings.packed_list cimport list_entry_before, list_entry_read

cdef struct Quicklist:
    ListNode *nodes
    size_t first
    size_t length           # nodes
    size_t capacity
    size_t count            # elements
    size_t limit_bytes      # of a node with more than one element
    size_t limit_count

cdef struct QuicklistCursor:
    Quicklist *list
    size_t node             # number of the node at hand
    const uint8_t *at       # start of the next entry, or its end when going backward
    const uint8_t *stop
    const uint8_t *current  # the entry read last
    bint backward


cdef Quicklist *quicklist_new(long fill) noexcept nogil         # fill: list-max-listpack-size
cdef void quicklist_free(Quicklist *list) noexcept nogil
cdef Quicklist *quicklist_copy(const Quicklist *list) noexcept nogil

cdef void quicklist_push(Quicklist *list, bint front, Slice element) noexcept nogil
cdef void quicklist_drop(Quicklist *list, bint front) noexcept nogil
# Of a list that is not empty.

# With an `index` beyond the list nothing happens and False returns; insert at the count appends.
cdef bint quicklist_get(const Quicklist *list, size_t index, Slice *element) noexcept nogil
cdef bint quicklist_set(Quicklist *list, size_t index, Slice element) noexcept nogil
cdef bint quicklist_insert(Quicklist *list, size_t index, Slice element) noexcept nogil
cdef void quicklist_delete(Quicklist *list, size_t index, size_t count) noexcept nogil
# Clipped to the list.
cdef Quicklist *quicklist_cut(Quicklist *list, size_t index, size_t count) noexcept nogil
# The same, but many whole nodes are not freed: they come back as a list of the caller's. NULL: few.

cdef void quicklist_seek(
    Quicklist *list, size_t index, bint backward, QuicklistCursor *cursor) noexcept nogil
# The next quicklist_next reads element `index`.
cdef bint quicklist_turn(QuicklistCursor *cursor) noexcept nogil
# On to the next node; for quicklist_next alone.
cdef void quicklist_erase(QuicklistCursor *cursor) noexcept nogil
# Delete the element read last, once; the cursor goes on behind it.
cdef void quicklist_tidy(Quicklist *list) noexcept nogil
# After a series of erasures: joins sparse nodes. Ends all cursors.

# To and from a packed list. From: verified data. To: not more than PACKED_LIST_COUNT_MAX elements.
cdef Quicklist *quicklist_from_packed(
    const uint8_t *data, size_t size, long fill) noexcept nogil
cdef size_t quicklist_packed_size(const Quicklist *list) noexcept nogil
cdef void quicklist_to_packed(const Quicklist *list, uint8_t *data) noexcept nogil

cdef size_t quicklist_bytes(const Quicklist *list) noexcept nogil   # allocated, for MEMORY USAGE
cdef bint quicklist_verify(const Quicklist *list) noexcept nogil


cdef inline ListNode *quicklist_node(const Quicklist *list, size_t i) noexcept nogil:
    return list.nodes + list.first + i


cdef inline bint quicklist_next(QuicklistCursor *cursor, Slice *element) noexcept nogil:
    if cursor.at == cursor.stop and not quicklist_turn(cursor):
        return False
    if cursor.backward:
        cursor.at = cursor.current = list_entry_before(cursor.at)
        list_entry_read(cursor.current, element)
        return True
    cursor.current = cursor.at
    cursor.at = list_entry_read(cursor.at, element)
    return True
