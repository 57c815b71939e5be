"""Streams read from RDB form: all versions of the type."""

from carnelian.encodings.stream cimport StreamLimits
from carnelian.formats.rdb cimport RdbIn, RdbValue


# Into v.partial, a Stream, which may be empty. False after rdb_fail: it stays the caller's.
cdef bint rdb_get_stream(
    RdbIn *r, RdbValue *v, const StreamLimits *limits) noexcept nogil
