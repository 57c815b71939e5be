"""Heaps for tests: blocks by number, each filled with a pattern that is checked when it goes."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memset

from carnelian.base.memory cimport (
    Heap, heap_committed, heap_drop, heap_enter, heap_live, heap_new, heap_tidy, heap_tidy_all,
    heap_used, heap_verify, mem_alloc, mem_alloc_zeroed, mem_free, mem_realloc, mem_usable,
)


cdef class HeapBox:
    cdef Heap *heap

    def __cinit__(self):
        self.heap = heap_new()

    def __dealloc__(self):
        heap_drop(self.heap)

    def figures(self):
        """(live blocks, bytes used, bytes committed)."""
        return heap_live(self.heap), heap_used(self.heap), heap_committed(self.heap)

    def tidy(self, int work):
        cdef Heap *before = heap_enter(self.heap)
        cdef int done = heap_tidy(self.heap, work)
        heap_enter(before)
        return done

    def tidy_all(self):
        cdef Heap *before = heap_enter(self.heap)
        heap_tidy_all(self.heap)
        heap_enter(before)

    def verify(self):
        return heap_verify(self.heap)


cdef uint64_t random_step(uint64_t *state) noexcept nogil:
    state[0] = state[0] * 6364136223846793005ULL + 1442695040888963407ULL
    return state[0] >> 33


cdef class Blocks:
    """Blocks of some heap; any thread may free them, one at a time uses the object."""
    cdef uint8_t **blocks
    cdef size_t *sizes
    cdef readonly size_t count

    def __cinit__(self, size_t count):
        self.blocks = <uint8_t **>mem_alloc_zeroed(count * sizeof(void *))
        self.sizes = <size_t *>mem_alloc_zeroed(count * sizeof(size_t))
        self.count = count

    def __dealloc__(self):
        mem_free(self.blocks)
        mem_free(self.sizes)

    def fill(self, HeapBox box, size_t size_max, uint64_t seed):
        """Make every block, in `box`'s heap or, for None, in that of no engine."""
        cdef Heap *heap = NULL if box is None else box.heap
        cdef Heap *before
        cdef size_t i
        with nogil:
            before = heap_enter(heap)
            for i in range(self.count):
                self.sizes[i] = random_step(&seed) % size_max + 1
                self.blocks[i] = <uint8_t *>mem_alloc(self.sizes[i])
                memset(self.blocks[i], <int>(i & 0xFF), self.sizes[i])
            heap_enter(before)

    def resize(self, HeapBox box, size_t size_max, uint64_t seed):
        cdef Heap *heap = NULL if box is None else box.heap
        cdef Heap *before
        cdef size_t i
        cdef size_t size
        cdef bint good = True
        with nogil:
            before = heap_enter(heap)
            for i in range(self.count):
                if self.blocks[i] != NULL:
                    size = random_step(&seed) % size_max + 1
                    self.blocks[i] = <uint8_t *>mem_realloc(self.blocks[i], size)
                    good = good and self.is_whole(i, min(size, self.sizes[i]))
                    self.sizes[i] = size
                    memset(self.blocks[i], <int>(i & 0xFF), size)
            heap_enter(before)
        return good

    cdef bint is_whole(self, size_t i, size_t n) noexcept nogil:
        cdef size_t at
        for at in range(n):
            if self.blocks[i][at] != <uint8_t>(i & 0xFF):
                return False
        return mem_usable(self.blocks[i]) >= n

    def free(self, HeapBox box, size_t first, size_t step):
        """Free every `step`-th one from `first`, by a thread in `box`'s heap or in none; whether
        they were as they had been filled."""
        cdef Heap *heap = NULL if box is None else box.heap
        cdef Heap *before
        cdef size_t i = first
        cdef bint good = True
        with nogil:
            before = heap_enter(heap)
            while i < self.count:
                if self.blocks[i] != NULL:
                    good = good and self.is_whole(i, self.sizes[i])
                    mem_free(self.blocks[i])
                    self.blocks[i] = NULL
                i += step
            heap_enter(before)
        return good


def zeroed_is_zero(size_t size):
    cdef int64_t i
    cdef bint good = True
    cdef uint8_t *p = <uint8_t *>mem_alloc(size)
    memset(p, 1, size)
    mem_free(p)
    p = <uint8_t *>mem_alloc_zeroed(size)
    for i in range(<int64_t>size):
        good = good and p[i] == 0
    mem_free(p)
    return good
