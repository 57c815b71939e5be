"""Stream IDs: arithmetic and text. Contracts are in the .pxd."""

from libc.stdint cimport UINT64_MAX, uint64_t
from libc.string cimport memchr

from carnelian.base.numbers cimport format_uint64, parse_uint64_lenient
from carnelian.base.slice cimport Slice

cdef enum:
    TEXT_LEN_MAX = 127      # Redis copies the argument to a buffer of 128 bytes


cdef bint stream_id_incr(StreamId *id) noexcept nogil:
    id.seq += 1
    if id.seq == 0:
        id.ms += 1
        return id.ms != 0
    return True


cdef bint stream_id_decr(StreamId *id) noexcept nogil:
    id.seq -= 1
    if id.seq == UINT64_MAX:
        id.ms -= 1
        return id.ms != UINT64_MAX
    return True


cdef bint parse_part(const char *p, size_t n, uint64_t *out) noexcept nogil:
    """Redis falls back to strtoull, which skips blanks in front."""
    while n > 1 and (p[0] == 32 or 9 <= p[0] <= 13):
        p += 1
        n -= 1
    return parse_uint64_lenient(p, n, out)


cdef bint stream_id_parse(
    Slice text, uint64_t missing_seq, bint strict, StreamId *id, bint *seq_given
) noexcept nogil:
    cdef const char *dash
    cdef size_t ms_len = text.len
    cdef StreamId parsed
    if seq_given != NULL:
        seq_given[0] = True
    if text.len == 0 or text.len > TEXT_LEN_MAX:
        return False
    if text.len == 1 and (text.ptr[0] == 45 or text.ptr[0] == 43):      # - or +
        if strict:
            return False
        id[0] = stream_id_min() if text.ptr[0] == 45 else stream_id_max()
        return True
    dash = <const char *>memchr(text.ptr, 45, text.len)
    if dash != NULL:
        ms_len = <size_t>(dash - text.ptr)
    if not parse_part(text.ptr, ms_len, &parsed.ms):
        return False
    parsed.seq = missing_seq
    if dash != NULL:
        if seq_given != NULL and text.len - ms_len == 2 and dash[1] == 42:      # *
            parsed.seq = 0
            seq_given[0] = False
        elif not parse_part(dash + 1, text.len - ms_len - 1, &parsed.seq):
            return False
    id[0] = parsed
    return True


cdef int stream_id_format(char *out, StreamId id) noexcept nogil:
    cdef int n = format_uint64(out, id.ms)
    out[n] = 45
    return n + 1 + format_uint64(out + n + 1, id.seq)
