"""A list under one key of a database of its own, for tests of types/list/value."""

from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.keyspace.database cimport (
    Database, KeyRef, database_free, database_new, database_verify, key_again, key_expire_at,
    key_find,
)
from carnelian.keyspace.entry cimport (
    ENC_QUICKLIST, POINTER, Entry, entry_encoding, entry_pointer,
)
from carnelian.keyspace.limits cimport Limits, limits_init
from carnelian.types.list.value cimport (
    list_count, list_create, list_delete, list_get, list_insert, list_next,
    list_push, list_remove, list_seek, list_set, list_shrunk, list_verify,
)
from carnelian.keyspace.value cimport value_copy, value_effort, value_free


cdef class ListValue:
    cdef Limits limits
    cdef Database *db
    cdef KeyRef ref
    cdef bytes name

    def __cinit__(self, bytes name=b"key", expires=False, long fill=-2):
        self.name = name
        limits_init(&self.limits)
        self.limits.list_fill = fill
        self.db = database_new(0, 0, &self.limits)
        self.ref = key_find(self.db, self.name, len(self.name))
        list_create(&self.ref)
        if expires:
            key_expire_at(&self.ref, 1 << 50)

    def __dealloc__(self):
        database_free(self.db)

    cdef Entry *entry(self):
        key_again(&self.ref)
        return self.ref.slot[0]

    @property
    def encoding(self):
        cdef Entry *e = self.entry()
        if entry_encoding(e) == ENC_QUICKLIST:
            return "quicklist"
        return "node" if e.flags & POINTER else "embedded"

    def push(self, bint front, list elements):
        cdef Slice slices[64]
        cdef bytes element
        cdef int i
        for i in range(len(elements)):
            element = elements[i]
            slices[i] = slice_of(element, len(element))
        self.entry()
        list_push(&self.ref, front, slices, len(elements))

    def get(self, size_t index):
        cdef Slice element
        if not list_get(self.entry(), index, &element):
            return None
        return element.ptr[:element.len]

    def set(self, size_t index, bytes element):
        self.entry()
        list_set(&self.ref, index, slice_of(element, len(element)))
        list_shrunk(&self.ref)

    def insert(self, size_t index, bytes element):
        self.entry()
        list_insert(&self.ref, index, slice_of(element, len(element)))

    def delete(self, size_t index, size_t n):
        self.entry()
        list_delete(&self.ref, index, n)
        if list_count(self.ref.slot[0]):
            list_shrunk(&self.ref)

    def remove(self, bytes element, size_t most, bint backward):
        self.entry()
        removed = list_remove(&self.ref, slice_of(element, len(element)), most, backward)
        if list_count(self.ref.slot[0]):
            list_shrunk(&self.ref)
        return removed

    def elements(self, size_t start=0, bint backward=False):
        cdef QuicklistCursor cursor
        cdef Slice element
        found = []
        list_seek(self.entry(), start, backward, &cursor)
        while list_next(&cursor, &element):
            found.append(element.ptr[:element.len])
        return found

    def copy_is_equal(self):
        """Copy what is behind the pointer and free the copy."""
        cdef Entry *e = self.entry()
        cdef void *copy
        if e.flags & POINTER:
            copy = value_copy(e.kind, entry_pointer(e))
            if value_effort(e.kind, copy) != value_effort(e.kind, entry_pointer(e)):
                return False
            value_free(e.kind, copy)
        return True

    def verify(self):
        return database_verify(self.db) and list_verify(self.entry()) and (
            <size_t>len(self.elements()) == list_count(self.entry()))
