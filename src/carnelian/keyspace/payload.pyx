"""Payloads of DUMP; see payload.pxd."""

from libc.stdint cimport uint8_t
from libc.string cimport memset

from carnelian.base.crc64 cimport crc64
from carnelian.base.native cimport load16, load64
from carnelian.formats.rdb cimport (
    RDB_VERSION_VALKEY, RdbIn, RdbValue, rdb_byte, rdb_fail, rdb_in_free, rdb_in_init,
    rdb_put_byte, rdb_put_fixed64, rdb_reads_version, rdb_type_of,
)
from carnelian.keyspace.database cimport database_free, database_new, key_find, key_unlink
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport (
    entry_free, value_rdb_get, value_rdb_put, value_rdb_type, value_rdb_version,
)


cdef enum:
    FOOTER_SIZE = 10


cdef inline int version_of(Slice payload) noexcept nogil:
    return load16(payload.ptr + payload.len - FOOTER_SIZE)


cdef void payload_put(RdbOut *w, Entry *e) noexcept nogil:
    rdb_put_byte(w, <uint8_t>value_rdb_type(e))
    value_rdb_put(w, e)
    payload_end(w, value_rdb_version(e))


cdef void payload_end(RdbOut *w, int version) noexcept nogil:
    rdb_put_byte(w, <uint8_t>version)
    rdb_put_byte(w, 0)
    rdb_put_fixed64(w, crc64(0, w.buffer, w.used))


cdef bint payload_is_good(Slice payload) noexcept nogil:
    if payload.len < FOOTER_SIZE or not rdb_reads_version(version_of(payload)):
        return False
    return load64(payload.ptr + payload.len - 8) == crc64(0, payload.ptr, payload.len - 8)


cdef bint read_value(RdbIn *r, KeyRef *ref) noexcept nogil:
    cdef RdbValue value
    cdef uint8_t type = 0
    memset(&value, 0, sizeof(RdbValue))
    if not rdb_byte(r, &type):
        return False
    value.type = rdb_type_of(r, type)
    return value_rdb_get(r, &value, ref) and (
        r.at == r.end or rdb_fail(r, b"bytes left over"))


cdef Entry *payload_entry(Slice payload, Slice key, Database *db) noexcept nogil:
    cdef Database *scratch = database_new(db.id, db.wheel.now_ms, db.limits)
    cdef KeyRef ref = key_find(scratch, key.ptr, key.len)
    cdef RdbIn r
    cdef Entry *made = NULL
    cdef bint good
    rdb_in_init(&r, payload.ptr, payload.len - FOOTER_SIZE)
    r.valkey = version_of(payload) == RDB_VERSION_VALKEY
    good = read_value(&r, &ref)
    rdb_in_free(&r)
    if ref.slot != NULL:
        made = key_unlink(&ref)
    if not good and made != NULL:
        entry_free(made)
        made = NULL
    database_free(scratch)
    return made
