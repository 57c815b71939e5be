"""Reading values; see values_in.pxd.

Whatever form the file uses, elements are added one by one through the functions commands use: there
is one way for a value to come to be, and nonsense in a file cannot build a broken one.
"""

from libc.math cimport isnan
from libc.stdint cimport uint64_t

from carnelian.base.numbers cimport parse_double
from carnelian.base.slice cimport Slice
from carnelian.encodings.member_set cimport SetMember, member_of_text
from carnelian.encodings.packed cimport PACKED_HEADER
from carnelian.encodings.packed_zset cimport packed_zset_init
from carnelian.encodings.sorted_set cimport sorted_set_new
from carnelian.encodings.stream cimport stream_free
from carnelian.keyspace.database cimport (
    KeyRef, key_create, key_create_pointer, key_link, key_unlink,
)
from carnelian.keyspace.entry cimport (
    ENC_PACKED, ENC_SORTED_SET, ENC_STREAM, TYPE_STREAM, TYPE_ZSET, entry_value_ptr,
)
from carnelian.types.list.value cimport list_create, list_push
from carnelian.types.set.value cimport set_add, set_entry_new
from carnelian.types.string.value cimport text_create
from carnelian.keyspace.value cimport entry_free
from carnelian.types.sorted_set.value cimport ZSET_ADDED, zset_put, zset_starts_packed
from carnelian.formats.rdb cimport (
    RDB_HASH, RDB_HASH_LISTPACK, RDB_HASH_LISTPACK_EX, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP,
    RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST, RDB_SET,
    RDB_SET_INTSET, RDB_SET_LISTPACK, RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2,
    RDB_STREAM_LISTPACKS_3, RDB_STREAM_LISTPACKS_4, RDB_STREAM_LISTPACKS_5, RDB_STRING, RDB_ZSET,
    RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST, RdbIn, RdbValue, rdb_begin, rdb_double,
    rdb_fail, rdb_length, rdb_string, rdb_taken, rdb_text_double,
)
from carnelian.formats.foreign cimport (
    FOREIGN_INTSET, FOREIGN_LISTPACK, FOREIGN_ZIPLIST, ForeignIter, foreign_init, foreign_next,
)
from carnelian.types.hash.rdb_in cimport rdb_get_hash
from carnelian.types.stream.rdb_in cimport rdb_get_stream


cdef enum:
    NODE_PLAIN = 1
    NODE_PACKED = 2


cdef bint block_end(RdbIn *r, ForeignIter *it) noexcept nogil:
    """After the last element: whether the block was sound."""
    return not it.bad or rdb_fail(r, b"damaged packed value")


# --- lists ---

cdef void push(KeyRef *ref, Slice element) noexcept nogil:
    if ref.slot == NULL:
        list_create(ref)
    list_push(ref, False, &element, 1)


cdef bint push_block(RdbIn *r, int kind, Slice block, KeyRef *ref) noexcept nogil:
    cdef ForeignIter it
    cdef Slice element
    foreign_init(&it, kind, block.ptr, block.len)
    while foreign_next(&it, &element):
        push(ref, element)
    return block_end(r, &it)


cdef bint get_list(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef uint64_t container = NODE_PACKED
    cdef int kind = FOREIGN_LISTPACK if v.type == RDB_LIST_QUICKLIST_2 else FOREIGN_ZIPLIST
    cdef Slice text
    if v.type == RDB_LIST_ZIPLIST:
        return rdb_string(r, &text) and push_block(r, kind, text, ref)
    if not rdb_begin(r, v, 1):
        return False
    while v.left:
        if v.type == RDB_LIST_QUICKLIST_2 and not rdb_length(r, &container):
            return False
        if container != NODE_PLAIN and container != NODE_PACKED:
            return rdb_fail(r, b"unknown kind of list node")
        if not rdb_string(r, &text):
            return False
        if v.type == RDB_LIST or container == NODE_PLAIN:
            push(ref, text)
        elif not push_block(r, kind, text, ref):
            return False
        rdb_taken(r, v)
    return True


# --- sets ---

cdef void add_member(KeyRef *ref, Slice text, size_t hint) noexcept nogil:
    cdef SetMember member
    member_of_text(text, &member)
    if ref.slot == NULL:
        key_link(ref, set_entry_new(ref.key, ref.len, &member, hint))
    set_add(ref, &member)


cdef bint get_set(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef ForeignIter it
    cdef Slice text
    if v.type == RDB_SET:
        if not rdb_begin(r, v, 1):
            return False
        while v.left:
            if not rdb_string(r, &text):
                return False
            add_member(ref, text, v.count)
            rdb_taken(r, v)
        return True
    if not rdb_string(r, &text):
        return False
    foreign_init(
        &it, FOREIGN_INTSET if v.type == RDB_SET_INTSET else FOREIGN_LISTPACK, text.ptr, text.len)
    while foreign_next(&it, &text):
        add_member(ref, text, 1)
    return block_end(r, &it)


# --- sorted sets ---

cdef bint add_score(
    RdbIn *r, KeyRef *ref, Slice member, double score, size_t hint
) noexcept nogil:
    cdef double result = 0
    if isnan(score):
        return rdb_fail(r, b"a score that is no number")
    if ref.slot == NULL:
        if zset_starts_packed(hint, member.len):
            key_create(ref, TYPE_ZSET, ENC_PACKED, PACKED_HEADER)
            packed_zset_init(<unsigned char *>entry_value_ptr(ref.slot[0]))
        else:
            key_create_pointer(ref, TYPE_ZSET, ENC_SORTED_SET, sorted_set_new())
    if zset_put(ref, member, score, 0, &result) != ZSET_ADDED:
        return rdb_fail(r, b"a member of a sorted set twice")
    return True


cdef bint get_score_block(RdbIn *r, int type, KeyRef *ref) noexcept nogil:
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
    return block_end(r, &it)


cdef bint get_zset(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef double score = 0
    cdef Slice member
    if v.type != RDB_ZSET and v.type != RDB_ZSET_2:
        return get_score_block(r, v.type, ref)
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


# --- all ---

cdef bint get_stream(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    if not rdb_get_stream(r, v):
        return False
    key_create_pointer(ref, TYPE_STREAM, ENC_STREAM, v.stream)
    v.stream = NULL
    return True


cdef bint get_string(RdbIn *r, KeyRef *ref) noexcept nogil:
    cdef Slice text
    if not rdb_string(r, &text):
        return False
    text_create(ref, text.ptr, text.len)
    return True


cdef bint get_any(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef int type = v.type
    if type == RDB_STRING:
        return get_string(r, ref)
    if type in (RDB_LIST, RDB_LIST_ZIPLIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2):
        return get_list(r, v, ref)
    if type in (RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK):
        return get_set(r, v, ref)
    if type in (RDB_ZSET, RDB_ZSET_2, RDB_ZSET_ZIPLIST, RDB_ZSET_LISTPACK):
        return get_zset(r, v, ref)
    if type in (RDB_HASH, RDB_HASH_ZIPMAP, RDB_HASH_ZIPLIST, RDB_HASH_LISTPACK) or (
            RDB_STREAM_LISTPACKS_3 < type <= RDB_HASH_LISTPACK_EX):
        return rdb_get_hash(r, v, ref)
    if type in (RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3,
                RDB_STREAM_LISTPACKS_4, RDB_STREAM_LISTPACKS_5):
        return get_stream(r, v, ref)
    return rdb_fail(r, b"unknown type of value")


cdef bint rdb_get_value(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    if get_any(r, v, ref):
        return True
    if r.starved and v.begun:
        return False
    rdb_drop_value(v)
    if ref.slot != NULL:
        entry_free(key_unlink(ref))
    return False


cdef void rdb_drop_value(RdbValue *v) noexcept nogil:
    if v.stream != NULL:
        stream_free(v.stream)
        v.stream = NULL
