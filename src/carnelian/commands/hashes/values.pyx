"""What the handlers of hashes share; see hash_values.pxd."""

from carnelian.base.native cimport unlikely
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.keyspace.entry cimport TYPE_HASH
from carnelian.types.hash.value cimport (
    hash_count, hash_entry_new, hash_find, hash_may_expire,
)
from carnelian.resp.reply cimport reply_blob, reply_bulk


cdef enum:
    EXPIRED_MAX = 1000         # fields deleted by one command that meets the hash


cdef int find_hash(Call call, KeyRef *ref) except -1:
    if not call.find_typed(1, TYPE_HASH, ref):
        return 0
    if unlikely(hash_may_expire(ref.slot[0])):
        call.engine.expiry.expire_fields(ref, EXPIRED_MAX)
        return ref.slot != NULL
    return 1


cdef int find_hash_to_write(Call call, KeyRef *ref) except -1:
    if not call.find_typed_to_write(1, TYPE_HASH, ref):
        return 0
    if unlikely(hash_may_expire(ref.slot[0])):
        call.engine.expiry.expire_fields(ref, EXPIRED_MAX)
        return ref.slot != NULL
    return 1


cdef int find_or_create_hash(Call call, KeyRef *ref) except -1:
    if not find_hash_to_write(call, ref):
        call.link(ref, hash_entry_new(ref.key, ref.len))
    return 1


cdef bint find_live(Call call, KeyRef *ref, Slice name, HashField *field) noexcept:
    return hash_find(ref.slot[0], name, field) and is_live(call, field)


cdef void reply_value(Reply *reply, const HashField *field) noexcept nogil:
    if unlikely(field.blob != NULL):
        reply_blob(reply, field.blob)
    else:
        reply_bulk(reply, field.value.ptr, field.value.len)


cdef void drop_if_empty(Call call, KeyRef *ref):
    if hash_count(ref.slot[0]) == 0:
        call.remove(ref)
        call.notify(NOTIFY_GENERIC, b"del", ref)
