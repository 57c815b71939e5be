"""The poll(2) backend, for any POSIX system. Costs O(descriptors) per turn."""

from libc.errno cimport EINTR, errno
from libc.string cimport memset

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.net.poller cimport EVENTS_MAX, HANGUP, READABLE, WRITABLE, Event, Poller


cdef extern from "poll.h" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout)
    const short POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL


cdef class PollPoller(Poller):
    cdef pollfd *fds
    cdef int count
    cdef int capacity
    cdef int *place            # index in fds by descriptor, -1 for none
    cdef int place_capacity
    # where the next turn starts to look, so that low indexes do not starve the rest
    cdef int first

    def __cinit__(self):
        self.name = "poll"

    def __dealloc__(self):
        mem_free(self.fds)
        mem_free(self.place)

    cdef void reserve(self, int fd) noexcept:
        cdef int capacity = self.place_capacity
        if fd >= capacity:
            self.place_capacity = max(fd + 1, capacity * 2, 64)
            self.place = <int *>mem_realloc(self.place, self.place_capacity * sizeof(int))
            memset(self.place + capacity, 0xFF, (self.place_capacity - capacity) * sizeof(int))
        if self.count == self.capacity:
            self.capacity = max(self.capacity * 2, 64)
            self.fds = <pollfd *>mem_realloc(self.fds, self.capacity * sizeof(pollfd))

    cdef int add(self, int fd, int mask) except -1:
        self.reserve(fd)
        self.place[fd] = self.count
        self.fds[self.count].fd = fd
        self.count += 1
        return self.change(fd, mask)

    cdef int change(self, int fd, int mask) except -1:
        self.fds[self.place[fd]].events = (
            (POLLIN if mask & READABLE else 0) | (POLLOUT if mask & WRITABLE else 0))
        return 0

    cdef void remove(self, int fd) noexcept:
        cdef int at = self.place[fd] if fd < self.place_capacity else -1
        if at < 0:
            return
        self.place[fd] = -1
        self.count -= 1
        if at != self.count:
            self.fds[at] = self.fds[self.count]
            self.place[self.fds[at].fd] = at

    cdef int wait(self, Event *events, int timeout_ms) except -1:
        cdef int n
        cdef int i
        cdef int at
        cdef int found = 0
        cdef short got
        with nogil:
            n = 0
            for _i in range(self.spins):
                n = poll(self.fds, self.count, 0)
                if n:
                    break
            if n == 0:
                n = poll(self.fds, self.count, timeout_ms)
        if n < 0:
            if errno == EINTR:
                return 0
            raise OSError(errno, "poll")
        if n == 0:
            return 0
        for i in range(self.count):
            at = (self.first + i) % self.count
            got = self.fds[at].revents
            if not got:
                continue
            events[found].fd = self.fds[at].fd
            events[found].mask = (
                (READABLE if got & (POLLIN | POLLERR | POLLHUP | POLLNVAL) else 0)
                | (WRITABLE if got & (POLLOUT | POLLERR) else 0)
                | (HANGUP if got & (POLLERR | POLLHUP | POLLNVAL) else 0))
            found += 1
            if found == n or found == EVENTS_MAX:
                break
        self.first = (at + 1) % self.count
        return found
