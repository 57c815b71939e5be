"""MULTI: entering a transaction, queueing, and the one way to leave it.

The state is the session's `transaction`, there exactly while the session is IN_MULTI. What it
watches is in the engine's Watches, until the transaction ends.
"""

from libc.stdint cimport uint32_t

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session


cdef void transaction_begin(Session session)
cdef void transaction_queue(Session session, Command command, const Slice *argv, int argc)
# A command was refused: EXEC will be. Harmless outside of a transaction, as the next.
cdef void transaction_spoil(Session session) noexcept
# Not in a transaction any more, and nothing watched.
cdef void transaction_end(Engine engine, Session session)
# Whether a command, or for EXEC one of those that it runs, has one of the flags.
cdef bint has_any(Session session, Command command, uint32_t flags)
# Whether a command, or for EXEC each of those that it runs, has one of the flags.
cdef bint has_all(Session session, Command command, uint32_t flags)
