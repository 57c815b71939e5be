"""From argv to reply: finds the command, refuses what must be refused, runs it and carries out its
effects."""

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport GATE_PAUSED, Engine
from carnelian.engine.session cimport Session


cdef inline bint is_paused(Engine engine) noexcept:
    """Whether CLIENT PAUSE, or whoever else holds writes back, is in force."""
    return engine.gate & GATE_PAUSED != 0 and (
        engine.pause_until_ms != 0 or len(engine.writes_held) != 0)


# Runs one command of a session and writes its reply, or parks the session. Never raises.
cdef void execute(Engine engine, Session session, const Slice *argv, int argc) noexcept
# One command inside another's execution (EXEC, scripts), from Python bytes. No checks but those of
# the handler.
cdef void execute_nested(Engine engine, Session session, Command command, list argv) noexcept
# One command of an append-only file: no checks but those of the handler. Whether the session is
# then inside MULTI; CommandError for an unknown command or a wrong number of arguments.
cdef bint replay(Engine engine, Session session, const Slice *argv, int argc) except -1
# Answer blocked sessions for which something has arrived; called after every outermost command.
cdef void serve_waiting(Engine engine) noexcept
cdef void answer_error(Engine engine, Session session, bytes text)
cdef bint unblock(Engine engine, Session session, bint with_error)
