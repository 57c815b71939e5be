"""From argv to reply; see dispatch.pxd.

The common case takes one branch: a known top-level command with fitting arity that is admitted at
once. Everything else goes through `execute_carefully`.
"""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.memory cimport mem_free
from carnelian.base.native cimport likely, unlikely
from carnelian.base.slice cimport Slice, slice_is, slices_of
from carnelian.engine.admission cimport (
    FROM_CLIENT, FROM_LOG, FROM_QUEUE, POSTPONED, QUEUED, Verdict, admit, admits_at_once, refuse,
)
from carnelian.engine.blocking cimport BLOCKED_POSTPONED, Blocked
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.execution cimport answer_error, drop_unwanted, run, run_for_client
from carnelian.engine.gate cimport GATE_MONITORS
from carnelian.engine.pubsub cimport release_held
from carnelian.engine.resolve cimport resolve
from carnelian.engine.serving cimport serve_timeouts, serve_waiting
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, HOLDS_PUSHES, IN_MULTI, NO_BLOCKING, SUBSCRIBED,
    Session,
)
from carnelian.engine.transaction cimport transaction_queue
from carnelian.resp.reply cimport ReplyMark, reply_mark

from carnelian.engine.errors import CommandError


cdef enum:
    HTTP_LOG_PERIOD_MS = 60_000


cdef void execute(Engine engine, Session session, const Slice *argv, int argc) noexcept:
    cdef Command command
    engine.stats.commands += 1
    session.commands += 1
    command = engine.commands.find(argv[0].ptr, argv[0].len)
    try:
        if likely(command is not None and command.subcommands is None
                  and admits_at_once(engine, session, command) and command.arity_fits(argc)):
            session.last_command = command
            run(engine, session, command, argv, argc, None, False)
        else:
            execute_carefully(engine, session, argv, argc)
        if unlikely(len(engine.blocking.ready) != 0):
            serve_waiting(engine)
    except BaseException as bug:
        engine.stats.internal_errors += 1
        engine.host.log.warning(f"Internal error in dispatch: {bug!r}")


cdef int execute_carefully(Engine engine, Session session, const Slice *argv, int argc) except -1:
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Verdict verdict
    cdef Command command = None
    try:
        command = resolve(engine, session, argv, argc)
        verdict = admit(engine, session, command, FROM_CLIENT)
    except CommandError as refused:
        if command is not None:
            command.rejected += 1
            refuse(engine, session, command, refused)
        elif is_http(argv[0]):
            hang_up_on_http(engine, session)
        else:
            refuse(engine, session, engine.commands.find(argv[0].ptr, argv[0].len), refused)
    else:
        if verdict == POSTPONED:
            postpone(engine, session, argv, argc)
            return 0
        session.last_command = command
        if verdict == QUEUED:
            transaction_queue(session, command, argv, argc)
        else:
            run_and_tell(engine, session, command, argv, argc)
    if not session.flags & BLOCKED:
        drop_unwanted(session, mark)
    release_held(session)
    return 0


cdef bint is_http(Slice name) noexcept:
    """Whether a command that does not exist looks like the head of an HTTP request."""
    return slice_is(name, b"post") or slice_is(name, b"host:")


cdef void hang_up_on_http(Engine engine, Session session):
    """Somebody's browser is made to talk to us: what follows may be commands that an attacker
    wrote."""
    cdef int64_t last_ms = engine.http_logged_ms
    if last_ms == 0 or engine.steady_ms - last_ms > HTTP_LOG_PERIOD_MS:
        engine.http_logged_ms = engine.steady_ms
        engine.host.log.warning(
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host:"
            " commands to this server. This is likely due to an attacker attempting to use Cross"
            f" Protocol Scripting to compromise it. Connection from {session.address()} aborted.")
    session.close_soon(False)


cdef int run_and_tell(
    Engine engine, Session session, Command command, const Slice *argv, int argc
) except -1:
    """Run a command that MONITOR clients see afterwards, and whose messages to its own session
    follow the reply."""
    cdef bint monitored = engine.gate & GATE_MONITORS != 0
    if session.flags & (SUBSCRIBED | IN_MULTI):
        session.flags |= HOLDS_PUSHES
    run_for_client(engine, session, command, argv, argc, None)
    if monitored and engine.gate & GATE_MONITORS:
        engine.monitors.show(session, command, argv, argc)
    return 0


cdef void execute_nested(Engine engine, Session session, Command command, list argv) noexcept:
    cdef Slice *slices = slices_of(argv)
    cdef int argc = <int>len(argv)
    cdef uint32_t had = session.flags & NO_BLOCKING
    session.flags |= NO_BLOCKING
    engine.stats.commands += 1
    try:
        admit(engine, session, command, FROM_QUEUE)
        run(engine, session, command, slices, argc, None, False)
        if engine.gate & GATE_MONITORS:
            engine.monitors.show(session, command, slices, argc)
    except CommandError as refused:
        command.rejected += 1
        answer_error(engine, session, refused.text)
    except BaseException as bug:
        engine.stats.internal_errors += 1
        answer_error(engine, session, b"ERR internal error: " + type(bug).__name__.encode())
    finally:
        if not had:
            session.flags &= ~NO_BLOCKING
        mem_free(slices)


cdef bint replay(Engine engine, Session session, const Slice *argv, int argc) except -1:
    cdef Command command = engine.commands.find(argv[0].ptr, argv[0].len)
    if unlikely(command is None or command.subcommands is not None
                or not command.arity_fits(argc)):
        command = resolve(engine, session, argv, argc)
    if unlikely(session.flags & IN_MULTI
                and admit(engine, session, command, FROM_LOG) == QUEUED):
        transaction_queue(session, command, argv, argc)
        return True
    run(engine, session, command, argv, argc, None, False)
    return session.flags & IN_MULTI != 0


# --- pauses and timers ---

cdef void postpone(Engine engine, Session session, const Slice *argv, int argc):
    cdef Blocked blocked = Blocked()
    cdef int i
    blocked.kind = BLOCKED_POSTPONED
    blocked.session = session
    blocked.argv = [argv[i].ptr[:argv[i].len] for i in range(argc)]
    blocked.keys = []
    engine.blocking.park(blocked)


cdef void resume_postponed(Engine engine):
    """The pause is over: run what was held back, in order."""
    cdef Blocked blocked
    cdef Slice *slices
    for item in list(engine.blocking.of_kind(BLOCKED_POSTPONED)):
        blocked = <Blocked>item
        engine.blocking.unpark(blocked)
        if blocked.session.flags & (CLOSED | CLOSE_NOW | CLOSE_AFTER_REPLY):
            continue                   # killed by one of those before it
        slices = slices_of(blocked.argv)
        execute(engine, blocked.session, slices, <int>len(blocked.argv))
        mem_free(slices)
        blocked.session.wrote()
        if not blocked.session.flags & BLOCKED:
            blocked.session.resumed()


def run_timers(Engine engine):
    """Blocked commands whose time is over, and the end of CLIENT PAUSE. The front-end calls this
    when `engine.next_timer_ms()` has come."""
    engine.take_time()
    if engine.pause.is_over(engine.steady_ms):
        engine.pause.end()
        resume_postponed(engine)
    serve_timeouts(engine)
    serve_waiting(engine)
    engine.propagation.end_unit()
