"""Sorted sets as a type of values; see keyspace/value.pxd. RDB files hold members and scores.

The forms of other servers are read as well: scores as text, ziplist, listpack.
"""

from libc.math cimport isnan
from libc.stdint cimport uint8_t
from libc.stdio cimport snprintf
from libc.string cimport memset, strlen

from carnelian.base.numbers cimport DOUBLE_CHARS_MAX, format_double, parse_double
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.packed cimport PACKED_HEADER
from carnelian.encodings.packed_zset cimport packed_zset_init
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_bytes, sorted_set_copy, sorted_set_count, sorted_set_free,
    sorted_set_new,
)
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_begin, commands_piece, commands_put,
)
from carnelian.formats.digest cimport DIGEST_SIZE, digest_mix, digest_xor
from carnelian.formats.foreign cimport (
    FOREIGN_LISTPACK, FOREIGN_ZIPLIST, ForeignIter, foreign_init, foreign_next,
)
from carnelian.formats.rdb cimport (
    RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST, RdbIn, RdbOut, RdbValue, rdb_begin,
    rdb_double, rdb_fail, rdb_put_double, rdb_put_length, rdb_put_string, rdb_string, rdb_taken,
    rdb_text_double,
)
from carnelian.keyspace.database cimport key_create, key_create_pointer
from carnelian.keyspace.entry cimport (
    ENC_PACKED, ENC_SORTED_SET, TYPE_ZSET, Entry, entry_value_ptr,
)
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.sorted_set.value cimport (
    ZSET_ADDED, ZsetIter, zset_count, zset_is_packed, zset_iter, zset_iter_end, zset_next,
    zset_put, zset_starts_packed, zset_verify,
)


cdef void free(void *value) noexcept nogil:
    sorted_set_free(<SortedSet *>value)


cdef void *copy(void *value) noexcept nogil:
    return sorted_set_copy(<SortedSet *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return sorted_set_bytes(<SortedSet *>value)


cdef size_t effort(void *value) noexcept nogil:
    return sorted_set_count(<SortedSet *>value)


cdef const char *encoding(Entry *e) noexcept nogil:
    return b"listpack" if zset_is_packed(e) else b"skiplist"


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef uint8_t own[DIGEST_SIZE]
    cdef char text[64]
    zset_iter(&it, e, 0, False)
    while zset_next(&it):
        memset(own, 0, DIGEST_SIZE)
        digest_mix(own, it.member.ptr, it.member.len)
        snprintf(text, sizeof(text), b"%.17g", it.score)
        digest_mix(own, text, strlen(text))
        digest_xor(digest, <char *>own, DIGEST_SIZE)
    zset_iter_end(&it)


# --- RDB ---

cdef int rdb_type(Entry *e) noexcept nogil:
    return RDB_ZSET_2


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef size_t count = zset_count(e)
    rdb_put_length(w, count)
    # From the highest down, as Redis writes them: a loader that inserts at the head is served best.
    zset_iter(&it, e, count - 1, True)
    while zset_next(&it):
        rdb_put_string(w, it.member.ptr, it.member.len)
        rdb_put_double(w, it.score)
    zset_iter_end(&it)


cdef bint add_score(
    RdbIn *r, KeyRef *ref, Slice member, double score, size_t hint
) noexcept nogil:
    cdef double result = 0
    if isnan(score):
        return rdb_fail(r, b"a score that is no number")
    if ref.slot == NULL:
        if zset_starts_packed(ref.db.limits, hint, member.len):
            key_create(ref, TYPE_ZSET, ENC_PACKED, PACKED_HEADER)
            packed_zset_init(<unsigned char *>entry_value_ptr(ref.slot[0]))
        else:
            key_create_pointer(ref, TYPE_ZSET, ENC_SORTED_SET, sorted_set_new())
    if zset_put(ref, member, score, 0, &result) != ZSET_ADDED:
        return rdb_fail(r, b"a member of a sorted set twice")
    return True


cdef bint get_block(RdbIn *r, int type, KeyRef *ref) noexcept nogil:
    cdef ForeignIter it
    cdef Slice block
    cdef Slice member
    cdef Slice text
    cdef double score = 0
    cdef char held[24]
    if not rdb_string(r, &block):
        return False
    foreign_init(
        &it, FOREIGN_ZIPLIST if type == RDB_ZSET_ZIPLIST else FOREIGN_LISTPACK, block.ptr,
        block.len)
    while foreign_next(&it, &member):
        if it.is_integer:          # the next element overwrites the iterator's text
            for i in range(member.len):
                held[i] = member.ptr[i]
            member.ptr = held
        if not foreign_next(&it, &text) or not parse_double(text.ptr, text.len, &score):
            it.bad = True
            break
        if not add_score(r, ref, member, score, 1):
            return False
    return not it.bad or rdb_fail(r, b"damaged packed sorted set")


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef double score = 0
    cdef Slice member
    if v.type != RDB_ZSET and v.type != RDB_ZSET_2:
        return get_block(r, v.type, ref)
    if not rdb_begin(r, v, 2):
        return False
    while v.left:
        # Reading a score never touches the scratch space the member may lie in.
        if not rdb_string(r, &member):
            return False
        if not (rdb_text_double(r, &score) if v.type == RDB_ZSET else rdb_double(r, &score)):
            return False
        if not add_score(r, ref, member, score, v.count):
            return False
        rdb_taken(r, v)
    return True


# --- commands ---

cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef char score[DOUBLE_CHARS_MAX]
    commands_begin(w, b"ZADD", key, zset_count(e))
    zset_iter(&it, e, 0, False)
    while zset_next(&it):
        commands_piece(w, 2)
        commands_put(w, slice_of(score, <size_t>format_double(score, it.score)))
        commands_put(w, it.member)
    zset_iter_end(&it)


cdef ValueType SORTED_SET
SORTED_SET.number = SORTED_SET.digest_number = TYPE_ZSET
SORTED_SET.name = b"zset"
SORTED_SET.free = free
SORTED_SET.copy = copy
SORTED_SET.bytes = bytes_of
SORTED_SET.effort = effort
SORTED_SET.verify = zset_verify
SORTED_SET.encoding = encoding
SORTED_SET.digest = digest
SORTED_SET.commands_put = commands_put_value
SORTED_SET.rdb_type = rdb_type
SORTED_SET.rdb_put = rdb_put
SORTED_SET.rdb_get = rdb_get
value_type_register(&SORTED_SET)
value_type_reads(&SORTED_SET, RDB_ZSET)
value_type_reads(&SORTED_SET, RDB_ZSET_2)
value_type_reads(&SORTED_SET, RDB_ZSET_ZIPLIST)
value_type_reads(&SORTED_SET, RDB_ZSET_LISTPACK)
