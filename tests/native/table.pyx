"""A set of byte strings on the hash table."""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport (
    Table, TableIter, table_add, table_bytes, table_count, table_find, table_free, table_iter_init,
    table_new, table_next, table_random, table_remove, table_scan, table_verify,
)


cdef struct Item:
    uint32_t len
    char data[1]


cdef Slice item_key(void *entry) noexcept nogil:
    cdef Slice s
    s.ptr = (<Item *>entry).data
    s.len = (<Item *>entry).len
    return s


cdef void collect(void *entry, void *context) noexcept nogil:
    with gil:
        (<list>context).append((<Item *>entry).data[:(<Item *>entry).len])


cdef class ByteSet:
    cdef Table *table

    def __cinit__(self):
        self.table = table_new(item_key)

    def __dealloc__(self):
        cdef TableIter it
        cdef void *entry
        table_iter_init(&it, self.table)
        entry = table_next(&it)
        while entry != NULL:
            mem_free(entry)
            entry = table_next(&it)
        table_free(self.table)

    def __len__(self):
        return table_count(self.table)

    def __contains__(self, bytes key):
        return table_find(self.table, hash_bytes(key, len(key)), key, len(key)) != NULL

    def __iter__(self):
        cdef TableIter it
        cdef void *entry
        found = []
        table_iter_init(&it, self.table)
        entry = table_next(&it)
        while entry != NULL:
            collect(entry, <void *>found)
            entry = table_next(&it)
        return iter(found)

    def add(self, bytes key):
        cdef Item *item
        if key in self:
            return False
        item = <Item *>mem_alloc(4 + len(key))
        item.len = len(key)
        memcpy(item.data, <char *>key, len(key))
        table_add(self.table, hash_bytes(key, len(key)), item)
        return True

    def remove(self, bytes key):
        cdef void *entry = table_remove(self.table, hash_bytes(key, len(key)), key, len(key))
        mem_free(entry)
        return entry != NULL

    def scan(self, uint64_t cursor):
        found = []
        cursor = table_scan(self.table, cursor, collect, <void *>found)
        return cursor, found

    def random(self):
        cdef void *entry = table_random(self.table)
        found = []
        if entry != NULL:
            collect(entry, <void *>found)
        return found[0] if found else None

    def bytes_used(self):
        return table_bytes(self.table)

    def verify(self):
        return table_verify(self.table)
