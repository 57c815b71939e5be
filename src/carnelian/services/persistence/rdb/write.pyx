"""Whole RDB files written; snapshot.pxd has the layout.

Only reads the databases: it runs in a forked child, or in the server itself for SAVE.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from posix.unistd cimport usleep

from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.engine cimport Engine
from carnelian.formats.rdb cimport (
    RDB_AUX, RDB_EOF, RDB_EXPIRE_MS, RDB_FREQ, RDB_IDLE, RDB_MAGIC_SIZE, RDB_RESIZE_DB,
    RDB_SELECT_DB, RDB_VERSION_PLAIN, RdbOut, rdb_flush, rdb_out_free, rdb_out_init, rdb_put,
    rdb_put_byte, rdb_put_fixed64, rdb_put_length, rdb_put_string,
)
from carnelian.keyspace.access cimport access_frequency
from carnelian.keyspace.database cimport database_count, key_find
from carnelian.keyspace.entry cimport EXPIRES, Entry, entry_key, entry_when
from carnelian.keyspace.inner_timers cimport inner_timers_first
from carnelian.keyspace.key cimport Database
from carnelian.keyspace.limits cimport Limits
from carnelian.keyspace.value cimport value_rdb_put, value_rdb_type, value_rdb_version


cdef void put_aux(RdbOut *w, bytes name, bytes value):
    rdb_put_byte(w, RDB_AUX)
    rdb_put_string(w, name, len(name))
    rdb_put_string(w, value, len(value))


cdef void put_key(
    RdbOut *w, Entry *e, uint32_t now_s, int access_mode, const Limits *limits
) noexcept nogil:
    """access_mode: 0 for neither, 1 for idle time, 2 for frequency."""
    cdef Slice key = entry_key(e)
    if e.flags & EXPIRES:
        rdb_put_byte(w, RDB_EXPIRE_MS)
        rdb_put_fixed64(w, <uint64_t>entry_when(e))
    if access_mode == 1:
        rdb_put_byte(w, RDB_IDLE)
        rdb_put_length(w, now_s - e.access if now_s > e.access else 0)
    elif access_mode == 2:
        rdb_put_byte(w, RDB_FREQ)
        rdb_put_byte(w, <uint8_t>access_frequency(e.access, now_s, limits))
    rdb_put_byte(w, <uint8_t>value_rdb_type(e))
    rdb_put_string(w, key.ptr, key.len)
    value_rdb_put(w, e)


cdef bint put_database(RdbOut *w, Database *db, uint32_t now_s, int access_mode) noexcept nogil:
    cdef TableIter it
    cdef void *e
    if database_count(db) == 0:
        return True
    rdb_put_byte(w, RDB_SELECT_DB)
    rdb_put_length(w, <uint64_t>db.id)
    rdb_put_byte(w, RDB_RESIZE_DB)
    rdb_put_length(w, database_count(db))
    rdb_put_length(w, db.wheel.count)
    table_iter_init(&it, db.keys)
    e = table_next(&it)
    while e != NULL and not w.failed:
        put_key(w, <Entry *>e, now_s, access_mode, db.limits)
        if w.keys_done != NULL:
            w.keys_done[0] += 1
        if unlikely(w.key_delay_us > 0):
            usleep(w.key_delay_us)
        e = table_next(&it)
    return not w.failed


cdef int timers_version(Database *db) noexcept nogil:
    """Of one value that expires in parts."""
    cdef Slice key
    if db.inner_timers == NULL:
        return RDB_VERSION_PLAIN
    key = inner_timers_first(db.inner_timers)
    return value_rdb_version(key_find(db, key.ptr, key.len).slot[0])


cdef int database_version(Database *db) noexcept nogil:
    """The oldest version of files for what it holds: 10, unless newer features are in use."""
    cdef int version = RDB_VERSION_PLAIN
    cdef TableIter it
    cdef void *e
    if db.newest_format <= RDB_VERSION_PLAIN:
        return version
    version = timers_version(db)
    # What needed the newest format may be gone: looked for up to the first that does.
    table_iter_init(&it, db.keys)
    while version < db.newest_format:
        e = table_next(&it)
        if e == NULL:
            break
        version = max(version, value_rdb_version(<Entry *>e))
    db.newest_format = version
    return version


def write_snapshot(Engine engine, int fd, aux, *, bint compress=True, bint checksum=True,
                   int access_mode=0, bint without_data=False, int key_delay_us=0,
                   bint write_back=False, keys_done=None):
    """Write all databases to a descriptor. `aux` is a list of (name, value) in bytes; `keys_done` a
    memoryview of an int64 that is counted up; with `write_back` the system writes as we go.

    Returns the bytes written; OSError with the errno of the first failed write.
    """
    cdef RdbOut w
    cdef int64_t[::1] counter = keys_done
    cdef int version = RDB_VERSION_PLAIN
    cdef int i
    cdef bint good = True
    cdef uint64_t crc
    rdb_out_init(&w, fd)
    w.compress = compress
    w.checksum = checksum
    w.key_delay_us = key_delay_us
    w.write_back = write_back
    if counter is not None:
        w.keys_done = &counter[0]
    for i in range(0 if without_data else engine.database_count):
        version = max(version, database_version(engine.databases[i]))
    magic = b"REDIS%04d" % version
    rdb_put(&w, magic, RDB_MAGIC_SIZE)
    for name, value in aux:
        put_aux(&w, name, value)
    with nogil:
        for i in range(0 if without_data else engine.database_count):
            good = good and put_database(
                &w, engine.databases[i], engine.access_clock, access_mode)
        rdb_put_byte(&w, RDB_EOF)
        good = rdb_flush(&w) and good
        crc = w.crc if checksum else 0
        w.checksum = False
        rdb_put_fixed64(&w, crc)
        good = rdb_flush(&w) and good
    failed, written = w.failed, w.written
    rdb_out_free(&w)
    if not good:
        raise OSError(failed, "write")
    return written
