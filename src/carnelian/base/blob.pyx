"""Blobs: creation, the last release, growth of an unshared one."""

from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc, mem_usable


cdef Blob *blob_new(size_t length) noexcept nogil:
    cdef Blob *blob = <Blob *>mem_alloc(sizeof(Blob) + length)
    blob.refs = 1
    blob.pad = 0
    blob.len = length
    blob.capacity = mem_usable(blob) - sizeof(Blob)
    return blob


cdef Blob *blob_from(const char *p, size_t length) noexcept nogil:
    cdef Blob *blob = blob_new(length)
    memcpy(blob_data(blob), p, length)
    return blob


cdef void blob_release(Blob *blob) noexcept nogil:
    if blob != NULL and atomic_sub(&blob.refs, 1, ATOMIC_ACQ_REL) == 0:
        mem_free(blob)


cdef Blob *blob_resize(Blob *blob, size_t length) noexcept nogil:
    """Bytes past the old length are undefined. Growth leaves room for more of it."""
    cdef size_t wanted = length
    if length > blob.capacity:
        wanted += length if length < 1 << 20 else 1 << 20
    if length > blob.capacity or length < blob.capacity >> 2:
        blob = <Blob *>mem_realloc(blob, sizeof(Blob) + wanted)
        blob.capacity = mem_usable(blob) - sizeof(Blob)
    blob.len = length
    return blob


cdef size_t blob_memory(Blob *blob) noexcept nogil:
    return mem_usable(blob)
