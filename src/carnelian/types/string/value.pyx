"""String values in entries; see value.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from carnelian.base.blob cimport (
    Blob, blob_data, blob_from, blob_is_shared, blob_new, blob_release, blob_resize,
)
from carnelian.base.numbers cimport INT64_CHARS_MAX, parse_int64
from carnelian.base.slice cimport Slice
from carnelian.keyspace.database cimport (
    KeyRef, key_create, key_create_pointer, key_resize, key_set_inline, key_set_pointer,
)
from carnelian.keyspace.entry cimport (
    ENC_BLOB, ENC_BYTES, LAYOUT_FLAGS, LONG_VALUE, POINTER, STRING_NOT_INT, STRING_RAW, TYPE_STRING,
    Entry, entry_pointer, entry_set_pointer, entry_value_len, entry_value_ptr,
)


cdef enum:
    EMBEDDED_MAX = 44


cdef void text_assign(KeyRef *ref, const char *p, size_t n) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    e.flags &= LAYOUT_FLAGS
    if not e.flags & (POINTER | LONG_VALUE) and e.short_value_len == n:
        memcpy(entry_value_ptr(e), p, n)
        return
    if n > INLINE_MAX:
        if e.flags & POINTER:
            blob_release(<Blob *>entry_pointer(e))
            entry_set_pointer(e, blob_from(p, n))
        else:
            key_set_pointer(ref, ENC_BLOB, blob_from(p, n))
        return
    if e.flags & POINTER:
        blob_release(<Blob *>entry_pointer(e))
        e = key_set_inline(ref, ENC_BYTES, n)
    else:
        e = key_resize(ref, n)
    memcpy(entry_value_ptr(e), p, n)


cdef void text_create(KeyRef *ref, const char *p, size_t n) noexcept nogil:
    cdef Entry *e
    if n > INLINE_MAX:
        key_create_pointer(ref, TYPE_STRING, ENC_BLOB, blob_from(p, n))
    else:
        e = key_create(ref, TYPE_STRING, ENC_BYTES, n)
        memcpy(entry_value_ptr(e), p, n)


cdef char *text_resize(KeyRef *ref, size_t n) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef size_t old
    cdef Blob *blob
    cdef Blob *fresh
    if e.flags & POINTER:
        blob = <Blob *>entry_pointer(e)
        old = blob.len
        if blob_is_shared(blob):
            fresh = blob_new(n)
            memcpy(blob_data(fresh), blob_data(blob), old if old < n else n)
            blob_release(blob)
            blob = fresh
        else:
            blob = blob_resize(blob, n)
        entry_set_pointer(e, blob)
        if n > old:
            memset(blob_data(blob) + old, 0, n - old)
        return blob_data(blob)
    old = entry_value_len(e)
    if n > INLINE_MAX:
        blob = blob_new(n)
        memcpy(blob_data(blob), entry_value_ptr(e), old)
        memset(blob_data(blob) + old, 0, n - old)
        key_set_pointer(ref, ENC_BLOB, blob)
        return blob_data(blob)
    e = key_resize(ref, n)
    if n > old:
        memset(entry_value_ptr(e) + old, 0, n - old)
    return entry_value_ptr(e)


cdef char *text_writable(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef Blob *blob
    cdef Blob *fresh
    if not e.flags & POINTER:
        return entry_value_ptr(e)
    blob = <Blob *>entry_pointer(e)
    if blob_is_shared(blob):
        fresh = blob_from(blob_data(blob), blob.len)
        blob_release(blob)
        entry_set_pointer(e, fresh)
        blob = fresh
    return blob_data(blob)


cdef const char *text_encoding(Entry *e) noexcept nogil:
    cdef Slice value = text_value(e)
    cdef int64_t number
    if e.flags & STRING_RAW or value.len > EMBEDDED_MAX:
        return b"raw"
    if not e.flags & STRING_NOT_INT and value.len <= INT64_CHARS_MAX:
        if parse_int64(value.ptr, value.len, &number):
            return b"int"
    return b"embstr"
