"""From argv to reply: finds the command, has it admitted, runs it, and lets go on who waited for
its effects."""

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session

# Runs one command of a session and writes its reply, or parks the session. Never raises.
cdef void execute(Engine engine, Session session, const Slice *argv, int argc) noexcept
# One queued command inside the execution of EXEC, from Python bytes.
cdef void execute_nested(Engine engine, Session session, Command command, list argv) noexcept
# One command of an append-only file. Whether the session is then inside MULTI; CommandError for an
# unknown command or a wrong number of arguments.
cdef bint replay(Engine engine, Session session, const Slice *argv, int argc) except -1
