"""String values as handlers need them; see values.pxd."""

from carnelian.base.blob cimport Blob, blob_retain
from carnelian.base.native cimport likely
from carnelian.base.slice cimport Slice
from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef, key_create_pointer, key_persist
from carnelian.keyspace.entry cimport (
    ENC_BLOB, EXPIRES, POINTER, TYPE_STRING, Entry, entry_pointer, entry_type, entry_when,
)
from carnelian.types.string.value cimport text_assign, text_create, text_value
from carnelian.resp.reply cimport Reply, reply_blob, reply_bulk


cdef enum:
    SHARE_MIN = 16384          # bytes from which a reply refers to the value instead of copying it


cdef void reply_text(Reply *reply, Entry *e) noexcept nogil:
    cdef Slice value = text_value(e)
    if e.flags & POINTER and value.len >= SHARE_MIN:
        reply_blob(reply, <Blob *>entry_pointer(e))
    else:
        reply_bulk(reply, value.ptr, value.len)


cdef void assign_text(Call call, KeyRef *ref, const char *p, size_t n, bint keep_ttl):
    cdef long long when_ms = -1
    cdef Blob *old = NULL
    cdef int kind
    if ref.slot == NULL:
        text_create(ref, p, n)
        call.added(ref)
        return
    if likely(entry_type(ref.slot[0]) == TYPE_STRING):
        if ref.slot[0].flags & EXPIRES and not keep_ttl:
            key_persist(ref)
        kind = ref.slot[0].kind
        if ref.slot[0].flags & POINTER:
            old = blob_retain(<Blob *>entry_pointer(ref.slot[0]))
        text_assign(ref, p, n)
        if old != NULL:
            call.engine.discard_value(kind, old)
        return
    if keep_ttl and ref.slot[0].flags & EXPIRES:
        when_ms = entry_when(ref.slot[0])
    call.remove(ref)
    text_create(ref, p, n)
    call.renewed(ref)
    if when_ms >= 0:
        call.expire_at(ref, when_ms)


cdef void assign_blob(Call call, KeyRef *ref, Blob *blob):
    cdef bint was_there = ref.slot != NULL
    if was_there:
        call.remove(ref)
    key_create_pointer(ref, TYPE_STRING, ENC_BLOB, blob)
    if was_there:
        call.renewed(ref)
    else:
        call.added(ref)
