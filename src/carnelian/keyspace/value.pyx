"""One place that knows which structure hides behind a pointer value, by type and encoding."""

from carnelian.base.blob cimport Blob, blob_release
from carnelian.base.memory cimport mem_free, mem_usable
from carnelian.keyspace.entry cimport ENC_BLOB, POINTER, entry_pointer


cdef void value_free(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        blob_release(<Blob *>value)


cdef size_t value_bytes(int kind, void *value) noexcept nogil:
    cdef int encoding = kind >> 4
    if encoding == ENC_BLOB:
        return mem_usable(value)
    return 0


cdef size_t value_effort(int kind, void *value) noexcept nogil:
    return 1


cdef void entry_free(Entry *e) noexcept nogil:
    if e.flags & POINTER:
        value_free(e.kind, entry_pointer(e))
    mem_free(e)
