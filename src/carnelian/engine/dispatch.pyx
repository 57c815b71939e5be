"""Command dispatch; see dispatch.pxd.

The common case takes one branch: a known top-level command with fitting arity, a session and an
engine without any special state. Everything else goes through `execute_carefully`.
"""

from itertools import islice

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.native cimport likely, ticks, unlikely
from carnelian.base.slice cimport Slice, slice_is, slices_of
from carnelian.engine.call cimport Call, unchecked_handler_t
from carnelian.engine.command cimport (
    ADMIN, LOADING, MAY_REPLICATE, NO_ASYNC_LOADING, NO_AUTH, NO_MULTI, PUBSUB, READS,
    RUNS_IN_MULTI, RUNS_QUEUE, SKIP_MONITOR, STALE, SUBSCRIBED_TOO, WRITES, Command,
)
from carnelian.engine.diagnostics cimport Diagnostics, request_bytes
from carnelian.engine.engine cimport (
    BLOCKED_ON_KEYS, BLOCKED_POSTPONED, BLOCKED_SHUTDOWN, GATE_ASYNC_LOADING, GATE_LOADING,
    GATE_MAXMEMORY, GATE_MONITORS, GATE_OWN_WRITES, GATE_PAUSED, GATE_READ_ONLY, GATE_STALE,
    GATE_WRITES, Blocked, Engine,
)
from carnelian.engine.histogram cimport Histogram, histogram_note
from carnelian.engine.pubsub cimport release_held
from carnelian.engine.session cimport (
    BLOCKED, CLOSED, CLOSE_AFTER_REPLY, CLOSE_NOW, DIRTY_CAS, DIRTY_EXEC, HOLDS_PUSHES, IN_MULTI,
    INTERNAL, IS_UNIX, MONITORING, NEEDS_AUTH, NO_BLOCKING, PRIMARY, REPLICA, REPLY_OFF, REPLY_SKIP,
    REPLY_SKIP_NEXT, SLOW_FLAGS, SUBSCRIBED, UNDECIDED, Session,
)
from carnelian.keyspace.database cimport KeyRef, key_find
from carnelian.keyspace.entry cimport EXPIRES, TYPE_STREAM, entry_type, entry_when
from carnelian.resp.reply cimport (
    ReplyMark, reply_error, reply_mark, reply_null_array, reply_queued, reply_raw, reply_rollback,
    reply_total_bytes,
)

import carnelian.engine.errors as errors
from carnelian.engine.errors import CommandError
from carnelian.engine.slowlog import redact


cdef enum:
    ERROR_ARGS_MAX = 128
    HTTP_LOG_PERIOD_MS = 60_000
    SERVE_BATCH = 16

cdef int pending_error() except -1:
    """The caller has seen -1: Cython raises what is set."""
    return -1


cdef void answer_error(Engine engine, Session session, bytes text):
    reply_error(&session.reply, text, len(text))
    engine.count_error(text)


cdef void fail(Call call, ReplyMark mark) noexcept:
    """The handler raised: take back what it wrote and answer with the error."""
    cdef bytes text
    reply_rollback(call.reply, mark)
    try:
        pending_error()
    except CommandError as refused:
        text = refused.text
        # errors are shared objects: they must not collect frames
        refused.__traceback__ = None
    except BaseException as bug:
        call.engine.stats.internal_errors += 1
        text = b"ERR internal error: " + type(bug).__name__.encode()
        report_bug(call, bug)
    call.command.failed += 1
    answer_error(call.engine, call.session, text)


cdef void report_bug(Call call, bug):
    import traceback

    report = "".join(traceback.format_exception(type(bug), bug, bug.__traceback__))
    call.engine.host.log.warning(f"Internal error in {call.command.name}: {report}")


cdef inline Call take_call(Engine engine):
    cdef Call call = <Call>engine.spare_call
    if call is None:
        call = Call()
        call.engine = engine
    else:
        engine.spare_call = None
    return call


cdef bint run(Engine engine, Session session, Command command, const Slice *argv, int argc,
              Blocked again, bint timed_out) except -1:
    """Call the handler and do what its effects ask for. Whether the session is now (still)
    parked."""
    cdef Call call = take_call(engine)
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Diagnostics diagnostics = engine.diagnostics
    cdef int64_t written = <int64_t>reply_total_bytes(&session.reply)
    cdef int64_t spent
    cdef bint parked
    call.session = session
    call.command = command
    call.argv = argv
    call.argc = argc
    call.reply = &session.reply
    call.db = session.db
    call.dirty = 0
    call.resumed = again is not None
    call.timed_out = timed_out
    call.parked = False
    call.rewritten = None
    call.extra = None if again is None else again.extra
    engine.depth += 1
    spent = <int64_t>ticks()
    if unlikely((<unchecked_handler_t>command.handler)(call) == -1):
        fail(call, mark)
    spent = <int64_t>ticks() - spent
    engine.depth -= 1
    parked = call.parked
    if again is not None:
        again.extra = call.extra
    if likely(not parked):
        command.calls += 1
        command.ticks += spent
        if likely(diagnostics.tracking):
            if unlikely(command.histogram is None):
                command.histogram = Histogram()
            histogram_note(command.histogram, spent)
        written = <int64_t>reply_total_bytes(&session.reply) - written
        if unlikely(spent >= diagnostics.long_ticks or written >= diagnostics.large_reply
                    or request_bytes(argv, argc) >= diagnostics.large_request):
            diagnostics.note(session, command, argv, argc, spent, written)
    if call.dirty or call.rewritten is not None:
        engine.dirty += call.dirty
        if unlikely(engine.propagation.active):
            propagate(engine, call)
    elif unlikely(engine.propagation.active and engine.depth == 0 and engine.propagation.unit):
        engine.propagation.end_unit()
        session.write_offset = engine.propagation.offset
    engine.spare_call = call
    return parked


cdef int propagate(Engine engine, Call call) except -1:
    cdef int db_id = call.db.id
    if call.rewritten is not None:
        for argv in call.rewritten:
            engine.propagation.add(db_id, argv)
    elif engine.depth == 0 and not engine.propagation.unit:
        engine.propagation.feed(db_id, call.argv, call.argc)
    else:
        engine.propagation.add_slices(db_id, call.argv, call.argc)
    if engine.depth == 0:
        engine.propagation.end_unit()
        call.session.write_offset = engine.propagation.offset
    return 0


cdef inline bint passes(Engine engine, Session session, Command command) noexcept:
    """Whether nothing about the engine asks for a closer look: a replica reads at full speed, and
    follows its primary so."""
    return not engine.gate or (
        engine.gate == GATE_READ_ONLY
        and (not command.flags & WRITES or session.flags & PRIMARY != 0))


cdef void execute(Engine engine, Session session, const Slice *argv, int argc) noexcept:
    cdef Command command
    engine.stats.commands += 1
    session.commands += 1
    command = engine.commands.find(argv[0].ptr, argv[0].len)
    try:
        if likely(command is not None and command.subcommands is None
                  and passes(engine, session, command)
                  and not session.flags & SLOW_FLAGS and command.arity_fits(argc)):
            session.last_command = command
            run(engine, session, command, argv, argc, None, False)
        else:
            execute_carefully(engine, session, argv, argc)
        if unlikely(len(engine.ready) != 0):
            serve_waiting(engine)
    except BaseException as bug:
        engine.stats.internal_errors += 1
        engine.host.log.warning(f"Internal error in dispatch: {bug!r}")


cdef Command resolve(Engine engine, Session session, const Slice *argv, int argc):
    """The command or subcommand argv names; CommandError if there is none or the arity does not
    fit."""
    cdef Command command = engine.commands.find(argv[0].ptr, argv[0].len)
    cdef Command found
    cdef bytes name = argv[0].ptr[:min(argv[0].len, <size_t>ERROR_ARGS_MAX)]
    if command is None and session.flags & (PRIMARY | INTERNAL):
        command = engine.commands.find_declared(argv[0].ptr, argv[0].len)
    if command is None:
        raise errors.error(
            b"unknown command '%b', with args beginning with: %b" % (name, quoted_args(argv, argc)))
    if command.subcommands is not None and argc > 1:
        found = command.subcommands.get(argv[1].ptr[:argv[1].len].lower())
        if found is None:
            raise errors.error(b"unknown subcommand '%b'. Try %b HELP." % (
                argv[1].ptr[:min(argv[1].len, <size_t>ERROR_ARGS_MAX)], name.upper()))
        command = found
    elif command.handler == NULL:
        raise errors.error(f"wrong number of arguments for '{command.name}' command")
    if not command.arity_fits(argc):
        command.rejected += 1
        raise errors.error(f"wrong number of arguments for '{command.name}' command")
    return command


cdef bytes quoted_args(const Slice *argv, int argc):
    cdef list parts = []
    cdef size_t used = 0
    cdef size_t room
    cdef int i
    for i in range(1, argc):
        if used >= ERROR_ARGS_MAX:
            break
        room = min(argv[i].len, ERROR_ARGS_MAX - used)
        parts.append(b"'%b' " % argv[i].ptr[:room])
        used += room + 3
    return b"".join(parts)


cdef int check(Engine engine, Session session, Command command) except -1:
    """Raise what forbids this command to this session at this time."""
    if session.flags & NEEDS_AUTH and not command.flags & NO_AUTH:
        raise errors.NO_AUTH
    if session.flags & IN_MULTI and command.flags & NO_MULTI:
        raise errors.error("Command not allowed inside a transaction")
    if engine.gate & GATE_MAXMEMORY and not session.flags & (INTERNAL | PRIMARY):
        engine.host.memory.make_room(command)
    if engine.gate & GATE_WRITES and not session.flags & INTERNAL:
        if not session.flags & PRIMARY:
            refuse_writes(engine, session, command)
        elif does(session, command, WRITES):
            obey_in_spite(engine)
    if engine.gate & GATE_READ_ONLY and not session.flags & (PRIMARY | INTERNAL) and (
            does(session, command, WRITES)):
        raise errors.READ_ONLY
    if session.flags & SUBSCRIBED and session.reply.resp == 2 and (
            not command.flags & SUBSCRIBED_TOO):
        raise errors.error(
            f"Can't execute '{command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT"
            " / RESET are allowed in this context")
    if engine.gate & GATE_STALE and not session.flags & (PRIMARY | INTERNAL) and (
            not may(session, command, STALE)):
        raise CommandError(
            b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
    if engine.gate & GATE_LOADING and not session.flags & INTERNAL and (
            not may(session, command, LOADING)):
        raise errors.LOADING
    if engine.gate & GATE_ASYNC_LOADING and not session.flags & INTERNAL and (
            does(session, command, NO_ASYNC_LOADING)):
        raise errors.LOADING
    if session.flags & (REPLICA | MONITORING) and (
            does(session, command, READS | WRITES | MAY_REPLICATE)):
        raise errors.error("Replica can't interact with the keyspace")
    return 0


cdef bint does(Session session, Command command, uint32_t flags):
    """Whether a command, or for EXEC one of those that it runs, has one of the flags."""
    if command.flags & RUNS_QUEUE and session.queue is not None:
        return any((<Command>queued[0]).flags & flags for queued in session.queue)
    return command.flags & flags != 0


cdef bint may(Session session, Command command, uint32_t flag):
    """Whether a command, or for EXEC all that is queued, has the flag that allows it."""
    if command.flags & RUNS_QUEUE and session.queue is not None:
        return all((<Command>queued[0]).flags & flag for queued in session.queue)
    return command.flags & flag != 0


cdef int refuse_writes(Engine engine, Session session, Command command) except -1:
    cdef bint writes = does(session, command, WRITES)
    # PING too: it is what monitoring looks at.
    cdef bint saves = writes or does(session, command, MAY_REPLICATE) or command.name == "ping"
    for refusal in engine.refusals.values():
        refused = refusal(writes, saves)
        if refused is not None:
            raise refused
    return 0


cdef int obey_in_spite(Engine engine) except -1:
    """The primary wants something written while our disk fails: it need not care."""
    for source in ("save", "aof"):
        refusal = engine.refusals.get(source)
        if refusal is not None and refusal(True, True) is not None:
            engine.host.replication.write_unsaved()
            break
    return 0


cdef bint must_postpone(Engine engine, Session session, Command command):
    if session.flags & (REPLICA | MONITORING | PRIMARY | INTERNAL):
        return False
    return is_paused(engine) and (
        engine.pause_all or does(session, command, WRITES | MAY_REPLICATE))


cdef int execute_carefully(Engine engine, Session session, const Slice *argv, int argc) except -1:
    cdef Command command
    cdef ReplyMark mark = reply_mark(&session.reply)
    try:
        command = resolve(engine, session, argv, argc)
    except CommandError as refused:
        if is_http(argv[0]):
            hang_up_on_http(engine, session)
        else:
            refuse(engine, session, engine.commands.find(argv[0].ptr, argv[0].len), refused)
    else:
        try:
            check(engine, session, command)
        except CommandError as refused:
            command.rejected += 1
            refuse(engine, session, command, refused)
        else:
            if engine.gate & GATE_PAUSED and must_postpone(engine, session, command):
                postpone(engine, session, argv, argc)
                return 0
            session.last_command = command
            if session.flags & IN_MULTI and not command.flags & RUNS_IN_MULTI:
                enqueue(session, command, argv, argc)
            else:
                run_and_tell(engine, session, command, argv, argc)
    if not session.flags & BLOCKED:
        drop_unwanted(session, mark)
    if session.held is not None:
        release_held(session)
    session.flags &= ~HOLDS_PUSHES
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


cdef bint answers_by_push(Command command) noexcept:
    """SUBSCRIBE and its kin: what they say is not dropped."""
    return command is not None and command.flags & PUBSUB and command.flags & SUBSCRIBED_TOO


cdef void drop_unwanted(Session session, ReplyMark mark) noexcept:
    """CLIENT REPLY OFF and SKIP: take back the reply to the command that is now done."""
    cdef bint dropping = session.flags & (REPLY_OFF | REPLY_SKIP) != 0
    if dropping and not answers_by_push(<Command>session.last_command):
        reply_rollback(&session.reply, mark)
    session.flags &= ~REPLY_SKIP
    if session.flags & REPLY_SKIP_NEXT:
        session.flags = session.flags & ~REPLY_SKIP_NEXT | REPLY_SKIP


cdef inline bint writes_to_replica(Engine engine, Session session, Command command):
    """Whether expired keys that are merely hidden are in the way of this command: it may create
    them anew."""
    return (engine.gate & GATE_OWN_WRITES != 0 and not session.flags & PRIMARY
            and does(session, command, WRITES))


cdef int run_and_tell(
    Engine engine, Session session, Command command, const Slice *argv, int argc
) except -1:
    """Run a command that MONITOR clients see afterwards, and whose messages to its own session
    follow the reply."""
    cdef bint monitored = engine.gate & GATE_MONITORS != 0
    if session.flags & (SUBSCRIBED | IN_MULTI):
        session.flags |= HOLDS_PUSHES
    engine.deletes_hidden = writes_to_replica(engine, session, command)
    run(engine, session, command, argv, argc, None, False)
    engine.deletes_hidden = False
    if monitored and engine.gate & GATE_MONITORS:
        feed_monitors(engine, session, command, argv, argc)
    return 0


cdef void refuse(Engine engine, Session session, Command command, refused):
    """An error before execution; inside MULTI it also spoils the transaction."""
    cdef bytes text = refused.text
    refused.__traceback__ = None
    if command is not None and command.flags & RUNS_QUEUE:
        # Redis ends the transaction when EXEC itself is refused.
        text = b"EXECABORT Transaction discarded because of: " + (
            text[4:] if text.startswith(b"ERR ") else text)
        engine.unwatch(session)
        session.queue = None
        session.queue_bytes = 0
        session.flags &= ~(IN_MULTI | DIRTY_CAS | DIRTY_EXEC)
    elif session.flags & IN_MULTI:
        session.flags |= DIRTY_EXEC
    answer_error(engine, session, text)


cdef void enqueue(Session session, Command command, const Slice *argv, int argc):
    cdef int i
    cdef list words = [argv[i].ptr[:argv[i].len] for i in range(argc)]
    session.queue.append((command, words))
    for i in range(argc):
        session.queue_bytes += <int64_t>argv[i].len + sizeof(Slice)
    reply_queued(&session.reply)


cdef void postpone(Engine engine, Session session, const Slice *argv, int argc):
    cdef Blocked blocked = Blocked()
    cdef int i
    blocked.kind = BLOCKED_POSTPONED
    blocked.session = session
    blocked.argv = [argv[i].ptr[:argv[i].len] for i in range(argc)]
    blocked.keys = []
    engine.park(blocked)
    engine.postponed[blocked] = None


cdef void feed_monitors(
    Engine engine, Session session, Command command, const Slice *argv, int argc
):
    """Show a command to every MONITOR client, as Redis prints it: with the database that is
    selected behind it."""
    cdef int64_t now_us = engine.clock.wall_us()
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
    for listener in engine.monitors:
        monitor = <Session>listener
        reply_raw(&monitor.reply, line, len(line))
        monitor.wrote()


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


cdef void execute_nested(Engine engine, Session session, Command command, list argv) noexcept:
    cdef Slice *slices = slices_of(argv)
    cdef uint64_t had = session.flags & NO_BLOCKING
    session.flags |= NO_BLOCKING
    engine.stats.commands += 1
    try:
        run(engine, session, command, slices, <int>len(argv), None, False)
        if engine.gate & GATE_MONITORS:
            feed_monitors(engine, session, command, slices, <int>len(argv))
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
    if unlikely(session.flags & IN_MULTI and not command.flags & RUNS_IN_MULTI):
        enqueue(session, command, argv, argc)
        return True
    run(engine, session, command, argv, argc, None, False)
    return session.flags & IN_MULTI != 0


# --- blocked sessions ---

cdef bint run_again(Engine engine, Blocked blocked) except -1:
    """Run a parked command once more. Whether it has been answered."""
    cdef Session session = blocked.session
    cdef Slice *slices = slices_of(blocked.argv)
    cdef int argc = <int>len(blocked.argv)
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Command command = None
    cdef bint parked = False
    try:
        try:
            # Permissions and the like may have changed since.
            command = resolve(engine, session, slices, argc)
            check(engine, session, command)
        except CommandError as refused:
            if command is not None:
                command.rejected += 1
            refuse(engine, session, command, refused)
        else:
            engine.deletes_hidden = writes_to_replica(engine, session, command)
            parked = run(engine, session, command, slices, argc, blocked, False)
            engine.deletes_hidden = False
    finally:
        mem_free(slices)
    if not parked:
        release(engine, blocked, mark)
    return not parked


cdef int time_out(Engine engine, Blocked blocked) except -1:
    """A wait has come to its end without result."""
    cdef Session session = blocked.session
    cdef ReplyMark mark = reply_mark(&session.reply)
    cdef Command command = session.last_command
    cdef Slice *slices
    cdef bint parked = False
    if blocked.kind == BLOCKED_ON_KEYS and blocked.extra is None:
        # Whatever type the key has by now; BLMOVE too, whose answer else is no array.
        reply_null_array(&session.reply)
        if command is not None:
            command.calls += 1
    else:
        # What keeps state between its runs answers itself, or waits on.
        slices = slices_of(blocked.argv)
        try:
            command = resolve(engine, session, slices, <int>len(blocked.argv))
            parked = run(
                engine, session, command, slices, <int>len(blocked.argv), blocked, True)
        finally:
            mem_free(slices)
    if not parked:
        release(engine, blocked, mark)
    return 0


cdef void release(Engine engine, Blocked blocked, ReplyMark mark):
    """The command has been answered: the reply since `mark` goes out, the session goes on."""
    engine.unpark(blocked)
    drop_unwanted(blocked.session, mark)
    blocked.session.wrote()
    blocked.session.resumed()


cdef int type_at(Engine engine, tuple place):
    """The type of a key, -1 for none. One that has expired stays for who asks for it."""
    cdef bytes key = place[1]
    cdef KeyRef ref = key_find(engine.databases[<int>place[0]], key, len(key))
    if ref.slot == NULL or (
            ref.slot[0].flags & EXPIRES and entry_when(ref.slot[0]) < engine.now_ms):
        return -1
    return entry_type(ref.slot[0])


cdef int serve_queue(Engine engine, tuple place, int type) except -1:
    """Serve those who wait for a key with this type, in order of arrival, as long as it lasts.

    Who parks again keeps its place. The queue is read in ever larger pieces, so that neither one
    push to very many waiters nor a long row of those who park again costs more than it must."""
    cdef Blocked blocked
    cdef Py_ssize_t skip = 0
    cdef Py_ssize_t size = SERVE_BATCH
    while True:
        batch = list(islice(engine.blocked_keys.get(place, {}).get(type, ()), skip, skip + size))
        if not batch:
            return 0
        size *= 2
        for item in batch:
            blocked = <Blocked>item
            if blocked.served:
                continue
            if blocked.session.flags & (CLOSE_NOW | CLOSE_AFTER_REPLY | CLOSED | UNDECIDED):
                skip += 1          # about to go: what it took would be lost
            elif blocked.on_deletion or type_at(engine, place) == type:
                skip += not run_again(engine, blocked)
            elif type == TYPE_STREAM:
                skip += 1          # a later one may wait for the key's deletion
            else:
                return 0


cdef int serve_key(Engine engine, tuple place) except -1:
    for type in list(engine.blocked_keys.get(place, ())):
        serve_queue(engine, place, type)
    return 0


cdef void serve_waiting(Engine engine) noexcept:
    cdef dict ready
    cdef bint replaying = engine.replaying
    if engine.depth:
        return
    engine.replaying = False
    engine.tick()                  # an EXEC may have taken long: its keys may have expired
    try:
        while engine.ready:
            ready = engine.ready
            engine.ready = {}
            for place in ready:
                serve_key(engine, place)
        engine.propagation.end_unit()
    except BaseException as bug:
        engine.stats.internal_errors += 1
        engine.host.log.warning(f"Internal error while serving blocked clients: {bug!r}")
    engine.replaying = replaying


def wake_waiting(Engine engine):
    """Replicas or the append-only file have gone on: answer those in WAIT and WAITAOF who waited
    for that."""
    for blocked in list(engine.waiting):
        if not (<Blocked>blocked).served:
            run_again(engine, <Blocked>blocked)


cdef bint unblock(Engine engine, Session session, bint with_error):
    """CLIENT UNBLOCK: end a session's wait as if timed out, or with an error."""
    cdef Blocked blocked = session.blocked
    cdef ReplyMark mark = reply_mark(&session.reply)
    if blocked is None or blocked.kind == BLOCKED_POSTPONED or blocked.kind == BLOCKED_SHUTDOWN:
        return False
    if with_error:
        answer_error(engine, session, b"UNBLOCKED client unblocked via CLIENT UNBLOCK")
        release(engine, blocked, mark)
    else:
        time_out(engine, blocked)
    return True


STATE_CHANGED = (
    b"UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")


def disconnect_blocked(Engine engine):
    """What clients wait for may never come: tell them, and let them find out where to go."""
    cdef Session session
    cdef Blocked blocked
    cdef ReplyMark mark
    for item in list(engine.sessions.values()):
        session = <Session>item
        blocked = session.blocked
        if blocked is None or blocked.kind in (BLOCKED_POSTPONED, BLOCKED_SHUTDOWN):
            continue
        mark = reply_mark(&session.reply)
        answer_error(engine, session, STATE_CHANGED)
        release(engine, blocked, mark)
        session.close_soon(True)


def fail_shutdowns(Engine engine, refused):
    """The server does not end: answer all who are in SHUTDOWN."""
    cdef Session session
    cdef ReplyMark mark
    for item in list(engine.sessions.values()):
        session = <Session>item
        if session.blocked is not None and (<Blocked>session.blocked).kind == BLOCKED_SHUTDOWN:
            mark = reply_mark(&session.reply)
            answer_error(engine, session, refused.text)
            release(engine, session.blocked, mark)


cdef void resume_postponed(Engine engine):
    """The pause is over: run what was held back, in order."""
    cdef Blocked blocked
    cdef Slice *slices
    for item in list(engine.postponed):
        blocked = <Blocked>item
        engine.unpark(blocked)
        slices = slices_of(blocked.argv)
        execute(engine, blocked.session, slices, <int>len(blocked.argv))
        mem_free(slices)
        blocked.session.wrote()
        if not blocked.session.flags & BLOCKED:
            blocked.session.resumed()


def end_pause(Engine engine):
    engine.pause_until_ms = 0
    engine.pause_all = False
    if not engine.writes_held:
        engine.gate &= ~GATE_PAUSED
    resume_postponed(engine)


def run_timers(Engine engine):
    """Blocked commands whose time is over, and the end of CLIENT PAUSE. The front-end calls this
    when `engine.next_timer_ms()` has come."""
    cdef Blocked blocked
    engine.take_time()
    if engine.pause_until_ms and engine.steady_ms >= engine.pause_until_ms:
        end_pause(engine)
    while True:
        blocked = engine.next_timed_out()
        if blocked is None:
            break
        time_out(engine, blocked)
    serve_waiting(engine)
    engine.propagation.end_unit()
