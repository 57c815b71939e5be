"""A further type of values, all of it: a number of 8 bytes, small ones in the entry and negative
ones behind a pointer. For tests that nothing but its folder knows of a type."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.base.slice cimport Slice, slice_of
from carnelian.engine.engine cimport Engine
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_head, commands_put, commands_put_int,
)
from carnelian.formats.digest cimport digest_mix
from carnelian.formats.rdb cimport (
    RDB_VERSION_FIELD_TTL, RDB_VERSION_PLAIN, RdbIn, RdbOut, RdbValue, rdb_fixed64, rdb_out_free,
    rdb_out_init, rdb_put_fixed64,
)
from carnelian.keyspace.database cimport key_create, key_create_pointer, key_find
from carnelian.keyspace.entry cimport (
    POINTER, Entry, entry_pointer, entry_value_ptr,
)
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.payload cimport payload_put
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register


cdef enum:
    TYPE_COUNTER = 15
    RDB_COUNTER = 200


cdef int64_t number_of(Entry *e) noexcept nogil:
    cdef int64_t number
    memcpy(&number, entry_pointer(e) if e.flags & POINTER else entry_value_ptr(e), 8)
    return number


cdef void create(KeyRef *ref, int64_t number) noexcept nogil:
    cdef void *block
    if number >= 0:
        memcpy(entry_value_ptr(key_create(ref, TYPE_COUNTER, 0, 8)), &number, 8)
        return
    block = mem_alloc(8)
    memcpy(block, &number, 8)
    key_create_pointer(ref, TYPE_COUNTER, 1, block)


cdef void free(void *value) noexcept nogil:
    mem_free(value)


cdef void *copy(void *value) noexcept nogil:
    return memcpy(mem_alloc(8), value, 8)


cdef size_t bytes_of(void *value) noexcept nogil:
    return mem_usable(value)


cdef size_t effort(void *value) noexcept nogil:
    return 1


cdef bint verify(Entry *e) noexcept nogil:
    return (number_of(e) < 0) == (e.flags & POINTER != 0)


cdef const char *encoding(Entry *e) noexcept nogil:
    return b"negative" if e.flags & POINTER else b"number"


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef int64_t number = number_of(e)
    digest_mix(digest, <const char *>&number, 8)


cdef int rdb_type(Entry *e) noexcept nogil:
    return RDB_COUNTER


cdef int rdb_version(Entry *e) noexcept nogil:
    return RDB_VERSION_FIELD_TTL if number_of(e) < 0 else RDB_VERSION_PLAIN


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    rdb_put_fixed64(w, <unsigned long long>number_of(e))


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef unsigned long long number = 0
    if not rdb_fixed64(r, &number):
        return False
    create(ref, <int64_t>number)
    return True


cdef void put_commands(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef RdbOut payload
    rdb_out_init(&payload, -1)
    payload_put(&payload, e)
    commands_head(w, 4, b"RESTORE")
    commands_put(w, key)
    commands_put_int(w, 0)
    commands_put(w, slice_of(payload.buffer, payload.used))
    rdb_out_free(&payload)


cdef ValueType COUNTER
COUNTER.number = COUNTER.digest_number = TYPE_COUNTER
COUNTER.name = b"counter"
COUNTER.free = free
COUNTER.copy = copy
COUNTER.bytes = bytes_of
COUNTER.effort = effort
COUNTER.verify = verify
COUNTER.encoding = encoding
COUNTER.digest = digest
COUNTER.rdb_type = rdb_type
COUNTER.rdb_put = rdb_put
COUNTER.rdb_get = rdb_get
COUNTER.rdb_version = rdb_version
COUNTER.commands_put = put_commands
value_type_register(&COUNTER)
value_type_reads(&COUNTER, RDB_COUNTER)


def set_counter(Engine engine, bytes key, int64_t number):
    """Under a key that is absent, in database 0."""
    cdef KeyRef ref = key_find(engine.databases[0], key, len(key))
    create(&ref, number)


def counter(Engine engine, bytes key):
    cdef KeyRef ref = key_find(engine.databases[0], key, len(key))
    return None if ref.slot == NULL else number_of(ref.slot[0])


def register_again():
    value_type_register(&COUNTER)


def read_again():
    value_type_reads(&COUNTER, RDB_COUNTER)
