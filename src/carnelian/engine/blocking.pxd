"""Sessions that wait: why, for which keys, until when.

A command that cannot proceed parks its session (`Call.block`); engine/serving runs it again when a
key it waits for may serve it, or when its time is over. One Blocking per engine, owned by it: it
keeps the queues of every key in order of arrival, the keys that are ready, and the deadlines, and
sets and clears BLOCKED of a session. `unpark` must be called before a session goes.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.effects cimport Observer
from carnelian.engine.session cimport Session


cdef enum:
    BLOCKED_ON_KEYS = 1
    BLOCKED_POSTPONED = 2      # CLIENT PAUSE
    BLOCKED_WAIT = 3           # WAIT, WAITAOF
    BLOCKED_SHUTDOWN = 4       # until the server ends, or does not
    BLOCKED_KINDS = 5


cdef class Blocked:
    """Why and until when a session waits; its command is run again when there is something for
    it."""
    cdef int kind
    cdef Session session
    cdef list argv             # [bytes, ...]
    cdef list keys             # of (db id, key)
    cdef int type              # of value waited for
    cdef bint on_deletion      # also to be woken when a key vanishes (XREADGROUP)
    cdef int64_t deadline_ms   # by the monotonic clock; 0: none
    cdef uint64_t order
    cdef object extra          # the command's own
    cdef bint served


cdef class Blocking(Observer):
    # (db id, key) -> {type waited for: {Blocked: None} in order of arrival}
    cdef dict queues
    cdef dict ready            # (db id, key): None, keys to serve blocked sessions from
    cdef tuple by_kind         # of {Blocked: None} in order of arrival; none of BLOCKED_ON_KEYS
    cdef list deadlines        # heap of (deadline_ms, order, Blocked)
    cdef Py_ssize_t stale      # how many of them were served before
    cdef uint64_t next_order

    cdef void park(self, Blocked blocked)
    cdef void unpark(self, Blocked blocked)
    # What came while it could not be served may serve it now.
    cdef void recall(self, Blocked blocked)
    # Wait on until then, after `next_timed_out`.
    cdef void wait_until(self, Blocked blocked, int64_t deadline_ms)
    cdef Blocked next_timed_out(self, int64_t steady_ms)
    cdef int64_t next_deadline_ms(self)
    cdef dict of_kind(self, int kind)
    cdef void sweep_deadlines(self)
    cdef void drop_served_deadlines(self)
