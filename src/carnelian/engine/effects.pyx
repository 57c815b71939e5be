"""Who must learn what happens to keys; see effects.pxd."""

from libc.stdint cimport uint32_t

from carnelian.keyspace.database cimport Database


cdef class Observer:
    """Does nothing with anything: subclasses take what concerns them."""

    cdef void register(self, uint32_t *armed, uint32_t bit) noexcept:
        self.armed = armed
        self.bit = bit

    cdef void arm(self) noexcept:
        self.armed[0] |= self.bit

    cdef void disarm(self) noexcept:
        self.armed[0] &= ~self.bit

    cdef void key_modified(self, Database *db, const char *key, size_t n, bint expired):
        pass

    cdef void key_ready(self, Database *db, const char *key, size_t n):
        pass

    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n
    ):
        pass

    cdef void content_replaced(self, Database *db, Database *other):
        pass


cdef class Effects:
    def __cinit__(self):
        self.observers = []

    cdef void add(self, Observer observer, uint32_t bit):
        """Tell it from now on, after the others, whenever its bit is set."""
        observer.register(self.armed, bit)
        self.observers.append(observer)

    cdef void key_modified(
        self, Database *db, const char *key, size_t n, bint expired=False
    ):
        for observer in self.observers:
            if self.armed[0] & (<Observer>observer).bit:
                (<Observer>observer).key_modified(db, key, n, expired)

    cdef void key_ready(self, Database *db, const char *key, size_t n):
        for observer in self.observers:
            if self.armed[0] & (<Observer>observer).bit:
                (<Observer>observer).key_ready(db, key, n)

    cdef void notify(
        self, int event_class, const char *event, Database *db, const char *key, size_t n
    ):
        for observer in self.observers:
            if self.armed[0] & (<Observer>observer).bit:
                (<Observer>observer).notify(event_class, event, db, key, n)

    cdef void content_replaced(self, Database *db, Database *other):
        for observer in self.observers:
            if self.armed[0] & (<Observer>observer).bit:
                (<Observer>observer).content_replaced(db, other)
