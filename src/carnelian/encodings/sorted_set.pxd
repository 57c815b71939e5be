"""The big sorted set: each member is one block with its score, found by hash and by order.

`table` finds a member by its bytes, `tree` by rank or by any cut in the order (see member.pxd).
OBJECT ENCODING calls it "skiplist", as Redis's clients expect.

Memory: the set owns its members until they are popped. `sorted_set_free` only frees, so that a
background thread may run it on a set nobody else can reach.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.counted_tree cimport MemberIter, Tree
from carnelian.encodings.member cimport Cut, Member
from carnelian.encodings.table cimport Table, table_visit_fn


cdef struct SortedSet:
    Table *table
    Tree tree
    size_t member_bytes

cdef SortedSet *sorted_set_new() noexcept nogil
cdef void sorted_set_free(SortedSet *z) noexcept nogil
cdef SortedSet *sorted_set_copy(SortedSet *z) noexcept nogil
cdef size_t sorted_set_bytes(SortedSet *z) noexcept nogil      # everything it allocated

cdef Member *sorted_set_find(SortedSet *z, const char *p, size_t n) noexcept nogil  # NULL if absent
# The member must be absent, the score not NaN, n below 4 GiB.
cdef Member *sorted_set_add(SortedSet *z, double score, const char *p, size_t n) noexcept nogil
# Gives a member of the set another score; the member stays where it is in memory.
cdef void sorted_set_update(SortedSet *z, Member *m, double score) noexcept nogil
cdef bint sorted_set_remove(SortedSet *z, const char *p, size_t n) noexcept nogil  # False if absent
# Removes ranks first <= rank < end; end may lie beyond the last. Returns how many went.
cdef size_t sorted_set_remove_range(SortedSet *z, size_t first, size_t end) noexcept nogil

# The first or last member, which the caller now owns (`mem_free`); NULL when empty.
cdef Member *sorted_set_pop_min(SortedSet *z) noexcept nogil
cdef Member *sorted_set_pop_max(SortedSet *z) noexcept nogil

cdef int64_t sorted_set_rank(SortedSet *z, Member *m) noexcept nogil
cdef Member *sorted_set_at(SortedSet *z, size_t rank) noexcept nogil  # NULL if none has it
# How many members lie before the cut: the rank of the first one after it. A range by score or
# lexicographic is the ranks from the cut at its minimum to the cut at its maximum; empty if that is
# not higher.
cdef size_t sorted_set_cut(SortedSet *z, const Cut *cut) noexcept nogil
# For `iter_next` or `iter_previous`, from the member of this rank on; nothing if there is none.
cdef void sorted_set_seek(SortedSet *z, size_t rank, MemberIter *it) noexcept nogil

cdef Member *sorted_set_random(SortedSet *z) noexcept nogil    # all equally likely; NULL when empty
# SCAN: visits some members, returns the next cursor, 0 at the end.
cdef uint64_t sorted_set_scan(
    SortedSet *z, uint64_t cursor, table_visit_fn visit, void *context
) noexcept nogil

cdef bint sorted_set_verify(SortedSet *z) noexcept nogil


cdef inline size_t sorted_set_count(const SortedSet *z) noexcept nogil:
    return z.tree.count
