"""A background thread that frees big values and flushed databases; started when first needed.

Ownership passes with the address: nobody else may hold it. The thread is in no heap, so that blocks
go back to their owners without either waiting. It runs without the GIL while it frees, and at a
lower priority: where both share a core, a client's command need not wait for the end of its time
slice.
"""

import os
import sys
from _queue import SimpleQueue
from _thread import allocate_lock, get_ident, start_new_thread

from libc.stdint cimport int64_t, uintptr_t

from carnelian.base.memory cimport mem_free
from carnelian.base.native cimport atomic_add64, atomic_load64
from carnelian.keyspace.database cimport Database, database_count, database_free
from carnelian.keyspace.entry cimport POINTER, Entry, entry_pointer
from carnelian.keyspace.value cimport value_effort, value_free


cdef enum:
    KIND_DATABASE = -1
    LAZY_EFFORT_MIN = 64   # blocks to free from which the background takes over
    NICENESS = 10          # a tenth of a busy core, so that what is freed still keeps up


cdef class LazyFree:
    def __cinit__(self):
        self.queue = SimpleQueue()
        self.running = allocate_lock()

    cdef void start(self):
        if self.thread is None:
            self.running.acquire()
            self.thread = (start_new_thread(self.run, ()), os.getpid())

    cpdef void end(self):
        """The thread frees what it was given, and is gone when this returns; the next value starts
        another. Where there can be no waiting (the thread itself lets the engine go, a fork left it
        behind, the interpreter ends) it ends by itself."""
        thread = self.thread
        self.thread = None
        if thread is None or thread[1] != os.getpid():
            return
        self.queue.put(None)
        if thread[0] != get_ident() and not sys.is_finalizing():
            self.running.acquire()
            self.running.release()

    cdef void free_value(self, int kind, void *value):
        self.start()
        self.queued += 1
        self.queue.put((kind, <uintptr_t>value, 1))

    cdef void free_database(self, Database *db):
        cdef int64_t keys = <int64_t>database_count(db)
        self.start()
        self.queued += keys
        self.queue.put((KIND_DATABASE, <uintptr_t>db, keys))

    cdef void discard(self, Entry *e) noexcept:
        if e.flags & POINTER:
            self.discard_value(e.kind, entry_pointer(e))
        mem_free(e)

    cdef void discard_value(self, int kind, void *value) noexcept:
        if value_effort(kind, value) >= LAZY_EFFORT_MIN:
            self.free_value(kind, value)
        else:
            value_free(kind, value)

    cdef int64_t pending(self):
        return self.queued - atomic_load64(&self.freed)

    def figures(self):
        """(values waiting, values freed)."""
        return self.pending(), atomic_load64(&self.freed) - self.freed_before_reset

    def reset_figures(self):
        self.freed_before_reset = atomic_load64(&self.freed)

    def run(self):
        cdef int kind
        cdef void *address
        cdef int64_t count
        # Linux keeps a niceness per thread: 0 is the calling one.
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
        while True:
            item = self.queue.get()
            if item is None:
                self.running.release()
                return
            kind = item[0]
            address = <void *><uintptr_t>item[1]
            count = item[2]
            with nogil:
                if kind == KIND_DATABASE:
                    database_free(<Database *>address)
                else:
                    value_free(kind, address)
                atomic_add64(&self.freed, count)
