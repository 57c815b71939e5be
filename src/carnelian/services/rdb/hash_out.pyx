from carnelian.services.rdb.codec cimport RDB_HASH
cdef int rdb_hash_type(Entry *e) noexcept nogil:
    return RDB_HASH
cdef void rdb_put_hash(RdbOut *w, Entry *e) noexcept nogil:
    pass
