"""Removing entries while heeding what consumer groups refer to: XTRIM, XADD MAXLEN, XDELEX.

An entry is referenced while it is pending in a group, or not yet delivered to one.
"""

from libc.stdint cimport uint64_t

from carnelian.encodings.stream cimport Stream
from carnelian.encodings.stream_id cimport StreamId


cdef enum StreamRefs:
    REFS_KEEP                   # remove the entry, leave it pending where it is
    REFS_DELETE                 # and remove it from every pending list
    REFS_ACKED                  # remove the entry only if nobody refers to it

cdef struct StreamTrim:
    bint by_id                  # MINID, else MAXLEN
    bint approximate            # whole nodes only
    StreamRefs refs
    uint64_t length_max
    StreamId id_min
    uint64_t limit              # entries to remove at most, for whole nodes; 0: no limit


cdef bint stream_referenced(const Stream *s, StreamId id) noexcept nogil
cdef void stream_unreference(Stream *s, StreamId id) noexcept nogil

# Returns how many entries were removed.
cdef uint64_t stream_trim(Stream *s, const StreamTrim *trim) noexcept nogil

# XDELEX of one ID: 1 removed, -1 no such entry, 2 still referenced (REFS_ACKED). REFS_DELETE drops
# the references even of an entry that is gone.
cdef int stream_delete_referenced(Stream *s, StreamId id, StreamRefs refs) noexcept nogil
