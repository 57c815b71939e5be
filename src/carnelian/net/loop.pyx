"""The event loop; see loop.pxd.

A turn: wait; read, parse and execute for every readable client; the stages that come before
replies (the append-only file, then the replicas); send all replies; timers. Sessions touched on
the way (replies, messages, closings) are on `engine.pending`.
"""

import posix
from _queue import Empty, SimpleQueue

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

from carnelian.base.memory cimport Heap, heap_enter, heap_tidy_at
from carnelian.base.native cimport ticks
from carnelian.engine.channel cimport Channel
from carnelian.engine.serving cimport serve_waiting
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport OUTPUT_PENDING, Session
from carnelian.engine.timing cimport ticks_to_us
from carnelian.net.connection cimport Connection
from carnelian.net.context cimport NetContext
from carnelian.net.frame cimport Frame
from carnelian.net.poller cimport READABLE, WRITABLE, Poller
from carnelian.net.stream cimport SocketStream, Stream

from carnelian.engine.dispatch import run_timers


cdef enum:
    BUSY_WAIT_MS_MAX = 10          # while clients are active, expiry is looked at this often
    # After a turn with long pipelines the poller asks this often before it sleeps, some 15 us: to
    # wake a sleeping server costs a client that is busy too a tenth of its throughput.
    SPINS = 60
    DEEP_COMMANDS_MIN = 4          # ... of a client, to be a long pipeline
    EXPIRE_INTERVAL_MS = 5
    EXPIRE_BUDGET_US = 1000
    QUIET_COMMANDS_MAX = 20        # ... within which pools are not worth keeping


# The stages of a turn for Python.
HELD_STREAM = STAGE_HELD_STREAM
LOG = STAGE_LOG
REPLICAS = STAGE_REPLICAS


cdef class Watcher(Channel):
    def __init__(self, NetContext context, int fd, on_readable, on_writable):
        self.context = context
        self.fd = fd
        self.on_readable = on_readable
        self.on_writable = on_writable

    cdef int handle(self, int mask) except -1:
        if mask & READABLE and self.on_readable is not None:
            self.on_readable()
        if mask & WRITABLE and self.on_writable is not None and (
                self.context.by_fd[self.fd] is self):
            self.on_writable()
        return 0


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

    def watch(self, int fd, on_readable, on_writable, *, bint in_commands=False):
        """Have callables run when `fd` is readable or writable; again with other callables to
        change that. `in_commands`: also by a turn that runs inside a command."""
        cdef NetContext context = self.context
        cdef int mask = (READABLE if on_readable else 0) | (WRITABLE if on_writable else 0)
        cdef Channel known = <Channel>context.by_fd[fd] if fd < len(context.by_fd) else None
        cdef Watcher made = Watcher(context, fd, on_readable, on_writable)
        made.served_in_commands = in_commands
        if known is None:
            context.poller.add(fd, mask)
            context.put(fd, made)
        else:
            context.poller.change(fd, mask)
            context.put(fd, made)
            made.since_turn = known.since_turn     # its events are the new one's

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
        return self.accept_stream(SocketStream(fd, is_unix))

    def accept_stream(self, Stream stream):
        """Make what is at the other end of a stream a client."""
        cdef Connection made = Connection(self.context, stream)
        self.context.engine.add_session(made)
        self.context.engine.stats.connections += 1
        return made

    @property
    def log(self):
        return self.context.engine.host.log

    def count_rejected(self):
        self.context.engine.stats.rejected_connections += 1

    def connections(self):
        return [c for c in self.context.engine.sessions.values() if isinstance(c, Connection)]

    def figures(self):
        """What INFO tells of the loop; the engine's statistics are up to date then."""
        self.context.collect()
        return {
            "poller": self.context.poller.name,
            "reads": self.context.reads,
            "writes": self.context.writes,
            "expire_overruns": self.expire_overruns,
            "cycles": self.cycles,
            "busy_us": ticks_to_us(self.busy_ticks),
            "longest_us": ticks_to_us(self.longest_ticks),
        }

    def reset_figures(self):
        self.context.reset_figures()
        self.cycles = self.busy_ticks = self.longest_ticks = 0
        self.expire_overruns = 0

    # --- running ---

    def run(self, cron):
        """Turn until `stop`. `cron` is called every `cron_interval_ms`."""
        cdef Heap *before = heap_enter(self.context.engine.heap)
        self.cron = cron
        try:
            while not self.stopping:
                self.turn()
        finally:
            heap_enter(before)

    def turn_once(self):
        """One turn without waiting: for long work that lets clients have an answer in between."""
        cdef Heap *before = heap_enter(self.context.engine.heap)
        self.unfinished = True
        try:
            self.turn()
        finally:
            heap_enter(before)

    def stop(self):
        self.stopping = True

    cdef int turn(self) except -1:
        cdef Frame frame = self.context.enter()
        try:
            self.serve(frame)
        finally:
            self.context.leave()
        return 0

    cdef int serve(self, Frame frame) except -1:
        cdef Engine engine = self.context.engine
        cdef Poller poller = self.context.poller
        cdef bint nested = engine.depth != 0       # inside a command
        cdef uint64_t commands = engine.stats.commands
        cdef list due
        cdef int64_t began
        cdef int count
        poller.spins = SPINS if self.deep and not nested else 0
        count = poller.wait(frame.events, 0 if nested else self.wait_ms())
        self.busy = count > 0
        began = <int64_t>ticks()
        PyErr_CheckSignals()
        engine.take_time()
        due, self.context.due = self.context.due, []
        self.call_channels(frame, count)
        if due:
            self.call_due(due, nested)
        commands = engine.stats.commands - commands
        self.deep = count > 0 and commands >= <uint64_t>(DEEP_COMMANDS_MIN * count)
        if not nested:
            self.keep_time()       # expiry would change data under the command's hands
        self.finish()
        if not nested:
            began = <int64_t>ticks() - began
            self.cycles += 1
            self.busy_ticks += began
            self.longest_ticks = max(self.longest_ticks, began)
        return 0

    cdef int call_channels(self, Frame frame, int count) except -1:
        cdef Engine engine = self.context.engine
        cdef bint nested = engine.depth != 0
        cdef Channel channel
        cdef int i
        for i in range(count):
            if self.stopping:
                break                  # after SHUTDOWN nobody is served any more
            channel = <Channel>self.context.by_fd[frame.events[i].fd]
            if channel is None or channel.since_turn >= frame.number:
                continue               # the event was for one who is gone
            if nested and not channel.served_in_commands:
                continue               # it comes again
            channel.handle(frame.events[i].mask)
            engine.tick()
        return 0

    cdef int call_due(self, list due, bint nested) except -1:
        """Who had more to do than one turn should hold, or knows of bytes without an event."""
        for channel, mask in due:
            if self.stopping:
                break
            if nested and not (<Channel>channel).served_in_commands:
                self.context.call_again(channel, mask)
            else:
                (<Channel>channel).handle(mask)
                self.context.engine.tick()
        return 0

    cdef int finish(self) except -1:
        """The end of a turn: what was blocked goes on, then the log and the replicas, then
        replies."""
        cdef Engine engine = self.context.engine
        while engine.resumable:
            resumable = engine.resumable
            engine.resumable = []
            for session in resumable:
                session.go_on()
        self.unfinished = False
        for stage, function in enumerate(self.stages):
            if stage == STAGE_HELD_STREAM and engine.depth:
                continue               # a stream's commands do not run inside another one
            if function is not None and function() is True:
                self.unfinished = True
        self.send_pending()
        self.context.collect()
        return 0

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
                session.flush()
        return 0

    cdef int wait_ms(self) except -2:
        """How long the poller may sleep. After a turn with events only the cheap deadlines are
        asked."""
        cdef Engine engine = self.context.engine
        cdef int64_t wait = self.next_cron_ms - engine.steady_ms
        cdef int64_t due
        if (self.expire_left or self.unfinished or self.stopping or engine.resumable
                or self.context.due):
            return 0
        if self.busy and not engine.has_deadlines():
            return <int>max(min(wait, BUSY_WAIT_MS_MAX), 0)
        due = engine.next_timer_ms()
        if due >= 0:
            if due == 0 and engine.steady_ms < self.next_expire_ms and not engine.has_deadlines():
                due = self.next_expire_ms - engine.steady_ms
            wait = min(wait, due)
        return <int>max(wait, 0)

    cdef void give_back(self):
        """Return memory nobody uses: empty spans, and what a quiet moment leaves in pools."""
        cdef uint64_t commands = self.context.engine.stats.commands
        heap_tidy_at(self.context.engine.heap, self.context.engine.steady_ms)
        if commands - self.commands_before <= QUIET_COMMANDS_MAX:
            self.context.give_back()
        self.commands_before = commands

    cdef int keep_time(self) except -1:
        cdef Engine engine = self.context.engine
        if engine.has_deadlines():
            run_timers(engine)
        if engine.steady_ms >= self.next_expire_ms or self.expire_left:
            self.expire_left = engine.expire_some(EXPIRE_BUDGET_US)
            self.expire_overruns += self.expire_left
            if engine.blocking.ready:
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
