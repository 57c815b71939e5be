"""How far a group is behind: Redis 7's estimates from entries-added and tombstones."""

from libc.stdint cimport int64_t

from carnelian.encodings.stream cimport Stream
from carnelian.encodings.stream_group cimport StreamGroup
from carnelian.encodings.stream_id cimport StreamId


# Whether an entry in [start, end] may have been deleted; `start` lies before the stream's last ID.
cdef bint stream_has_tombstones(const Stream *s, StreamId start, StreamId end) noexcept nogil

# How many entries were ever added up to `id`, or ENTRIES_READ_UNKNOWN.
cdef int64_t stream_entries_up_to(const Stream *s, StreamId id) noexcept nogil

# How much of the stream a group can have read at most; "unknown" stays so.
cdef int64_t stream_clamp_read(const Stream *s, int64_t entries_read) noexcept nogil

# Entries not yet delivered to the group; 0 if that cannot be told.
cdef bint stream_group_lag(const Stream *s, const StreamGroup *group, int64_t *lag) noexcept nogil

# The group reads an entry: counter and last_id go forward. 0 if it had read beyond it already.
cdef bint stream_group_advance(const Stream *s, StreamGroup *group, StreamId id) noexcept nogil
