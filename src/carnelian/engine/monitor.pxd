"""MONITOR: the sessions that are shown every command, and how it is shown.

One Monitors per engine, owned by it; `stop` must be called before a session goes.
"""

from libc.stdint cimport uint32_t

from carnelian.base.clock cimport Clock
from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.session cimport Session


cdef class Monitors:
    cdef uint32_t *gate            # the engine's
    cdef Clock clock               # ... too
    cdef dict listeners            # {Session: None}
    cdef char *line                # what is shown
    cdef size_t length
    cdef size_t capacity

    cdef void start(self, Session session)
    cdef void stop(self, Session session)
    # What `session` has just executed.
    cdef void show(self, Session session, Command command, const Slice *argv, int argc)
    cdef void write_line(self, Session session, Command command, const Slice *argv, int argc)
    cdef void drop_line(self) noexcept
    cdef void reserve(self, size_t room) noexcept
    cdef void add(self, const char *p, size_t n) noexcept
    cdef void add_quoted(self, const char *p, size_t n) noexcept
