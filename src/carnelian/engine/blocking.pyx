"""Sessions that wait; see blocking.pxd."""

# the C type: taking from its front stays cheap, where a dict walks over what was deleted
from _collections import OrderedDict
from heapq import heapify, heappop, heappush

from libc.stdint cimport int64_t

from carnelian.engine.effects cimport Observer
from carnelian.engine.session cimport BLOCKED
from carnelian.keyspace.database cimport Database, database_count


cdef enum:
    STALE_MIN = 64             # sweep the heap when more than these and half of it are served


cdef class Blocked:
    """See blocking.pxd."""


cdef class Blocking(Observer):
    def __cinit__(self):
        self.queues = {}
        self.ready = {}
        self.by_kind = tuple([{} for _ in range(BLOCKED_KINDS)])
        self.deadlines = []

    cdef void park(self, Blocked blocked):
        """Enter a blocked command in the queues of its keys; a running deadline is kept in a
        heap."""
        self.next_order += 1
        blocked.order = self.next_order
        for place in blocked.keys:
            queues = self.queues.setdefault(place, {})
            if blocked.type not in queues:
                queues[blocked.type] = OrderedDict()
            queues[blocked.type][blocked] = None
        if blocked.keys:
            self.arm()
        if blocked.kind != BLOCKED_ON_KEYS:
            self.of_kind(blocked.kind)[blocked] = None
        if blocked.deadline_ms:
            heappush(self.deadlines, (blocked.deadline_ms, blocked.order, blocked))
        blocked.session.blocked = blocked
        blocked.session.flags |= BLOCKED

    cdef void unpark(self, Blocked blocked):
        cdef dict queues
        if blocked.served:
            return
        blocked.served = True
        for place in blocked.keys:
            queues = self.queues[place]
            del queues[blocked.type][blocked]
            if not queues[blocked.type]:
                del queues[blocked.type]
                if not queues:
                    del self.queues[place]
        if not self.queues:
            self.disarm()
        if blocked.kind != BLOCKED_ON_KEYS:
            del self.of_kind(blocked.kind)[blocked]
        if blocked.deadline_ms:
            self.stale += 1
            if self.stale > max(STALE_MIN, len(self.deadlines) // 2):
                self.sweep_deadlines()
        if blocked.session.blocked is blocked:
            blocked.session.blocked = None
            blocked.session.flags &= ~BLOCKED

    cdef dict of_kind(self, int kind):
        """Those of a kind other than BLOCKED_ON_KEYS, in order of arrival."""
        return <dict>self.by_kind[kind]

    # --- keys ---

    cdef void key_modified(self, Database *db, const char *key, size_t n, bint expired):
        self.key_ready(db, key, n)

    cdef void key_ready(self, Database *db, const char *key, size_t n):
        place = (db.id, key[:n])
        if place in self.queues:
            self.ready[place] = None

    cdef void recall(self, Blocked blocked):
        for place in blocked.keys:
            self.ready[place] = None

    cdef void content_replaced(self, Database *db, Database *other):
        """XREADGROUP also waits for a key to vanish."""
        if other == NULL and database_count(db) == 0:
            return
        for place in self.queues:
            if place[0] == db.id:
                self.ready[place] = None

    # --- deadlines ---

    cdef void wait_until(self, Blocked blocked, int64_t deadline_ms):
        blocked.deadline_ms = deadline_ms
        heappush(self.deadlines, (deadline_ms, blocked.order, blocked))

    cdef void sweep_deadlines(self):
        self.deadlines = [entry for entry in self.deadlines if not (<Blocked>entry[2]).served]
        heapify(self.deadlines)
        self.stale = 0

    cdef void drop_served_deadlines(self):
        while self.deadlines and (<Blocked>self.deadlines[0][2]).served:
            heappop(self.deadlines)
            self.stale -= 1

    cdef int64_t next_deadline_ms(self):
        """By the monotonic clock; 0 for none."""
        self.drop_served_deadlines()
        return self.deadlines[0][0] if self.deadlines else 0

    cdef Blocked next_timed_out(self, int64_t steady_ms):
        """One whose time is over; its deadline is gone with that, it waits on."""
        cdef Blocked blocked
        self.drop_served_deadlines()
        if not self.deadlines:
            return None
        blocked = self.deadlines[0][2]
        if blocked.deadline_ms > steady_ms:
            return None
        heappop(self.deadlines)
        blocked.deadline_ms = 0                # it is not in the heap any more
        return blocked

    # --- figures ---

    def has_wait(self):
        """Whether a client is in WAIT or WAITAOF."""
        return len(self.of_kind(BLOCKED_WAIT)) != 0

    def key_counts(self):
        """How many keys are waited for, and how many of them also for their deletion."""
        on_deletion = sum(
            any((<Blocked>blocked).on_deletion for queue in queues.values() for blocked in queue)
            for queues in self.queues.values())
        return len(self.queues), on_deletion
