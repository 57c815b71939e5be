"""Streams read from RDB form: all three versions of the type."""

from carnelian.encodings.stream cimport Stream
from carnelian.services.rdb.codec cimport RdbIn


# NULL after rdb_fail. The stream may be empty.
cdef Stream *rdb_get_stream(RdbIn *r, int type) noexcept nogil
