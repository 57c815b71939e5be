"""MONITOR; see monitor.pxd."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport ADMIN, SKIP_MONITOR, Command
from carnelian.engine.gate cimport GATE_MONITORS
from carnelian.engine.session cimport INTERNAL, IS_UNIX, MONITORING, Session
from carnelian.resp.reply cimport reply_raw

from carnelian.engine.slowlog import redact


ESCAPES = {
    ord("\\"): b"\\\\", ord('"'): b'\\"', ord("\n"): b"\\n", ord("\r"): b"\\r", ord("\t"): b"\\t",
    7: b"\\a", 8: b"\\b",
}


def printable(bytes text):
    """`text` in double quotes with escapes, as Redis shows arguments in MONITOR."""
    return b'"' + b"".join(
        ESCAPES[c] if c in ESCAPES else bytes((c,))
        if 32 <= c < 127 else b"\\x%02x" % c for c in text
    ) + b'"'


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

    cdef void show(self, Session session, Command command, const Slice *argv, int argc):
        """As Redis prints it: with the database that is selected behind the command."""
        cdef int64_t now_us = self.clock.wall_us()
        cdef bytes line
        cdef Session monitor
        if command.flags & (SKIP_MONITOR | ADMIN) or session.flags & INTERNAL:
            return
        shown = redact([argv[i].ptr[:argv[i].len] for i in range(argc)], command.name)
        words = b" ".join([printable(word) for word in shown])
        address = session.address()
        if session.flags & IS_UNIX:
            address = "unix:" + address.removesuffix(":0")
        line = b"+%d.%06d [%d %b] %b\r\n" % (
            now_us // 1000000, now_us % 1000000, session.db.id, address.encode(), words)
        for listener in self.listeners:
            monitor = <Session>listener
            reply_raw(&monitor.reply, line, len(line))
            monitor.wrote()
