"""The registered types, and calls through them; see value.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slice_is
from carnelian.formats.digest cimport digest_mix_number
from carnelian.formats.rdb cimport RDB_TYPES_MAX, RDB_VERSION_PLAIN, rdb_fail
from carnelian.keyspace.entry cimport (
    POINTER, entry_pointer, entry_rekeyed, entry_set_pointer, entry_type,
)


cdef const ValueType *types[TYPES_MAX]
cdef const ValueType *readers[RDB_TYPES_MAX]       # by RDB type

cdef uint32_t types_noted = 0


cdef int value_type_register(const ValueType *type) except -1:
    global types_noted
    if not 0 <= type.number < TYPES_MAX or types[type.number] != NULL:
        raise ValueError("this number of a type is taken, or none")
    types[type.number] = type
    if type.inner_expiry_ms != NULL or type.rdb_version != NULL:
        types_noted |= <uint32_t>1 << type.number
    return 0


cdef int value_type_reads(const ValueType *type, int rdb_type) except -1:
    if not 0 <= rdb_type < RDB_TYPES_MAX or readers[rdb_type] != NULL:
        raise ValueError("this RDB type is taken, or none")
    readers[rdb_type] = type
    return 0


cdef const ValueType *value_type_of(Entry *e) noexcept nogil:
    return types[entry_type(e)]


cdef const char *type_name(int type) noexcept nogil:
    return types[type].name


cdef int type_named(Slice name) noexcept nogil:
    cdef int i
    for i in range(TYPES_MAX):
        if types[i] != NULL and slice_is(name, types[i].name):
            return i
    return -1


# --- what lies behind a pointer ---

cdef void value_free(int kind, void *value) noexcept nogil:
    types[kind & 15].free(value)


cdef void *value_copy(int kind, void *value) noexcept nogil:
    return types[kind & 15].copy(value)


cdef size_t value_bytes(int kind, void *value) noexcept nogil:
    return types[kind & 15].bytes(value)


cdef size_t value_effort(int kind, void *value) noexcept nogil:
    return types[kind & 15].effort(value)


cdef void entry_free(Entry *e) noexcept nogil:
    if e.flags & POINTER:
        value_free(e.kind, entry_pointer(e))
    mem_free(e)


cdef Entry *entry_copy(Entry *e, const char *key, size_t key_len) noexcept nogil:
    cdef Entry *copy = entry_rekeyed(e, key, key_len)
    if e.flags & POINTER:
        entry_set_pointer(copy, value_copy(e.kind, entry_pointer(e)))
    return copy


# --- values ---

cdef bint value_verify(Entry *e) noexcept nogil:
    return types[entry_type(e)].verify(e)


cdef const char *value_encoding(Entry *e) noexcept nogil:
    return types[entry_type(e)].encoding(e)


cdef void value_digest(uint8_t *digest, Entry *e) noexcept nogil:
    digest_mix_number(digest, types[entry_type(e)].digest_number)
    types[entry_type(e)].digest(digest, e)


cdef int64_t value_inner_expiry_ms(Entry *e) noexcept nogil:
    cdef const ValueType *type = types[entry_type(e)]
    return type.inner_expiry_ms(e) if type.inner_expiry_ms != NULL else 0


cdef void value_commands_put(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    types[entry_type(e)].commands_put(w, key, e)


# --- RDB ---

cdef int value_rdb_type(Entry *e) noexcept nogil:
    return types[entry_type(e)].rdb_type(e)


cdef int value_rdb_version(Entry *e) noexcept nogil:
    cdef const ValueType *type = types[entry_type(e)]
    return type.rdb_version(e) if type.rdb_version != NULL else RDB_VERSION_PLAIN


cdef void value_rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    types[entry_type(e)].rdb_put(w, e)


cdef bint value_rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    if not 0 <= v.type < RDB_TYPES_MAX or readers[v.type] == NULL:
        return rdb_fail(r, b"unknown type of value")
    if readers[v.type].rdb_get(r, v, ref):
        return True
    if not r.starved or not v.begun:
        value_rdb_drop(v)
    return False


cdef void value_rdb_drop(RdbValue *v) noexcept nogil:
    if v.partial != NULL:
        readers[v.type].rdb_drop(v.partial)
        v.partial = NULL
