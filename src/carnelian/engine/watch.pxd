"""WATCH: which sessions must not EXEC once a key has changed.

One Watches per engine, owned by it; a session's own list of places is in the session. `unwatch`
takes a session out of all registers and must be called before it goes.
"""

from libc.stdint cimport int64_t

from carnelian.engine.effects cimport Observer
from carnelian.engine.session cimport Session
from carnelian.keyspace.database cimport Database


cdef class Watches(Observer):
    cdef Database **databases
    cdef const int64_t *now_ms     # the engine's
    cdef dict watchers             # (db id, key) -> {Session: None}

    cdef void watch(self, Session session, bytes key)
    cdef void unwatch(self, Session session)
    cdef bint any_expired(self, Session session)
    cdef int state_of(self, Database *db, bytes key)
