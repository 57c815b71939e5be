"""The keys of a database whose values expire in parts, by the earliest part: hashes with fields.

A database has none of this until a part gets an expiry, and drops it when the last such value is
gone. `database` keeps it true when keys come and go, the type when parts do; the engine asks which
key is due.

    one timer, a block; `key` is a copy of the key
    0                         12     16
    +-------------------------+------+-- ... --+
    | record of expiry_heap   | klen | key     |
    +-------------------------+------+-- ... --+
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.expiry_heap cimport ExpiryHeap, record_when
from carnelian.encodings.table cimport Table


cdef struct InnerTimers:
    Table *by_key
    ExpiryHeap heap

# Have the timer of that key at `when_ms`; 0 takes it away.
cdef void inner_timers_set(
    InnerTimers **timers, Slice key, uint64_t hash, int64_t when_ms) noexcept nogil
cdef void inner_timers_free(InnerTimers **timers) noexcept nogil
cdef Slice inner_timers_first(InnerTimers *timers) noexcept nogil       # not of an empty one
cdef bint inner_timers_verify(InnerTimers *timers) noexcept nogil


cdef inline int64_t inner_timers_next_ms(InnerTimers *timers) noexcept nogil:
    """When the first of all is due; -1 for never."""
    return record_when(timers.heap.records[0]) if timers != NULL else -1
