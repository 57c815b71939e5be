"""What all types have in common natively: freeing and copying a value, telling its size."""

from carnelian.keyspace.entry cimport Entry


cdef void value_free(int kind, void *value) noexcept nogil      # may run on a background thread
# A deep copy for COPY; long strings are shared, as they are copied on writing.
cdef void *value_copy(int kind, void *value) noexcept nogil
cdef size_t value_bytes(int kind, void *value) noexcept nogil
# How many blocks freeing would touch: above a threshold the work goes to the background.
cdef size_t value_effort(int kind, void *value) noexcept nogil
cdef void entry_free(Entry *e) noexcept nogil                   # entry and value, here and now
# The same value under another key, without expiry.
cdef Entry *entry_copy(Entry *e, const char *key, size_t key_len) noexcept nogil
