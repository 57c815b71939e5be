"""Streams read from RDB form: all three versions of the type."""

from carnelian.formats.rdb cimport RdbIn, RdbValue


# Into v.stream, which may be empty. False after rdb_fail: v.stream stays the caller's.
cdef bint rdb_get_stream(RdbIn *r, RdbValue *v) noexcept nogil
