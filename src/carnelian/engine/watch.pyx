"""WATCH; see watch.pxd.

To Redis a watched key that expires has changed, unless it had expired already when it was watched:
each watch remembers that.
"""

from carnelian.engine.effects cimport Observer
from carnelian.engine.session cimport DIRTY_CAS, Session
from carnelian.keyspace.database cimport Database, KeyRef, key_find
from carnelian.keyspace.entry cimport EXPIRES, entry_when


cdef enum:                         # of a watched key
    KEY_MISSING
    KEY_EXPIRED
    KEY_LIVE


cdef class Watches(Observer):
    def __cinit__(self):
        self.watchers = {}

    def __len__(self):
        """How many keys are watched."""
        return len(self.watchers)

    cdef void watch(self, Session session, bytes key):
        place = (session.db.id, key)
        if session.watches is None:
            session.watches = {}
        if place in session.watches:
            return
        session.watches[place] = self.state_of(session.db, key) == KEY_EXPIRED
        self.watchers.setdefault(place, {})[session] = None
        self.arm()

    cdef void unwatch(self, Session session):
        cdef dict watchers
        if not session.watches:
            return
        for place in session.watches:
            watchers = self.watchers[place]
            del watchers[session]
            if not watchers:
                del self.watchers[place]
        session.watches = None
        if not self.watchers:
            self.disarm()

    cdef bint any_expired(self, Session session):
        """Whether a key the session watches has expired since."""
        for place, was_expired in (session.watches or {}).items():
            if not was_expired and self.state_of(
                    self.databases[<int>place[0]], <bytes>place[1]) == KEY_EXPIRED:
                return True
        return False

    cdef int state_of(self, Database *db, bytes key):
        cdef KeyRef ref = key_find(db, key, len(key))
        if ref.slot == NULL:
            return KEY_MISSING
        if ref.slot[0].flags & EXPIRES and entry_when(ref.slot[0]) < self.now_ms[0]:
            return KEY_EXPIRED
        return KEY_LIVE

    cdef void key_modified(self, Database *db, const char *key, size_t n, bint expired):
        cdef Session session
        place = (db.id, key[:n])
        for item in self.watchers.get(place, ()):
            session = <Session>item
            if not (expired and session.watches.get(place)):
                session.flags |= DIRTY_CAS

    cdef void content_replaced(self, Database *db, Database *other):
        cdef bytes key
        for place, sessions in self.watchers.items():
            if place[0] != db.id:
                continue
            key = place[1]
            before = self.state_of(db, key)
            after = KEY_MISSING if other == NULL else self.state_of(other, key)
            if before == KEY_MISSING and after == KEY_MISSING:
                continue
            for session in sessions:
                was_expired = (<Session>session).watches[place]
                if after != KEY_LIVE and (was_expired or before == KEY_MISSING):
                    # It did not exist for the watcher, and still does not.
                    (<Session>session).watches[place] = after == KEY_EXPIRED
                else:
                    (<Session>session).flags |= DIRTY_CAS
