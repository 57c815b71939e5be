"""MONITOR; see monitor.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.quoting cimport put_quoted, quoted_max
from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport ADMIN, SKIP_MONITOR, Command
from carnelian.engine.gate cimport GATE_MONITORS
from carnelian.engine.session cimport INTERNAL, IS_UNIX, MONITORING, Session
from carnelian.resp.reply cimport reply_raw

from carnelian.engine.slowlog import SENSITIVE, redact


cdef enum:
    LINE_KEPT_MAX = 1 << 16


cdef class Monitors:
    def __cinit__(self):
        self.listeners = {}

    cdef void start(self, Session session):
        session.flags |= MONITORING
        self.listeners[session] = None
        self.gate[0] |= GATE_MONITORS

    cdef void stop(self, Session session):
        if not session.flags & MONITORING:
            return
        session.flags &= ~MONITORING
        self.listeners.pop(session, None)
        if not self.listeners:
            self.gate[0] &= ~GATE_MONITORS
            self.drop_line()

    def __dealloc__(self):
        mem_free(self.line)

    cdef void show(self, Session session, Command command, const Slice *argv, int argc):
        """As Redis prints it: with the database that is selected behind the command."""
        cdef Session monitor
        if command.flags & (SKIP_MONITOR | ADMIN) or session.flags & INTERNAL:
            return
        self.write_line(session, command, argv, argc)
        for listener in self.listeners:
            monitor = <Session>listener
            reply_raw(&monitor.reply, self.line, self.length)
            monitor.wrote()
        if self.capacity > LINE_KEPT_MAX:
            self.drop_line()

    cdef void drop_line(self) noexcept:
        mem_free(self.line)
        self.line = NULL
        self.length = self.capacity = 0

    cdef void write_line(self, Session session, Command command, const Slice *argv, int argc):
        cdef int64_t now_us = self.clock.wall_us()
        cdef bytes word
        cdef int i
        address = session.address()
        if session.flags & IS_UNIX:
            address = "unix:" + address.removesuffix(":0")
        word = b"+%d.%06d [%d %b]" % (
            now_us // 1000000, now_us % 1000000, session.db.id, address.encode())
        self.length = 0
        self.add(word, len(word))
        if command.name.partition("|")[0].encode() in SENSITIVE:
            for item in redact([argv[i].ptr[:argv[i].len] for i in range(argc)], command.name):
                word = <bytes>item
                self.add_quoted(word, len(word))
        else:
            for i in range(argc):
                self.add_quoted(argv[i].ptr, argv[i].len)
        self.add(b"\r\n", 2)

    cdef void reserve(self, size_t room) noexcept:
        if self.capacity - self.length < room:
            self.capacity = self.length + max(room, self.length)
            self.line = <char *>mem_realloc(self.line, self.capacity)

    cdef void add(self, const char *p, size_t n) noexcept:
        self.reserve(n)
        memcpy(self.line + self.length, p, n)
        self.length += n

    cdef void add_quoted(self, const char *p, size_t n) noexcept:
        self.reserve(quoted_max(n) + 1)
        self.line[self.length] = c' '
        self.length += 1 + put_quoted(self.line + self.length + 1, p, n)
