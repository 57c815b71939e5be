"""Databases, sessions and time; see engine.pxd."""

from os import urandom

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.clock cimport Clock
from carnelian.base.memory cimport (
    Heap, heap_enter, heap_enter_sole, heap_used, heap_verify, mem_alloc_zeroed, mem_free,
)
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.blocking cimport Blocking
from carnelian.engine.command cimport CommandTable
from carnelian.engine.diagnostics cimport Diagnostics
from carnelian.engine.effects cimport ARMED_BLOCKED, ARMED_NOTIFY, ARMED_WATCH, Effects
from carnelian.engine.events cimport Events
from carnelian.engine.expiry cimport Expiry
from carnelian.engine.gate cimport (
    GATE_ASYNC_LOADING, GATE_LOADING, GATE_READ_ONLY, GATE_STALE, GATE_WRITABLE_REPLICA,
)
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.host cimport Host
from carnelian.engine.lazyfree cimport LazyFree
from carnelian.engine.monitor cimport Monitors
from carnelian.engine.pause cimport Pause
from carnelian.engine.propagation cimport Propagation
from carnelian.engine.pubsub cimport PubSub
from carnelian.engine.refusals cimport Refusals
from carnelian.engine.session cimport INTERNAL, Session
from carnelian.engine.watch cimport Watches
from carnelian.keyspace.database cimport (
    Database, database_clear, database_count, database_free, database_new,
    database_verify,
)
from carnelian.keyspace.entry cimport POINTER, Entry, entry_pointer
from carnelian.keyspace.limits cimport limits_init
from carnelian.keyspace.value cimport value_effort
from carnelian.keyspace.wheel cimport wheel_mean_ttl_ms

__import__("carnelian.types")            # each type registers itself

cdef enum:
    FLUSH_BACKGROUND_MIN = 1000    # keys, or blocks of one value
    ERROR_CODES_MAX = 128


cdef class Engine(HeapOwner):
    def __cinit__(self, int databases=16, Clock clock=None, Engine beside=None):
        """`beside`: an engine whose heap it shares, to exchange data with."""
        cdef int i
        cdef Heap *before
        self.clock = clock or Clock()
        self.take_time()
        self.started_ms = self.steady_ms
        before = heap_enter(self.heap)
        limits_init(&self.limits)
        self.database_count = databases
        self.databases = <Database **>mem_alloc_zeroed(sizeof(Database *) * databases)
        for i in range(databases):
            self.databases[i] = database_new(i, self.now_ms, &self.limits)
        heap_enter(before)
        self.commands = CommandTable()
        self.diagnostics = Diagnostics(self.clock)
        self.sessions = {}
        self.pending = []
        self.resumable = []
        self.errors = {}
        self.run_id = urandom(20).hex()
        self.host = Host()
        self.propagation = Propagation()
        self.lazyfree = LazyFree()
        self.pubsub = PubSub()
        self.compose()
        self.startup_bytes = heap_used(self.heap)

    cdef void compose(self):
        """Give every noun what it works on."""
        self.effects = Effects()
        self.effects.armed = &self.armed
        self.watches = Watches()
        self.watches.databases = self.databases
        self.watches.now_ms = &self.now_ms
        self.events = Events(self.pubsub)
        self.blocking = Blocking()
        # WATCH before those who wait, as both may be told of the same change
        self.effects.add(self.watches, ARMED_WATCH)
        self.effects.add(self.blocking, ARMED_BLOCKED)
        self.effects.add(self.events, ARMED_NOTIFY)
        self.monitors = Monitors()
        self.monitors.gate = &self.gate
        self.monitors.clock = self.clock
        self.pause = Pause()
        self.pause.gate = &self.gate
        self.refusals = Refusals()
        self.refusals.gate = &self.gate
        self.expiry = Expiry()
        self.expiry.databases = self.databases
        self.expiry.database_count = self.database_count
        self.expiry.now_ms = &self.now_ms
        self.expiry.armed = &self.armed
        self.expiry.gate = &self.gate
        self.expiry.stats = &self.stats
        self.expiry.clock = self.clock
        self.expiry.effects = self.effects
        self.expiry.host = self.host
        self.expiry.propagation = self.propagation
        self.expiry.lazyfree = self.lazyfree

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
            self.blocking.unpark(session.blocked)
        self.watches.unwatch(session)
        self.pubsub.forget(session)
        if session.replica is not None:
            self.host.replication.forget(session)
        session.transaction = None
        self.monitors.stop(session)
        self.sessions.pop(session.id, None)

    cpdef void note_pending(self, Session session):
        self.pending.append(session)

    # --- keys ---

    cdef int end_arbitrary(self) except -1:
        """SCAN and RANDOMKEY meet expired keys that have nothing to do with each other: no
        transaction is made of them, unless there is one already."""
        if self.depth == 1:
            return self.propagation.end_unit()
        return 0

    cdef void discard(self, Entry *e) noexcept:
        """Free an unlinked entry."""
        self.lazyfree.discard(e)

    cdef void discard_value(self, int kind, void *value) noexcept:
        self.lazyfree.discard_value(kind, value)

    def set_access_policy(self, bint lfu, int log_factor, int decay_minutes):
        """What entries remember of their use, after maxmemory-policy."""
        self.lfu = lfu
        self.limits.lfu_log_factor = log_factor
        self.limits.lfu_decay_minutes = decay_minutes

    cdef void flush(self, int db_id, bint in_background):
        """Empty one database. The old content goes to the background when it is large."""
        cdef Database *old = self.databases[db_id]
        cdef Database *fresh
        cdef Database swapped
        if self.armed:
            self.effects.content_replaced(old, NULL)
        self.expiry.forget_database(db_id)
        if database_count(old) == 0:
            database_clear(old)                # what it once needed for its content
            return
        # Sessions hold the address of the Database: its content moves, it stays.
        fresh = database_new(db_id, self.now_ms, &self.limits)
        swapped = old[0]
        old[0] = fresh[0]
        fresh[0] = swapped
        if in_background or takes_long(fresh):
            self.lazyfree.free_database(fresh)
        else:
            database_free(fresh)

    cdef void swap(self, int a, int b):
        """SWAPDB: exchange the contents of two databases."""
        cdef Database *left = self.databases[a]
        cdef Database *right = self.databases[b]
        cdef Database held
        if a == b:
            return
        if self.armed:
            self.effects.content_replaced(left, right)
            self.effects.content_replaced(right, left)
        held = left[0]
        left[0] = right[0]
        right[0] = held
        left.id = a
        right.id = b

    # --- time passing ---

    cpdef int64_t next_timer_ms(self):
        """In how many ms the engine has something to do by itself; -1 for never."""
        cdef int64_t wait = self.expiry.next_ms()
        cdef int64_t deadline_ms = self.blocking.next_deadline_ms()
        if self.pause.until_ms and (not deadline_ms or self.pause.until_ms < deadline_ms):
            deadline_ms = self.pause.until_ms
        if not deadline_ms:
            return wait
        deadline_ms = max(deadline_ms - self.steady_now(), <int64_t>0)
        return deadline_ms if wait < 0 else min(wait, deadline_ms)

    cdef bint has_deadlines(self) noexcept:
        """Whether a time may come when a session that waits is to go on."""
        return self.pause.until_ms != 0 or len(self.blocking.deadlines) != 0

    cpdef bint expire_some(self, int64_t budget_us):
        """Delete keys and fields whose time has come, for at most about `budget_us`. True when some
        are left."""
        cdef uint64_t before_us = self.stats.expire_cycle_us
        cdef bint left = self.expiry.run_cycle(budget_us)
        if self.stats.expire_cycle_us != before_us:
            self.diagnostics.latency.note(
                "expire-cycle", <int64_t>(self.stats.expire_cycle_us - before_us))
        return left

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
        self.expiry.set_role(replica)
        self.gate &= ~(GATE_READ_ONLY | GATE_WRITABLE_REPLICA | GATE_STALE)
        if replica:
            self.gate |= GATE_READ_ONLY if read_only else GATE_WRITABLE_REPLICA
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
        self.expiry.tracked.clear()
        for i in range(self.database_count):
            if self.armed:
                self.effects.content_replaced(self.databases[i], other.databases[i])
            # Sessions hold the address of the Database: its content moves, it stays.
            held = self.databases[i][0]
            self.databases[i][0] = other.databases[i][0]
            other.databases[i][0] = held

    def in_transaction(self):
        """Whether the command that runs does so inside another."""
        return self.depth > 1

    def count_input(self, int64_t size):
        """Bytes from a primary that were no command."""
        self.stats.bytes_in += <uint64_t>size
        self.stats.replication_bytes_in += <uint64_t>size

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
                timed = 0 if db.inner_timers == NULL else db.inner_timers.heap.count
                found.append((
                    i, database_count(db), db.wheel.count,
                    wheel_mean_ttl_ms(&db.wheel, self.now_ms), timed))
        return found

    def verify(self):
        """Audit every database; False means memory corruption."""
        cdef int i
        for i in range(self.database_count):
            if not database_verify(self.databases[i]):
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
