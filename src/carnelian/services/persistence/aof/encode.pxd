"""Commands as RESP bytes in a growing buffer: what an append-only file consists of.

    *3\\r\\n$3\\r\\nSET\\r\\n$3\\r\\nkey\\r\\n$5\\r\\nvalue\\r\\n

Owner of the memory: whoever holds the LogOut, until log_out_free. Writing never fails.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice


cdef struct LogOut:            # all zero: empty
    char *bytes
    size_t used
    size_t capacity

cdef void log_out_free(LogOut *out) noexcept nogil
cdef void log_reserve(LogOut *out, size_t more) noexcept nogil
cdef void log_put_raw(LogOut *out, const char *p, size_t n) noexcept nogil
# The head of a command of so many words, each of which is then put.
cdef void log_put_head(LogOut *out, size_t words) noexcept nogil
cdef void log_put_word(LogOut *out, const char *p, size_t n) noexcept nogil
cdef void log_put_text(LogOut *out, const char *word) noexcept nogil           # NUL-terminated
cdef void log_put_int(LogOut *out, int64_t value) noexcept nogil               # as a word
cdef void log_put_command(LogOut *out, const Slice *argv, int argc) noexcept nogil
