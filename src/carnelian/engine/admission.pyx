"""Who may run what; see admission.pxd. The checks come in the order in which Redis makes them."""

from carnelian.engine.command cimport (
    LOADING, MAY_REPLICATE, NO_ASYNC_LOADING, NO_AUTH, NO_MULTI, READS, RUNS_IN_MULTI, RUNS_QUEUE,
    STALE, SUBSCRIBED_TOO, WRITES, Command,
)
from carnelian.engine.engine cimport Engine
from carnelian.engine.execution cimport answer_error
from carnelian.engine.gate cimport (
    GATE_ASYNC_LOADING, GATE_LOADING, GATE_MAXMEMORY, GATE_PAUSED, GATE_READ_ONLY, GATE_STALE,
    GATE_WRITES,
)
from carnelian.engine.session cimport (
    IN_MULTI, INTERNAL, MONITORING, NEEDS_AUTH, PRIMARY, REPLICA, SUBSCRIBED, Session,
)
from carnelian.engine.transaction cimport has_all, has_any, transaction_end, transaction_spoil

import carnelian.engine.errors as errors
from carnelian.engine.errors import CommandError


cdef Verdict admit(Engine engine, Session session, Command command, Origin origin) except *:
    if origin == FROM_QUEUE:
        return ADMITTED
    if origin != FROM_LOG:
        check_rights(session, command)
        if engine.gate and not session.flags & INTERNAL:
            check_writing(engine, session, command)
        check_mode(session, command)
        if engine.gate and not session.flags & INTERNAL:
            check_data(engine, session, command)
        if session.flags & (REPLICA | MONITORING) and (
                has_any(session, command, READS | WRITES | MAY_REPLICATE)):
            raise errors.error("Replica can't interact with the keyspace")
    if origin == FROM_CLIENT and engine.gate & GATE_PAUSED and must_wait(engine, session, command):
        return POSTPONED
    if session.flags & IN_MULTI and not command.flags & RUNS_IN_MULTI:
        return QUEUED
    return ADMITTED


cdef int check_rights(Session session, Command command) except -1:
    if session.flags & NEEDS_AUTH and not command.flags & NO_AUTH:
        raise errors.NO_AUTH
    if session.flags & IN_MULTI and command.flags & NO_MULTI:
        raise errors.error("Command not allowed inside a transaction")
    return 0


cdef int check_writing(Engine engine, Session session, Command command) except -1:
    """Memory, and who refuses writes."""
    cdef bint writes = has_any(session, command, WRITES)
    cdef bint saves
    if session.flags & PRIMARY:
        # It need not care that our disk fails.
        if engine.gate & GATE_WRITES and writes and engine.refusals.disk_fails():
            engine.host.replication.write_unsaved()
        return 0
    if engine.gate & GATE_MAXMEMORY:
        engine.host.memory.make_room(command)
    if engine.gate & GATE_WRITES:
        # PING too: it is what monitoring looks at.
        saves = writes or has_any(session, command, MAY_REPLICATE) or command.name == "ping"
        refused = engine.refusals.ask(writes, saves)
        if refused is not None:
            raise refused
    if engine.gate & GATE_READ_ONLY and writes:
        raise errors.READ_ONLY
    return 0


cdef int check_mode(Session session, Command command) except -1:
    if session.flags & SUBSCRIBED and session.reply.resp == 2 and (
            not command.flags & SUBSCRIBED_TOO):
        raise errors.error(
            f"Can't execute '{command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT"
            " / RESET are allowed in this context")
    return 0


cdef int check_data(Engine engine, Session session, Command command) except -1:
    """Whether there is data to be asked for."""
    if engine.gate & GATE_STALE and not session.flags & PRIMARY and (
            not has_all(session, command, STALE)):
        raise CommandError(
            b"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")
    if engine.gate & GATE_LOADING and not has_all(session, command, LOADING):
        raise errors.LOADING
    if engine.gate & GATE_ASYNC_LOADING and has_any(session, command, NO_ASYNC_LOADING):
        raise errors.LOADING
    return 0


cdef bint must_wait(Engine engine, Session session, Command command):
    if session.flags & (REPLICA | MONITORING | PRIMARY | INTERNAL):
        return False
    return engine.pause.holds(has_any(session, command, WRITES | MAY_REPLICATE))


cdef void refuse(Engine engine, Session session, Command command, refused):
    cdef bytes text = refused.text
    refused.__traceback__ = None
    if command is not None and command.flags & RUNS_QUEUE:
        # Redis ends the transaction when EXEC itself is refused.
        text = b"EXECABORT Transaction discarded because of: " + (
            text[4:] if text.startswith(b"ERR ") else text)
        transaction_end(engine, session)
    else:
        transaction_spoil(session)
    answer_error(engine, session, text)
