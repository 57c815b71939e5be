from carnelian.services.rdb.codec cimport rdb_fail
cdef bint rdb_get_hash(RdbIn *r, int type, KeyRef *ref) noexcept nogil:
    return rdb_fail(r, b"hashes are missing")
