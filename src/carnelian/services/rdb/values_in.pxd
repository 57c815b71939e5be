"""Values read from RDB form: all types and encodings up to Redis 7.4 and Valkey 8, but modules."""

from carnelian.keyspace.database cimport KeyRef
from carnelian.services.rdb.codec cimport RdbIn


# Read a value of this RDB type into the absent key `ref`. False after rdb_fail: the key is absent
# again. An empty value, which old versions could write, is no error: `ref` stays absent.
cdef bint rdb_get_value(RdbIn *r, int type, KeyRef *ref) noexcept nogil
