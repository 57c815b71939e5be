"""Strings as a type of values; see keyspace/value.pxd. RDB and digest hold their bytes."""

from libc.stdint cimport uint8_t

from carnelian.base.blob cimport Blob, blob_memory, blob_release, blob_retain
from carnelian.base.slice cimport Slice
from carnelian.formats.commands_out cimport CommandsOut, commands_head, commands_put
from carnelian.formats.digest cimport digest_mix
from carnelian.formats.rdb cimport (
    RDB_STRING, RdbIn, RdbOut, RdbValue, rdb_put_string, rdb_string,
)
from carnelian.keyspace.entry cimport TYPE_STRING, Entry
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.string.value cimport text_create, text_encoding, text_value


cdef enum:
    BLOB_BYTES_PER_EFFORT = 65536      # pages given back cost about as much as a small free


cdef void free(void *value) noexcept nogil:
    blob_release(<Blob *>value)


cdef void *copy(void *value) noexcept nogil:
    return blob_retain(<Blob *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return blob_memory(<Blob *>value)


cdef size_t effort(void *value) noexcept nogil:
    return (<Blob *>value).capacity // BLOB_BYTES_PER_EFFORT + 1


cdef bint verify(Entry *e) noexcept nogil:
    return True


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef Slice text = text_value(e)
    digest_mix(digest, text.ptr, text.len)


cdef int rdb_type(Entry *e) noexcept nogil:
    return RDB_STRING


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    cdef Slice text = text_value(e)
    rdb_put_string(w, text.ptr, text.len)


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef Slice text
    if not rdb_string(r, &text):
        return False
    text_create(ref, text.ptr, text.len)
    return True


cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    commands_head(w, 3, b"SET")
    commands_put(w, key)
    commands_put(w, text_value(e))


cdef ValueType STRING
STRING.number = STRING.digest_number = TYPE_STRING
STRING.name = b"string"
STRING.free = free
STRING.copy = copy
STRING.bytes = bytes_of
STRING.effort = effort
STRING.verify = verify
STRING.encoding = text_encoding
STRING.digest = digest
STRING.commands_put = commands_put_value
STRING.rdb_type = rdb_type
STRING.rdb_put = rdb_put
STRING.rdb_get = rdb_get
value_type_register(&STRING)
value_type_reads(&STRING, RDB_STRING)
