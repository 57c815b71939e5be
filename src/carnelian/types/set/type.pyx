"""Sets as a type of values; see keyspace/value.pxd. RDB files hold them member by member.

The forms of other servers are read as well: intset and listpack. A member that is named twice is an
error: no server writes one.
"""

from libc.stdint cimport uint8_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.member_set cimport (
    SetMember, member_of_text, member_set_bytes, member_set_copy, member_set_free,
)
from carnelian.encodings.table cimport Table
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_begin, commands_piece, commands_put,
)
from carnelian.formats.digest cimport digest_xor
from carnelian.formats.foreign cimport (
    FOREIGN_INTSET, FOREIGN_LISTPACK, ForeignIter, foreign_init, foreign_next,
)
from carnelian.formats.rdb cimport (
    RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK, RdbIn, RdbOut, RdbValue, rdb_begin, rdb_fail,
    rdb_put_length, rdb_put_string, rdb_string, rdb_taken,
)
from carnelian.keyspace.database cimport key_link
from carnelian.keyspace.entry cimport (
    ENC_INTSET, ENC_TABLE, TYPE_SET, Entry, entry_encoding,
)
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.set.value cimport (
    SetIter, set_add, set_count, set_entry_new, set_iter_init, set_iter_next, set_verify,
)


cdef void free(void *value) noexcept nogil:
    member_set_free(<Table *>value)


cdef void *copy(void *value) noexcept nogil:
    return member_set_copy(<Table *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return member_set_bytes(<Table *>value)


cdef size_t effort(void *value) noexcept nogil:
    return (<Table *>value).count


cdef const char *encoding(Entry *e) noexcept nogil:
    if entry_encoding(e) == ENC_TABLE:
        return b"hashtable"
    return b"intset" if entry_encoding(e) == ENC_INTSET else b"listpack"


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        digest_xor(digest, m.text.ptr, m.text.len)


# --- RDB ---

cdef int rdb_type(Entry *e) noexcept nogil:
    return RDB_SET


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    rdb_put_length(w, set_count(e))
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        rdb_put_string(w, m.text.ptr, m.text.len)


cdef bint add_member(RdbIn *r, KeyRef *ref, Slice text, size_t hint) noexcept nogil:
    cdef SetMember m
    member_of_text(text, &m)
    if ref.slot == NULL:
        key_link(ref, set_entry_new(ref.key, ref.len, &m, hint, ref.db.limits))
    return set_add(ref, &m) or rdb_fail(r, b"a member of a set twice")


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef ForeignIter it
    cdef Slice text
    if v.type == RDB_SET:
        if not rdb_begin(r, v, 1):
            return False
        while v.left:
            if not rdb_string(r, &text) or not add_member(r, ref, text, v.count):
                return False
            rdb_taken(r, v)
        return True
    if not rdb_string(r, &text):
        return False
    foreign_init(
        &it, FOREIGN_INTSET if v.type == RDB_SET_INTSET else FOREIGN_LISTPACK, text.ptr, text.len)
    while foreign_next(&it, &text):
        if not add_member(r, ref, text, 1):
            return False
    return not it.bad or rdb_fail(r, b"damaged packed set")


# --- commands ---

cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    commands_begin(w, b"SADD", key, set_count(e))
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        commands_piece(w, 1)
        commands_put(w, m.text)


cdef ValueType SET
SET.number = SET.digest_number = TYPE_SET
SET.name = b"set"
SET.free = free
SET.copy = copy
SET.bytes = bytes_of
SET.effort = effort
SET.verify = set_verify
SET.encoding = encoding
SET.digest = digest
SET.commands_put = commands_put_value
SET.rdb_type = rdb_type
SET.rdb_put = rdb_put
SET.rdb_get = rdb_get
value_type_register(&SET)
value_type_reads(&SET, RDB_SET)
value_type_reads(&SET, RDB_SET_INTSET)
value_type_reads(&SET, RDB_SET_LISTPACK)
