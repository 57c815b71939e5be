"""Calls handlers; see execution.pxd."""

from libc.stdint cimport int64_t

from carnelian.base.native cimport likely, ticks, unlikely
from carnelian.base.slice cimport Slice
from carnelian.engine.blocking cimport Blocked
from carnelian.engine.call cimport Call, unchecked_handler_t
from carnelian.engine.command cimport PUBSUB, SUBSCRIBED_TOO, WRITES, Command
from carnelian.engine.diagnostics cimport span_bytes
from carnelian.engine.engine cimport Engine
from carnelian.engine.gate cimport GATE_WRITABLE_REPLICA
from carnelian.engine.histogram cimport Histogram, histogram_note
from carnelian.engine.session cimport (
    PRIMARY, REPLY_OFF, REPLY_SKIP, REPLY_SKIP_NEXT, Session,
)
from carnelian.engine.transaction cimport has_any
from carnelian.resp.reply cimport (
    ReplyMark, reply_error, reply_mark, reply_rollback, reply_total_bytes,
)

from carnelian.engine.errors import CommandError


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
    cdef size_t queued = session.reply.queued
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
        if likely(engine.diagnostics.tracking):
            if unlikely(command.histogram is None):
                command.histogram = Histogram()
            histogram_note(command.histogram, spent)
        if unlikely(spent >= engine.diagnostics.long_ticks
                    or session.reply.queued - queued >= engine.diagnostics.reply_hint
                    or span_bytes(argv, argc) >= engine.diagnostics.request_hint
                    or engine.depth != 0):
            # The mark lies in the chunk that was the last one: `queued` counts those before it.
            engine.diagnostics.note(
                session, command, argv, argc, spent,
                <int64_t>reply_total_bytes(&session.reply) - <int64_t>(queued + mark.offset))
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


cdef bint run_for_client(
    Engine engine, Session session, Command command, const Slice *argv, int argc, Blocked again
) except -1:
    cdef bint parked
    # Expired keys that are merely hidden would be in the way: it may create them anew.
    engine.expiry.deletes_hidden = (
        engine.gate & GATE_WRITABLE_REPLICA != 0 and not session.flags & PRIMARY
        and has_any(session, command, WRITES))
    parked = run(engine, session, command, argv, argc, again, False)
    engine.expiry.deletes_hidden = False
    return parked


cdef bint answers_by_push(Command command) noexcept:
    """SUBSCRIBE and its kin: what they say is not dropped."""
    return command is not None and command.flags & PUBSUB and command.flags & SUBSCRIBED_TOO


cdef void drop_unwanted(Session session, ReplyMark mark) noexcept:
    cdef bint dropping = session.flags & (REPLY_OFF | REPLY_SKIP) != 0
    if dropping and not answers_by_push(<Command>session.last_command):
        reply_rollback(&session.reply, mark)
    session.flags &= ~REPLY_SKIP
    if session.flags & REPLY_SKIP_NEXT:
        session.flags = session.flags & ~REPLY_SKIP_NEXT | REPLY_SKIP
