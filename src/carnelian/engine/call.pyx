"""A handler's view of the engine; see call.pxd."""

from libc.math cimport ceill
from libc.stdint cimport int64_t

from carnelian.base.native cimport likely, unlikely
from carnelian.base.numbers cimport parse_double, parse_int64, parse_long_double
from carnelian.base.slice cimport slice_is
from carnelian.engine.blocking cimport BLOCKED_ON_KEYS, Blocked
from carnelian.engine.effects cimport ARMED_NOTIFY
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_KEY_MISS, NOTIFY_NEW
from carnelian.engine.session cimport NO_BLOCKING, NO_TOUCH
from carnelian.keyspace.database cimport (
    KeyRef, key_create, key_create_pointer, key_expire_at, key_find, key_link, key_unlink,
)
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_type, entry_when

from carnelian.engine.errors import (
    INT32_RANGE, NOT_FLOAT, NOT_INTEGER, OUT_OF_RANGE, TIMEOUT_NEGATIVE, TIMEOUT_NOT_FLOAT,
    TIMEOUT_RANGE, WRONG_TYPE,
)
from carnelian.keyspace.access cimport access_fresh_lfu, access_touch


cdef int64_t INT64_MAX_MS = 0x7FFFFFFFFFFFFFFF


cdef class Call:
    # --- arguments ---

    cdef bytes bytes(self, int i):
        return self.argv[i].ptr[:self.argv[i].len]

    cdef int64_t int(self, int i) except? -1:
        cdef int64_t value = 0
        if not parse_int64(self.argv[i].ptr, self.argv[i].len, &value):
            raise NOT_INTEGER
        return value

    cdef int int32(self, int i) except? -1:
        cdef int64_t value = self.int(i)
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise INT32_RANGE
        return <int>value

    cdef int64_t int_between(self, int i, int64_t low, int64_t high) except? -1:
        cdef int64_t value = self.int(i)
        if not low <= value <= high:
            raise OUT_OF_RANGE
        return value

    cdef double float(self, int i) except? -1:
        cdef double value = 0
        if not parse_double(self.argv[i].ptr, self.argv[i].len, &value):
            raise NOT_FLOAT
        return value

    cdef bint is_word(self, int i, const char *lower) noexcept:
        return slice_is(self.argv[i], lower)

    cdef list words(self, int start):
        cdef int i
        return [self.argv[i].ptr[:self.argv[i].len] for i in range(start, self.argc)]

    # --- keys ---

    cdef void find(self, int i, KeyRef *ref) noexcept:
        cdef Engine engine = self.engine
        ref[0] = key_find(self.db, self.argv[i].ptr, self.argv[i].len)
        if ref.slot != NULL and unlikely(ref.slot[0].flags & EXPIRES):
            if entry_when(ref.slot[0]) < engine.now_ms:
                engine.expiry.expired(ref)
        if ref.slot == NULL:
            engine.stats.misses += 1
            if unlikely(engine.armed & ARMED_NOTIFY):
                engine.effects.notify(NOTIFY_KEY_MISS, b"keymiss", self.db, ref.key, ref.len)
            return
        engine.stats.hits += 1
        if likely(not self.session.flags & NO_TOUCH):
            access_touch(ref.slot[0], engine.access_clock, engine.lfu, &engine.limits)

    cdef void find_untouched(self, int i, KeyRef *ref) noexcept:
        cdef Engine engine = self.engine
        engine.expiry.find(ref, self.db, self.argv[i].ptr, self.argv[i].len)
        if ref.slot != NULL:
            engine.stats.hits += 1
            return
        engine.stats.misses += 1
        if unlikely(engine.armed & ARMED_NOTIFY):
            engine.effects.notify(NOTIFY_KEY_MISS, b"keymiss", self.db, ref.key, ref.len)

    cdef void find_to_write(self, int i, KeyRef *ref) noexcept:
        cdef Engine engine = self.engine
        ref[0] = key_find(self.db, self.argv[i].ptr, self.argv[i].len)
        if ref.slot != NULL:
            if unlikely(ref.slot[0].flags & EXPIRES):
                if entry_when(ref.slot[0]) < engine.now_ms and engine.expiry.expired(ref):
                    return
            if likely(not self.session.flags & NO_TOUCH):
                access_touch(ref.slot[0], engine.access_clock, engine.lfu, &engine.limits)

    cdef int find_typed(self, int i, int type, KeyRef *ref) except -1:
        self.find(i, ref)
        if ref.slot == NULL:
            return 0
        if entry_type(ref.slot[0]) != type:
            raise WRONG_TYPE
        return 1

    cdef int find_typed_to_write(self, int i, int type, KeyRef *ref) except -1:
        self.find_to_write(i, ref)
        if ref.slot == NULL:
            return 0
        if entry_type(ref.slot[0]) != type:
            raise WRONG_TYPE
        return 1

    cdef void added(self, KeyRef *ref):
        self.renewed(ref)
        if unlikely(self.engine.armed):
            self.engine.effects.notify(NOTIFY_NEW, b"new", ref.db, ref.key, ref.len)

    cdef void renewed(self, KeyRef *ref):
        ref.slot[0].access = self.engine.access_clock if not self.engine.lfu else (
            access_fresh_lfu(self.engine.access_clock))
        if unlikely(self.engine.armed):
            self.engine.effects.key_ready(ref.db, ref.key, ref.len)

    cdef Entry *create(self, KeyRef *ref, int type, int encoding, size_t value_len):
        key_create(ref, type, encoding, value_len)
        self.added(ref)
        return ref.slot[0]

    cdef Entry *create_pointer(self, KeyRef *ref, int type, int encoding, void *value):
        key_create_pointer(ref, type, encoding, value)
        self.added(ref)
        return ref.slot[0]

    cdef void link(self, KeyRef *ref, Entry *e):
        key_link(ref, e)
        self.added(ref)

    cdef void replace(self, KeyRef *ref, Entry *e):
        if ref.slot == NULL:
            self.link(ref, e)
            return
        self.remove(ref)
        key_link(ref, e)
        self.renewed(ref)

    cdef void remove(self, KeyRef *ref):
        self.engine.discard(key_unlink(ref))

    cdef void expire_at(self, KeyRef *ref, int64_t when_ms):
        key_expire_at(ref, when_ms)
        if unlikely(self.engine.gate):
            self.engine.expiry.key_timed(ref, when_ms)

    # --- effects ---

    cdef void modified(self, KeyRef *ref):
        self.dirty += 1
        if unlikely(self.engine.armed):
            self.engine.effects.key_modified(ref.db, ref.key, ref.len)

    cdef void notify(self, int event_class, const char *event, KeyRef *ref):
        if unlikely(self.engine.armed & ARMED_NOTIFY):
            self.engine.effects.notify(event_class, event, ref.db, ref.key, ref.len)

    cdef void changed(self, KeyRef *ref, int event_class, const char *event):
        self.dirty += 1
        if unlikely(self.engine.armed):
            self.engine.effects.key_modified(ref.db, ref.key, ref.len)
            self.engine.effects.notify(event_class, event, ref.db, ref.key, ref.len)

    cdef bint propagates(self) noexcept:
        return self.engine.propagation.active

    cdef void propagate_as(self, list argv):
        if self.rewritten is None:
            self.rewritten = []
        self.rewritten.append(argv)

    cdef void propagate_nothing(self):
        if self.rewritten is None:
            self.rewritten = []

    # --- waiting ---

    cdef bint may_block(self) noexcept:
        return not self.timed_out and not self.session.flags & NO_BLOCKING

    cdef int block(self, list keys, int type, int64_t timeout_ms, bint on_deletion=False) except -1:
        """Park the session until one of the keys (bytes, in this database) may serve it."""
        return self.park(BLOCKED_ON_KEYS, keys, type, timeout_ms, on_deletion)

    cdef int block_for(self, int kind, int64_t timeout_ms) except -1:
        return self.park(kind, [], 0, timeout_ms, False)

    cdef int park(
        self, int kind, list keys, int type, int64_t timeout_ms, bint on_deletion
    ) except -1:
        cdef Blocked blocked
        self.parked = True
        if self.resumed:
            return 0               # still in its place in the queues
        blocked = Blocked()
        blocked.kind = kind
        blocked.session = self.session
        blocked.argv = self.words(0)
        blocked.keys = [(self.db.id, key) for key in dict.fromkeys(keys)]
        blocked.type = type
        blocked.on_deletion = on_deletion
        if timeout_ms:
            # from the next whole millisecond on: never early
            blocked.deadline_ms = (self.engine.clock.steady_us() + 999) // 1000 + timeout_ms
        blocked.extra = self.extra
        self.engine.blocking.park(blocked)
        return 0

    cdef int64_t timeout_ms(self, int i) except? -1:
        """A timeout in seconds as Redis takes it: fractions round up to a whole millisecond."""
        cdef long double seconds = 0
        if self.resumed:
            return 0               # it keeps the deadline it has
        if not parse_long_double(self.argv[i].ptr, self.argv[i].len, &seconds):
            raise TIMEOUT_NOT_FLOAT
        if seconds != seconds:
            raise TIMEOUT_NOT_FLOAT
        seconds = ceill(seconds * 1000)
        if seconds < 0:
            raise TIMEOUT_NEGATIVE
        if seconds > <long double>(INT64_MAX_MS - self.engine.now_ms):
            raise TIMEOUT_RANGE
        return <int64_t>seconds
