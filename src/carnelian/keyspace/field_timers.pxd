"""The hashes of a database whose fields expire, by their earliest field.

A database has none of this until a field gets an expiry, and drops it when the last such hash is
gone. `database` keeps it true when keys come and go, `hash_value` when fields do; the engine asks
which hash is due.

    one timer, a block; `key` is a copy of the hash's name
    0                         12     16
    +-------------------------+------+-- ... --+
    | record of expiry_heap   | klen | key     |
    +-------------------------+------+-- ... --+
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.expiry_heap cimport ExpiryHeap, record_when
from carnelian.encodings.table cimport Table
from carnelian.keyspace.entry cimport Entry


cdef struct FieldTimers:
    Table *by_key
    ExpiryHeap heap

# When the first field of a hash expires, 0 for never (and for any other value).
cdef int64_t entry_field_expiry_ms(Entry *e) noexcept nogil
# Have the timer of that key at `when_ms`; 0 takes it away.
cdef void field_timers_set(
    FieldTimers **timers, Slice key, uint64_t hash, int64_t when_ms) noexcept nogil
cdef void field_timers_free(FieldTimers **timers) noexcept nogil
cdef Slice field_timers_first(FieldTimers *timers) noexcept nogil       # not of an empty one
cdef bint field_timers_verify(FieldTimers *timers) noexcept nogil


cdef inline int64_t field_timers_next_ms(FieldTimers *timers) noexcept nogil:
    """When the first of all hashes is due; -1 for never."""
    return record_when(timers.heap.records[0]) if timers != NULL else -1
