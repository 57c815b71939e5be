"""Writing values; see values_out.pxd."""


from carnelian.base.slice cimport Slice
from carnelian.encodings.member_set cimport SetMember
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.encodings.stream cimport Stream
from carnelian.keyspace.entry cimport (
    TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET, Entry, entry_pointer,
    entry_type,
)
from carnelian.types.list.value cimport list_count, list_next, list_seek
from carnelian.types.set.value cimport (
    SetIter, set_count, set_iter_init, set_iter_next,
)
from carnelian.types.string.value cimport text_value
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_count, zset_iter, zset_iter_end, zset_next,
)
from carnelian.formats.rdb cimport (
    RDB_LIST, RDB_SET, RDB_STRING, RDB_ZSET_2, RdbOut, rdb_put_double,
    rdb_put_length, rdb_put_string,
)
from carnelian.types.hash.rdb_out cimport rdb_hash_type, rdb_put_hash
from carnelian.types.stream.rdb_out cimport rdb_put_stream, rdb_stream_type


cdef int rdb_value_type(Entry *e) noexcept nogil:
    cdef int type = entry_type(e)
    if type == TYPE_STRING:
        return RDB_STRING
    if type == TYPE_LIST:
        return RDB_LIST
    if type == TYPE_SET:
        return RDB_SET
    if type == TYPE_ZSET:
        return RDB_ZSET_2
    if type == TYPE_HASH:
        return rdb_hash_type(e)
    return rdb_stream_type(<Stream *>entry_pointer(e))


cdef void put_list(RdbOut *w, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    rdb_put_length(w, list_count(e))
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        rdb_put_string(w, element.ptr, element.len)


cdef void put_set(RdbOut *w, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember member
    cdef Slice text
    rdb_put_length(w, set_count(e))
    set_iter_init(&it, e)
    while set_iter_next(&it, &member):
        text = member.text
        rdb_put_string(w, text.ptr, text.len)


cdef void put_zset(RdbOut *w, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef size_t count = zset_count(e)
    rdb_put_length(w, count)
    # From the highest down, as Redis writes them: a loader that inserts at the head is served best.
    zset_iter(&it, e, count - 1, True)
    while zset_next(&it):
        rdb_put_string(w, it.member.ptr, it.member.len)
        rdb_put_double(w, it.score)
    zset_iter_end(&it)


cdef void rdb_put_value(RdbOut *w, Entry *e) noexcept nogil:
    cdef int type = entry_type(e)
    cdef Slice text
    if type == TYPE_STRING:
        text = text_value(e)
        rdb_put_string(w, text.ptr, text.len)
    elif type == TYPE_LIST:
        put_list(w, e)
    elif type == TYPE_SET:
        put_set(w, e)
    elif type == TYPE_ZSET:
        put_zset(w, e)
    elif type == TYPE_HASH:
        rdb_put_hash(w, e)
    elif type == TYPE_STREAM:
        rdb_put_stream(w, <Stream *>entry_pointer(e))
