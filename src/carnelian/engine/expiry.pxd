"""Keys and hash fields whose time has come: hidden or deleted when met, and looked for by the
active cycle.

One Expiry per engine, owned by it; the engine gives it what it works on. Who deletes: a primary,
and propagates that; a replica hides what has expired until its primary's DEL arrives, but for what
its own clients gave a time; nobody while data is loaded or a log is replayed.
"""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.clock cimport Clock
from carnelian.engine.effects cimport Effects
from carnelian.engine.host cimport Host
from carnelian.engine.lazyfree cimport LazyFree
from carnelian.engine.propagation cimport Propagation
from carnelian.engine.stats cimport Stats
from carnelian.keyspace.database cimport Database, KeyRef


cdef class Expiry:
    cdef Database **databases
    cdef int database_count
    cdef const int64_t *now_ms         # the engine's, as the next
    cdef uint32_t *armed
    cdef const uint32_t *gate
    cdef Stats *stats
    cdef Clock clock
    cdef Effects effects
    cdef Host host
    cdef Propagation propagation
    cdef LazyFree lazyfree
    cdef readonly bint hides           # a replica: the primary deletes expired keys
    # Commands of the primary or of a log are running: to them nothing expires by itself, they bring
    # the deletions along. Whoever runs such commands sets this around them.
    cdef public bint replaying
    cdef bint deletes_hidden           # ... and a client's write on a replica does away with them
    # tracked_expires.TrackedExpires: of keys that clients of a writable replica gave a time, of
    # which its primary knows nothing
    cdef readonly object tracked
    cdef public bint active            # whether the active cycle runs
    cdef int next_db                   # where the active cycle goes on

    # Look a key up; one that has expired is acted on.
    cdef void find(self, KeyRef *ref, Database *db, const char *key, size_t n) noexcept
    # The key `ref` points to is past its time: act on it. Whether it now counts as absent; the ref
    # is empty then.
    cdef bint expired(self, KeyRef *ref)
    # Delete so many fields of a hash that are past their time, and the hash with its last.
    cdef int expire_fields(self, KeyRef *ref, int limit) except -1
    # Delete what is due, for at most about `budget_us`. True when something is left.
    cdef bint run_cycle(self, int64_t budget_us)
    # In how many ms something is due; -1 for never.
    cdef int64_t next_ms(self)
    # Whether what is given such a time goes at once: a replica, or one that loads, keeps even what
    # has expired until it is told to delete it.
    cdef bint deletes_at(self, int64_t when_ms) noexcept
    # A key was given a time.
    cdef void key_timed(self, KeyRef *ref, int64_t when_ms)
    cdef void forget_database(self, int db_id)

    cdef bint keeps_expired(self) noexcept
    cdef bint is_replay(self) noexcept
    cdef bint expire_keys(self, Database *db, int64_t end_us)
    cdef bint expire_hashes(self, Database *db, int64_t end_us)
    cdef bint expire_tracked(self, int64_t end_us)
