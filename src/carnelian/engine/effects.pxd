"""Who must learn what happens to keys.

A write reports itself once, through `Call`; from there Effects tells every Observer that is armed.
An Observer arms itself while somebody needs it (watches, listens, waits), by its bit in the
engine's `armed` word: while that is zero a write asks nobody. Client-side caching and triggers are
to be two more observers.

One Effects per engine, owned by it and called on its thread. An Observer owns its registers and
knows no other.
"""

from libc.stdint cimport uint32_t

from carnelian.keyspace.database cimport Database


cdef enum:                         # the bits of `armed`
    ARMED_WATCH = 1
    ARMED_NOTIFY = 2
    ARMED_BLOCKED = 4


cdef class Observer:
    cdef uint32_t *armed           # the engine's word
    cdef uint32_t bit              # ours in it

    cdef void register(self, uint32_t *armed, uint32_t bit) noexcept
    cdef void arm(self) noexcept
    cdef void disarm(self) noexcept
    # A key was changed, created or removed; `expired`: by itself, since its time had come.
    cdef void key_modified(self, Database *db, const char *key, size_t n, bint expired)
    # A key may have something for those who wait for it.
    cdef void key_ready(self, Database *db, const char *key, size_t n)
    # What Redis calls a keyspace event.
    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n)
    # The content of `db` is about to give way to that of `other`; NULL: to nothing.
    cdef void content_replaced(self, Database *db, Database *other)


cdef class Effects:
    cdef uint32_t *armed
    cdef list observers

    cdef void add(self, Observer observer, uint32_t bit)
    # The next are only called while `armed`.
    cdef void key_modified(self, Database *db, const char *key, size_t n, bint expired=*)
    cdef void key_ready(self, Database *db, const char *key, size_t n)
    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n)
    cdef void content_replaced(self, Database *db, Database *other)
