"""Commands as RESP; see command_writer.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy, strlen

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.numbers cimport INT64_CHARS_MAX, format_int64
from carnelian.base.slice cimport Slice


cdef enum:
    FIRST_SIZE = 4096


cdef inline char *word(char *at, const char *p, size_t n) noexcept nogil:
    at = command_head(at, 36, n)
    memcpy(at, p, n)
    at[n] = 13
    at[n + 1] = 10
    return at + n + 2


cdef size_t command_size_max(const Slice *argv, int argc) noexcept nogil:
    cdef size_t size = COMMAND_HEAD_MAX
    cdef int i
    for i in range(argc):
        size += argv[i].len + COMMAND_HEAD_MAX + 2
    return size


cdef char *command_write(char *at, const Slice *argv, int argc) noexcept nogil:
    cdef int i
    at = command_head(at, 42, <size_t>argc)
    for i in range(argc):
        at = word(at, argv[i].ptr, argv[i].len)
    return at


# --- the buffer ---

cdef void command_buffer_free(CommandBuffer *out) noexcept nogil:
    mem_free(out.bytes)
    out.bytes = NULL
    out.used = out.capacity = 0


cdef void command_reserve(CommandBuffer *out, size_t more) noexcept nogil:
    if out.capacity - out.used >= more:
        return
    out.capacity = max(out.capacity * 2, out.used + more, <size_t>FIRST_SIZE)
    out.bytes = <char *>mem_realloc(out.bytes, out.capacity)


cdef inline void advance_to(CommandBuffer *out, char *end) noexcept nogil:
    out.used = <size_t>(end - out.bytes)


cdef void command_put(CommandBuffer *out, const Slice *argv, int argc) noexcept nogil:
    command_reserve(out, command_size_max(argv, argc))
    advance_to(out, command_write(out.bytes + out.used, argv, argc))


cdef void command_put_raw(CommandBuffer *out, const char *p, size_t n) noexcept nogil:
    command_reserve(out, n)
    memcpy(out.bytes + out.used, p, n)
    out.used += n


cdef void command_put_head(CommandBuffer *out, size_t words) noexcept nogil:
    command_reserve(out, COMMAND_HEAD_MAX)
    advance_to(out, command_head(out.bytes + out.used, 42, words))


cdef void command_put_word(CommandBuffer *out, const char *p, size_t n) noexcept nogil:
    command_reserve(out, n + COMMAND_HEAD_MAX + 2)
    advance_to(out, word(out.bytes + out.used, p, n))


cdef void command_put_text(CommandBuffer *out, const char *word) noexcept nogil:
    command_put_word(out, word, strlen(word))


cdef void command_put_int(CommandBuffer *out, int64_t value) noexcept nogil:
    cdef char text[INT64_CHARS_MAX]
    command_put_word(out, text, format_int64(text, value))
