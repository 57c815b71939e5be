"""Calls a handler and carries out what its effects ask for.

The inner part of dispatch, without a check of who may: see engine/admission.
"""

from carnelian.base.slice cimport Slice
from carnelian.engine.blocking cimport Blocked
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session
from carnelian.resp.reply cimport ReplyMark


# Whether the session is now (still) parked. `again`: the command was blocked; None else.
cdef bint run(Engine engine, Session session, Command command, const Slice *argv, int argc,
              Blocked again, bint timed_out) except -1
# The same for a command of a client, which may be one that writes to a replica.
cdef bint run_for_client(
    Engine engine, Session session, Command command, const Slice *argv, int argc, Blocked again
) except -1
cdef void answer_error(Engine engine, Session session, bytes text)
# CLIENT REPLY OFF and SKIP: take back the reply to the command that is now done.
cdef void drop_unwanted(Session session, ReplyMark mark) noexcept
