"""Commands as RESP: what append-only files and the replication stream consist of.

    *3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nkey\\r\\n$5\\r\\nvalue\\r\\n

Into room of the caller's (`command_size_max` says how much), or into a CommandBuffer that grows.
Owner of its memory: whoever holds it, until command_buffer_free. Writing never fails.
"""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport INT64_CHARS_MAX, format_int64
from carnelian.base.native cimport likely
from carnelian.base.slice cimport Slice


cdef enum:
    COMMAND_HEAD_MAX = INT64_CHARS_MAX + 3     # a marker, a number, CRLF


cdef struct CommandBuffer:     # all zero: empty
    char *bytes
    size_t used
    size_t capacity


cdef inline char *command_head(char *at, char mark, size_t number) noexcept nogil:
    """A marker and a number; behind them."""
    at[0] = mark
    if likely(number < 10):
        at[1] = <char>(48 + number)
        at += 2
    else:
        at += 1 + format_int64(at + 1, <int64_t>number)
    at[0] = 13
    at[1] = 10
    return at + 2


# How much room a command needs at most.
cdef size_t command_size_max(const Slice *argv, int argc) noexcept nogil
# Writes it there; behind it.
cdef char *command_write(char *at, const Slice *argv, int argc) noexcept nogil

cdef void command_buffer_free(CommandBuffer *out) noexcept nogil
cdef void command_reserve(CommandBuffer *out, size_t more) noexcept nogil
cdef void command_put(CommandBuffer *out, const Slice *argv, int argc) noexcept nogil
# Bytes as they are.
cdef void command_put_raw(CommandBuffer *out, const char *p, size_t n) noexcept nogil
# The head of a command of so many words, each of which is then put.
cdef void command_put_head(CommandBuffer *out, size_t words) noexcept nogil
cdef void command_put_word(CommandBuffer *out, const char *p, size_t n) noexcept nogil
cdef void command_put_text(CommandBuffer *out, const char *word) noexcept nogil  # NUL-terminated
cdef void command_put_int(CommandBuffer *out, int64_t value) noexcept nogil      # as a word
