"""One key with its value: a single allocation when the value is small.

Owner: the database whose table points to it. An entry may move whenever its value or expiry
changes, so only `database` and `wheel` keep its address; everyone else reaches it through a KeyRef.

    0      1       2      3      4        8         16      20     22
    +------+-------+------+------+--------+---------+-------+------+------+------+-----+-------+
    | kind | flags | klen | vlen | access | when_ms | place | slot | klen | vlen | key | value |
    +------+-------+------+------+--------+---------+-------+------+------+------+-----+-------+
                                          |------ if EXPIRES ------| LONG_| LONG_|
                                                                   | KEY  | VALUE|

kind is type | encoding << 4; access holds the LRU clock or the LFU counter; place and slot are the
entry's position in the expiry wheel; the long lengths take 4 bytes each. The value is a run of
bytes, or with POINTER the address of a native structure.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from carnelian.base.native cimport load16, load32, load64, store16, store32, store64
from carnelian.base.slice cimport Slice


cdef enum:                     # types, in RDB's and OBJECT's order
    TYPE_STRING = 0
    TYPE_LIST = 1
    TYPE_SET = 2
    TYPE_ZSET = 3
    TYPE_HASH = 4
    TYPE_STREAM = 5

cdef enum:                     # encodings
    ENC_BYTES = 0              # string: the bytes themselves
    ENC_BLOB = 1               # string: a Blob
    ENC_PACKED = 2             # list, set, zset, hash: "listpack"
    ENC_INTSET = 3             # set
    ENC_QUICKLIST = 4          # list
    ENC_TABLE = 5              # set, hash: "hashtable"
    ENC_SORTED_SET = 6         # zset: "skiplist"
    ENC_STREAM = 7
    ENC_PACKED_TTL = 8         # hash whose fields carry expiry times: "listpackex"

# flags; the values of the first three are part of key_offset's arithmetic
cdef enum:
    EXPIRES = 1
    LONG_KEY = 2
    LONG_VALUE = 4
    POINTER = 8
    STRING_RAW = 16            # OBJECT ENCODING says "raw" whatever the length, as after APPEND
    STRING_NOT_INT = 32        # ... "embstr" though it reads as an integer, as after INCRBYFLOAT
    LAYOUT_FLAGS = 15

cdef enum:
    HEADER_SIZE = 8
    EXPIRY_SIZE = 14
    SHORT_MAX = 255

cdef struct Entry:
    uint8_t kind
    uint8_t flags
    uint8_t short_key_len
    uint8_t short_value_len
    uint32_t access
    char tail[1]

cdef Slice entry_key(void *e) noexcept nogil                    # a table_key_fn

# A new entry with an uninitialised value of `value_len` bytes (8 with POINTER among `flags`).
cdef Entry *entry_new(
    int kind, int flags, const char *key, size_t key_len, size_t value_len
) noexcept nogil
# The same entry with other layout flags or another value length; keeps header, expiry, key and the
# value bytes both have. Consumes `e`. The result may be another address: the caller updates table
# and wheel.
cdef Entry *entry_reshape(Entry *e, int layout_flags, size_t value_len) noexcept nogil
# A second entry with the same value bytes (or pointer) and access under another key; no expiry.
cdef Entry *entry_rekeyed(Entry *e, const char *key, size_t key_len) noexcept nogil


cdef inline int entry_type(Entry *e) noexcept nogil:
    return e.kind & 15


cdef inline int entry_encoding(Entry *e) noexcept nogil:
    return e.kind >> 4


cdef inline size_t key_offset(int flags) noexcept nogil:
    return HEADER_SIZE + EXPIRY_SIZE * (flags & 1) + 2 * (flags & 2) + (flags & 4)


cdef inline size_t entry_key_len(Entry *e) noexcept nogil:
    if e.flags & LONG_KEY:
        return load32(<char *>e + HEADER_SIZE + EXPIRY_SIZE * (e.flags & 1))
    return e.short_key_len


cdef inline char *entry_key_ptr(Entry *e) noexcept nogil:
    return <char *>e + key_offset(e.flags)


cdef inline char *entry_value_ptr(Entry *e) noexcept nogil:
    return <char *>e + key_offset(e.flags) + entry_key_len(e)


cdef inline size_t entry_value_len(Entry *e) noexcept nogil:
    """Of an inline value; the caller has looked at POINTER."""
    if e.flags & LONG_VALUE:
        return load32(<char *>e + key_offset(e.flags) - 4)
    return e.short_value_len


cdef inline void *entry_pointer(Entry *e) noexcept nogil:
    return <void *>load64(entry_value_ptr(e))


cdef inline void entry_set_pointer(Entry *e, void *p) noexcept nogil:
    store64(entry_value_ptr(e), <uint64_t>p)


cdef inline int64_t entry_when(Entry *e) noexcept nogil:
    """Expiry in unix milliseconds; only with EXPIRES."""
    return <int64_t>load64(<char *>e + 8)


cdef inline uint32_t entry_place(Entry *e) noexcept nogil:
    return load32(<char *>e + 16)


cdef inline uint16_t entry_slot(Entry *e) noexcept nogil:
    return load16(<char *>e + 20)
