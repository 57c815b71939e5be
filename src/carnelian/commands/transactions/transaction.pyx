"""MULTI, EXEC, DISCARD, WATCH and UNWATCH; see engine/transaction and engine/watch."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport (
    ALLOW_BUSY, Command, FAST, LOADING, NOSCRIPT, RUNS_IN_MULTI, RUNS_QUEUE, SKIP_SLOWLOG, STALE,
)
from carnelian.engine.dispatch cimport execute_nested
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport DIRTY_CAS, DIRTY_EXEC, IN_MULTI, Session
from carnelian.engine.transaction cimport transaction_begin, transaction_end
from carnelian.resp.reply cimport reply_array, reply_null_array, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import EXEC_ABORTED, error
from carnelian.declare.flags import KEY_RO

command = family("transactions")

cdef enum:
    ALWAYS = NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY

NESTED = error("MULTI calls can not be nested")
EXEC_ALONE = error("EXEC without MULTI")
DISCARD_ALONE = error("DISCARD without MULTI")
WATCH_INSIDE = error("WATCH inside MULTI is not allowed")


cdef int multi(Call call) except -1:
    cdef Session session = call.session
    if session.flags & IN_MULTI:
        raise NESTED
    transaction_begin(session)
    reply_ok(call.reply)
    return 0


command(handler(multi), "MULTI", ALWAYS | RUNS_IN_MULTI, since="1.2.0", cost="O(1)",
        about="Start a transaction: the commands that follow are queued.")


cdef int exec_(Call call) except -1:
    cdef Session session = call.session
    cdef Engine engine = call.engine
    cdef list queue
    if not session.flags & IN_MULTI:
        raise EXEC_ALONE
    if session.flags & DIRTY_EXEC:
        transaction_end(engine, session)
        raise EXEC_ABORTED
    if session.flags & DIRTY_CAS or engine.watches.any_expired(session):
        transaction_end(engine, session)
        reply_null_array(call.reply)
        return 0
    queue = session.transaction.queue
    engine.watches.unwatch(session)
    reply_array(call.reply, len(queue))
    for queued, argv in queue:
        execute_nested(engine, session, <Command>queued, <list>argv)
    transaction_end(engine, session)
    return 0


command(handler(exec_), "EXEC",
        NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | RUNS_IN_MULTI | RUNS_QUEUE, since="1.2.0",
        cost="Depends on commands in the transaction",
        about="Execute the queued commands, all of them with nothing in between.")


cdef int discard(Call call) except -1:
    if not call.session.flags & IN_MULTI:
        raise DISCARD_ALONE
    transaction_end(call.engine, call.session)
    reply_ok(call.reply)
    return 0


command(handler(discard), "DISCARD", ALWAYS | RUNS_IN_MULTI, since="2.0.0",
        cost="O(N), when N is the number of queued commands",
        about="Drop the queued commands and end the transaction.")


cdef int watch(Call call) except -1:
    cdef Session session = call.session
    cdef int i
    if session.flags & IN_MULTI:
        raise WATCH_INSIDE
    if not session.flags & DIRTY_CAS:
        for i in range(1, call.argc):
            call.engine.watches.watch(session, call.bytes(i))
    reply_ok(call.reply)
    return 0


command(handler(watch), "WATCH key [key ...]", ALWAYS | RUNS_IN_MULTI, since="2.2.0",
        cost="O(1) for every key.", key_flags=KEY_RO,
        about="Make the next EXEC do nothing if one of the keys has changed by then.")


cdef int unwatch(Call call) except -1:
    call.engine.watches.unwatch(call.session)
    call.session.flags &= ~DIRTY_CAS
    reply_ok(call.reply)
    return 0


command(handler(unwatch), "UNWATCH", ALWAYS, since="2.2.0", cost="O(1)",
        about="Forget all watched keys.")
