"""Commands as RESP bytes; see encode.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, strlen

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport likely
from carnelian.base.numbers cimport INT64_CHARS_MAX, format_int64
from carnelian.base.slice cimport Slice


cdef enum:
    FIRST_SIZE = 4096
    HEAD_MAX = INT64_CHARS_MAX + 3     # a marker, a number, CRLF


cdef void log_out_free(LogOut *out) noexcept nogil:
    mem_free(out.bytes)
    out.bytes = NULL
    out.used = out.capacity = 0


cdef void log_reserve(LogOut *out, size_t more) noexcept nogil:
    if out.capacity - out.used >= more:
        return
    out.capacity = max(out.capacity * 2, out.used + more, <size_t>FIRST_SIZE)
    out.bytes = <char *>mem_realloc(out.bytes, out.capacity)


cdef void log_put_raw(LogOut *out, const char *p, size_t n) noexcept nogil:
    log_reserve(out, n)
    memcpy(out.bytes + out.used, p, n)
    out.used += n


cdef inline char *head(char *at, char mark, size_t number) noexcept nogil:
    at[0] = mark
    if likely(number < 10):
        at[1] = <char>(48 + number)
        at += 2
    else:
        at += 1 + format_int64(at + 1, <int64_t>number)
    at[0] = 13
    at[1] = 10
    return at + 2


cdef inline char *word(char *at, const char *p, size_t n) noexcept nogil:
    at = head(at, 36, n)
    memcpy(at, p, n)
    at[n] = 13
    at[n + 1] = 10
    return at + n + 2


cdef void log_put_head(LogOut *out, size_t words) noexcept nogil:
    log_reserve(out, HEAD_MAX)
    out.used = <size_t>(head(out.bytes + out.used, 42, words) - out.bytes)


cdef void log_put_word(LogOut *out, const char *p, size_t n) noexcept nogil:
    log_reserve(out, n + HEAD_MAX + 2)
    out.used = <size_t>(word(out.bytes + out.used, p, n) - out.bytes)


cdef void log_put_text(LogOut *out, const char *word) noexcept nogil:
    log_put_word(out, word, strlen(word))


cdef void log_put_int(LogOut *out, int64_t value) noexcept nogil:
    cdef char text[INT64_CHARS_MAX]
    log_put_word(out, text, format_int64(text, value))


cdef void log_put_command(LogOut *out, const Slice *argv, int argc) noexcept nogil:
    cdef size_t size = HEAD_MAX
    cdef char *at
    cdef int i
    for i in range(argc):
        size += argv[i].len + HEAD_MAX + 2
    log_reserve(out, size)
    at = head(out.bytes + out.used, 42, <size_t>argc)
    for i in range(argc):
        at = word(at, argv[i].ptr, argv[i].len)
    out.used = <size_t>(at - out.bytes)
