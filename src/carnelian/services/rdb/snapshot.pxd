"""Whole RDB files and DUMP payloads, written and read.

    "REDIS" version  aux fields
    { SELECT_DB  RESIZE_DB  { [EXPIRE_MS] [IDLE|FREQ] type key value } }
    EOF  crc64

`write_snapshot` only reads the databases: it runs in a forked child, or in the server itself for
SAVE. A `SnapshotReader` loads in steps, so that the server can answer -LOADING in between.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.engine cimport Engine
from carnelian.keyspace.entry cimport Entry
from carnelian.services.rdb.codec cimport RdbIn, RdbOut


cdef class SnapshotReader:
    cdef Engine engine
    cdef object mapping            # what keeps the bytes alive
    cdef RdbIn input
    cdef readonly int version
    cdef readonly dict aux
    cdef int db_id
    cdef readonly int64_t keys
    cdef readonly int64_t expired
    cdef readonly bint done
    cdef bint verify_checksum
    cdef bint keep_expired         # a replica keeps what its primary has not deleted
    cdef int64_t now_ms
    cdef public int key_delay_us   # after each key, for tests: key-load-delay

    cdef int step(self, int64_t bytes_max) except -1
    cdef int fail(self) except -1
    cdef int read_opcode(self, int op) except -1
    cdef int check_end(self) except -1
    cdef int read_key(self, int type, int64_t when_ms, int64_t idle_s, int freq) except -1

cdef bytes dump_entry(Entry *e)
