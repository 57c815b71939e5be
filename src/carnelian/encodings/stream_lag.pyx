"""How far a group is behind. Contracts are in the .pxd."""

from libc.stdint cimport int64_t

from carnelian.encodings.stream cimport Stream
from carnelian.encodings.stream_group cimport ENTRIES_READ_UNKNOWN, StreamGroup
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id_equal, stream_id_is_zero, stream_id_less, stream_id_max,
)


cdef bint stream_has_tombstones(const Stream *s, StreamId start, StreamId end) noexcept nogil:
    if s.length == 0 or stream_id_is_zero(s.max_deleted_id):
        return False
    return not (stream_id_less(s.max_deleted_id, start) or stream_id_less(end, s.max_deleted_id))


cdef int64_t stream_entries_up_to(const Stream *s, StreamId id) noexcept nogil:
    if s.entries_added == 0:
        return 0
    if s.length == 0 and not stream_id_less(s.last_id, id):
        return <int64_t>s.entries_added
    if not stream_id_is_zero(id) and stream_id_less(id, s.max_deleted_id):
        return ENTRIES_READ_UNKNOWN
    if stream_id_equal(id, s.last_id):
        return <int64_t>s.entries_added
    if stream_id_less(s.last_id, id):       # an ID of the future
        return ENTRIES_READ_UNKNOWN
    if stream_id_is_zero(s.max_deleted_id) or stream_id_less(s.max_deleted_id, s.first_id):
        if stream_id_less(id, s.first_id):
            return <int64_t>(s.entries_added - s.length)
        if stream_id_equal(id, s.first_id):
            return <int64_t>(s.entries_added - s.length + 1)
    return ENTRIES_READ_UNKNOWN


cdef int64_t stream_clamp_read(const Stream *s, int64_t entries_read) noexcept nogil:
    return min(entries_read, <int64_t>s.entries_added)


cdef bint stream_group_lag(const Stream *s, const StreamGroup *group, int64_t *lag) noexcept nogil:
    cdef int64_t entries_read = stream_clamp_read(s, group.entries_read)
    lag[0] = 0
    if s.entries_added == 0 or s.length == 0:
        return True
    if (stream_id_less(group.last_id, s.first_id)
            and stream_id_less(s.max_deleted_id, s.first_id)):
        lag[0] = <int64_t>s.length
        return True
    if (entries_read == ENTRIES_READ_UNKNOWN
            or stream_has_tombstones(s, group.last_id, stream_id_max())):
        entries_read = stream_entries_up_to(s, group.last_id)
        if entries_read == ENTRIES_READ_UNKNOWN:
            return False
    lag[0] = <int64_t>s.entries_added - entries_read
    return True


cdef bint stream_group_advance(const Stream *s, StreamGroup *group, StreamId id) noexcept nogil:
    if not stream_id_less(group.last_id, id):
        return False
    if (group.entries_read != ENTRIES_READ_UNKNOWN
            and not stream_has_tombstones(s, group.last_id, stream_id_max())):
        group.entries_read = stream_clamp_read(s, group.entries_read + 1)
    elif s.entries_added:
        group.entries_read = stream_entries_up_to(s, id)
    group.last_id = id
    return True
