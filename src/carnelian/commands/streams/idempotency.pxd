"""XADD's IDMP and IDMPAUTO: for commands/stream."""

from libc.stdint cimport uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream cimport Stream
from carnelian.encodings.stream_id cimport StreamId
from carnelian.engine.call cimport Call
from carnelian.keyspace.key cimport KeyRef


cdef struct IdemOptions:
    int at                      # argument of the option; 0: not given
    bint automatic              # IDMPAUTO: the message's ID comes from its fields
    Slice producer
    Slice message
    uint64_t digest[2]          # what `message` points to then


# IDMP or IDMPAUTO at argument i; returns its last argument, or 0 if it is neither.
cdef int idem_parse(Call call, int i, IdemOptions *o) except -1
# Once the ID is known to be at argument id_at.
cdef int idem_check(Call call, int id_at, bint auto_id, IdemOptions *o) except -1
# Whether the stream has this message already, and as which entry.
cdef bint idem_known(Call call, Stream *s, IdemOptions *o, StreamId *id) noexcept
cdef void idem_record(KeyRef *ref, Stream *s, IdemOptions *o, StreamId id) noexcept
# The fields of XINFO STREAM, and how many.
cdef int idem_info_count(Stream *s) noexcept
cdef void idem_info(Call call, Stream *s)
