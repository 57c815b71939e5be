"""Keys and hash fields whose time has come; see expiry.pxd."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice
from carnelian.engine.events cimport NOTIFY_EXPIRED, NOTIFY_GENERIC, event_class
from carnelian.engine.gate cimport GATE_LOADING, GATE_PAUSED, GATE_WRITABLE_REPLICA
from carnelian.engine.removal cimport removal_name
from carnelian.keyspace.database cimport Database, KeyRef, key_find, key_noted, key_unlink
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_key, entry_when
from carnelian.keyspace.inner_timers cimport inner_timers_first, inner_timers_next_ms
from carnelian.keyspace.value cimport ValueType, value_type_of
from carnelian.keyspace.wheel cimport wheel_due, wheel_next_ms, wheel_turn_back

from carnelian.engine.tracked_expires import TrackedExpires

cdef enum:
    KEY_BATCH = 32
    FIELD_BATCH = 256
    WHEEL_STEPS = 2000
    CLOCK_STEP_MS_MAX = 500        # that the clock goes back: not worth sorting all timers anew


cdef class Expiry:
    def __cinit__(self):
        self.active = True
        self.tracked = TrackedExpires()

    # --- what is met ---

    cdef void find(self, KeyRef *ref, Database *db, const char *key, size_t n) noexcept:
        ref[0] = key_find(db, key, n)
        if ref.slot != NULL and ref.slot[0].flags & EXPIRES:
            if unlikely(entry_when(ref.slot[0]) < self.now_ms[0]):
                self.expired(ref)

    cdef bint is_replay(self) noexcept:
        """Whether what runs happened before anything expired."""
        return self.replaying or self.gate[0] & GATE_LOADING != 0

    cdef bint keeps_expired(self) noexcept:
        """Whether what has expired is hidden from clients instead of being deleted."""
        return self.hides and not self.deletes_hidden or self.gate[0] & GATE_PAUSED != 0

    cdef bint expired(self, KeyRef *ref):
        cdef Slice argv[2]
        cdef Entry *e
        cdef bytes name
        if self.is_replay():
            return False
        if self.keeps_expired():
            ref.slot = NULL
            return True
        e = key_unlink(ref)
        self.stats.expired_keys += 1
        if self.propagation.active:
            name = removal_name(self.host.configuration.lazyfree_lazy_expire)
            argv[0].ptr = name
            argv[0].len = len(name)
            argv[1].ptr = ref.key
            argv[1].len = ref.len
            self.propagation.add_slices(ref.db.id, argv, 2)
        if self.armed[0]:
            self.effects.key_modified(ref.db, ref.key, ref.len, True)
            self.effects.notify(NOTIFY_EXPIRED, b"expired", ref.db, ref.key, ref.len)
        self.lazyfree.discard(e)
        return True

    cdef int expire_fields(self, KeyRef *ref, int limit) except -1:
        cdef const ValueType *type = value_type_of(ref.slot[0])
        cdef Slice name
        cdef list line = None
        cdef int count = 0
        if self.is_replay() or self.keeps_expired():
            return 0
        while count < limit and type.inner_due(ref.slot[0], self.now_ms[0], &name):
            if self.propagation.active:
                if line is None:
                    line = [<bytes>type.inner_removal, ref.key[:ref.len]]
                line.append(name.ptr[:name.len])
            type.inner_remove(ref, name)
            count += 1
        if count == 0:
            return 0
        key_noted(ref)
        self.stats.expired_fields += count
        if line is not None:
            self.propagation.add(ref.db.id, line)
        if self.armed[0]:
            self.effects.key_modified(ref.db, ref.key, ref.len)
            self.effects.notify(
                event_class(type.event_letter), type.inner_event, ref.db, ref.key, ref.len)
        if type.inner_count(ref.slot[0]) == 0:
            self.lazyfree.discard(key_unlink(ref))
            if self.armed[0]:
                self.effects.notify(NOTIFY_GENERIC, b"del", ref.db, ref.key, ref.len)
        return count

    cdef bint deletes_at(self, int64_t when_ms) noexcept:
        return when_ms <= self.now_ms[0] and not self.hides and not self.is_replay()

    cdef void key_timed(self, KeyRef *ref, int64_t when_ms):
        """A key was given a time: on a writable replica nobody else will delete it."""
        if unlikely(self.gate[0] & GATE_WRITABLE_REPLICA and not self.replaying):
            self.tracked.note((ref.db.id, ref.key[:ref.len]), when_ms)

    # --- the active cycle ---

    cdef int64_t next_ms(self):
        cdef int64_t wait = INT64_MAX
        cdef int64_t now_ms = self.now_ms[0]
        cdef Database *db
        cdef int64_t due
        cdef int i
        if not self.active:
            return -1
        if self.hides:
            due = self.tracked.next_ms()
            return max(due + 1 - now_ms, <int64_t>0) if due >= 0 else -1
        for i in range(self.database_count):
            db = self.databases[i]
            if db.wheel.count:
                wait = min(wait, wheel_next_ms(&db.wheel) + 1 - now_ms)
            if db.inner_timers != NULL:
                wait = min(wait, inner_timers_next_ms(db.inner_timers) + 1 - now_ms)
        return -1 if wait == INT64_MAX else max(wait, <int64_t>0)

    cdef bint run_cycle(self, int64_t budget_us):
        cdef int64_t start = self.clock.steady_us()
        cdef int64_t end_us = start + budget_us
        cdef Database *db
        cdef bint left = False
        if not self.active or self.gate[0] & (GATE_LOADING | GATE_PAUSED):
            return False
        if self.hides:
            return self.tracked.moments and self.expire_tracked(end_us)
        for _i in range(self.database_count):
            db = self.databases[self.next_db]
            # One that uses all the time goes to the end of the queue.
            self.next_db = (self.next_db + 1) % self.database_count
            left = self.expire_keys(db, end_us) or self.expire_hashes(db, end_us)
            if left:
                break
        self.stats.expire_cycle_us += <uint64_t>(self.clock.steady_us() - start)
        return left

    cdef bint expire_keys(self, Database *db, int64_t end_us):
        """Delete keys whose time has come until then; whether some are left."""
        cdef int64_t now_ms = self.now_ms[0]
        cdef int steps = WHEEL_STEPS
        cdef int done = 0
        cdef Entry *e
        cdef KeyRef ref
        cdef Slice key
        if now_ms < db.wheel.now_ms - CLOCK_STEP_MS_MAX:
            wheel_turn_back(&db.wheel, now_ms)
        while db.wheel.count:
            e = wheel_due(&db.wheel, now_ms, &steps)
            if e == NULL:
                return steps <= 0
            key = entry_key(e)
            ref = key_find(db, key.ptr, key.len)
            self.expired(&ref)
            self.propagation.end_unit()
            done += 1
            if done % KEY_BATCH == 0 and self.clock.steady_us() > end_us:
                return True
        return False

    cdef bint expire_hashes(self, Database *db, int64_t end_us):
        """Delete fields whose time has come until then; whether some are left."""
        cdef int64_t now_ms = self.now_ms[0]
        cdef KeyRef ref
        cdef Slice key
        cdef bytes name
        while db.inner_timers != NULL and inner_timers_next_ms(db.inner_timers) < now_ms:
            key = inner_timers_first(db.inner_timers)
            name = key.ptr[:key.len]             # the timer is about to go
            ref = key_find(db, name, len(name))
            if ref.slot == NULL or self.expire_fields(&ref, FIELD_BATCH) == 0:
                return False
            self.propagation.end_unit()
            if self.clock.steady_us() > end_us:
                return (
                    db.inner_timers != NULL and inner_timers_next_ms(db.inner_timers) < now_ms)
        return False

    cdef bint expire_tracked(self, int64_t end_us):
        """On a replica: what clients here gave a time goes when it has come, as nobody else will
        delete it. Whether some is left."""
        cdef KeyRef ref
        cdef bytes key
        cdef bint left = False
        self.deletes_hidden = True
        while not left:
            place = self.tracked.take_due(self.now_ms[0])
            if place is None:
                break
            key = place[1]
            ref = key_find(self.databases[<int>place[0]], key, len(key))
            if ref.slot == NULL or not ref.slot[0].flags & EXPIRES:
                continue
            if entry_when(ref.slot[0]) >= self.now_ms[0]:
                self.tracked.note(place, entry_when(ref.slot[0]))
                continue
            self.expired(&ref)
            self.propagation.end_unit()
            left = self.clock.steady_us() > end_us
        self.deletes_hidden = False
        return left

    # --- what happens around it ---

    cdef void forget_database(self, int db_id):
        if self.tracked.moments:
            self.tracked.forget(db_id)

    def set_role(self, bint replica):
        self.hides = replica
        if not replica:
            self.tracked.clear()
