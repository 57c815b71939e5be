"""What all types have in common natively: freeing a value and telling its size."""

from carnelian.keyspace.entry cimport Entry


cdef void value_free(int kind, void *value) noexcept nogil      # may run on a background thread
cdef size_t value_bytes(int kind, void *value) noexcept nogil
# How many blocks freeing would touch: above a threshold the work goes to the background.
cdef size_t value_effort(int kind, void *value) noexcept nogil
cdef void entry_free(Entry *e) noexcept nogil                   # entry and value, here and now
