"""What a connection sends behind its replies; see output_source.pxd."""

from libc.stdint cimport int64_t

from carnelian.resp.reply cimport iovec


cdef class OutputSource:
    cdef int fill(self, iovec *parts, int count_max) except -1:
        return 0

    cdef int took(self, size_t n) except -1:
        return 0

    cdef int replied(self) except -1:
        return 0

    cdef int64_t waiting(self) noexcept:
        return 0
