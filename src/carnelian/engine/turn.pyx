"""Threads take turns with an engine; see turn.pxd."""

from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport (
    NOWAIT_LOCK, PyThread_acquire_lock, PyThread_allocate_lock, PyThread_free_lock,
    PyThread_get_thread_ident, PyThread_release_lock, PyThread_type_lock,
)

from carnelian.base.memory cimport heap_enter
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.session cimport BLOCKED, CLOSED, Session

cdef extern from "pythread.h":
    ctypedef enum PyLockStatus:
        PY_LOCK_ACQUIRED
        PY_LOCK_INTR
    PyLockStatus PyThread_acquire_lock_timed(
        PyThread_type_lock lock, long long microseconds, int interruptible) nogil

cdef double SLEEP_S_MAX = 3600.0


class ForkedError(RuntimeError):
    """The engine belongs to the process this one was forked from."""


class ReentryError(RuntimeError):
    """A thread wants its turn while it has it, or a client while it waits."""


cdef PyThread_type_lock new_lock() except NULL:
    cdef PyThread_type_lock lock = PyThread_allocate_lock()
    if lock == NULL:
        raise MemoryError("no lock to be had")
    return lock


cdef class Waiter:
    def __cinit__(self, Session session):
        self.session = session
        self.wake = new_lock()
        PyThread_acquire_lock(self.wake, NOWAIT_LOCK)

    def __dealloc__(self):
        if self.wake != NULL:
            if not self.woken:
                PyThread_release_lock(self.wake)
            PyThread_free_lock(self.wake)


cdef class Turn:
    """Context manager: inside it the thread has the engine for itself."""

    def __cinit__(self, HeapOwner engine not None):
        self.engine = engine
        self.lock = new_lock()
        self.waiters = []

    def __dealloc__(self):
        # After a fork another thread's turn may have been copied, with nobody to end it.
        if self.lock != NULL and not self.abandoned:
            PyThread_free_lock(self.lock)

    cdef int take(self) except -1:
        """Wait for the turn. What a signal handler raises goes up, without the turn."""
        cdef PyLockStatus status
        if PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            return 0
        while True:
            with nogil:
                status = PyThread_acquire_lock_timed(self.lock, -1, 1)
            if status == PY_LOCK_ACQUIRED:
                return 0
            PyErr_CheckSignals()

    cdef int take_back(self) noexcept:
        """As `take`, whatever signals come."""
        if not PyThread_acquire_lock(self.lock, NOWAIT_LOCK):
            with nogil:
                PyThread_acquire_lock_timed(self.lock, -1, 0)
        self.owner = PyThread_get_thread_ident()
        self.before = heap_enter(self.engine.heap)
        return 0

    cpdef enter(self):
        """Wait for the turn. ForkedError in a child of the engine's process, ReentryError where
        this thread is inside already: in a signal handler or a finalizer."""
        cdef unsigned long here = PyThread_get_thread_ident()
        if self.abandoned:
            raise ForkedError(
                "this engine belongs to the process that this one was forked from: make another")
        if self.owner == here:
            raise ReentryError("this thread is in the middle of a command of the same engine")
        self.take()
        if self.abandoned:             # forked while it waited
            raise ForkedError("this engine belongs to another process")
        self.owner = here
        self.before = heap_enter(self.engine.heap)

    cpdef leave(self):
        """End the turn; whoever has been served in it goes on."""
        cdef Waiter waiter
        heap_enter(self.before)
        if self.abandoned:
            return                     # forked inside: the lock is the other process's
        if self.waiters:
            for item in self.waiters:
                waiter = <Waiter>item
                if not waiter.woken and waiter.session is not None and (
                        not waiter.session.flags & BLOCKED or waiter.session.flags & CLOSED):
                    waiter.woken = True
                    PyThread_release_lock(waiter.wake)
        self.owner = 0
        PyThread_release_lock(self.lock)

    def __enter__(self):
        self.enter()
        return self

    def __exit__(self, *exception):
        self.leave()

    def sleep(self, double seconds):
        """Let others in for a while; inside again afterwards, also when a handler raises."""
        if self.sleep_for(None, seconds):
            self.run_handlers()

    cdef bint sleep_for(self, Session session, double seconds) except -1:
        """Sleep outside until the session is served, at most so long (below 0: no limit). Whether
        a signal ended it, whose handlers are still to run."""
        cdef Waiter waiter = Waiter(session)
        cdef PyLockStatus status
        cdef long long us = -1 if seconds < 0 else <long long>(min(seconds, SLEEP_S_MAX) * 1e6)
        self.waiters.append(waiter)
        self.leave()
        with nogil:
            status = PyThread_acquire_lock_timed(waiter.wake, us, 1)
        self.take_back()
        self.waiters.remove(waiter)
        if status == PY_LOCK_ACQUIRED:
            waiter.woken = False       # we hold it again
        return status == PY_LOCK_INTR

    cdef int run_handlers(self) except -1:
        """Run signal handlers outside; what they raise goes up from inside."""
        self.leave()
        try:
            PyErr_CheckSignals()
        finally:
            self.take_back()
        return 0

    def abandon(self):
        """In a forked child: nobody enters any more."""
        self.abandoned = True
        self.owner = 0
        self.waiters = []
