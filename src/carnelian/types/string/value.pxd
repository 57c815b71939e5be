"""String values: bytes inside the entry while short, a shared Blob when long."""

from carnelian.base.slice cimport Slice
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport (
    POINTER, Entry, entry_pointer, entry_value_len, entry_value_ptr,
)
from carnelian.base.blob cimport Blob, blob_data


cdef enum:
    INLINE_MAX = 1024          # longer strings are Blobs

cdef inline Slice text_value(Entry *e) noexcept nogil:
    """The bytes of a string entry, valid until the entry changes."""
    cdef Slice s
    cdef Blob *blob
    if e.flags & POINTER:
        blob = <Blob *>entry_pointer(e)
        s.ptr = blob_data(blob)
        s.len = blob.len
    else:
        s.ptr = entry_value_ptr(e)
        s.len = entry_value_len(e)
    return s

# Give an existing string entry new bytes (which must not lie in it); form flags are cleared.
cdef void text_assign(KeyRef *ref, const char *p, size_t n) noexcept nogil
# Add an absent key as a string.
cdef void text_create(KeyRef *ref, const char *p, size_t n) noexcept nogil
# Make the string `n` bytes long, keeping what fits; new bytes are zero. The address is good for
# writing.
cdef char *text_resize(KeyRef *ref, size_t n) noexcept nogil
# OBJECT ENCODING's word: Redis stores integers as such and up to 44 bytes beside the object.
cdef const char *text_encoding(Entry *e) noexcept nogil
# The bytes for writing in place: a Blob that replies still hold is copied first.
cdef char *text_writable(KeyRef *ref) noexcept nogil
