"""Whose turn it is: threads of one process that use the same engine take turns with it.

One Turn belongs to one embedded engine. A thread enters, runs commands, and leaves; one whose
command blocks sleeps outside of its turn until it is served or time has passed. Python's own locks
will not do: a signal handler may raise in the middle of taking one back, which leaves a thread
inside without the lock. Here handlers run only while the thread is outside. Inside, it is in the
engine's heap.
"""

from cpython.pythread cimport PyThread_type_lock

from carnelian.base.memory cimport Heap
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.session cimport Session


cdef class Waiter:
    """A thread that sleeps until its session is served."""
    cdef PyThread_type_lock wake   # held; released to wake the thread
    cdef bint woken
    cdef Session session           # None: only time wakes it


cdef class Turn:
    cdef HeapOwner engine
    cdef Heap *before              # the heap the thread inside came from
    cdef PyThread_type_lock lock
    cdef unsigned long owner       # the thread inside; 0: none
    cdef list waiters
    cdef readonly bint abandoned   # a fork copied it: no thread may enter any more

    cpdef enter(self)
    cpdef leave(self)
    cdef bint sleep_for(self, Session session, double seconds) except -1
    cdef int run_handlers(self) except -1
    cdef int take(self) except -1
    cdef int take_back(self) noexcept
