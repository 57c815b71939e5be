"""MULTI; see transaction.pxd."""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport RUNS_QUEUE, Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport DIRTY_CAS, DIRTY_EXEC, IN_MULTI, Session, Transaction
from carnelian.resp.reply cimport reply_queued


cdef void transaction_begin(Session session):
    session.flags |= IN_MULTI
    session.transaction = Transaction()


cdef void transaction_queue(Session session, Command command, const Slice *argv, int argc):
    cdef int i
    cdef list words = [argv[i].ptr[:argv[i].len] for i in range(argc)]
    session.transaction.queue.append((command, words))
    for i in range(argc):
        session.transaction.queued_bytes += <int64_t>argv[i].len + sizeof(Slice)
    reply_queued(&session.reply)


cdef void transaction_spoil(Session session) noexcept:
    if session.flags & IN_MULTI:
        session.flags |= DIRTY_EXEC


cdef void transaction_end(Engine engine, Session session):
    session.transaction = None
    session.flags &= ~(IN_MULTI | DIRTY_CAS | DIRTY_EXEC)
    engine.watches.unwatch(session)


cdef bint has_any(Session session, Command command, uint32_t flags):
    if command.flags & RUNS_QUEUE and session.transaction is not None:
        return any((<Command>queued[0]).flags & flags for queued in session.transaction.queue)
    return command.flags & flags != 0


cdef bint has_all(Session session, Command command, uint32_t flags):
    if command.flags & RUNS_QUEUE and session.transaction is not None:
        return all((<Command>queued[0]).flags & flags for queued in session.transaction.queue)
    return command.flags & flags != 0
