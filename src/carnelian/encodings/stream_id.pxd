"""Stream IDs: a time in milliseconds and a sequence number, ordered as one 128-bit number."""

from libc.stdint cimport UINT64_MAX, uint64_t

from carnelian.base.slice cimport Slice


cdef struct StreamId:
    uint64_t ms
    uint64_t seq

cdef enum:
    STREAM_ID_CHARS_MAX = 41


cdef inline StreamId stream_id(uint64_t ms, uint64_t seq) noexcept nogil:
    cdef StreamId id
    id.ms = ms
    id.seq = seq
    return id


cdef inline StreamId stream_id_min() noexcept nogil:
    return stream_id(0, 0)


cdef inline StreamId stream_id_max() noexcept nogil:
    return stream_id(UINT64_MAX, UINT64_MAX)


cdef inline bint stream_id_less(StreamId a, StreamId b) noexcept nogil:
    return a.ms < b.ms or (a.ms == b.ms and a.seq < b.seq)


cdef inline bint stream_id_equal(StreamId a, StreamId b) noexcept nogil:
    return a.ms == b.ms and a.seq == b.seq


cdef inline bint stream_id_is_zero(StreamId a) noexcept nogil:
    return a.ms == 0 and a.seq == 0


# The next and the previous ID; 0 if there is none, and then it wraps around.
cdef bint stream_id_incr(StreamId *id) noexcept nogil
cdef bint stream_id_decr(StreamId *id) noexcept nogil

# "ms", "ms-seq" and, unless `strict`, "-" and "+". Without a sequence number it is `missing_seq`.
# With `seq_given` not NULL (XADD), "ms-*" is taken too and clears it. 0 if the text is no ID.
cdef bint stream_id_parse(
    Slice text, uint64_t missing_seq, bint strict, StreamId *id, bint *seq_given
) noexcept nogil

# Writes "ms-seq" without a NUL; returns the length.
cdef int stream_id_format(char *out, StreamId id) noexcept nogil
