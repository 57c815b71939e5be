"""What a type of values is to all that does not care which: a ValueType, and calls through it.

A type is a folder under types/, which registers its ValueType when it is imported, and nothing else
knows of it: freeing, copying, counting, auditing, snapshots, logs and digests ask here by the
entry's kind. A small value lies in the entry; a big one is one structure behind the entry's
pointer, which the entry owns.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from carnelian.base.slice cimport Slice
from carnelian.formats.commands_out cimport CommandsOut
from carnelian.formats.rdb cimport RdbIn, RdbOut, RdbValue
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.key cimport KeyRef


cdef struct ValueType:
    int number                 # in an entry's kind
    const char *name           # TYPE's word
    int digest_number          # what DEBUG DIGEST calls it: Redis's number of the type

    # The structure behind a pointer. It may be freed on a background thread.
    void (*free)(void *value) noexcept nogil
    void *(*copy)(void *value) noexcept nogil
    size_t (*bytes)(void *value) noexcept nogil
    size_t (*effort)(void *value) noexcept nogil    # blocks that freeing it would touch

    bint (*verify)(Entry *e) noexcept nogil
    const char *(*encoding)(Entry *e) noexcept nogil            # OBJECT ENCODING's word
    void (*digest)(uint8_t *digest, Entry *e) noexcept nogil    # mixed into 20 bytes

    # RDB. `rdb_get` reads a value of any of the RDB types registered for it, as value_rdb_get.
    int (*rdb_type)(Entry *e) noexcept nogil        # which rdb_put writes
    void (*rdb_put)(RdbOut *w, Entry *e) noexcept nogil
    bint (*rdb_get)(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil
    # What rdb_get left in RdbValue.partial. NULL: it leaves nothing there.
    void (*rdb_drop)(void *partial) noexcept nogil
    # The oldest version of files that hold the value as it is. NULL: any.
    int (*rdb_version)(Entry *e) noexcept nogil

    # Commands that make the value under an absent key.
    void (*commands_put)(CommandsOut *w, Slice key, Entry *e) noexcept nogil

    # Values that expire in parts, which have names. NULL: there are none of this type.
    int64_t (*inner_expiry_ms)(Entry *e) noexcept nogil         # of the first part, 0 for never
    bint (*inner_due)(Entry *e, int64_t now_ms, Slice *name) noexcept nogil     # some part
    bint (*inner_remove)(KeyRef *ref, Slice name) noexcept nogil
    size_t (*inner_count)(Entry *e) noexcept nogil
    const char *inner_removal  # the command by which logs and replicas learn of it
    const char *inner_event
    char event_letter          # of its class in notify-keyspace-events


cdef enum:
    TYPES_MAX = 16

# Types of which a database must know more than when their keys expire: bits by number.
cdef uint32_t types_noted

# Once for each type; ValueError where a number or an RDB type is taken.
cdef int value_type_register(const ValueType *type) except -1
cdef int value_type_reads(const ValueType *type, int rdb_type) except -1

cdef const ValueType *value_type_of(Entry *e) noexcept nogil
cdef const char *type_name(int type) noexcept nogil
cdef int type_named(Slice name) noexcept nogil                  # in any case of letters; -1: none

cdef void value_free(int kind, void *value) noexcept nogil
# A deep copy for COPY; long strings are shared, as they are copied on writing.
cdef void *value_copy(int kind, void *value) noexcept nogil
cdef size_t value_bytes(int kind, void *value) noexcept nogil
# How many blocks freeing would touch: above a threshold the work goes to the background.
cdef size_t value_effort(int kind, void *value) noexcept nogil
cdef void entry_free(Entry *e) noexcept nogil                   # entry and value, here and now
# The same value under another key, without expiry.
cdef Entry *entry_copy(Entry *e, const char *key, size_t key_len) noexcept nogil

cdef bint value_verify(Entry *e) noexcept nogil
cdef const char *value_encoding(Entry *e) noexcept nogil
cdef void value_digest(uint8_t *digest, Entry *e) noexcept nogil
cdef int64_t value_inner_expiry_ms(Entry *e) noexcept nogil     # 0: never

cdef void value_commands_put(CommandsOut *w, Slice key, Entry *e) noexcept nogil

cdef int value_rdb_type(Entry *e) noexcept nogil
cdef int value_rdb_version(Entry *e) noexcept nogil
cdef void value_rdb_put(RdbOut *w, Entry *e) noexcept nogil
# Read a value of type `v.type`, all else in `v` being zero, into the absent key `ref`. False after
# rdb_fail. Where a stream ran dry after `v.begun` it is then gone on with later, with the same `v`;
# else what has come to be under the key is the caller's to remove. An empty value, which old
# versions could write, is no error: `ref` stays absent.
cdef bint value_rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil
# Give up a value that is gone on with no more: what of it is not in the keyspace.
cdef void value_rdb_drop(RdbValue *v) noexcept nogil
