"""A client inside this process: commands go in as bytes, replies come out as RESP bytes.

Owner: whoever made it, until `close`. One thread at a time, but a session blocked in one thread may
be served by a command of another: `wait` is told how to let the others go on.
"""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.engine.dispatch cimport execute
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, OUTPUT_PENDING, Session,
)
from carnelian.resp.reply cimport reply_clear, reply_copy

from carnelian.engine.dispatch import run_timers

cdef enum:
    EXPIRE_BUDGET_US = 1000


cdef int settle(Engine engine) except -1:
    """What a loop does at the end of a turn, for sessions without sockets."""
    cdef Session session
    while engine.pending:
        pending = engine.pending
        engine.pending = []
        for item in pending:
            session = <Session>item
            session.flags &= ~OUTPUT_PENDING
            if session.flags & CLOSE_NOW and isinstance(session, LocalSession):
                (<LocalSession>session).close()
    return 0


cdef class LocalSession(Session):
    def __init__(self, Engine engine, int protocol=2, int db_id=0):
        self.reply.resp = protocol
        engine.add_session(self, db_id)

    def execute(self, list argv, wait):
        """Run one command (a list of bytes) and return what it replied.

        Blocks as the command does; meanwhile `wait(seconds or None)` is called, which returns when
        that time has passed or another session has run a command.
        """
        cdef Engine engine = self.engine
        cdef Slice *slices
        cdef bytes word
        cdef int i = 0
        if self.flags & CLOSED:
            raise ConnectionError("the session is closed")
        run_timers(engine)
        engine.expire_some(EXPIRE_BUDGET_US)
        if not argv:
            return b""
        slices = <Slice *>mem_alloc(sizeof(Slice) * len(argv))
        try:
            for item in argv:
                word = <bytes?>item
                slices[i].ptr = word
                slices[i].len = len(word)
                i += 1
            self.seen_ms = engine.steady_ms
            execute(engine, self, slices, i)
        finally:
            mem_free(slices)
        while self.flags & BLOCKED:
            settle(engine)
            self.sit_out(engine, wait)
        settle(engine)
        return self.take()

    cdef int sit_out(self, Engine engine, wait) except -1:
        """Sleep until something may have changed."""
        cdef int64_t due = engine.next_timer_ms()
        wait(None if due < 0 else max(due, 1) / 1000)
        if self.flags & CLOSED:
            raise ConnectionError("the session was closed")
        run_timers(engine)
        engine.expire_some(EXPIRE_BUDGET_US)
        return 0

    def take(self):
        """Replies and messages that have been written and not been taken yet."""
        cdef bytes out = reply_copy(&self.reply)
        reply_clear(&self.reply)
        if self.flags & CLOSE_AFTER_REPLY:
            self.close()
        return out

    @property
    def closed(self):
        return self.flags & CLOSED != 0

    def close(self):
        if not self.flags & CLOSED:
            self.flags |= CLOSED
            self.engine.drop_session(self)

    def address(self):
        return "local:0"

    def local_address(self):
        return "local:0"
