"""The state commands work on: databases, time, statistics, and the nouns that it is composed of.

One Engine is one Redis: a server has one, an embedded client has one. One thread runs it at a time,
under the GIL. It knows no sockets and no command; `dispatch` runs commands on it, `Call` is a
handler's view. Each noun owns its state and the rules to enter and leave it, and knows nothing of
the engine: it is given what it works on.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.clock cimport Clock
from carnelian.engine.blocking cimport Blocking
from carnelian.engine.command cimport CommandTable
from carnelian.engine.diagnostics cimport Diagnostics
from carnelian.engine.effects cimport Effects
from carnelian.engine.events cimport Events
from carnelian.engine.expiry cimport Expiry
from carnelian.engine.heap_owner cimport HeapOwner
from carnelian.engine.host cimport Host
from carnelian.engine.lazyfree cimport LazyFree
from carnelian.engine.monitor cimport Monitors
from carnelian.engine.pause cimport Pause
from carnelian.engine.propagation cimport Propagation
from carnelian.engine.pubsub cimport PubSub
from carnelian.engine.refusals cimport Refusals
from carnelian.engine.session cimport Session
from carnelian.engine.stats cimport Stats
from carnelian.engine.watch cimport Watches
from carnelian.keyspace.database cimport Database
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.limits cimport Limits


cdef class Engine(HeapOwner):
    cdef Database **databases
    cdef Limits limits                 # by which values take their shape
    cdef readonly int database_count
    cdef int64_t now_ms                # wall clock as of this batch of commands
    cdef int64_t steady_ms             # monotonic clock as of this turn: for what lasts or waits
    cdef uint32_t access_clock         # what a touched entry gets
    cdef bint lfu
    cdef uint32_t armed                # which observers of `effects` there is need for
    cdef uint32_t gate                 # see engine/gate.pxd
    cdef Stats stats
    cdef public int64_t dirty          # changes since the last save
    cdef readonly int64_t started_ms   # by the monotonic clock
    cdef uint64_t next_session_id
    cdef readonly dict sessions        # id -> Session
    cdef list pending                  # sessions with out-of-band output or to be closed
    cdef list resumable                # sessions answered after a wait, with input left to process
    cdef readonly Propagation propagation
    cdef LazyFree lazyfree
    cdef Effects effects
    cdef Watches watches
    cdef readonly Events events
    cdef readonly Blocking blocking
    cdef readonly Expiry expiry
    cdef readonly Pause pause
    cdef readonly Refusals refusals
    cdef Monitors monitors
    cdef PubSub pubsub
    cdef readonly Host host            # the way up
    cdef readonly dict errors          # code -> count, for INFO errorstats
    cdef readonly Clock clock
    cdef readonly CommandTable commands
    cdef readonly Diagnostics diagnostics
    cdef readonly int64_t startup_bytes    # memory in use before there was any data
    cdef int depth                     # nesting of command execution
    cdef object spare_call             # a Call kept for the next command
    cdef int64_t http_logged_ms        # when the log last told of an HTTP request
    cdef public object run_id
    cdef public int64_t peak_clients

    cdef void compose(self)
    cdef void tick(self) noexcept
    cdef void take_time(self) noexcept
    cdef int64_t steady_now(self) noexcept
    cpdef void add_session(self, Session session, int db_id=*)
    cpdef void drop_session(self, Session session)
    cpdef void note_pending(self, Session session)

    cdef int end_arbitrary(self) except -1
    cdef void discard(self, Entry *e) noexcept
    cdef void discard_value(self, int kind, void *value) noexcept
    cdef void flush(self, int db_id, bint in_background)
    cdef void swap(self, int a, int b)

    cdef bint has_deadlines(self) noexcept
    cpdef int64_t next_timer_ms(self)
    cpdef bint expire_some(self, int64_t budget_us)
    cdef void count_error(self, bytes text)
