"""Counted B+tree of members in their order: the index by rank, score and bytes of a big sorted set.

Every inner node knows how many members lie below each child, so rank <-> member takes one descent.
It also keeps each child's lowest member, with a copy of its score: a descent by score reads no
member until it reaches the leaf. Leaves hold only pointers.

    Leaf, 512 bytes                          Inner, 1000 bytes (block of 1024)
    +-------+------+----------+--------+     +-------+--------+--------+------+----------+
    | count | next | previous | items  |     | count | counts | scores | lows | children |
    +-------+------+----------+--------+     +-------+--------+--------+------+----------+

Shape: all leaves are equally deep. Nodes hold at least a quarter of what they can, except those at
either end of their level, which hold at least one: appending in order leaves full nodes behind. A
full leaf first shares with a neighbour and splits only if both are full.

Memory: the tree owns its nodes, the caller the members. A member's score and bytes may change only
while it is not in the tree (`tree_rescore` excepted).
"""

from libc.stdint cimport uint32_t

from carnelian.base.native cimport prefetch
from carnelian.encodings.member cimport Cut, Member

cdef enum:
    LEAF_CAP = 61
    INNER_CAP = 31
    DEPTH_MAX = 16

cdef struct Leaf:
    uint32_t count
    Leaf *next
    Leaf *previous
    Member *items[LEAF_CAP]

cdef struct Inner:
    uint32_t count
    size_t counts[INNER_CAP]   # members below each child
    double scores[INNER_CAP]   # of lows
    Member *lows[INNER_CAP]    # first member below each child
    void *children[INNER_CAP]

cdef struct Tree:
    void *root                 # Leaf if height is 0, else Inner; NULL when empty
    Leaf *first
    Leaf *last
    size_t count
    size_t bytes               # of all nodes
    int height                 # inner levels

# One array of pairs, not two arrays: gcc 12 -O1 drops calls of functions that loop over the two.
cdef struct Step:
    Inner *node
    int index                  # of the child taken

# A place in the tree and the way down to it: before leaf.items[index], or after the last of them.
cdef struct Path:
    Step steps[DEPTH_MAX]
    Leaf *leaf                 # NULL in an empty tree
    int index

cdef struct MemberIter:
    Leaf *leaf
    int index

cdef void tree_init(Tree *t) noexcept nogil
cdef void tree_clear(Tree *t, bint free_members) noexcept nogil

cdef void tree_seek(Tree *t, const Cut *cut, Path *path) noexcept nogil
cdef void tree_seek_rank(Tree *t, size_t rank, Path *path) noexcept nogil   # rank < count
cdef size_t tree_rank(Tree *t, const Path *path) noexcept nogil  # members before it

cdef void tree_insert(Tree *t, Member *m) noexcept nogil                    # must be absent
# Forgets `n` members from the path on, all in its leaf. The path is void afterwards.
cdef void tree_remove(Tree *t, Path *path, int n) noexcept nogil
# Gives the member at the path a new score if its place stays the same.
cdef bint tree_rescore(Tree *t, Path *path, double score) noexcept nogil

cdef bint tree_verify(Tree *t) noexcept nogil


cdef inline Member *iter_next(MemberIter *it) noexcept nogil:
    """The member at the iterator, which moves on; NULL at the end. No changes meanwhile."""
    cdef Leaf *leaf = it.leaf
    cdef Member *m
    if leaf == NULL:
        return NULL
    m = leaf.items[it.index]
    it.index += 1
    if it.index == <int>leaf.count:
        it.leaf = leaf.next
        it.index = 0
    elif it.index + 8 < <int>leaf.count:
        prefetch(leaf.items[it.index + 8])
    return m


cdef inline Member *iter_previous(MemberIter *it) noexcept nogil:
    """The member at the iterator, which moves back to the one before; NULL past the first."""
    cdef Leaf *leaf = it.leaf
    cdef Member *m
    if leaf == NULL:
        return NULL
    m = leaf.items[it.index]
    it.index -= 1
    if it.index < 0:
        it.leaf = leaf.previous
        it.index = <int>it.leaf.count - 1 if it.leaf != NULL else 0
    elif it.index >= 8:
        prefetch(leaf.items[it.index - 8])
    return m
