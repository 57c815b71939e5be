"""What DUMP returns and RESTORE takes: a type and value as in an RDB file, a version, a CRC.

    type   value ...   version : 2   crc64 : 8
"""

from carnelian.base.slice cimport Slice
from carnelian.formats.rdb cimport RdbOut
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.key cimport Database


# Into `w`, which holds nothing else.
cdef void payload_put(RdbOut *w, Entry *e) noexcept nogil
# After type and value: what only that version of files, or a newer one, may hold.
cdef void payload_end(RdbOut *w, int version) noexcept nogil
# Whether it has a version that is read, and the right CRC.
cdef bint payload_is_good(Slice payload) noexcept nogil
# The value of a good payload as an entry under that key, in no database: the caller's. NULL for an
# empty value, and for bytes that make no sense. It comes to be as if in `db`.
cdef Entry *payload_entry(Slice payload, Slice key, Database *db) noexcept nogil
