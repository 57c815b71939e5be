"""The state commands work on: databases, time, statistics, and who must learn of a change.

One Engine is one Redis: a server has one, an embedded client has one. One thread runs it at a time,
under the GIL. It knows no sockets and no command; `dispatch` runs commands on it, `Call` is a
handler's view.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.clock cimport Clock
from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport CommandTable
from carnelian.engine.diagnostics cimport Diagnostics
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.host cimport Host
from carnelian.engine.lazyfree cimport LazyFree
from carnelian.engine.propagation cimport Propagation
from carnelian.engine.pubsub cimport PubSub
from carnelian.engine.session cimport Session
from carnelian.keyspace.database cimport Database, KeyRef
from carnelian.keyspace.entry cimport Entry


cdef enum:                     # why a changed key needs more than a counter
    ARMED_WATCH = 1
    ARMED_NOTIFY = 2
    ARMED_BLOCKED = 4
    ARMED_TRACKING = 8

cdef enum:                     # why dispatch must look closer at every command
    GATE_LOADING = 1
    GATE_PAUSED = 2
    GATE_MONITORS = 4
    GATE_WRITES = 8            # writes may be refused: `engine.refusals` say why
    GATE_MAXMEMORY = 16
    GATE_STALE = 32
    GATE_READ_ONLY = 64        # a replica that only its primary may write to
    GATE_OWN_WRITES = 128      # a replica with replica-read-only no
    GATE_ASYNC_LOADING = 256   # data that will replace ours is being loaded aside

cdef enum:                     # classes of keyspace events, in the order of their letters
    NOTIFY_KEYSPACE = 1        # K
    NOTIFY_KEYEVENT = 2        # E
    NOTIFY_GENERIC = 4         # g
    NOTIFY_STRING = 8          # $
    NOTIFY_LIST = 16           # l
    NOTIFY_SET = 32            # s
    NOTIFY_HASH = 64           # h
    NOTIFY_ZSET = 128          # z
    NOTIFY_EXPIRED = 256       # x
    NOTIFY_EVICTED = 512       # e
    NOTIFY_STREAM = 1024       # t
    NOTIFY_KEY_MISS = 2048     # m, not part of A
    NOTIFY_MODULE = 8192       # d
    NOTIFY_NEW = 16384         # n, not part of A

cdef enum:
    BLOCKED_ON_KEYS = 1
    BLOCKED_POSTPONED = 2      # CLIENT PAUSE
    BLOCKED_WAIT = 3           # WAIT, WAITAOF
    BLOCKED_SHUTDOWN = 4       # until the server ends, or does not

cdef struct Stats:
    uint64_t commands
    uint64_t connections
    uint64_t rejected_connections
    uint64_t expired_keys
    uint64_t expired_fields
    uint64_t evicted_keys
    uint64_t hits
    uint64_t misses
    uint64_t error_replies
    uint64_t internal_errors
    uint64_t bytes_in
    uint64_t bytes_out
    uint64_t replication_bytes_in      # of them, from a primary
    uint64_t replication_bytes_out     # ... and to replicas
    uint64_t query_limit_disconnections
    uint64_t output_limit_disconnections
    uint64_t expire_cycle_us


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
    cdef int db_id
    cdef object extra          # the command's own
    cdef bint served


cdef class Engine(HeapOwner):
    cdef Database **databases
    cdef readonly int database_count
    cdef int64_t now_ms                # wall clock as of this batch of commands
    cdef int64_t steady_ms             # monotonic clock as of this turn: for what lasts or waits
    cdef uint32_t access_clock         # what a touched entry gets
    cdef bint lfu
    cdef uint32_t armed
    cdef uint32_t gate
    cdef public int notify_flags
    cdef Stats stats
    cdef public int64_t dirty          # changes since the last save
    cdef readonly int64_t started_ms   # by the monotonic clock
    cdef uint64_t next_session_id
    cdef readonly dict sessions        # id -> Session
    cdef list pending                  # sessions with out-of-band output or to be closed
    cdef list resumable                # sessions answered after a wait, with input left to process
    cdef PubSub pubsub
    cdef readonly Propagation propagation
    cdef LazyFree lazyfree
    cdef readonly Host host            # the way up
    cdef dict waiting                  # {Blocked: None} of WAIT and WAITAOF
    cdef dict watched                  # (db id, key) -> {Session: None}
    # (db id, key) -> {type waited for: {Blocked: None} in order of arrival}
    cdef dict blocked_keys
    cdef dict ready                    # (db id, key): None, keys to serve blocked sessions from
    cdef list deadlines                # heap of (deadline_ms, order, Blocked)
    cdef Py_ssize_t stale_deadlines    # how many of them were served before
    cdef uint64_t next_order
    cdef dict postponed                # {Blocked: None} while paused
    cdef int64_t pause_until_ms        # by the monotonic clock
    cdef bint pause_all
    cdef readonly set writes_held      # what holds clients' writes back: a failover, a shutdown
    cdef dict monitors                 # {Session: None}
    cdef readonly dict errors          # code -> count, for INFO errorstats
    cdef readonly Clock clock
    cdef readonly CommandTable commands
    cdef readonly Diagnostics diagnostics
    cdef readonly int64_t startup_bytes    # memory in use before there was any data
    cdef readonly bint hide_expired    # a replica: the primary deletes expired keys
    # Commands of the primary or of a log are running: to them nothing expires by itself, they bring
    # the deletions along. Whoever runs such commands sets this around them.
    cdef public bint replaying
    cdef bint deletes_hidden           # ... and a client's write on a replica does away with them
    # own_times.OwnTimes: when keys expire that clients of a writable replica gave a time, of which
    # its primary knows nothing
    cdef readonly object own_times
    cdef public bint active_expire
    cdef int expire_db                 # where expire_some goes on
    cdef int depth                     # nesting of command execution
    cdef object spare_call             # a Call kept for the next command
    cdef bint deleting_expired
    cdef readonly dict refusals        # source -> callable(writes, saves) -> CommandError or None
    cdef int64_t http_logged_ms        # when the log last told of an HTTP request
    cdef public object run_id
    cdef public int64_t peak_clients

    cdef void tick(self) noexcept
    cdef void take_time(self) noexcept
    cdef int64_t steady_now(self) noexcept
    cpdef void add_session(self, Session session, int db_id=*)
    cpdef void drop_session(self, Session session)
    cpdef void note_pending(self, Session session)

    cdef void find(self, KeyRef *ref, Database *db, const char *key, size_t n) noexcept
    cdef bint keeps_expired(self) noexcept
    cdef bint expired(self, KeyRef *ref)
    cdef int expire_fields(self, KeyRef *ref, int limit) except -1
    cdef bint expire_keys(self, Database *db, int64_t end_us)
    cdef bint expire_hashes(self, Database *db, int64_t end_us)
    cdef bint expire_own(self, int64_t end_us)
    cdef int end_arbitrary(self) except -1
    cdef void discard(self, Entry *e) noexcept
    cdef void discard_value(self, int kind, void *value) noexcept
    cdef void key_modified(self, Database *db, const char *key, size_t n)
    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n
    )
    cdef void key_ready(self, Database *db, const char *key, size_t n)
    cdef void flush(self, int db_id, bint in_background)
    cdef void touch_all(self, Database *held, Database *other)
    cdef int state_of(self, Database *db, bytes key)
    cdef void swap(self, int a, int b)

    cdef void watch(self, Session session, bytes key)
    cdef void unwatch(self, Session session)
    cdef bint watched_expired(self, Session session)

    cdef void park(self, Blocked blocked)
    cdef void unpark(self, Blocked blocked)
    cdef void sweep_deadlines(self)
    cdef void drop_served_deadlines(self)
    cdef Blocked next_timed_out(self)
    cpdef int64_t next_timer_ms(self)
    cpdef bint expire_some(self, int64_t budget_us)
    cdef void count_error(self, bytes text)
