"""The expiry wheel as a Python object: entries are known by a number."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.keyspace.entry cimport (
    EXPIRES, Entry, entry_key_ptr, entry_new, entry_when,
)
from carnelian.keyspace.wheel cimport (
    Wheel, wheel_add, wheel_due, wheel_free, wheel_init, wheel_moved, wheel_next_ms, wheel_remove,
    wheel_turn_back, wheel_verify,
)


cdef class WheelUnderTest:
    cdef Wheel wheel
    cdef dict entries              # number -> address

    def __cinit__(self, int64_t now_ms):
        wheel_init(&self.wheel, now_ms)
        self.entries = {}

    def close(self):
        cdef Entry *e
        wheel_free(&self.wheel)
        for address in self.entries.values():
            e = <Entry *><size_t>address
            mem_free(e)
        self.entries = {}

    cdef Entry *entry(self, int64_t number) except NULL:
        return <Entry *><size_t>self.entries[number]

    def add(self, int64_t number, int64_t when_ms):
        cdef Entry *e = entry_new(0, EXPIRES, <char *>&number, sizeof(number), 0)
        self.entries[number] = <size_t>e
        wheel_add(&self.wheel, e, when_ms)

    def remove(self, int64_t number):
        cdef Entry *e = self.entry(number)
        wheel_remove(&self.wheel, e)
        del self.entries[number]
        mem_free(e)

    def relocate(self, int64_t number):
        """What happens when a value grows: the entry gets another address."""
        cdef Entry *old = self.entry(number)
        cdef size_t size = entry_key_ptr(old) + sizeof(number) - <char *>old
        cdef Entry *fresh = <Entry *>mem_alloc(size)
        memcpy(fresh, old, size)
        self.entries[number] = <size_t>fresh
        wheel_moved(&self.wheel, fresh)
        mem_free(old)

    def due(self, int64_t now_ms, int steps):
        """Take out all that is due: [(number, when)], with `steps` to each call."""
        cdef Entry *e
        cdef int64_t number
        cdef int left = steps
        found = []
        while True:
            e = wheel_due(&self.wheel, now_ms, &left)
            if e == NULL:
                if left > 0:
                    return found
                left = steps
                continue
            memcpy(&number, entry_key_ptr(e), sizeof(number))
            found.append((number, entry_when(e)))
            self.remove(number)

    def due_once(self, int64_t now_ms, int steps):
        """One call: whether there was an entry, and the steps left."""
        cdef int left = steps
        return wheel_due(&self.wheel, now_ms, &left) != NULL, left

    def turn_back(self, int64_t now_ms):
        wheel_turn_back(&self.wheel, now_ms)

    def next_ms(self):
        return wheel_next_ms(&self.wheel)

    def verify(self):
        return wheel_verify(&self.wheel)

    def __len__(self):
        return self.wheel.count
