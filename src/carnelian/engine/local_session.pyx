"""A client inside this process: commands go in as bytes, replies come out as RESP bytes.

Owner: whoever made it, until `close`. Any thread may call, with the engine's turn; a session that
is blocked in one thread may be served by a command of another.
"""

from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t

from carnelian.base.memory cimport heap_tidy_at, mem_free
from carnelian.base.slice cimport Slice, slices_of
from carnelian.engine.blocking cimport Blocked
from carnelian.engine.dispatch cimport execute
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, OUTPUT_PENDING, UNDECIDED, Session,
)
from carnelian.engine.turn cimport Turn
from carnelian.resp.reader cimport PythonReplies, ReplyReader
from carnelian.resp.reply cimport ReplyMark, reply_clear, reply_copy, reply_mark, reply_rollback

from carnelian.engine.dispatch import run_timers
from carnelian.engine.turn import ReentryError

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
            session.flush()
    return 0


def abandon(Engine engine):
    """In a forked child: another thread may have been amid a change when the memory was copied, so
    it is left as it is, to the end of the process."""
    Py_INCREF(engine)
    for session in engine.sessions.values():
        Py_INCREF(session)


cdef class LocalSession(Session):
    cdef Turn turn
    cdef bint waiting              # a thread sleeps in `execute`

    def __init__(self, Engine engine, Turn turn, int protocol=2, int db_id=0):
        self.turn = turn
        self.reply.resp = protocol
        engine.add_session(self, db_id)

    def execute(self, list argv):
        """Run one command (a list of bytes) and return what it replied: see `perform`."""
        self.perform(argv)
        return self.take() if argv else b""

    def values(self, list argv):
        """The same as a list of Python values (resp/reader), messages that came before it
        included."""
        cdef ReplyReader reader = ReplyReader()
        cdef PythonReplies sink = PythonReplies()
        cdef ReplyMark start
        start.chunk = NULL
        start.offset = 0
        self.perform(argv)
        reader.read(&self.reply, start, sink)
        self.take()
        return sink.values

    cdef int perform(self, list argv) except -1:
        """The caller has the turn. It is given up while the command blocks: what a signal handler
        raises then undoes the wait, unless the command has been served already. ReentryError when
        the session waits in another call.
        """
        cdef Engine engine = self.engine
        cdef ReplyMark mark
        if self.flags & CLOSED:
            raise ConnectionError("the session is closed")
        if self.waiting:
            raise ReentryError("this client waits in another call; every thread needs its own")
        run_timers(engine)
        heap_tidy_at(engine.heap, engine.steady_ms)
        engine.expire_some(EXPIRE_BUDGET_US)
        if not argv:
            return 0
        mark = reply_mark(&self.reply)
        self.run(engine, argv)
        if self.flags & BLOCKED:
            self.waiting = True
            try:
                self.sit_out(engine)
            except BaseException:
                self.give_up(engine, mark)
                raise
            finally:
                self.waiting = False
        return settle(engine)

    cdef int run(self, Engine engine, list argv) except -1:
        cdef Slice *slices = slices_of(argv)
        try:
            self.seen_ms = engine.steady_ms
            execute(engine, self, slices, <int>len(argv))
        finally:
            mem_free(slices)
        return 0

    cdef int sit_out(self, Engine engine) except -1:
        """Sleep until the command has been answered."""
        cdef int64_t due
        while self.flags & BLOCKED:
            settle(engine)
            due = engine.next_timer_ms()
            if self.turn.sleep_for(self, -1 if due < 0 else max(due, 1) / 1000.0):
                self.run_handlers(engine)
            if self.flags & CLOSED:
                raise ConnectionError("the session was closed")
            run_timers(engine)
            engine.expire_some(EXPIRE_BUDGET_US)
        return 0

    cdef int run_handlers(self, Engine engine) except -1:
        """A signal came: nothing is served to this session until its handlers have decided whether
        the wait goes on, so that what an exception leaves behind is still there."""
        self.flags |= UNDECIDED
        try:
            self.turn.run_handlers()
        finally:
            self.flags &= ~UNDECIDED
        if self.flags & BLOCKED:
            engine.blocking.recall(<Blocked>self.blocked)
        return 0

    cdef int give_up(self, Engine engine, ReplyMark mark) except -1:
        """An exception ends the call: nobody waits any more, and what was answered is nobody's."""
        if self.turn.abandoned or self.flags & CLOSED:
            return 0
        if self.blocked is not None:
            engine.blocking.unpark(self.blocked)
        reply_rollback(&self.reply, mark)
        return settle(engine)

    cdef int flush(self) except -1:
        if self.flags & CLOSE_NOW:
            self.close()
        return 0

    def take(self):
        """Replies and messages that have been written and not been taken yet."""
        cdef bytes out
        if self.waiting:
            return b""                 # the waiting call returns them
        out = reply_copy(&self.reply)
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
