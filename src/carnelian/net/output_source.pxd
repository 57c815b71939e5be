"""What a connection sends behind its replies, straight from the memory it lies in.

A service sets `Connection.source` and calls `Connection.wrote` when there is more. Belongs to the
loop's thread; the memory handed out stays as it is until the connection's next `took`.
"""

from libc.stdint cimport int64_t

from carnelian.resp.reply cimport iovec


cdef class OutputSource:
    # how many parts were filled; 0: nothing to send now
    cdef int fill(self, iovec *parts, int count_max) except -1
    cdef int took(self, size_t n) except -1    # so many bytes went out
    # commands of the client have been answered: the reply is not empty
    cdef int replied(self) except -1
    cdef int64_t waiting(self) noexcept        # bytes kept for this reader, for its output limit
