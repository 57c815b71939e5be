"""Values read from RDB form: all types and encodings up to Redis 7.4 and Valkey 8, but modules."""

from carnelian.keyspace.database cimport KeyRef
from carnelian.formats.rdb cimport RdbIn, RdbValue


# Read a value of type `v.type`, all else in `v` being zero, into the absent key `ref`. False after
# rdb_fail: the key is absent again, unless a stream ran dry after `v.begun`: with the same `v` it
# is gone on with later. An empty value, which old versions could write, is no error: `ref` stays
# absent.
cdef bint rdb_get_value(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil
# Give up a value that is gone on with no more: what of it is not in the keyspace.
cdef void rdb_drop_value(RdbValue *v) noexcept nogil
