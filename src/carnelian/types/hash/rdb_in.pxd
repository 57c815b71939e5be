"""Hashes read from RDB form: plain, zipmap, ziplist, listpack, and with field expiry times."""

from carnelian.keyspace.database cimport KeyRef
from carnelian.formats.rdb cimport RdbIn, RdbValue


cdef bint rdb_get_hash(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil
