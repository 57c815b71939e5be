"""Writing hashes; see rdb_out.pxd.

With expiry times: the earliest of them as 8 bytes, the count, and before each field how much later
than the earliest it expires, plus one; 0 for never.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.keyspace.entry cimport Entry
from carnelian.types.hash.value cimport (
    HashIter, hash_count, hash_expiry_min_ms, hash_iter_init, hash_iter_next,
)
from carnelian.encodings.field_map cimport HashField
from carnelian.formats.rdb cimport (
    RDB_HASH, RDB_HASH_METADATA, RdbOut, rdb_put_fixed64, rdb_put_length, rdb_put_string,
)


cdef int rdb_hash_type(Entry *e) noexcept nogil:
    return RDB_HASH_METADATA if hash_expiry_min_ms(e) else RDB_HASH


cdef void rdb_put_hash(RdbOut *w, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    cdef int64_t first = hash_expiry_min_ms(e)
    if first:
        rdb_put_fixed64(w, <uint64_t>first)
    rdb_put_length(w, hash_count(e))
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        if first:
            rdb_put_length(
                w, <uint64_t>(field.expires_ms - first + 1) if field.expires_ms else 0)
        rdb_put_string(w, field.name.ptr, field.name.len)
        rdb_put_string(w, field.value.ptr, field.value.len)
