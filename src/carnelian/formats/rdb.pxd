"""The primitives of the RDB format: lengths, strings, numbers, with every bound checked.

`RdbIn` reads a whole file or payload in memory (a file is mapped), or what has come of a stream. A
failed read sets `error` once and makes all further reads fail: callers may check at the end of a
group. `RdbOut` writes to memory, or through a buffer to a descriptor, and keeps the CRC. Format:
Redis's rdb.h.

Who reads a stream calls `rdb_keep` when what was read has been taken in for good. Running out of
bytes is then no damage: `rdb_rewind` goes back there, to try again once `needed` bytes have come.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from carnelian.base.slice cimport Slice


cdef enum:                     # opcodes
    RDB_KEY_META = 243         # data of modules about the next key
    RDB_SLOT_INFO = 244
    RDB_FUNCTION2 = 245
    RDB_MODULE_AUX = 247
    RDB_IDLE = 248
    RDB_FREQ = 249
    RDB_AUX = 250
    RDB_RESIZE_DB = 251
    RDB_EXPIRE_MS = 252
    RDB_EXPIRE_S = 253
    RDB_SELECT_DB = 254
    RDB_EOF = 255

cdef enum:                     # value types
    RDB_STRING = 0
    RDB_LIST = 1
    RDB_SET = 2
    RDB_ZSET = 3               # scores as text
    RDB_HASH = 4
    RDB_ZSET_2 = 5             # scores as 8-byte doubles
    RDB_HASH_ZIPMAP = 9
    RDB_LIST_ZIPLIST = 10
    RDB_SET_INTSET = 11
    RDB_ZSET_ZIPLIST = 12
    RDB_HASH_ZIPLIST = 13
    RDB_LIST_QUICKLIST = 14
    RDB_STREAM_LISTPACKS = 15
    RDB_HASH_LISTPACK = 16
    RDB_ZSET_LISTPACK = 17
    RDB_LIST_QUICKLIST_2 = 18
    RDB_STREAM_LISTPACKS_2 = 19
    RDB_SET_LISTPACK = 20
    RDB_STREAM_LISTPACKS_3 = 21
    RDB_HASH_METADATA_PRE_GA = 22
    RDB_HASH_LISTPACK_EX_PRE_GA = 23
    RDB_HASH_METADATA = 24     # Redis 7.4: fields with expiry times
    RDB_HASH_LISTPACK_EX = 25
    RDB_STREAM_LISTPACKS_4 = 26    # Redis 8.6: what producers sent lately
    RDB_STREAM_LISTPACKS_5 = 27    # Redis 8.8: pending entries that were given back
    # From 22 on Valkey's types are others; in its files 256 is added to what stands there.
    RDB_DIVERGED_MIN = 22
    RDB_VALKEY = 256
    RDB_VALKEY_HASH = 278      # Valkey 9: fields with expiry times
    RDB_TYPES_MAX = 512

cdef enum:
    RDB_VERSION_PLAIN = 10     # what we write: Redis 7.0 and later and Valkey load it
    RDB_VERSION_FIELD_TTL = 12     # only when a hash has field expiry times
    RDB_VERSION_PRODUCERS = 13     # only when a stream remembers what producers sent
    RDB_VERSION_GIVEN_BACK = 14    # only when a pending entry is nobody's, after XNACK
    RDB_VERSION_MAX = 14       # what we read
    RDB_VERSION_VALKEY = 80    # Valkey 9's; up to 11 it is Redis's
    RDB_MAGIC_SIZE = 9
    STRING_MAX = 1 << 29       # longest string taken from a file

cdef struct RdbIn:
    const uint8_t *start
    const uint8_t *at
    const uint8_t *end
    const char *error          # NULL while all is well
    const uint8_t *error_at
    const uint8_t *kept        # all before has been taken in
    bint valkey                # the data has types as Valkey 9 numbers them
    bint streamed              # more may follow `end`
    bint starved               # the error is only that it has not come yet
    size_t needed              # bytes from `start` on before the read that failed can succeed
    char *scratch              # what the last rdb_string decompressed or formatted
    size_t scratch_size
    char *built                # a packed value on its way from its elements to an entry
    size_t built_size

# A value in the midst of being read: large ones come to be element by element.
cdef struct RdbValue:
    int type
    bint begun                 # some of it has been kept; `left` elements are still to come
    uint64_t count
    uint64_t left
    int stage                  # the type's own, as are the next two
    uint64_t noted
    void *partial              # what is in no entry yet

cdef struct RdbOut:
    char *buffer
    size_t used
    size_t capacity
    int fd                     # -1: everything stays in the buffer
    int failed                 # errno of the first failed write
    bint checksum
    bint compress
    int key_delay_us           # after each key, for tests: rdb-key-save-delay
    bint write_back            # have the system write to disk every few megabytes
    int64_t *keys_done         # counted up with each key, or NULL
    uint64_t crc               # of all bytes that have left the buffer
    int64_t written            # to the descriptor

# The version after "REDIS" or "VALKEY" in the first 9 bytes; 0: something else is there, and -1: a
# version that is not read, which `told` gets.
cdef int rdb_magic_version(const uint8_t *p, int *told) noexcept nogil

cdef void rdb_in_init(RdbIn *r, const char *p, size_t n) noexcept nogil
cdef void rdb_in_free(RdbIn *r) noexcept nogil
cdef bint rdb_fail(RdbIn *r, const char *error) noexcept nogil         # always False
cdef bint rdb_byte(RdbIn *r, uint8_t *out) noexcept nogil
cdef bint rdb_bytes(RdbIn *r, size_t n, const uint8_t **out) noexcept nogil
cdef bint rdb_fixed32(RdbIn *r, uint32_t *out) noexcept nogil
cdef bint rdb_fixed64(RdbIn *r, uint64_t *out) noexcept nogil
cdef bint rdb_length(RdbIn *r, uint64_t *out) noexcept nogil
# A count of things that take at least `each` bytes: more than could still follow is corruption.
cdef bint rdb_count(RdbIn *r, size_t each, uint64_t *out) noexcept nogil
# The count at the beginning of a value, unless it was read before.
cdef bint rdb_begin(RdbIn *r, RdbValue *v, size_t each) noexcept nogil
# A string; it lies in the input, or until the next call in the scratch space.
cdef bint rdb_string(RdbIn *r, Slice *out) noexcept nogil
cdef bint rdb_skip_strings(RdbIn *r, uint64_t count) noexcept nogil
# Room for n bytes in `built`, which keeps what it has.
cdef char *rdb_room(RdbIn *r, size_t n) noexcept nogil
cdef bint rdb_double(RdbIn *r, double *out) noexcept nogil             # 8 bytes
cdef bint rdb_text_double(RdbIn *r, double *out) noexcept nogil        # old scores

cdef inline int rdb_type_of(const RdbIn *r, uint8_t byte) noexcept nogil:
    """The type of a value that this byte in the data means."""
    return byte + RDB_VALKEY if r.valkey and byte >= RDB_DIVERGED_MIN else byte


cdef inline bint rdb_reads_version(int version) noexcept nogil:
    return 1 <= version <= RDB_VERSION_MAX or version == RDB_VERSION_VALKEY


cdef inline void rdb_keep(RdbIn *r) noexcept nogil:
    r.kept = r.at


cdef inline void rdb_rewind(RdbIn *r) noexcept nogil:
    r.at = r.kept
    r.error = NULL
    r.starved = False


cdef inline void rdb_taken(RdbIn *r, RdbValue *v) noexcept nogil:
    """An element has become part of the value."""
    v.left -= 1
    r.kept = r.at


cdef void rdb_out_init(RdbOut *w, int fd) noexcept nogil
cdef void rdb_out_free(RdbOut *w) noexcept nogil
cdef bint rdb_flush(RdbOut *w) noexcept nogil                          # False: see `failed`
cdef void rdb_put_slow(RdbOut *w, const char *p, size_t n) noexcept nogil
cdef void rdb_put_length(RdbOut *w, uint64_t n) noexcept nogil
cdef void rdb_put_string(RdbOut *w, const char *p, size_t n) noexcept nogil
cdef void rdb_put_plain(RdbOut *w, const char *p, size_t n) noexcept nogil  # never compressed


cdef inline void rdb_put(RdbOut *w, const char *p, size_t n) noexcept nogil:
    rdb_put_slow(w, p, n)


cdef inline void rdb_put_byte(RdbOut *w, uint8_t byte) noexcept nogil:
    rdb_put_slow(w, <const char *>&byte, 1)


cdef inline void rdb_put_fixed64(RdbOut *w, uint64_t value) noexcept nogil:
    rdb_put_slow(w, <const char *>&value, 8)


cdef inline void rdb_put_double(RdbOut *w, double value) noexcept nogil:
    rdb_put_slow(w, <const char *>&value, 8)
