"""What the handlers of hashes share: a hash without the fields whose time is over."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.field_map cimport HashField
from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef
from carnelian.resp.reply cimport Reply


# The hash at argument 1; 0: no such key. Fields past their time are deleted on the way, many at
# most: what is left of them is for is_live and find_live to hide.
cdef int find_hash(Call call, KeyRef *ref) except -1
cdef int find_hash_to_write(Call call, KeyRef *ref) except -1
# find_hash_to_write, and an absent key becomes an empty hash.
cdef int find_or_create_hash(Call call, KeyRef *ref) except -1
cdef bint find_live(Call call, KeyRef *ref, Slice name, HashField *field) noexcept
cdef void reply_value(Reply *reply, const HashField *field) noexcept nogil
# After removals: the key goes with its last field.
cdef void drop_if_empty(Call call, KeyRef *ref)


cdef inline bint is_live(Call call, const HashField *field) noexcept:
    return (field.expires_ms == 0 or field.expires_ms >= call.engine.now_ms
            or call.engine.expiry.is_replay())
