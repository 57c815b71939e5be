"""Streams as RDB writes them: listpacks of up to 100 entries, then groups with their consumers."""

from carnelian.encodings.stream cimport Stream
from carnelian.formats.rdb cimport RdbOut


cdef int rdb_stream_type(const Stream *s) noexcept nogil
cdef void rdb_put_stream(RdbOut *w, Stream *s) noexcept nogil
