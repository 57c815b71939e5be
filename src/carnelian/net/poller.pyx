"""The base class of the polling backends."""


cdef class Poller:
    cdef int add(self, int fd, int mask) except -1:
        raise NotImplementedError

    cdef int change(self, int fd, int mask) except -1:
        raise NotImplementedError

    cdef void remove(self, int fd) noexcept:
        pass

    cdef int wait(self, Event *events, int timeout_ms) except -1:
        raise NotImplementedError
