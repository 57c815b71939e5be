"""Databases, time, events and waiting sessions; see engine.pxd."""

# the C type: taking from its front stays cheap, where a dict walks over what was deleted
from _collections import OrderedDict
from heapq import heapify, heappop, heappush
from os import urandom

from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t

from carnelian.base.clock cimport Clock
from carnelian.base.memory cimport (
    Heap, heap_enter, heap_enter_sole, heap_used, heap_verify, mem_alloc_zeroed, mem_free,
)
from carnelian.base.native cimport unlikely
from carnelian.engine.command cimport CommandTable
from carnelian.engine.diagnostics cimport Diagnostics
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.host cimport Host
from carnelian.engine.lazyfree cimport LazyFree
from carnelian.engine.propagation cimport Propagation
from carnelian.engine.pubsub cimport PubSub
from carnelian.engine.session cimport BLOCKED, DIRTY_CAS, INTERNAL, MONITORING, Session
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.keyspace.access cimport access_configure
from carnelian.types.audit cimport database_audit
from carnelian.keyspace.database cimport (
    Database, KeyRef, database_clear, database_count, database_free, database_new,
    key_find, key_unlink,
)
from carnelian.keyspace.entry cimport EXPIRES, POINTER, Entry, entry_key, entry_pointer, entry_when
from carnelian.keyspace.field_timers cimport field_timers_first, field_timers_next_ms
from carnelian.types.hash.value cimport hash_count, hash_due, hash_remove, hash_reschedule
from carnelian.keyspace.value cimport value_effort, value_free
from carnelian.keyspace.wheel cimport (
    wheel_due, wheel_mean_ttl_ms, wheel_next_ms, wheel_turn_back,
)
from carnelian.base.slice cimport Slice

from carnelian.engine.own_times import OwnTimes

cdef enum:
    LAZY_EFFORT_MIN = 64           # blocks to free from which the background takes over
    FLUSH_BACKGROUND_MIN = 1000    # keys, or blocks of one value
    EXPIRE_BATCH = 32
    FIELD_BATCH = 256
    WHEEL_STEPS = 2000
    CLOCK_STEP_MS_MAX = 500        # that the clock goes back: not worth sorting all timers anew
    ERROR_CODES_MAX = 128
    STALE_DEADLINES_MIN = 64       # sweep the heap when more than these and half of it are served

cdef enum:                         # of a watched key
    KEY_MISSING
    KEY_EXPIRED
    KEY_LIVE

# as Redis asks them: snapshots, the append-only file, too few replicas, being a read-only replica
REFUSAL_ORDER = ("save", "aof", "replicas", "readonly")

LETTERS = "KEg$lshzxetm?dn"        # event classes by bit


cdef class Blocked:
    """See engine.pxd."""


cdef class Engine(HeapOwner):
    def __cinit__(self, int databases=16, Clock clock=None, Engine beside=None):
        """`beside`: an engine whose heap it shares, to exchange data with."""
        cdef int i
        cdef Heap *before
        self.clock = clock or Clock()
        self.take_time()
        self.started_ms = self.steady_ms
        before = heap_enter(self.heap)
        self.database_count = databases
        self.databases = <Database **>mem_alloc_zeroed(sizeof(Database *) * databases)
        for i in range(databases):
            self.databases[i] = database_new(i, self.now_ms)
        heap_enter(before)
        self.commands = CommandTable()
        self.diagnostics = Diagnostics(self.clock)
        self.sessions = {}
        self.pending = []
        self.resumable = []
        self.host = Host()
        self.pubsub = PubSub()
        self.propagation = Propagation()
        self.lazyfree = LazyFree()
        self.watched = {}
        self.blocked_keys = {}
        self.ready = {}
        self.deadlines = []
        self.postponed = {}
        self.monitors = {}
        self.errors = {}
        self.refusals = {}
        self.refusals = {}
        self.active_expire = True
        self.run_id = urandom(20).hex()
        self.waiting = {}
        self.writes_held = set()
        self.own_times = OwnTimes()
        self.startup_bytes = heap_used(self.heap)

    def __del__(self):
        self.end()

    def end(self):
        """Nobody runs it any more: what it left to the background is freed when this returns."""
        self.lazyfree.end()

    def __dealloc__(self):
        cdef int i
        cdef Heap *before
        if self.databases == NULL:
            return
        before = heap_enter_sole(self.heap)
        for i in range(self.database_count):
            database_free(self.databases[i])
        mem_free(self.databases)
        heap_enter(before)

    cdef void tick(self) noexcept:
        """Take the time; all commands until the next tick see this one."""
        self.now_ms = self.clock.wall_us() // 1000
        self.access_clock = <uint32_t>(self.now_ms // 1000)

    cdef void take_time(self) noexcept:
        """By both clocks: at the start of a turn."""
        self.tick()
        self.steady_now()

    cdef int64_t steady_now(self) noexcept:
        """The monotonic clock, where a turn's is not exact enough."""
        self.steady_ms = self.clock.steady_us() // 1000
        return self.steady_ms

    # --- sessions ---

    cpdef void add_session(self, Session session, int db_id=0):
        self.next_session_id += 1
        session.id = self.next_session_id
        session.engine = self
        session.db = self.databases[db_id]
        session.created_ms = session.seen_ms = self.steady_ms
        if not session.flags & INTERNAL:
            self.sessions[session.id] = session
            self.peak_clients = max(self.peak_clients, len(self.sessions))

    cpdef void drop_session(self, Session session):
        """The client is gone: forget everything it waited for or listened to."""
        if session.blocked is not None:
            self.unpark(session.blocked)
        self.unwatch(session)
        self.pubsub.forget(session)
        if session.replica is not None:
            self.host.replication.forget(session)
        session.queue = None
        if session.flags & MONITORING:
            self.monitors.pop(session, None)
            if not self.monitors:
                self.gate &= ~GATE_MONITORS
        self.sessions.pop(session.id, None)

    cpdef void note_pending(self, Session session):
        self.pending.append(session)

    # --- keys ---

    cdef void find(self, KeyRef *ref, Database *db, const char *key, size_t n) noexcept:
        """Look a key up; one that has expired is deleted (a replica only hides it)."""
        ref[0] = key_find(db, key, n)
        if ref.slot != NULL and ref.slot[0].flags & EXPIRES:
            if unlikely(entry_when(ref.slot[0]) < self.now_ms):
                self.expired(ref)

    cdef bint keeps_expired(self) noexcept:
        """Whether what has expired is hidden from clients instead of being deleted."""
        return (self.hide_expired and not self.deletes_hidden
                or self.gate & GATE_PAUSED != 0)

    cdef bint expired(self, KeyRef *ref):
        """The key `ref` points to is past its time: act on it. Whether it now counts as absent; the
        ref is empty then."""
        cdef Slice argv[2]
        cdef Entry *e
        if self.replaying or self.gate & GATE_LOADING:
            return False               # what is replayed happened before it expired
        if self.keeps_expired():
            ref.slot = NULL
            return True
        e = key_unlink(ref)
        self.stats.expired_keys += 1
        self.deleting_expired = True
        if self.propagation.active:
            argv[0].ptr = b"UNLINK" if self.host.configuration.lazyfree_lazy_expire else b"DEL"
            argv[0].len = 6 if argv[0].ptr[0] == c"U" else 3
            argv[1].ptr = ref.key
            argv[1].len = ref.len
            self.propagation.add_slices(ref.db.id, argv, 2)
        if self.armed:
            self.key_modified(ref.db, ref.key, ref.len)
            self.notify(NOTIFY_EXPIRED, b"expired", ref.db, ref.key, ref.len)
        self.deleting_expired = False
        self.discard(e)
        return True

    cdef int end_arbitrary(self) except -1:
        """SCAN and RANDOMKEY meet expired keys that have nothing to do with each other: no
        transaction is made of them, unless there is one already."""
        if self.depth == 1:
            return self.propagation.end_unit()
        return 0

    cdef void discard(self, Entry *e) noexcept:
        """Free an unlinked entry."""
        if e.flags & POINTER:
            self.discard_value(e.kind, entry_pointer(e))
        mem_free(e)

    cdef void discard_value(self, int kind, void *value) noexcept:
        """Free a value, on the background thread where that would take long."""
        if value_effort(kind, value) >= LAZY_EFFORT_MIN:
            self.lazyfree.free_value(kind, value)
        else:
            value_free(kind, value)

    cdef void key_modified(self, Database *db, const char *key, size_t n):
        """Tell those who watch, cache or wait for the key. Only called while `armed`."""
        cdef object place
        if self.armed & (ARMED_WATCH | ARMED_BLOCKED):
            place = (db.id, key[:n])
            if self.armed & ARMED_WATCH and place in self.watched:
                for session in self.watched[place]:
                    if not (self.deleting_expired and (<Session>session).watches.get(place)):
                        (<Session>session).flags |= DIRTY_CAS
            if self.armed & ARMED_BLOCKED and place in self.blocked_keys:
                self.ready[place] = None

    cdef void key_ready(self, Database *db, const char *key, size_t n):
        if self.armed & ARMED_BLOCKED:
            place = (db.id, key[:n])
            if place in self.blocked_keys:
                self.ready[place] = None

    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n
    ):
        cdef bytes name
        if not self.notify_flags & event_class:
            return
        if not self.pubsub.channels and not self.pubsub.patterns:
            return
        if self.notify_flags & NOTIFY_KEYSPACE:
            self.pubsub.publish(b"__keyspace@%d__:%b" % (db.id, key[:n]), event)
        if self.notify_flags & NOTIFY_KEYEVENT:
            name = event
            self.pubsub.publish(b"__keyevent@%d__:%b" % (db.id, name), key[:n])

    def set_notify_flags(self, int flags):
        self.notify_flags = flags
        if flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT):
            self.armed |= ARMED_NOTIFY
        else:
            self.armed &= ~ARMED_NOTIFY

    def set_access_policy(self, bint lfu, int log_factor, int decay_minutes):
        """What entries remember of their use, after maxmemory-policy."""
        self.lfu = lfu
        access_configure(log_factor, decay_minutes)

    cdef void flush(self, int db_id, bint in_background):
        """Empty one database. The old content goes to the background when it is large."""
        cdef Database *old = self.databases[db_id]
        cdef Database *fresh
        cdef Database swapped
        if self.armed & ARMED_WATCH:
            self.touch_all(old, NULL)
        if self.own_times.moments:
            self.own_times.forget(db_id)
        if database_count(old) == 0:
            database_clear(old)                # what it once needed for its content
            return
        for place in self.blocked_keys:        # XREADGROUP also waits for a key to vanish
            if place[0] == db_id:
                self.ready[place] = None
        # Sessions hold the address of the Database: its content moves, it stays.
        fresh = database_new(db_id, self.now_ms)
        swapped = old[0]
        old[0] = fresh[0]
        fresh[0] = swapped
        if in_background or takes_long(fresh):
            self.lazyfree.free_database(fresh)
        else:
            database_free(fresh)

    cdef void touch_all(self, Database *held, Database *other):
        """WATCH sees that `other` takes the place of `held`: a flush if `other` is NULL."""
        cdef bytes key
        for place, sessions in self.watched.items():
            if place[0] != held.id:
                continue
            key = place[1]
            before = self.state_of(held, key)
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

    cdef int state_of(self, Database *db, bytes key):
        cdef KeyRef ref = key_find(db, key, len(key))
        if ref.slot == NULL:
            return KEY_MISSING
        return KEY_EXPIRED if entry_expired(ref, self.now_ms) else KEY_LIVE

    cdef void swap(self, int a, int b):
        """SWAPDB: exchange the contents of two databases."""
        cdef Database *left = self.databases[a]
        cdef Database *right = self.databases[b]
        cdef Database held
        if a == b:
            return
        if self.armed & ARMED_WATCH:
            self.touch_all(left, right)
            self.touch_all(right, left)
        held = left[0]
        left[0] = right[0]
        right[0] = held
        left.id = a
        right.id = b
        for place in self.blocked_keys:
            if place[0] == a or place[0] == b:
                self.ready[place] = None

    # --- WATCH ---

    cdef void watch(self, Session session, bytes key):
        cdef KeyRef ref
        place = (session.db.id, key)
        if session.watches is None:
            session.watches = {}
        if place in session.watches:
            return
        ref = key_find(session.db, key, len(key))
        session.watches[place] = ref.slot != NULL and entry_expired(ref, self.now_ms)
        self.watched.setdefault(place, {})[session] = None
        self.armed |= ARMED_WATCH

    cdef void unwatch(self, Session session):
        cdef dict watchers
        if not session.watches:
            return
        for place in session.watches:
            watchers = self.watched[place]
            del watchers[session]
            if not watchers:
                del self.watched[place]
        session.watches = None
        if not self.watched:
            self.armed &= ~ARMED_WATCH

    cdef bint watched_expired(self, Session session):
        """Whether a key the session watches has expired since."""
        cdef KeyRef ref
        cdef bytes key
        for place, was_expired in (session.watches or {}).items():
            if was_expired:
                continue
            key = place[1]
            ref = key_find(self.databases[place[0]], key, len(key))
            if ref.slot != NULL and entry_expired(ref, self.now_ms):
                return True
        return False

    # --- waiting sessions ---

    cdef void park(self, Blocked blocked):
        """Enter a blocked command in the queues of its keys; a running deadline is kept in a
        heap."""
        self.next_order += 1
        blocked.order = self.next_order
        for place in blocked.keys:
            queues = self.blocked_keys.setdefault(place, {})
            if blocked.type not in queues:
                queues[blocked.type] = OrderedDict()
            queues[blocked.type][blocked] = None
        if blocked.keys:
            self.armed |= ARMED_BLOCKED
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
            queues = self.blocked_keys[place]
            del queues[blocked.type][blocked]
            if not queues[blocked.type]:
                del queues[blocked.type]
                if not queues:
                    del self.blocked_keys[place]
        if blocked.deadline_ms:
            self.stale_deadlines += 1
            if self.stale_deadlines > max(STALE_DEADLINES_MIN, len(self.deadlines) // 2):
                self.sweep_deadlines()
        self.postponed.pop(blocked, None)
        self.waiting.pop(blocked, None)
        if not self.blocked_keys:
            self.armed &= ~ARMED_BLOCKED
        if blocked.session.blocked is blocked:
            blocked.session.blocked = None
            blocked.session.flags &= ~BLOCKED

    cdef void sweep_deadlines(self):
        self.deadlines = [entry for entry in self.deadlines if not (<Blocked>entry[2]).served]
        heapify(self.deadlines)
        self.stale_deadlines = 0

    cdef void drop_served_deadlines(self):
        while self.deadlines and (<Blocked>self.deadlines[0][2]).served:
            heappop(self.deadlines)
            self.stale_deadlines -= 1

    cdef Blocked next_timed_out(self):
        cdef Blocked blocked
        self.drop_served_deadlines()
        if not self.deadlines:
            return None
        blocked = self.deadlines[0][2]
        if blocked.deadline_ms > self.steady_ms:
            return None
        heappop(self.deadlines)
        blocked.deadline_ms = 0                # it is not in the heap any more
        return blocked

    def blocked_count(self):
        return sum(1 for s in self.sessions.values() if (<Session>s).flags & BLOCKED)

    def blocking_key_counts(self):
        """How many keys are waited for, and how many of them also for their deletion."""
        on_deletion = sum(
            any((<Blocked>blocked).on_deletion for queue in queues.values() for blocked in queue)
            for queues in self.blocked_keys.values())
        return len(self.blocked_keys), on_deletion

    # --- time passing ---

    cpdef int64_t next_timer_ms(self):
        """In how many ms the engine has something to do by itself; -1 for never."""
        cdef int64_t wait = INT64_MAX
        cdef int64_t due
        cdef int i
        self.drop_served_deadlines()
        if self.deadlines or self.pause_until_ms:
            self.steady_now()
        if self.deadlines:
            wait = self.deadlines[0][0] - self.steady_ms
        if self.pause_until_ms:
            wait = min(wait, self.pause_until_ms - self.steady_ms)
        if self.active_expire and self.hide_expired:
            due = self.own_times.next_ms()
            if due >= 0:
                wait = min(wait, due + 1 - self.now_ms)
        elif self.active_expire:
            for i in range(self.database_count):
                if self.databases[i].wheel.count:
                    wait = min(wait, wheel_next_ms(&self.databases[i].wheel) + 1 - self.now_ms)
                if self.databases[i].field_timers != NULL:
                    wait = min(
                        wait,
                        field_timers_next_ms(self.databases[i].field_timers) + 1 - self.now_ms)
        return -1 if wait == INT64_MAX else max(wait, <int64_t>0)

    cpdef bint expire_some(self, int64_t budget_us):
        """Delete keys and fields whose time has come, for at most about `budget_us`. True when some
        are left."""
        cdef int64_t start = self.clock.steady_us()
        cdef int64_t end_us = start + budget_us
        cdef Database *db
        cdef bint left = False
        if not self.active_expire or self.gate & (GATE_LOADING | GATE_PAUSED):
            return False
        if self.hide_expired:
            return self.own_times.moments and self.expire_own(end_us)
        for _i in range(self.database_count):
            db = self.databases[self.expire_db]
            # One that uses all the time goes to the end of the queue.
            self.expire_db = (self.expire_db + 1) % self.database_count
            left = self.expire_keys(db, end_us) or self.expire_hashes(db, end_us)
            if left:
                break
        start = self.clock.steady_us() - start
        self.stats.expire_cycle_us += <uint64_t>start
        self.diagnostics.latency.note("expire-cycle", start)
        return left

    cdef bint expire_keys(self, Database *db, int64_t end_us):
        """Delete keys whose time has come until then; whether some are left."""
        cdef int steps = WHEEL_STEPS
        cdef int done = 0
        cdef Entry *e
        cdef KeyRef ref
        cdef Slice key
        if self.now_ms < db.wheel.now_ms - CLOCK_STEP_MS_MAX:
            wheel_turn_back(&db.wheel, self.now_ms)
        while db.wheel.count:
            e = wheel_due(&db.wheel, self.now_ms, &steps)
            if e == NULL:
                return steps <= 0
            key = entry_key(e)
            ref = key_find(db, key.ptr, key.len)
            self.expired(&ref)
            self.propagation.end_unit()
            done += 1
            if done % EXPIRE_BATCH == 0 and self.clock.steady_us() > end_us:
                return True
        return False

    cdef bint expire_hashes(self, Database *db, int64_t end_us):
        """Delete fields whose time has come until then; whether some are left."""
        cdef KeyRef ref
        cdef Slice key
        cdef bytes name
        while db.field_timers != NULL and field_timers_next_ms(db.field_timers) < self.now_ms:
            key = field_timers_first(db.field_timers)
            name = key.ptr[:key.len]             # the timer is about to go
            ref = key_find(db, name, len(name))
            if ref.slot == NULL or self.expire_fields(&ref, FIELD_BATCH) == 0:
                return False
            self.propagation.end_unit()
            if self.clock.steady_us() > end_us:
                return (
                    db.field_timers != NULL
                    and field_timers_next_ms(db.field_timers) < self.now_ms)
        return False

    cdef bint expire_own(self, int64_t end_us):
        """On a replica: what clients here gave a time goes when it has come, as nobody else will
        delete it. Whether some is left."""
        cdef KeyRef ref
        cdef bytes key
        cdef bint left = False
        self.deletes_hidden = True
        while not left:
            place = self.own_times.take_due(self.now_ms)
            if place is None:
                break
            key = place[1]
            ref = key_find(self.databases[<int>place[0]], key, len(key))
            if ref.slot == NULL or not ref.slot[0].flags & EXPIRES:
                continue
            if not entry_expired(ref, self.now_ms):
                self.own_times.note(place, entry_when(ref.slot[0]))
                continue
            self.expired(&ref)
            self.propagation.end_unit()
            left = self.clock.steady_us() > end_us
        self.deletes_hidden = False
        return left

    cdef int expire_fields(self, KeyRef *ref, int limit) except -1:
        """Delete so many fields of a hash that are past their time, and the hash with its last."""
        cdef Slice name
        cdef list line = None
        cdef int count = 0
        if self.replaying or self.gate & GATE_LOADING or self.keeps_expired():
            return 0
        while count < limit and hash_due(ref.slot[0], self.now_ms, &name):
            if self.propagation.active:
                if line is None:
                    line = [b"HDEL", ref.key[:ref.len]]
                line.append(name.ptr[:name.len])
            hash_remove(ref, name)
            count += 1
        if count == 0:
            return 0
        hash_reschedule(ref)
        self.stats.expired_fields += count
        if line is not None:
            self.propagation.add(ref.db.id, line)
        if self.armed:
            self.key_modified(ref.db, ref.key, ref.len)
            self.notify(NOTIFY_HASH, b"hexpired", ref.db, ref.key, ref.len)
        if hash_count(ref.slot[0]) == 0:
            self.discard(key_unlink(ref))
            if self.armed:
                self.notify(NOTIFY_GENERIC, b"del", ref.db, ref.key, ref.len)
        return count

    # --- figures ---

    cdef void count_error(self, bytes text):
        cdef Py_ssize_t end = text.find(b" ")
        cdef bytes code = text if end < 0 else text[:end]
        self.stats.error_replies += 1
        if code in self.errors or len(self.errors) < ERROR_CODES_MAX:
            self.errors[code] = self.errors.get(code, 0) + 1

    def reset_figures(self):
        self.stats.commands = 0
        self.stats.connections = 0
        self.stats.rejected_connections = 0
        self.stats.expired_keys = 0
        self.stats.expired_fields = 0
        self.stats.evicted_keys = 0
        self.stats.hits = 0
        self.stats.misses = 0
        self.stats.error_replies = 0
        self.stats.bytes_in = 0
        self.stats.bytes_out = 0
        self.stats.replication_bytes_in = 0
        self.stats.replication_bytes_out = 0
        self.stats.query_limit_disconnections = 0
        self.stats.output_limit_disconnections = 0
        self.stats.expire_cycle_us = 0
        self.errors.clear()
        self.lazyfree.reset_figures()

    def set_loading(self, bint loading, bint aside=False):
        """While a data file is read most commands are refused; few if it is read `aside`, into
        another engine."""
        self.gate &= ~(GATE_LOADING | GATE_ASYNC_LOADING)
        if loading:
            self.gate |= GATE_ASYNC_LOADING if aside else GATE_LOADING

    def is_loading(self):
        return self.gate & GATE_LOADING != 0

    def set_replica(self, bint replica, bint read_only, bint refuse_stale):
        """Follow a primary: expired keys stay until it deletes them, clients write only if it is
        allowed, and are served at all only if the data is good enough."""
        self.hide_expired = replica
        if not replica:
            self.own_times.clear()
        self.gate &= ~(GATE_READ_ONLY | GATE_OWN_WRITES | GATE_STALE)
        if replica:
            self.gate |= GATE_READ_ONLY if read_only else GATE_OWN_WRITES
            if refuse_stale:
                self.gate |= GATE_STALE

    def empty(self, bint in_background):
        """FLUSHALL without its effects."""
        cdef int i
        for i in range(self.database_count):
            self.flush(i, in_background)

    def aside(self):
        """An empty engine to load data into that ours may then `adopt`."""
        cdef Engine other = Engine(self.database_count, self.clock, beside=self)
        other.lfu = self.lfu
        return other

    def adopt(self, Engine other):
        """Take over the data of another engine, which gets ours, in one step."""
        cdef Database held
        cdef int i
        self.own_times.clear()
        for i in range(self.database_count):
            if self.armed & ARMED_WATCH:
                self.touch_all(self.databases[i], other.databases[i])
            # Sessions hold the address of the Database: its content moves, it stays.
            held = self.databases[i][0]
            self.databases[i][0] = other.databases[i][0]
            other.databases[i][0] = held
        for place in self.blocked_keys:
            self.ready[place] = None

    def set_write_refusal(self, source, refusal):
        """`refusal(writes, saves)` answers the error for a command, or None: `writes` when it
        changes data, `saves` when it demands that what is changed can be saved. None for
        `refusal` ends it. The first of REFUSAL_ORDER speaks."""
        refusals = self.refusals | {source: refusal}
        self.refusals = {
            source: refusals[source] for source in REFUSAL_ORDER
            if refusals.get(source) is not None}
        if not self.refusals:
            self.gate &= ~GATE_WRITES
        else:
            self.gate |= GATE_WRITES

    def in_transaction(self):
        """Whether the command that runs does so inside another."""
        return self.depth > 1

    def count_input(self, int64_t size):
        """Bytes from a primary that were no command."""
        self.stats.bytes_in += <uint64_t>size
        self.stats.replication_bytes_in += <uint64_t>size

    def hold_writes(self, str holder, bint held):
        """Park clients that write, as CLIENT PAUSE does but without end; or let them go on once no
        holder is left."""
        if held:
            self.writes_held.add(holder)
            self.gate |= GATE_PAUSED
            return
        self.writes_held.discard(holder)
        if self.writes_held:
            return
        if self.gate & GATE_PAUSED and not self.pause_until_ms:
            self.gate &= ~GATE_PAUSED
            self.pause_until_ms = 1            # the timer, due at once, runs what was held back

    def somebody_waits(self):
        """Whether a client is in WAIT or WAITAOF."""
        return len(self.waiting) != 0

    def figures(self):
        """The counters of Stats by name."""
        return self.stats

    def sizes(self):
        """For each non-empty database (id, keys, keys that expire, their mean time to live in ms,
        hashes with fields that expire)."""
        cdef Database *db
        cdef int i
        cdef list found = []
        for i in range(self.database_count):
            db = self.databases[i]
            if database_count(db):
                timed = 0 if db.field_timers == NULL else db.field_timers.heap.count
                found.append((
                    i, database_count(db), db.wheel.count,
                    wheel_mean_ttl_ms(&db.wheel, self.now_ms), timed))
        return found

    def verify(self):
        """Audit every database; False means memory corruption."""
        cdef int i
        for i in range(self.database_count):
            if not database_audit(self.databases[i]):
                return False
        return heap_verify(self.heap)


cdef bint takes_long(Database *db) noexcept:
    """Whether the content is too much to be freed while clients wait."""
    cdef TableIter it
    cdef Entry *e
    if database_count(db) >= FLUSH_BACKGROUND_MIN:
        return True
    table_iter_init(&it, db.keys)
    e = <Entry *>table_next(&it)
    while e != NULL:
        if e.flags & POINTER and value_effort(e.kind, entry_pointer(e)) >= FLUSH_BACKGROUND_MIN:
            return True
        e = <Entry *>table_next(&it)
    return False


cdef inline bint entry_expired(KeyRef ref, int64_t now_ms) noexcept:
    return ref.slot[0].flags & EXPIRES and entry_when(ref.slot[0]) < now_ms


def parse_event_classes(str letters):
    """notify-keyspace-events letters to flags, or None if one is unknown."""
    cdef int flags = 0
    for letter in letters:
        if letter == "A":
            flags |= (NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH
                      | NOTIFY_ZSET | NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM
                      | NOTIFY_MODULE)
        elif letter == "?" or letter not in LETTERS:
            return None
        else:
            flags |= 1 << LETTERS.index(letter)
    return flags
