"""Sorted set values in entries, whichever of the two encodings holds them.

ENC_PACKED is a region of packed_zset inside the entry, ENC_SORTED_SET a SortedSet behind the
pointer. Whoever reads or changes a sorted set goes through here and need not ask which it is; a
change turns the first into the second when the thresholds say so, never the other way round.

The members an iterator or `zset_at` names lie in the entry or in the set: they are good until the
next change of that value. Members given to a change must lie elsewhere. An entry without members
must not stay: after a removal the caller looks at `zset_count` and removes the key.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.counted_tree cimport MemberIter
from carnelian.encodings.member cimport Cut
from carnelian.encodings.packed_zset cimport PackedMember, PackedZsetIndex
from carnelian.encodings.sorted_set cimport SortedSet
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport ENC_PACKED, Entry, entry_encoding, entry_pointer
from carnelian.keyspace.limits cimport Limits


cdef enum:                     # conditions of zset_put, as ZADD's options
    ZSET_NX = 1
    ZSET_XX = 2
    ZSET_GT = 4
    ZSET_LT = 8
    ZSET_INCR = 16

cdef enum ZsetOutcome:
    ZSET_REFUSED               # a condition was not met
    ZSET_SAME                  # it has that score already
    ZSET_ADDED
    ZSET_UPDATED
    ZSET_NAN                   # the sum is not a number; nothing was changed

cdef struct ZsetIter:          # must not move
    double score               # of the member zset_next found
    Slice member
    bint packed
    bint reverse
    const uint8_t *data        # packed
    size_t size
    PackedMember item          # ... forward
    size_t place               # ... backward: members left
    PackedZsetIndex index
    MemberIter tree

cdef size_t zset_count(Entry *e) noexcept nogil
cdef bint zset_score(Entry *e, Slice member, double *score) noexcept nogil  # False if absent
cdef int64_t zset_rank(Entry *e, Slice member, double *score) noexcept nogil     # -1 if absent
cdef size_t zset_cut(Entry *e, const Cut *cut) noexcept nogil         # members before the cut
cdef bint zset_at(Entry *e, size_t rank, double *score, Slice *member) noexcept nogil

# From the member of that rank on, upwards or downwards; then zset_next, and zset_iter_end.
cdef void zset_iter(ZsetIter *it, Entry *e, size_t rank, bint reverse) noexcept nogil
cdef bint zset_next(ZsetIter *it) noexcept nogil                      # False at the end
cdef void zset_iter_end(ZsetIter *it) noexcept nogil

# Add a member or change its score, if `conditions` allow; `result` is its score afterwards.
cdef ZsetOutcome zset_put(
    KeyRef *ref, Slice member, double score, int conditions, double *result) noexcept nogil
cdef bint zset_remove(KeyRef *ref, Slice member) noexcept nogil       # False if absent
# Removes ranks first <= rank < end; end may lie beyond the last. Returns how many went. When
# most of a big set goes, what stays is moved to a new one and the old is left in `rest` for the
# caller to free (in the background); else that is NULL.
cdef size_t zset_remove_range(
    KeyRef *ref, size_t first, size_t end, SortedSet **rest) noexcept nogil
# From now on a set behind a pointer.
cdef SortedSet *zset_unpack(KeyRef *ref) noexcept nogil

# An entry of its own, in no database, with these members: packed if they fit. Consumes `z`, which
# is not empty.
cdef Entry *zset_entry(
    const char *key, size_t n, SortedSet *z, const Limits *limits) noexcept nogil

cdef bint zset_verify(Entry *e) noexcept nogil


cdef inline bint zset_starts_packed(
    const Limits *limits, size_t members, size_t length
) noexcept nogil:
    """Whether a new set for so many members, the first of this length, starts packed."""
    return members <= limits.zset_entries_max and length <= limits.zset_value_max


cdef inline bint zset_is_packed(Entry *e) noexcept nogil:
    return entry_encoding(e) == ENC_PACKED


cdef inline SortedSet *zset_big(Entry *e) noexcept nogil:
    return <SortedSet *>entry_pointer(e)
