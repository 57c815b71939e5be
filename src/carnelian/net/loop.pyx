"""The event loop; see loop.pxd.

A turn: wait; read, parse and execute for every readable client; the stages that come before
replies (the append-only file, then the replicas); send all replies; timers. Sessions touched on
the way (replies, messages, closings) are on `engine.pending`.
"""

import posix
from _queue import Empty, SimpleQueue

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

from carnelian.base.memory cimport mem_release
from carnelian.engine.dispatch cimport serve_waiting
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport OUTPUT_PENDING, Session
from carnelian.net.connection cimport Connection
from carnelian.net.context cimport NetContext
from carnelian.net.poller cimport READABLE, WRITABLE, Poller
from carnelian.resp.parser cimport parser_reset
from carnelian.resp.reply cimport reply_pool_clear

from carnelian.engine.dispatch import run_timers


cdef enum:
    BUSY_WAIT_MS_MAX = 10          # while clients are active, expiry is looked at this often
    # After a turn with long pipelines the poller asks this often before it sleeps, some 15 us: to
    # wake a sleeping server costs a client that is busy too a tenth of its throughput.
    SPINS = 60
    DEEP_COMMANDS_MIN = 4          # ... of a client, to be a long pipeline
    EXPIRE_INTERVAL_MS = 5
    EXPIRE_BUDGET_US = 1000
    SPANS_RELEASED_MAX = 16        # per round of the timer
    QUIET_COMMANDS_MAX = 20        # ... within which pools are not worth keeping


# The stages of a turn for Python.
HELD_STREAM = STAGE_HELD_STREAM
LOG = STAGE_LOG
REPLICAS = STAGE_REPLICAS


cdef class Watcher:
    def __init__(self, int fd, on_readable, on_writable):
        self.fd = fd
        self.on_readable = on_readable
        self.on_writable = on_writable


def make_poller(str backend):
    """The poller for `auto`, `epoll` or `poll`."""
    if backend != "poll":
        try:
            from carnelian.net.epoll import EpollPoller

            return EpollPoller()
        except ImportError:
            if backend == "epoll":
                raise
    from carnelian.net.poll import PollPoller

    return PollPoller()


cdef class Loop:
    def __cinit__(self, Engine engine, str backend="auto"):
        self.context = NetContext(engine, make_poller(backend))
        self.stages = [None] * STAGE_COUNT
        self.calls = SimpleQueue()
        self.postponed = []
        self.cron_interval_ms = 100
        self.wake_read, self.wake_write = posix.pipe()
        posix.set_blocking(self.wake_read, False)
        posix.set_blocking(self.wake_write, False)
        self.watch(self.wake_read, self.woken, None)

    def __dealloc__(self):
        for fd in (self.wake_read, self.wake_write):
            try:
                posix.close(fd)
            except OSError:
                pass

    # --- for services ---

    def watch(self, int fd, on_readable, on_writable):
        """Have callables run when `fd` is readable or writable; again with other callables to
        change that."""
        cdef int mask = (READABLE if on_readable else 0) | (WRITABLE if on_writable else 0)
        cdef bint known = fd < len(self.context.by_fd) and self.context.by_fd[fd] is not None
        if known:
            self.context.poller.change(fd, mask)
        else:
            self.context.poller.add(fd, mask)
        self.context.put(fd, Watcher(fd, on_readable, on_writable))

    def set_stage(self, int stage, function):
        """Have `function()` run in each turn before replies are sent, in the order of the stages;
        True says that it is not done and wants the next turn soon. None: nothing any more."""
        self.stages[stage] = function

    def unwatch(self, int fd):
        self.context.poller.remove(fd)
        self.context.take(fd)

    def call_soon(self, function):
        """Run `function()` in the loop's thread; may be called from any thread."""
        self.calls.put(function)
        try:
            posix.write(self.wake_write, b"w")
        except BlockingIOError:
            pass                   # the pipe is full of wake-ups already

    def call_later(self, function):
        """Run `function()` when the timer comes round next, just before cron."""
        self.postponed.append(function)

    def woken(self):
        try:
            posix.read(self.wake_read, 4096)
        except BlockingIOError:
            pass
        while True:
            try:
                function = self.calls.get_nowait()
            except Empty:
                return
            function()

    def accept(self, int fd, bint is_unix):
        """Make a connected, non-blocking descriptor a client."""
        cdef Connection made = Connection(self.context, fd, is_unix)
        self.context.engine.add_session(made)
        self.context.engine.stats.connections += 1
        return made

    @property
    def log(self):
        return self.context.engine.host.log

    def count_rejected(self):
        self.context.engine.stats.rejected_connections += 1

    def connections(self):
        return [c for c in self.context.by_fd if isinstance(c, Connection)]

    def io_figures(self):
        """(reads, writes, rounds of expiry that ran out of time)."""
        return self.context.reads, self.context.writes, self.expire_overruns

    def reset_io_figures(self):
        self.context.reads = self.context.writes = 0
        self.expire_overruns = 0

    # --- running ---

    def run(self, cron):
        """Turn until `stop`. `cron` is called every `cron_interval_ms`."""
        self.cron = cron
        while not self.stopping:
            self.turn()

    def turn_once(self):
        """One turn without waiting: for long work that lets clients have an answer in between."""
        self.unfinished = True
        self.turn()

    def stop(self):
        self.stopping = True

    cdef int turn(self) except -1:
        cdef Engine engine = self.context.engine
        cdef Poller poller = self.context.poller
        cdef int count
        cdef int i
        cdef uint64_t commands = engine.stats.commands
        cdef object what
        poller.spins = SPINS if self.deep else 0
        count = poller.wait(self.wait_ms())
        self.busy = count > 0
        PyErr_CheckSignals()
        engine.take_time()
        for i in range(count):
            if self.stopping:
                break                  # after SHUTDOWN nobody is served any more
            what = self.context.by_fd[poller.events[i].fd]
            if type(what) is Connection:
                (<Connection>what).handle(poller.events[i].mask)
                engine.tick()
            elif what is not None:
                self.notify_watcher(<Watcher?>what, poller.events[i].mask)
        commands = engine.stats.commands - commands
        self.deep = count > 0 and commands >= <uint64_t>(DEEP_COMMANDS_MIN * count)
        self.keep_time()
        while engine.resumable:
            resumable = engine.resumable
            engine.resumable = []
            for session in resumable:
                session.go_on()
        self.unfinished = False
        for function in self.stages:
            if function is not None and function() is True:
                self.unfinished = True
        self.send_pending()
        return 0

    def notify_watcher(self, Watcher watcher, int mask):
        if mask & READABLE and watcher.on_readable is not None:
            watcher.on_readable()
        if mask & WRITABLE and watcher.on_writable is not None and (
                self.context.by_fd[watcher.fd] is watcher):
            watcher.on_writable()

    cdef int send_pending(self) except -1:
        cdef Engine engine = self.context.engine
        cdef list pending
        cdef Session session
        # Closing a client may add others (its blocked peers, its subscribers): until none is left.
        while engine.pending:
            pending = engine.pending
            engine.pending = []
            for item in pending:
                session = <Session>item
                session.flags &= ~OUTPUT_PENDING
                if type(session) is Connection:
                    (<Connection>session).flush()
        return 0

    cdef int wait_ms(self) except -2:
        """How long the poller may sleep. After a turn with events only the cheap deadlines are
        asked."""
        cdef Engine engine = self.context.engine
        cdef int64_t wait = self.next_cron_ms - engine.steady_ms
        cdef int64_t due
        if self.expire_left or self.unfinished or self.stopping or engine.resumable:
            return 0
        if self.busy and not engine.deadlines and not engine.pause_until_ms:
            return <int>max(min(wait, BUSY_WAIT_MS_MAX), 0)
        due = engine.next_timer_ms()
        if due >= 0:
            if due == 0 and engine.steady_ms < self.next_expire_ms and not engine.deadlines:
                due = self.next_expire_ms - engine.steady_ms
            wait = min(wait, due)
        return <int>max(wait, 0)

    cdef void give_back(self):
        """Return memory nobody uses: empty spans, and what a quiet moment leaves in pools."""
        cdef uint64_t commands = self.context.engine.stats.commands
        mem_release(SPANS_RELEASED_MAX)
        if commands - self.commands_before <= QUIET_COMMANDS_MAX:
            reply_pool_clear()
            parser_reset(&self.context.parser)
        self.commands_before = commands

    cdef int keep_time(self) except -1:
        cdef Engine engine = self.context.engine
        if engine.deadlines or engine.pause_until_ms:
            run_timers(engine)
        if engine.steady_ms >= self.next_expire_ms or self.expire_left:
            self.expire_left = engine.expire_some(EXPIRE_BUDGET_US)
            self.expire_overruns += self.expire_left
            if engine.ready:
                serve_waiting(engine)
            self.next_expire_ms = engine.steady_ms + EXPIRE_INTERVAL_MS
        if engine.steady_ms >= self.next_cron_ms:
            self.next_cron_ms = engine.steady_ms + self.cron_interval_ms
            self.give_back()
            postponed, self.postponed = self.postponed, []
            for function in postponed:
                function()
            if self.cron is not None:
                self.cron()
        return 0
