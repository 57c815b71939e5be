"""Waiting for descriptors: the interface of the epoll and poll backends. Level-triggered."""

cdef enum:
    READABLE = 1
    WRITABLE = 2
    HANGUP = 4                 # error or hang-up; comes with READABLE so that a read meets it

cdef enum:
    EVENTS_MAX = 1024

cdef struct Event:
    int fd
    int mask


cdef class Poller:
    cdef Event events[EVENTS_MAX]
    cdef readonly str name
    cdef int spins                 # times to ask before sleeping

    cdef int add(self, int fd, int mask) except -1
    cdef int change(self, int fd, int mask) except -1
    cdef void remove(self, int fd) noexcept
    # fills `events`, returns how many; -1 ms: for ever
    cdef int wait(self, int timeout_ms) except -1
