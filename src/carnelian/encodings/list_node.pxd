"""One node of a quicklist: a block with list entries (see packed_list.pxd) and slack at either end.

    block      start                              end       capacity
    v          v                                  v         v
    +----------+---------+---------+-- ... --+----+---------+
    | slack    | entry 0 | entry 1 |         |    | slack   |
    +----------+---------+---------+-- ... --+----+---------+

So a push moves nothing as long as there is slack on its side. The quicklist that holds the
ListNode owns the block; limits are in bytes of entries, and only a node with a single entry may
exceed them.
"""

from libc.stdint cimport uint8_t, uint32_t

from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice

cdef struct ListNode:
    uint8_t *block
    uint32_t start
    uint32_t end
    uint32_t capacity
    uint32_t count


cdef void node_make(ListNode *n, size_t capacity, bint front) noexcept nogil
# An empty node whose slack is all on the side that will be pushed to.
cdef bint node_make_room(ListNode *n, size_t need, bint front, size_t limit) noexcept nogil
# The slow half of node_claim: slides or grows; False when the node is to count as full.
cdef uint8_t *node_splice(
    ListNode *n, const uint8_t *at, size_t remove, size_t insert, size_t limit) noexcept nogil
# Replace `remove` bytes at an entry by a hole of `insert` bytes; where it is. The caller sees to
# the count.
cdef void node_split(ListNode *n, ListNode *right) noexcept nogil
# Of two entries or more: the later half of the bytes goes to a new node.
cdef void node_append(
    ListNode *n, const uint8_t *entries, size_t size, uint32_t count) noexcept nogil
cdef void node_trim(ListNode *n, uint32_t parts) noexcept nogil
# Give slack back if it is more than one part of the block.
cdef void node_copy(const ListNode *n, ListNode *copy) noexcept nogil
cdef bint node_verify(const ListNode *n) noexcept nogil


cdef inline size_t node_used(const ListNode *n) noexcept nogil:
    return n.end - n.start


cdef inline uint8_t *node_first(const ListNode *n) noexcept nogil:
    return n.block + n.start


cdef inline uint8_t *node_last(const ListNode *n) noexcept nogil:
    """Behind the last entry."""
    return n.block + n.end


cdef inline uint8_t *node_claim(
    ListNode *n, size_t need, bint front, size_t limit
) noexcept nogil:
    """Where to write an entry of `need` bytes at one end, already counted; NULL if full."""
    cdef size_t slack = n.start if front else n.capacity - n.end
    if unlikely(slack < need or node_used(n) + need > limit):
        if not node_make_room(n, need, front, limit):
            return NULL
    n.count += 1
    if front:
        n.start -= <uint32_t>need
        return n.block + n.start
    n.end += <uint32_t>need
    return n.block + n.end - need
