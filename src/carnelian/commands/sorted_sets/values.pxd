"""What the handlers of sorted sets share: bounds, conditions of ZADD, removals, stored results."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.member cimport Cut
from carnelian.encodings.sorted_set cimport SortedSet
from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef


# Arguments `low` and `high` as cuts: everything between them is in the range.
cdef int score_bounds(Call call, int low, int high, Cut *first, Cut *end) except -1
cdef int lex_bounds(Call call, int low, int high, Cut *first, Cut *end) except -1
# Ranks as a client counts them, from the end when negative: first <= rank < end, maybe none.
cdef void clamp_ranks(int64_t *first, int64_t *end, size_t count) noexcept nogil

# `conditions`, and `score member` pairs from argument `first` on: ZADD once its options are read.
cdef int add_scores(
    Call call, int conditions, bint count_changes, int first, const double *scores, int count,
    int stride) except -1

# After `removed` members went: the key goes with the last one, events follow.
cdef void shrunk(Call call, KeyRef *ref, const char *event, int64_t removed)
# Removes ranks first <= rank < end, with the effects of a command that does so.
cdef size_t remove_ranks(
    Call call, KeyRef *ref, const char *event, size_t first, size_t end)
# The result of a ...STORE command becomes the key of an argument, which is deleted if there is
# none. Consumes `z` and replies its length; `dirty` is what it counts as changes.
cdef void store_result(
    Call call, int destination, SortedSet *z, const char *event, int64_t dirty)
cdef void discard_result(Call call, SortedSet *z)      # one that was only for the reply
cdef int reply_members(Call call, SortedSet *z, bint with_scores) except -1
