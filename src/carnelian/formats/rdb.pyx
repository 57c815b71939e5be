"""RDB primitives; see rdb.pxd.

A length is 1, 2, 5 or 9 bytes; the two top bits of the first say which:

    00 llllll                    6 bits
    01 llllll llllllll           14 bits
    10 000000 + 4 bytes          32 bits, big-endian
    10 000001 + 8 bytes          64 bits, big-endian
    11 eeeeee                    not a length: an integer of 1, 2 or 4 bytes, or a compressed string
"""

from libc.errno cimport EINTR, errno
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from posix.unistd cimport write

from carnelian.base.crc64 cimport crc64
from carnelian.base.lzf cimport lzf_compress, lzf_decompress
from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.native cimport load16, load32, load64, unlikely
from carnelian.base.numbers cimport format_int64, parse_double, parse_int64
from carnelian.base.slice cimport Slice
from carnelian.base.write_back cimport write_back_after


cdef extern from * nogil:
    uint32_t swap32 "__builtin_bswap32"(uint32_t value)
    uint64_t swap64 "__builtin_bswap64"(uint64_t value)

cdef enum:
    BUFFER_SIZE = 1 << 18
    BUILT_SIZE = 4096
    COMPRESS_MIN = 20              # shorter strings are not worth trying
    INT_TEXT_MAX = 11
    ENC_INT8 = 0
    ENC_INT16 = 1
    ENC_INT32 = 2
    ENC_LZF = 3
    RATIO_MAX = 1 << 12            # nothing LZF writes expands by more; a larger claim is corrupt


# --- reading ---

cdef int rdb_magic_version(const uint8_t *p, int *told) noexcept nogil:
    cdef bint valkey = memcmp(p, b"VALKEY", 6) == 0
    cdef int i
    if not valkey and memcmp(p, b"REDIS", 5) != 0:
        return 0
    told[0] = 0
    for i in range(6 if valkey else 5, RDB_MAGIC_SIZE):
        if not c'0' <= p[i] <= c'9':
            return 0
        told[0] = told[0] * 10 + p[i] - c'0'
    if not rdb_reads_version(told[0]) or valkey != (told[0] >= RDB_VERSION_VALKEY):
        return -1
    return told[0]


cdef void rdb_in_init(RdbIn *r, const char *p, size_t n) noexcept nogil:
    memset(r, 0, sizeof(RdbIn))
    r.start = r.at = r.kept = <const uint8_t *>p
    r.end = r.start + n


cdef void rdb_in_free(RdbIn *r) noexcept nogil:
    mem_free(r.scratch)
    mem_free(r.built)
    r.scratch = r.built = NULL
    r.scratch_size = r.built_size = 0


cdef bint rdb_fail(RdbIn *r, const char *error) noexcept nogil:
    if r.error == NULL:
        r.error = error
        r.error_at = r.at
    return False


cdef bint run_out(RdbIn *r, size_t n) noexcept nogil:
    """`n` bytes more are not there."""
    if r.error == NULL and r.streamed:
        r.starved = True
        r.needed = <size_t>(r.at - r.start) + n
    return rdb_fail(r, b"unexpected end of data")


cdef bint rdb_bytes(RdbIn *r, size_t n, const uint8_t **out) noexcept nogil:
    if unlikely(r.error != NULL or <size_t>(r.end - r.at) < n):
        return run_out(r, n)
    out[0] = r.at
    r.at += n
    return True


cdef bint rdb_byte(RdbIn *r, uint8_t *out) noexcept nogil:
    cdef const uint8_t *p = NULL
    if not rdb_bytes(r, 1, &p):
        return False
    out[0] = p[0]
    return True


cdef bint rdb_fixed32(RdbIn *r, uint32_t *out) noexcept nogil:
    cdef const uint8_t *p = NULL
    if not rdb_bytes(r, 4, &p):
        return False
    out[0] = load32(p)
    return True


cdef bint rdb_fixed64(RdbIn *r, uint64_t *out) noexcept nogil:
    cdef const uint8_t *p = NULL
    if not rdb_bytes(r, 8, &p):
        return False
    out[0] = load64(p)
    return True


cdef bint length_or_encoding(RdbIn *r, uint64_t *out, bint *encoded) noexcept nogil:
    cdef uint8_t first = 0
    cdef const uint8_t *p = NULL
    encoded[0] = False
    if not rdb_byte(r, &first):
        return False
    if first >> 6 == 0:
        out[0] = first
    elif first >> 6 == 1:
        if not rdb_bytes(r, 1, &p):
            return False
        out[0] = <uint64_t>(first & 63) << 8 | p[0]
    elif first == 0x80:
        if not rdb_bytes(r, 4, &p):
            return False
        out[0] = swap32(load32(p))
    elif first == 0x81:
        if not rdb_bytes(r, 8, &p):
            return False
        out[0] = swap64(load64(p))
    elif first >> 6 == 3:
        out[0] = first & 63
        encoded[0] = True
    else:
        return rdb_fail(r, b"unknown length encoding")
    return True


cdef bint rdb_length(RdbIn *r, uint64_t *out) noexcept nogil:
    cdef bint encoded = False
    if not length_or_encoding(r, out, &encoded):
        return False
    if encoded:
        return rdb_fail(r, b"a string encoding where a length belongs")
    return True


cdef bint rdb_count(RdbIn *r, size_t each, uint64_t *out) noexcept nogil:
    if not rdb_length(r, out):
        return False
    if not r.streamed and out[0] > <uint64_t>(r.end - r.at) // each:
        return rdb_fail(r, b"more elements announced than the data can hold")
    return True


cdef bint rdb_begin(RdbIn *r, RdbValue *v, size_t each) noexcept nogil:
    if v.begun:
        return True
    if not rdb_count(r, each, &v.count):
        return False
    v.left = v.count
    v.begun = True
    rdb_keep(r)
    return True


cdef char *scratch_of(RdbIn *r, size_t n) noexcept nogil:
    if r.scratch_size < n:
        mem_free(r.scratch)
        r.scratch = <char *>mem_alloc(n)
        r.scratch_size = n
    return r.scratch


cdef bint integer_string(RdbIn *r, uint64_t encoding, Slice *out) noexcept nogil:
    cdef const uint8_t *p = NULL
    cdef int64_t value
    if not rdb_bytes(r, <size_t>1 << encoding, &p):
        return False
    if encoding == ENC_INT8:
        value = <int8_t>p[0]
    elif encoding == ENC_INT16:
        value = <int16_t>load16(p)
    else:
        value = <int32_t>load32(p)
    out.ptr = scratch_of(r, 24)
    out.len = format_int64(r.scratch, value)
    return True


cdef bint compressed_string(RdbIn *r, Slice *out) noexcept nogil:
    cdef uint64_t packed = 0
    cdef uint64_t length = 0
    cdef const uint8_t *p = NULL
    if not rdb_length(r, &packed) or not rdb_length(r, &length):
        return False
    if length == 0 or length > STRING_MAX or packed > length or length // RATIO_MAX > packed:
        return rdb_fail(r, b"compressed string of an impossible length")
    if not rdb_bytes(r, packed, &p):
        return False
    out.ptr = scratch_of(r, length)
    out.len = length
    if lzf_decompress(<const char *>p, packed, r.scratch, length) != length:
        return rdb_fail(r, b"compressed string does not decompress")
    return True


cdef bint rdb_string(RdbIn *r, Slice *out) noexcept nogil:
    cdef uint64_t length = 0
    cdef bint encoded = False
    cdef const uint8_t *p = NULL
    if not length_or_encoding(r, &length, &encoded):
        return False
    if encoded:
        if length <= ENC_INT32:
            return integer_string(r, length, out)
        if length == ENC_LZF:
            return compressed_string(r, out)
        return rdb_fail(r, b"unknown string encoding")
    if length > STRING_MAX:
        return rdb_fail(r, b"string too long")
    if not rdb_bytes(r, length, &p):
        return False
    out.ptr = <const char *>p
    out.len = length
    return True


cdef bint rdb_skip_strings(RdbIn *r, uint64_t count) noexcept nogil:
    cdef uint64_t length = 0
    cdef uint64_t ignored = 0
    cdef bint encoded = False
    cdef const uint8_t *p = NULL
    while count:
        count -= 1
        if not length_or_encoding(r, &length, &encoded):
            return False
        if encoded and length == ENC_LZF:
            if not rdb_length(r, &length) or not rdb_length(r, &ignored):
                return False
        elif encoded:
            if length > ENC_LZF:
                return rdb_fail(r, b"unknown string encoding")
            length = <uint64_t>1 << length
        if not rdb_bytes(r, length, &p):
            return False
    return True


cdef char *rdb_room(RdbIn *r, size_t n) noexcept nogil:
    if unlikely(r.built_size < n):
        r.built_size = max(n, r.built_size * 2, <size_t>BUILT_SIZE)
        r.built = <char *>mem_realloc(r.built, r.built_size)
    return r.built


cdef bint rdb_double(RdbIn *r, double *out) noexcept nogil:
    cdef uint64_t bits = 0
    if not rdb_fixed64(r, &bits):
        return False
    memcpy(out, &bits, 8)
    return True


cdef bint rdb_text_double(RdbIn *r, double *out) noexcept nogil:
    cdef uint8_t length = 0
    cdef const uint8_t *p = NULL
    if not rdb_byte(r, &length):
        return False
    if length == 255:
        out[0] = -INFINITY
    elif length == 254:
        out[0] = INFINITY
    elif length == 253:
        out[0] = NAN
    else:
        if not rdb_bytes(r, length, &p):
            return False
        if not parse_double(<const char *>p, length, out):
            return rdb_fail(r, b"a score that is no number")
    return True


# --- writing ---

cdef void rdb_out_init(RdbOut *w, int fd) noexcept nogil:
    memset(w, 0, sizeof(RdbOut))
    w.fd = fd
    w.checksum = True
    w.compress = True
    w.capacity = BUFFER_SIZE if fd >= 0 else 256
    w.buffer = <char *>mem_alloc(w.capacity)


cdef void rdb_out_free(RdbOut *w) noexcept nogil:
    mem_free(w.buffer)
    w.buffer = NULL


cdef bint write_all(RdbOut *w, const char *p, size_t n) noexcept nogil:
    cdef ssize_t sent
    if w.checksum:
        w.crc = crc64(w.crc, p, n)
    while n:
        sent = write(w.fd, p, n)
        if sent < 0:
            if errno == EINTR:
                continue
            w.failed = errno
            return False
        p += sent
        n -= <size_t>sent
        w.written += sent
        if w.write_back:
            write_back_after(w.fd, <size_t>(w.written - sent), <size_t>w.written)
    return True


cdef bint rdb_flush(RdbOut *w) noexcept nogil:
    if w.failed:
        return False
    if w.fd >= 0 and w.used:
        if not write_all(w, w.buffer, w.used):
            return False
        w.used = 0
    return True


cdef void rdb_put_slow(RdbOut *w, const char *p, size_t n) noexcept nogil:
    if w.capacity - w.used < n:
        if w.fd < 0:
            w.capacity = (w.used + n) * 2
            w.buffer = <char *>mem_realloc(w.buffer, w.capacity)
        else:
            if not rdb_flush(w):
                return
            if n >= w.capacity:
                write_all(w, p, n)
                return
    memcpy(w.buffer + w.used, p, n)
    w.used += n


cdef void rdb_put_length(RdbOut *w, uint64_t n) noexcept nogil:
    cdef uint8_t head[9]
    if n < 1 << 6:
        head[0] = <uint8_t>n
        rdb_put(w, <char *>head, 1)
    elif n < 1 << 14:
        head[0] = <uint8_t>(64 | n >> 8)
        head[1] = <uint8_t>n
        rdb_put(w, <char *>head, 2)
    elif n <= 0xFFFFFFFFULL:
        head[0] = 0x80
        (<uint32_t *>(head + 1))[0] = swap32(<uint32_t>n)
        rdb_put(w, <char *>head, 5)
    else:
        head[0] = 0x81
        (<uint64_t *>(head + 1))[0] = swap64(n)
        rdb_put(w, <char *>head, 9)


cdef bint put_as_integer(RdbOut *w, const char *p, size_t n) noexcept nogil:
    """Text that is an integer of up to 32 bits takes at most 5 bytes."""
    cdef int64_t value = 0
    cdef uint8_t out[5]
    if not parse_int64(p, n, &value):
        return False
    if -128 <= value <= 127:
        out[0] = 0xC0 | ENC_INT8
        out[1] = <uint8_t>value
        rdb_put(w, <char *>out, 2)
    elif -32768 <= value <= 32767:
        out[0] = 0xC0 | ENC_INT16
        out[1] = <uint8_t>value
        out[2] = <uint8_t>(value >> 8)
        rdb_put(w, <char *>out, 3)
    elif -2147483648LL <= value <= 2147483647:
        out[0] = 0xC0 | ENC_INT32
        (<uint32_t *>(out + 1))[0] = <uint32_t>value
        rdb_put(w, <char *>out, 5)
    else:
        return False
    return True


cdef void rdb_put_plain(RdbOut *w, const char *p, size_t n) noexcept nogil:
    rdb_put_length(w, n)
    rdb_put(w, p, n)


cdef void rdb_put_string(RdbOut *w, const char *p, size_t n) noexcept nogil:
    cdef char *packed
    cdef size_t length
    if n and n <= INT_TEXT_MAX and put_as_integer(w, p, n):
        return
    if w.compress and n > COMPRESS_MIN:
        packed = <char *>mem_alloc(n)
        length = lzf_compress(p, n, packed, n - 4)
        if length:
            rdb_put_byte(w, 0xC0 | ENC_LZF)
            rdb_put_length(w, length)
            rdb_put_length(w, n)
            rdb_put(w, packed, length)
            mem_free(packed)
            return
        mem_free(packed)
    rdb_put_plain(w, p, n)
