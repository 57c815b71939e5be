"""Removing a good part of a table in one pass over it.

Owner and callers: as of `encodings/table`. A pass reads the buckets in order and no entry, while
removing as many by their hashes waits for memory at each of them.
"""

from libc.stdint cimport uint64_t

from carnelian.encodings.table cimport Table


# Remove `count` entries, every choice of them equally likely, and put them in `out`; there are at
# least that many.
cdef void table_take_random(Table *t, uint64_t count, void **out) noexcept nogil
