"""Every value of a database looked through; see audit.pxd."""

from carnelian.encodings.stream cimport Stream, stream_verify
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.keyspace.database cimport Database, database_verify
from carnelian.keyspace.entry cimport (
    TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_ZSET, Entry, entry_pointer, entry_type,
)
from carnelian.types.hash.value cimport hash_verify
from carnelian.types.list.value cimport list_verify
from carnelian.types.set.value cimport set_verify
from carnelian.types.sorted_set.value cimport zset_verify


cdef bint value_verify(Entry *e) noexcept nogil:
    cdef int type = entry_type(e)
    if type == TYPE_LIST:
        return list_verify(e)
    if type == TYPE_HASH:
        return hash_verify(e)
    if type == TYPE_SET:
        return set_verify(e)
    if type == TYPE_ZSET:
        return zset_verify(e)
    if type == TYPE_STREAM:
        return stream_verify(<Stream *>entry_pointer(e))
    return True


cdef bint database_audit(Database *db) noexcept nogil:
    cdef TableIter it
    cdef Entry *e
    if not database_verify(db):
        return False
    table_iter_init(&it, db.keys)
    e = <Entry *>table_next(&it)
    while e != NULL:
        if not value_verify(e):
            return False
        e = <Entry *>table_next(&it)
    return True
