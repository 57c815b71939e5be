"""An immutable run of bytes with a reference count: a long string that a key, replies and AOF
buffers share.

    +------+-----+-----+----------+----------------------+
    | refs | pad | len | capacity | data (capacity bytes) |
    +------+-----+-----+----------+----------------------+

Owner: whoever holds a reference; the last `blob_release` frees it, on any thread. The bytes may be
written only while `blob_is_shared` is false.
"""

from libc.stdint cimport uint32_t


cdef struct Blob:
    uint32_t refs
    uint32_t pad
    size_t len
    size_t capacity


cdef extern from * nogil:
    const int ATOMIC_RELAXED "__ATOMIC_RELAXED"
    const int ATOMIC_ACQUIRE "__ATOMIC_ACQUIRE"
    const int ATOMIC_ACQ_REL "__ATOMIC_ACQ_REL"
    uint32_t atomic_get "__atomic_load_n"(uint32_t *p, int order)
    uint32_t atomic_add "__atomic_add_fetch"(uint32_t *p, uint32_t n, int order)
    uint32_t atomic_sub "__atomic_sub_fetch"(uint32_t *p, uint32_t n, int order)


cdef inline char *blob_data(Blob *blob) noexcept nogil:
    return <char *>(blob + 1)


cdef inline Blob *blob_retain(Blob *blob) noexcept nogil:
    atomic_add(&blob.refs, 1, ATOMIC_RELAXED)
    return blob


cdef inline bint blob_is_shared(Blob *blob) noexcept nogil:
    return atomic_get(&blob.refs, ATOMIC_ACQUIRE) > 1


cdef Blob *blob_new(size_t length) noexcept nogil                  # one reference, bytes undefined
cdef Blob *blob_from(const char *p, size_t length) noexcept nogil  # one reference, a copy
cdef void blob_release(Blob *blob) noexcept nogil                  # NULL is allowed
cdef Blob *blob_resize(Blob *blob, size_t length) noexcept nogil   # unshared only; may move it
cdef size_t blob_memory(Blob *blob) noexcept nogil                 # bytes it takes, header included
