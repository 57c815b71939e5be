"""Keys found, added, reshaped and removed with table and wheel kept in step; see database.pxd."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memmove

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc_zeroed, mem_free
from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport slice_of
from carnelian.encodings.table cimport (
    TableIter, table_add, table_clear, table_find, table_free, table_iter_init, table_new,
    table_next, table_remove_at, table_verify,
)
from carnelian.formats.rdb cimport RDB_VERSION_PLAIN
from carnelian.keyspace.entry cimport (
    EXPIRES, POINTER, entry_key, entry_new, entry_reshape, entry_set_pointer, entry_type,
    entry_value_len, entry_value_ptr, entry_when,
)
from carnelian.keyspace.inner_timers cimport (
    inner_timers_free, inner_timers_set, inner_timers_verify,
)
from carnelian.keyspace.value cimport (
    entry_free, types_noted, value_inner_expiry_ms, value_rdb_version, value_verify,
)
from carnelian.keyspace.wheel cimport (
    wheel_add, wheel_free, wheel_init, wheel_moved, wheel_remove, wheel_verify,
)


cdef Database *database_new(int id, int64_t now_ms, const Limits *limits) noexcept nogil:
    cdef Database *db = <Database *>mem_alloc_zeroed(sizeof(Database))
    db.keys = table_new(entry_key)
    db.limits = limits
    db.id = id
    wheel_init(&db.wheel, now_ms)
    return db


cdef void free_entries(Database *db) noexcept nogil:
    cdef TableIter it
    cdef void *e
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL:
        entry_free(<Entry *>e)
        e = table_next(&it)


cdef void database_free(Database *db) noexcept nogil:
    free_entries(db)
    table_free(db.keys)
    wheel_free(&db.wheel)
    inner_timers_free(&db.inner_timers)
    mem_free(db)


cdef void database_clear(Database *db) noexcept nogil:
    free_entries(db)
    table_clear(db.keys)
    wheel_free(&db.wheel)
    inner_timers_free(&db.inner_timers)
    db.newest_format = 0


cdef inline int newest(Database *db) noexcept nogil:
    return max(db.newest_format, <int>RDB_VERSION_PLAIN)


cdef bint database_verify(Database *db) noexcept nogil:
    cdef TableIter it
    cdef Entry *e
    cdef size_t expiring = 0
    cdef size_t timed = 0
    if not table_verify(db.keys) or not wheel_verify(&db.wheel):
        return False
    if not inner_timers_verify(db.inner_timers):
        return False
    table_iter_init(&it, db.keys)
    e = <Entry *>table_next(&it)
    while e != NULL:
        expiring += e.flags & EXPIRES
        timed += value_inner_expiry_ms(e) != 0
        if not value_verify(e) or (
                types_noted >> entry_type(e) & 1 and value_rdb_version(e) > newest(db)):
            return False
        e = <Entry *>table_next(&it)
    if timed != (db.inner_timers.heap.count if db.inner_timers != NULL else 0):
        return False
    return expiring == db.wheel.count


cdef KeyRef key_find(Database *db, const char *key, size_t n) noexcept nogil:
    cdef KeyRef ref
    ref.db = db
    ref.key = key
    ref.len = n
    ref.hash = hash_bytes(key, n)
    ref.slot = <Entry **>table_find(db.keys, ref.hash, key, n)
    return ref


cdef void key_again(KeyRef *ref) noexcept nogil:
    ref.slot = <Entry **>table_find(ref.db.keys, ref.hash, ref.key, ref.len)


cdef Entry *key_create(KeyRef *ref, int type, int encoding, size_t value_len) noexcept nogil:
    cdef Entry *e = entry_new(type | encoding << 4, 0, ref.key, ref.len, value_len)
    key_link(ref, e)
    return e


cdef Entry *key_create_pointer(KeyRef *ref, int type, int encoding, void *value) noexcept nogil:
    cdef Entry *e = entry_new(type | encoding << 4, POINTER, ref.key, ref.len, 8)
    entry_set_pointer(e, value)
    key_link(ref, e)
    return e


cdef Entry *key_unlink(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    if e.flags & EXPIRES:
        wheel_remove(&ref.db.wheel, e)
    if unlikely(ref.db.inner_timers != NULL) and types_noted >> entry_type(e) & 1:
        inner_timers_set(&ref.db.inner_timers, slice_of(ref.key, ref.len), ref.hash, 0)
    table_remove_at(ref.db.keys, ref.hash, <void **>ref.slot)
    ref.slot = NULL
    return e


cdef void key_link(KeyRef *ref, Entry *e) noexcept nogil:
    ref.slot = <Entry **>table_add(ref.db.keys, ref.hash, e)
    if e.flags & EXPIRES:
        wheel_add(&ref.db.wheel, e, entry_when(e))
    if unlikely(types_noted >> entry_type(e) & 1):
        key_noted(ref)


cdef void key_noted(KeyRef *ref) noexcept nogil:
    cdef Database *db = ref.db
    cdef int64_t when_ms = value_inner_expiry_ms(ref.slot[0])
    cdef int format = value_rdb_version(ref.slot[0])
    if when_ms or db.inner_timers != NULL:
        inner_timers_set(&db.inner_timers, slice_of(ref.key, ref.len), ref.hash, when_ms)
    if format > newest(db):
        db.newest_format = format


cdef inline Entry *moved(KeyRef *ref, Entry *e) noexcept nogil:
    if e != ref.slot[0]:
        ref.slot[0] = e
        if e.flags & EXPIRES:
            wheel_moved(&ref.db.wheel, e)
    return e


cdef Entry *key_resize(KeyRef *ref, size_t value_len) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    return moved(ref, entry_reshape(e, e.flags & EXPIRES, value_len))


cdef uint8_t *key_splice(KeyRef *ref, size_t offset, size_t remove, size_t insert) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef size_t old = entry_value_len(e)
    cdef size_t tail = old - offset - remove
    cdef char *value
    if insert < remove:
        value = entry_value_ptr(e)
        memmove(value + offset + insert, value + offset + remove, tail)
        e = key_resize(ref, old - remove + insert)
    elif insert > remove:
        e = key_resize(ref, old - remove + insert)
        value = entry_value_ptr(e)
        memmove(value + offset + insert, value + offset + remove, tail)
    return <uint8_t *>entry_value_ptr(e) + offset


cdef Entry *key_set_pointer(KeyRef *ref, int encoding, void *value) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    e = moved(ref, entry_reshape(e, e.flags & EXPIRES | POINTER, 8))
    e.kind = <uint8_t>(entry_type(e) | encoding << 4)
    entry_set_pointer(e, value)
    return e


cdef Entry *key_set_inline(KeyRef *ref, int encoding, size_t value_len) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    e = moved(ref, entry_reshape(e, e.flags & EXPIRES, value_len))
    e.kind = <uint8_t>(entry_type(e) | encoding << 4)
    return e


cdef void key_expire_at(KeyRef *ref, int64_t when_ms) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef bint expired = e.flags & EXPIRES
    if expired:
        wheel_remove(&ref.db.wheel, e)
    else:
        e = entry_reshape(
            e, e.flags & POINTER | EXPIRES, 8 if e.flags & POINTER else entry_value_len(e))
        ref.slot[0] = e
    wheel_add(&ref.db.wheel, e, when_ms)


cdef bint key_persist(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    if not e.flags & EXPIRES:
        return False
    wheel_remove(&ref.db.wheel, e)
    ref.slot[0] = entry_reshape(
        e, e.flags & POINTER, 8 if e.flags & POINTER else entry_value_len(e))
    return True
