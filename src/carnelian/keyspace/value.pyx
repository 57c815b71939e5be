"""One place that knows which structure hides behind a pointer value, by type and encoding."""

from carnelian.base.blob cimport Blob, blob_memory, blob_release, blob_retain
from carnelian.base.memory cimport mem_free
from carnelian.encodings.field_map cimport (
    FieldMap, field_map_bytes, field_map_copy, field_map_free,
)
from carnelian.encodings.member_set cimport member_set_bytes, member_set_copy, member_set_free
from carnelian.encodings.quicklist cimport (
    Quicklist, quicklist_bytes, quicklist_copy, quicklist_free,
)
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_bytes, sorted_set_copy, sorted_set_count, sorted_set_free,
)
from carnelian.encodings.stream cimport (
    Stream, stream_blocks, stream_bytes, stream_copy, stream_free,
)
from carnelian.encodings.table cimport Table
from carnelian.keyspace.entry cimport (
    ENC_BLOB, ENC_SORTED_SET, ENC_STREAM, POINTER, TYPE_HASH, TYPE_LIST, TYPE_SET,
    entry_pointer, entry_rekeyed, entry_set_pointer,
)


cdef enum:
    BLOB_BYTES_PER_EFFORT = 65536      # pages given back cost about as much as a small free


cdef void value_free(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        blob_release(<Blob *>value)
    elif kind & 15 == TYPE_LIST:
        quicklist_free(<Quicklist *>value)
    elif kind & 15 == TYPE_HASH:
        field_map_free(<FieldMap *>value)
    elif kind & 15 == TYPE_SET:
        member_set_free(<Table *>value)
    elif encoding == ENC_SORTED_SET:
        sorted_set_free(<SortedSet *>value)
    elif encoding == ENC_STREAM:
        stream_free(<Stream *>value)


cdef void *value_copy(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        return blob_retain(<Blob *>value)
    if kind & 15 == TYPE_LIST:
        return quicklist_copy(<Quicklist *>value)
    if kind & 15 == TYPE_HASH:
        return field_map_copy(<FieldMap *>value)
    if kind & 15 == TYPE_SET:
        return member_set_copy(<Table *>value)
    if encoding == ENC_SORTED_SET:
        return sorted_set_copy(<SortedSet *>value)
    return stream_copy(<Stream *>value)


cdef size_t value_bytes(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        return blob_memory(<Blob *>value)
    if kind & 15 == TYPE_LIST:
        return quicklist_bytes(<Quicklist *>value)
    if kind & 15 == TYPE_HASH:
        return field_map_bytes(<FieldMap *>value)
    if kind & 15 == TYPE_SET:
        return member_set_bytes(<Table *>value)
    if encoding == ENC_SORTED_SET:
        return sorted_set_bytes(<SortedSet *>value)
    if encoding == ENC_STREAM:
        return stream_bytes(<Stream *>value)
    return 0


cdef size_t value_effort(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        return (<Blob *>value).capacity // BLOB_BYTES_PER_EFFORT + 1
    if kind & 15 == TYPE_LIST:
        return (<Quicklist *>value).length
    if kind & 15 == TYPE_HASH:
        return (<FieldMap *>value).table.count
    if kind & 15 == TYPE_SET:
        return (<Table *>value).count
    if encoding == ENC_SORTED_SET:
        return sorted_set_count(<SortedSet *>value)
    if encoding == ENC_STREAM:
        return stream_blocks(<Stream *>value)
    return 1


cdef void entry_free(Entry *e) noexcept nogil:
    if e.flags & POINTER:
        value_free(e.kind, entry_pointer(e))
    mem_free(e)


cdef Entry *entry_copy(Entry *e, const char *key, size_t key_len) noexcept nogil:
    cdef Entry *copy = entry_rekeyed(e, key, key_len)
    if e.flags & POINTER:
        entry_set_pointer(copy, value_copy(e.kind, entry_pointer(e)))
    return copy
