"""A database as a Python object for tests of entries, table and wheel in step."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from carnelian.base.blob cimport Blob, blob_from, blob_release
from carnelian.base.memory cimport mem_free
from carnelian.keyspace.database cimport (
    Database, KeyRef, database_clear, database_count, database_free, database_new, database_verify,
    key_create, key_create_pointer, key_expire_at, key_find, key_link, key_persist, key_resize,
    key_set_inline, key_set_pointer, key_splice, key_unlink,
)
from carnelian.keyspace.entry cimport (
    ENC_BLOB, ENC_BYTES, EXPIRES, POINTER, STRING_RAW, TYPE_STRING, Entry, entry_pointer,
    entry_rekeyed, entry_value_len, entry_value_ptr, entry_when,
)
from carnelian.keyspace.limits cimport Limits, limits_init
from carnelian.types.string.value cimport text_value
from carnelian.keyspace.value cimport entry_copy, entry_free


cdef class DatabaseUnderTest:
    cdef Limits limits
    cdef Database *db

    def __cinit__(self):
        limits_init(&self.limits)
        self.db = database_new(0, 0, &self.limits)

    def close(self):
        if self.db != NULL:
            database_free(self.db)
            self.db = NULL

    def clear(self):
        database_clear(self.db)

    cdef int find(self, bytes key, KeyRef *ref) except -1:
        ref[0] = key_find(self.db, key, len(key))
        if ref.slot == NULL:
            raise KeyError(key)
        return 0

    def has(self, bytes key):
        return key_find(self.db, key, len(key)).slot != NULL

    def create(self, bytes key, bytes value):
        cdef KeyRef ref = key_find(self.db, key, len(key))
        cdef Entry *e = key_create(&ref, TYPE_STRING, ENC_BYTES, len(value))
        memcpy(entry_value_ptr(e), <char *>value, len(value))

    def create_pointer(self, bytes key, bytes value):
        cdef KeyRef ref = key_find(self.db, key, len(key))
        key_create_pointer(&ref, TYPE_STRING, ENC_BLOB, blob_from(value, len(value)))

    def remove(self, bytes key):
        cdef KeyRef ref
        self.find(key, &ref)
        entry_free(key_unlink(&ref))

    def resize(self, bytes key, size_t length, bytes fill):
        """Another length; new bytes are repeats of `fill`, one byte."""
        cdef KeyRef ref
        cdef Entry *e
        cdef size_t old
        cdef size_t i
        self.find(key, &ref)
        old = entry_value_len(ref.slot[0])
        e = key_resize(&ref, length)
        for i in range(old, length):
            entry_value_ptr(e)[i] = fill[0]

    def splice(self, bytes key, size_t offset, size_t remove, bytes insert):
        cdef KeyRef ref
        self.find(key, &ref)
        memcpy(key_splice(&ref, offset, remove, len(insert)), <char *>insert, len(insert))

    def set_pointer(self, bytes key, bytes value):
        cdef KeyRef ref
        self.find(key, &ref)
        self.drop_pointer(&ref)
        key_set_pointer(&ref, ENC_BLOB, blob_from(value, len(value)))

    def set_inline(self, bytes key, bytes value):
        cdef KeyRef ref
        cdef Entry *e
        self.find(key, &ref)
        self.drop_pointer(&ref)
        e = key_set_inline(&ref, ENC_BYTES, len(value))
        memcpy(entry_value_ptr(e), <char *>value, len(value))

    cdef void drop_pointer(self, KeyRef *ref):
        if ref.slot[0].flags & POINTER:
            blob_release(<Blob *>entry_pointer(ref.slot[0]))

    def expire(self, bytes key, int64_t when_ms):
        cdef KeyRef ref
        self.find(key, &ref)
        key_expire_at(&ref, when_ms)

    def persist(self, bytes key):
        cdef KeyRef ref
        self.find(key, &ref)
        return key_persist(&ref)

    def rename(self, bytes key, bytes other, bint copy):
        """To a key that is not there, without the expiry; a copy leaves the original."""
        cdef KeyRef source
        cdef KeyRef target = key_find(self.db, other, len(other))
        cdef Entry *old
        self.find(key, &source)
        if copy:
            key_link(&target, entry_copy(source.slot[0], other, len(other)))
            return
        old = key_unlink(&source)
        key_link(&target, entry_rekeyed(old, other, len(other)))
        mem_free(old)

    def mark(self, bytes key):
        cdef KeyRef ref
        self.find(key, &ref)
        ref.slot[0].flags |= STRING_RAW
        ref.slot[0].access = 12345

    def get(self, bytes key):
        """(value, expiry or None, whether behind a pointer, whether marked)"""
        cdef KeyRef ref
        cdef Entry *e
        self.find(key, &ref)
        e = ref.slot[0]
        value = text_value(e)
        when = entry_when(e) if e.flags & EXPIRES else None
        marked = bool(e.flags & STRING_RAW) and e.access == 12345
        return value.ptr[:value.len], when, bool(e.flags & POINTER), marked

    def verify(self):
        return database_verify(self.db)

    def __len__(self):
        return database_count(self.db)
