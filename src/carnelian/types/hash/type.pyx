"""Hashes as a type of values, which expires in parts, its fields; see keyspace/value.pxd.

RDB files are the matter of rdb_in and rdb_out.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from carnelian.base.slice cimport Slice
from carnelian.encodings.field_map cimport (
    FieldMap, HashField, field_map_bytes, field_map_copy, field_map_free,
)
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_begin, commands_head, commands_piece, commands_put, commands_put_int,
    commands_put_text,
)
from carnelian.formats.digest cimport DIGEST_SIZE, digest_mix, digest_xor
from carnelian.formats.rdb cimport (
    RDB_HASH, RDB_HASH_LISTPACK, RDB_HASH_LISTPACK_EX, RDB_HASH_LISTPACK_EX_PRE_GA,
    RDB_HASH_METADATA, RDB_HASH_METADATA_PRE_GA, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP,
    RDB_VALKEY_HASH, RDB_VERSION_FIELD_TTL, RDB_VERSION_PLAIN,
)
from carnelian.keyspace.entry cimport (
    ENC_PACKED_TTL, ENC_TABLE, TYPE_HASH, Entry, entry_encoding,
)
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.hash.rdb_in cimport rdb_get_hash
from carnelian.types.hash.rdb_out cimport rdb_hash_type, rdb_put_hash
from carnelian.types.hash.value cimport (
    HashIter, hash_count, hash_due, hash_expiry_min_ms, hash_iter_init, hash_iter_next,
    hash_may_expire, hash_remove, hash_verify,
)


cdef void free(void *value) noexcept nogil:
    field_map_free(<FieldMap *>value)


cdef void *copy(void *value) noexcept nogil:
    return field_map_copy(<FieldMap *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return field_map_bytes(<FieldMap *>value)


cdef size_t effort(void *value) noexcept nogil:
    return (<FieldMap *>value).table.count


cdef const char *encoding(Entry *e) noexcept nogil:
    if entry_encoding(e) == ENC_TABLE:
        return b"hashtable"
    return b"listpackex" if entry_encoding(e) == ENC_PACKED_TTL else b"listpack"


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    cdef uint8_t own[DIGEST_SIZE]
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        memset(own, 0, DIGEST_SIZE)
        digest_mix(own, field.name.ptr, field.name.len)
        digest_mix(own, field.value.ptr, field.value.len)
        digest_xor(digest, <char *>own, DIGEST_SIZE)


cdef int rdb_version(Entry *e) noexcept nogil:
    return RDB_VERSION_FIELD_TTL if hash_expiry_min_ms(e) else RDB_VERSION_PLAIN


# --- commands ---

cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    commands_begin(w, b"HMSET", key, hash_count(e))
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        commands_piece(w, 2)
        commands_put(w, field.name)
        commands_put(w, field.value)
    if hash_may_expire(e):
        put_expiries(w, key, e)


cdef void put_expiries(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        if field.expires_ms:
            commands_head(w, 6, b"HPEXPIREAT")
            commands_put(w, key)
            commands_put_int(w, field.expires_ms)
            commands_put_text(w, b"FIELDS")
            commands_put_int(w, 1)
            commands_put(w, field.name)


cdef ValueType HASH
HASH.number = HASH.digest_number = TYPE_HASH
HASH.name = b"hash"
HASH.free = free
HASH.copy = copy
HASH.bytes = bytes_of
HASH.effort = effort
HASH.verify = hash_verify
HASH.encoding = encoding
HASH.digest = digest
HASH.commands_put = commands_put_value
HASH.rdb_type = rdb_hash_type
HASH.rdb_put = rdb_put_hash
HASH.rdb_get = rdb_get_hash
HASH.rdb_version = rdb_version
HASH.inner_expiry_ms = hash_expiry_min_ms
HASH.inner_due = hash_due
HASH.inner_remove = hash_remove
HASH.inner_count = hash_count
HASH.inner_removal = b"HDEL"
HASH.inner_event = b"hexpired"
HASH.event_letter = c'h'
value_type_register(&HASH)
value_type_reads(&HASH, RDB_HASH)
value_type_reads(&HASH, RDB_HASH_ZIPMAP)
value_type_reads(&HASH, RDB_HASH_ZIPLIST)
value_type_reads(&HASH, RDB_HASH_LISTPACK)
value_type_reads(&HASH, RDB_HASH_METADATA_PRE_GA)
value_type_reads(&HASH, RDB_HASH_LISTPACK_EX_PRE_GA)
value_type_reads(&HASH, RDB_HASH_METADATA)
value_type_reads(&HASH, RDB_HASH_LISTPACK_EX)
value_type_reads(&HASH, RDB_VALKEY_HASH)
