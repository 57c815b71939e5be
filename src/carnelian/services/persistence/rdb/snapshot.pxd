"""Whole RDB files, read; `write` writes them.

    "REDIS" version  aux fields           ("VALKEY" for what Valkey 9 wrote)
    { SELECT_DB  RESIZE_DB  { [EXPIRE_MS] [IDLE|FREQ] type key value } }
    EOF  crc64

A `SnapshotReader` loads in steps, so that the server can answer -LOADING in between.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.database cimport KeyRef
from carnelian.formats.rdb cimport RdbIn, RdbValue


# Looks at the keys to come and has memory bring their buckets, so that adding them need not wait.
cdef struct LookAhead:
    RdbIn input
    int keys                       # how many of those not read yet it has seen
    uint64_t seen                  # ever
    uint64_t hashes[16]            # of the last ones

cdef class SnapshotReader:
    cdef Engine engine
    cdef object mapping            # what keeps the bytes alive
    cdef RdbIn input
    cdef LookAhead ahead
    cdef char *key_room            # a key that does not lie in the data as it is
    cdef size_t key_room_size
    cdef uint64_t dropped          # bytes read that lay before input.start
    cdef uint64_t crc              # of them
    cdef readonly int version      # 0: the header has not come yet
    cdef readonly dict aux
    cdef int db_id
    cdef bytes key                 # of the value in the midst of which we are, or None
    cdef RdbValue value
    cdef int64_t when_ms           # what precedes a key; -1: nothing
    cdef int64_t idle_s
    cdef int freq
    cdef readonly int64_t keys
    cdef readonly int64_t expired
    cdef readonly bint done
    cdef bint verify_checksum
    cdef bint quiet
    cdef bint keep_expired         # a replica keeps what its primary has not deleted
    cdef int64_t now_ms
    cdef public int key_delay_us   # after each key, for tests: key-load-delay

    cdef int prepare(self, Engine engine, bint verify_checksum, bint keep_expired) except -1
    cdef int step(self, int64_t bytes_max) except -1
    cdef int fail(self) except -1
    cdef int read_header(self) except -1
    cdef int read_record(self) except -1
    cdef int read_opcode(self, int op) except -1
    cdef int check_end(self) except -1
    cdef Slice keep_key(self, Slice key) noexcept
    cdef uint64_t keys_max(self) noexcept
    cdef int begin_key(self, uint8_t type) except -1
    cdef int go_on_with_key(self) except -1
    cdef int read_value(self, KeyRef *ref) except -1
