"""Values as RDB writes them: the plain element-by-element types throughout. Every Redis reads them,
and whoever loads them chooses encodings by its own thresholds."""

from carnelian.keyspace.entry cimport Entry
from carnelian.formats.rdb cimport RdbOut


cdef int rdb_value_type(Entry *e) noexcept nogil
cdef void rdb_put_value(RdbOut *w, Entry *e) noexcept nogil
