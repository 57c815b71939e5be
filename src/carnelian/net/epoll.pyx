"""The Linux backend."""

from libc.errno cimport EINTR, errno
from libc.stdint cimport uint32_t, uint64_t
from posix.unistd cimport close

from carnelian.net.poller cimport EVENTS_MAX, HANGUP, READABLE, WRITABLE, Event, Poller


cdef extern from "sys/epoll.h" nogil:
    ctypedef union epoll_data_t:
        int fd
        uint64_t u64
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epfd, int op, int fd, epoll_event *event)
    int epoll_wait(int epfd, epoll_event *events, int maxevents, int timeout)
    const int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL
    const uint32_t EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP


cdef class EpollPoller(Poller):
    cdef int epfd
    cdef epoll_event ready[EVENTS_MAX]

    def __cinit__(self):
        self.name = "epoll"
        self.epfd = epoll_create1(EPOLL_CLOEXEC)
        if self.epfd < 0:
            raise OSError(errno, "epoll_create1")

    def __dealloc__(self):
        if self.epfd >= 0:
            close(self.epfd)

    cdef int control(self, int op, int fd, int mask) except -1:
        cdef epoll_event event
        event.data.u64 = 0
        event.data.fd = fd
        event.events = (EPOLLIN if mask & READABLE else 0) | (EPOLLOUT if mask & WRITABLE else 0)
        if epoll_ctl(self.epfd, op, fd, &event) < 0:
            raise OSError(errno, "epoll_ctl")
        return 0

    cdef int add(self, int fd, int mask) except -1:
        return self.control(EPOLL_CTL_ADD, fd, mask)

    cdef int change(self, int fd, int mask) except -1:
        return self.control(EPOLL_CTL_MOD, fd, mask)

    cdef void remove(self, int fd) noexcept:
        cdef epoll_event event
        epoll_ctl(self.epfd, EPOLL_CTL_DEL, fd, &event)

    cdef int wait(self, Event *events, int timeout_ms) except -1:
        cdef int n
        cdef int i
        cdef uint32_t got
        with nogil:
            n = 0
            for _i in range(self.spins):
                n = epoll_wait(self.epfd, self.ready, EVENTS_MAX, 0)
                if n:
                    break
            if n == 0:
                n = epoll_wait(self.epfd, self.ready, EVENTS_MAX, timeout_ms)
        if n < 0:
            if errno == EINTR:
                return 0
            raise OSError(errno, "epoll_wait")
        for i in range(n):
            got = self.ready[i].events
            events[i].fd = self.ready[i].data.fd
            events[i].mask = (
                (READABLE if got & (EPOLLIN | EPOLLERR | EPOLLHUP) else 0)
                | (WRITABLE if got & (EPOLLOUT | EPOLLERR) else 0)
                | (HANGUP if got & (EPOLLERR | EPOLLHUP) else 0))
        return n
