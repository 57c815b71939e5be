"""Who an event loop calls; see channel.pxd."""


cdef class Channel:
    cdef int handle(self, int mask) except -1:
        return 0

    cdef int flush(self) except -1:
        return 0
