"""A Python list on the quicklist, and its inner loops to be timed."""

from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc

from carnelian.base.slice cimport Slice, slice_equal, slice_of
from carnelian.encodings.packed_list cimport packed_list_verify
from carnelian.encodings.quicklist cimport (
    Quicklist, QuicklistCursor, quicklist_bytes, quicklist_copy, quicklist_delete, quicklist_drop,
    quicklist_erase, quicklist_free, quicklist_from_packed, quicklist_get, quicklist_insert,
    quicklist_new, quicklist_next, quicklist_packed_size, quicklist_push, quicklist_seek,
    quicklist_set, quicklist_tidy, quicklist_to_packed, quicklist_verify,
)


cdef class ByteList:
    cdef Quicklist *list

    def __cinit__(self, long fill=-2):
        self.list = quicklist_new(fill)

    def __dealloc__(self):
        quicklist_free(self.list)

    def __len__(self):
        return self.list.count

    @property
    def nodes(self):
        return self.list.length

    @property
    def bytes(self):
        return quicklist_bytes(self.list)

    def verify(self):
        return quicklist_verify(self.list)

    def push(self, bint front, bytes element):
        quicklist_push(self.list, front, slice_of(element, len(element)))

    def pop(self, bint front):
        cdef Slice element
        if not quicklist_get(self.list, 0 if front else self.list.count - 1, &element):
            return None
        found = element.ptr[:element.len]
        quicklist_drop(self.list, front)
        return found

    def get(self, size_t index):
        cdef Slice element
        if not quicklist_get(self.list, index, &element):
            return None
        return element.ptr[:element.len]

    def set(self, size_t index, bytes element):
        return quicklist_set(self.list, index, slice_of(element, len(element)))

    def insert(self, size_t index, bytes element):
        return quicklist_insert(self.list, index, slice_of(element, len(element)))

    def delete(self, size_t index, size_t count):
        quicklist_delete(self.list, index, count)

    def walk(self, size_t index, bint backward, size_t count=1 << 62):
        cdef QuicklistCursor cursor
        cdef Slice element
        found = []
        quicklist_seek(self.list, index, backward, &cursor)
        while count and quicklist_next(&cursor, &element):
            found.append(element.ptr[:element.len])
            count -= 1
        return found

    def erase(self, bytes wanted, size_t index, bint backward, size_t count):
        """LREM: delete up to `count` equal elements from `index` on."""
        cdef QuicklistCursor cursor
        cdef Slice needle = slice_of(wanted, len(wanted))
        cdef Slice element
        erased = 0
        quicklist_seek(self.list, index, backward, &cursor)
        while erased < count and quicklist_next(&cursor, &element):
            if slice_equal(element, needle):
                quicklist_erase(&cursor)
                erased += 1
        quicklist_tidy(self.list)
        return erased

    def copy(self):
        cdef ByteList other = ByteList()
        quicklist_free(other.list)
        other.list = quicklist_copy(self.list)
        return other

    def repack(self, long fill):
        """To a packed list and back, under another limit."""
        cdef size_t size = quicklist_packed_size(self.list)
        cdef uint8_t *data = <uint8_t *>malloc(size)
        quicklist_to_packed(self.list, data)
        assert packed_list_verify(data, size)
        quicklist_free(self.list)
        self.list = quicklist_from_packed(data, size, fill)
        free(data)

    # Loops for benchmarks: no Python object per turn.

    def time_push(self, bint front, bytes element, size_t count):
        cdef size_t _i
        cdef Slice s = slice_of(element, len(element))
        with nogil:
            for _i in range(count):
                quicklist_push(self.list, front, s)

    def time_pop(self, bint front, size_t count):
        cdef size_t _i
        cdef Slice s
        with nogil:
            for _i in range(count):
                if quicklist_get(self.list, 0 if front else self.list.count - 1, &s):
                    quicklist_drop(self.list, front)

    def time_walk(self, size_t index, size_t count):
        cdef QuicklistCursor cursor
        cdef Slice element
        cdef size_t total = 0
        with nogil:
            quicklist_seek(self.list, index, False, &cursor)
            while count and quicklist_next(&cursor, &element):
                total += element.len
                count -= 1
        return total

    def time_get(self, size_t index, size_t count):
        cdef size_t _i
        cdef Slice element
        with nogil:
            for _i in range(count):
                quicklist_get(self.list, index, &element)
