"""Who may run what, now: the one place that decides.

Asked for every command, wherever it comes from: a socket, an embedded call, a primary's stream, a
log, the queue of EXEC, a wait that goes on. `admits_at_once` is its inlined head: it answers for
nearly all commands in one branch. What is still to come (rights of users, slots of a cluster, the
commands of scripts) belongs into `admit`.
"""

from carnelian.engine.command cimport WRITES, Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.gate cimport GATE_READ_ONLY
from carnelian.engine.session cimport PRIMARY, SLOW_FLAGS, Session


cdef enum Origin:
    FROM_CLIENT                # any session's own command: a primary's stream is one with PRIMARY
    FROM_WAIT                  # run again for one who waits: permissions may have changed since
    FROM_QUEUE                 # by EXEC, which was admitted for all of them
    FROM_LOG                   # what is replayed was admitted when it was logged

cdef enum Verdict:
    ADMITTED
    QUEUED                     # inside MULTI: for EXEC to run
    POSTPONED                  # until a pause is over


# CommandError says why not.
cdef Verdict admit(Engine engine, Session session, Command command, Origin origin) except *
# What was not admitted (`command` is None if there is none by that name) gets its error; that ends
# or spoils a transaction.
cdef void refuse(Engine engine, Session session, Command command, refused)


cdef inline bint admits_at_once(Engine engine, Session session, Command command) noexcept:
    """Whether nothing about session and engine asks for a closer look: a replica reads at full
    speed, and follows its primary so."""
    return not session.flags & SLOW_FLAGS and (
        not engine.gate
        or engine.gate == GATE_READ_ONLY
        and (not command.flags & WRITES or session.flags & PRIMARY != 0))
