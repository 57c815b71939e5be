"""What list commands share: arguments, replies from a list, taking elements with all effects."""

from libc.stdint cimport int64_t

from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.resp.reply cimport Reply


# Whether argument i is LEFT (not RIGHT).
cdef bint is_left(Call call, int i) except? -1
# Argument i if it is a number from `low` on, else raises `refusal`.
cdef int64_t number_from(Call call, int i, int64_t low, refusal) except? -1
# A number that has a negative counterpart.
cdef int64_t number_symmetric(Call call, int i) except? -1
# How many keys the command has whose `numkeys` is argument i; a word follows them.
cdef int key_count(Call call, int i) except -1
# COUNT behind the LEFT or RIGHT at argument i, 1 without.
cdef int64_t count_option(Call call, int i) except -1

# An array of `n` elements from number `start` on.
cdef void reply_elements(
    Reply *reply, Entry *e, size_t start, size_t n, bint backward
) noexcept nogil
# Delete `n` elements at one end and, with the last, the key; events, effects, conversion.
cdef void take(Call call, KeyRef *ref, bint left, size_t n)
# The same with a reply: one element as bulk; up to `most` as array.
cdef void pop_one(Call call, KeyRef *ref, bint left)
cdef size_t pop_many(Call call, KeyRef *ref, bint left, int64_t most)
