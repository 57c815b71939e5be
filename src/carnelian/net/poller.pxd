"""Waiting for descriptors: the interface of the epoll and poll backends. Level-triggered."""

cdef enum:
    READABLE = 1
    WRITABLE = 2
    HANGUP = 4                 # error or hang-up; comes with READABLE so that a read meets it
    RESUME = 8                 # no event: the channel had more to do than one turn should hold

cdef enum:
    EVENTS_MAX = 1024

cdef struct Event:
    int fd
    int mask


cdef class Poller:
    cdef readonly str name
    cdef int spins                 # times to ask before sleeping

    cdef int add(self, int fd, int mask) except -1
    cdef int change(self, int fd, int mask) except -1
    cdef void remove(self, int fd) noexcept
    # fills `events`, EVENTS_MAX at most, returns how many; -1 ms: for ever
    cdef int wait(self, Event *events, int timeout_ms) except -1
