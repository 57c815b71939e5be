"""A heap's holder, and a thread's way in and out; see heap_owner.pxd."""

from carnelian.base.memory cimport (
    heap_drop, heap_enter, heap_hold, heap_new, heap_used,
)


cdef class HeapOwner:
    def __cinit__(self, *_args, HeapOwner beside=None, **_more):
        if beside is None:
            self.heap = heap_new()
        else:
            self.heap = beside.heap
            heap_hold(self.heap)

    def __dealloc__(self):
        if self.heap != NULL:
            heap_drop(self.heap)

    def used_memory(self):
        return heap_used(self.heap)

    def inside(self):
        """A context manager: what the thread allocates is the owner's."""
        return HeapScope(self)


cdef class HeapScope:
    def __cinit__(self, HeapOwner owner):
        self.owner = owner

    def __enter__(self):
        self.before = heap_enter(self.owner.heap)
        return self

    def __exit__(self, *_error):
        heap_enter(self.before)
