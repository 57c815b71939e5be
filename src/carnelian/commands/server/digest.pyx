"""DEBUG DIGEST: SHA-1 over keys, values and whether they expire, as Redis computes it."""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.engine cimport Engine
from carnelian.formats.digest cimport (
    DIGEST_SIZE, digest_mix, digest_mix_number, digest_xor,
)
from carnelian.keyspace.database cimport database_count, key_find
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_key
from carnelian.keyspace.key cimport Database, KeyRef
from carnelian.keyspace.value cimport value_digest


cdef void add_value(uint8_t *digest, Entry *e) noexcept nogil:
    value_digest(digest, e)
    if e.flags & EXPIRES:
        digest_xor(digest, b"!!expire!!", 10)


cdef bytes dataset_digest(Engine engine):
    cdef uint8_t total[DIGEST_SIZE]
    cdef uint8_t own[DIGEST_SIZE]
    cdef TableIter it
    cdef Entry *e
    cdef Slice key
    cdef int number
    memset(total, 0, DIGEST_SIZE)
    for number in range(engine.database_count):
        if database_count(engine.databases[number]) == 0:
            continue
        digest_mix_number(total, number)
        table_iter_init(&it, engine.databases[number].keys)
        while True:
            e = <Entry *>table_next(&it)
            if e == NULL:
                break
            memset(own, 0, DIGEST_SIZE)
            key = entry_key(e)
            digest_mix(own, key.ptr, key.len)
            add_value(own, e)
            digest_xor(total, <char *>own, DIGEST_SIZE)
    return (<char *>total)[:DIGEST_SIZE]


cdef bytes key_digest(Engine engine, Database *db, bytes key):
    cdef uint8_t own[DIGEST_SIZE]
    cdef KeyRef ref = key_find(db, key, len(key))
    memset(own, 0, DIGEST_SIZE)
    if ref.slot != NULL:
        add_value(own, ref.slot[0])
    return (<char *>own)[:DIGEST_SIZE]
