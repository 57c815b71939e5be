"""The big sorted set as a Python object."""

import time

from cpython.pyport cimport PY_SSIZE_T_MAX
from libc.stdint cimport int64_t, uint64_t

from carnelian.base.memory cimport Heap, heap_drop, heap_enter, heap_new, mem_free
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.counted_tree cimport MemberIter, iter_next, iter_previous
from carnelian.encodings.member cimport Cut, Member, cut_lex, cut_score, member_slice
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_add, sorted_set_at, sorted_set_bytes, sorted_set_copy, sorted_set_count,
    sorted_set_cut, sorted_set_find, sorted_set_free, sorted_set_new, sorted_set_pop_max,
    sorted_set_pop_min, sorted_set_random, sorted_set_rank, sorted_set_remove,
    sorted_set_remove_range, sorted_set_scan, sorted_set_seek, sorted_set_update, sorted_set_verify,
)


cdef tuple pair(Member *m):
    cdef Slice s = member_slice(m)
    return s.ptr[:s.len], m.score


cdef void collect(void *entry, void *context) noexcept nogil:
    with gil:
        (<list>context).append(pair(<Member *>entry))


cdef class SortedSetBox:
    cdef SortedSet *z

    def __cinit__(self):
        self.z = sorted_set_new()

    def __dealloc__(self):
        sorted_set_free(self.z)

    def __len__(self):
        return sorted_set_count(self.z)

    def set(self, bytes member, double score):
        """ZADD; whether the member is new."""
        cdef Member *m = sorted_set_find(self.z, member, len(member))
        if m == NULL:
            sorted_set_add(self.z, score, member, len(member))
            return True
        sorted_set_update(self.z, m, score)
        return False

    def score(self, bytes member):
        cdef Member *m = sorted_set_find(self.z, member, len(member))
        return m.score if m != NULL else None

    def remove(self, bytes member):
        return sorted_set_remove(self.z, member, len(member))

    def remove_range(self, size_t first, size_t end):
        return sorted_set_remove_range(self.z, first, end)

    def rank(self, bytes member):
        cdef Member *m = sorted_set_find(self.z, member, len(member))
        return sorted_set_rank(self.z, m) if m != NULL else None

    def at(self, size_t rank):
        cdef Member *m = sorted_set_at(self.z, rank)
        return pair(m) if m != NULL else None

    def pop_min(self):
        cdef Member *m = sorted_set_pop_min(self.z)
        if m == NULL:
            return None
        found = pair(m)
        mem_free(m)
        return found

    def pop_max(self):
        cdef Member *m = sorted_set_pop_max(self.z)
        if m == NULL:
            return None
        found = pair(m)
        mem_free(m)
        return found

    def cut_score(self, double score, bint after):
        cdef Cut cut = cut_score(score, after)
        return sorted_set_cut(self.z, &cut)

    def cut_lex(self, bytes member, bint after):
        cdef Cut cut = cut_lex(slice_of(member, len(member)), after)
        return sorted_set_cut(self.z, &cut)

    def items(self, size_t rank=0, Py_ssize_t limit=PY_SSIZE_T_MAX):
        cdef MemberIter it
        cdef Member *m
        found = []
        sorted_set_seek(self.z, rank, &it)
        while len(found) < limit:
            m = iter_next(&it)
            if m == NULL:
                break
            found.append(pair(m))
        return found

    def items_backward(self, size_t rank, Py_ssize_t limit=PY_SSIZE_T_MAX):
        cdef MemberIter it
        cdef Member *m
        found = []
        sorted_set_seek(self.z, rank, &it)
        while len(found) < limit:
            m = iter_previous(&it)
            if m == NULL:
                break
            found.append(pair(m))
        return found

    def random(self):
        cdef Member *m = sorted_set_random(self.z)
        return pair(m) if m != NULL else None

    def scan(self, uint64_t cursor):
        found = []
        cursor = sorted_set_scan(self.z, cursor, collect, <void *>found)
        return cursor, found

    def copy(self):
        cdef SortedSetBox other = SortedSetBox.__new__(SortedSetBox)
        sorted_set_free(other.z)
        other.z = sorted_set_copy(self.z)
        return other

    def bytes_used(self):
        return sorted_set_bytes(self.z)

    def bytes_of_tree(self):
        return self.z.tree.bytes

    def verify(self):
        return sorted_set_verify(self.z)

    def free_in_background(self):
        """By a thread in a heap of its own; the box is empty at once."""
        cdef SortedSet *z = self.z
        cdef Heap *own = heap_new()
        self.z = sorted_set_new()
        with nogil:
            heap_enter(own)
            sorted_set_free(z)
            heap_enter(NULL)
            heap_drop(own)

    # Loops for the benchmark: seconds taken, without Python calls inside.

    def time_set(self, list members, list scores):
        cdef Py_ssize_t i
        cdef Member *m
        cdef char *p
        start = time.perf_counter()
        for i in range(len(members)):
            p = <char *>(<bytes>members[i])
            m = sorted_set_find(self.z, p, len(<bytes>members[i]))
            if m == NULL:
                sorted_set_add(self.z, <double>scores[i], p, len(<bytes>members[i]))
            else:
                sorted_set_update(self.z, m, <double>scores[i])
        return time.perf_counter() - start

    def time_rank(self, list members):
        cdef Py_ssize_t i
        cdef int64_t sum = 0
        start = time.perf_counter()
        for i in range(len(members)):
            sum += sorted_set_rank(
                self.z, sorted_set_find(self.z, <char *>(<bytes>members[i]), len(<bytes>members[i]))
            )
        return time.perf_counter() - start

    def time_range(self, list ranks, int length):
        cdef size_t rank
        cdef MemberIter it
        cdef Member *m
        cdef double sum = 0
        start = time.perf_counter()
        for number in ranks:
            rank = number
            sorted_set_seek(self.z, rank, &it)
            for _ in range(length):
                m = iter_next(&it)
                if m == NULL:
                    break
                sum += m.score
        return time.perf_counter() - start

    def time_pop_min(self, size_t count):
        start = time.perf_counter()
        for _ in range(count):
            mem_free(sorted_set_pop_min(self.z))
        return time.perf_counter() - start

    def time_remove(self, list members):
        cdef Py_ssize_t i
        start = time.perf_counter()
        for i in range(len(members)):
            sorted_set_remove(self.z, <char *>(<bytes>members[i]), len(<bytes>members[i]))
        return time.perf_counter() - start

    def time_free(self):
        start = time.perf_counter()
        sorted_set_free(self.z)
        self.z = sorted_set_new()
        return time.perf_counter() - start
