"""Hashes as RDB writes them: fields and values; with expiry times in the form of Redis 7.4."""

from carnelian.keyspace.entry cimport Entry
from carnelian.formats.rdb cimport RdbOut


cdef int rdb_hash_type(Entry *e) noexcept nogil
cdef void rdb_put_hash(RdbOut *w, Entry *e) noexcept nogil
