"""Lists as a type of values; see keyspace/value.pxd. RDB files hold them element by element.

All forms of older and newer files are read: plain, ziplist, quicklists of both kinds. Elements are
added one by one through the functions commands use: there is one way for a value to come to be, and
nonsense in a file cannot build a broken one.
"""

from libc.stdint cimport uint8_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.quicklist cimport (
    Quicklist, QuicklistCursor, quicklist_bytes, quicklist_copy, quicklist_free,
)
from carnelian.formats.commands_out cimport (
    CommandsOut, commands_begin, commands_piece, commands_put,
)
from carnelian.formats.digest cimport digest_mix
from carnelian.formats.foreign cimport (
    FOREIGN_LISTPACK, FOREIGN_ZIPLIST, ForeignIter, foreign_init, foreign_next,
)
from carnelian.formats.rdb cimport (
    RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST, RdbIn, RdbOut, RdbValue,
    rdb_begin, rdb_fail, rdb_length, rdb_put_length, rdb_put_string, rdb_string, rdb_taken,
)
from carnelian.keyspace.entry cimport ENC_QUICKLIST, TYPE_LIST, Entry, entry_encoding
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.list.value cimport (
    list_count, list_create, list_next, list_push, list_seek, list_verify,
)


cdef enum:                     # of a quicklist's node in a file
    NODE_PLAIN = 1
    NODE_PACKED = 2


cdef void free(void *value) noexcept nogil:
    quicklist_free(<Quicklist *>value)


cdef void *copy(void *value) noexcept nogil:
    return quicklist_copy(<Quicklist *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return quicklist_bytes(<Quicklist *>value)


cdef size_t effort(void *value) noexcept nogil:
    return (<Quicklist *>value).length


cdef const char *encoding(Entry *e) noexcept nogil:
    return b"quicklist" if entry_encoding(e) == ENC_QUICKLIST else b"listpack"


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        digest_mix(digest, element.ptr, element.len)


# --- RDB ---

cdef int rdb_type(Entry *e) noexcept nogil:
    return RDB_LIST


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    rdb_put_length(w, list_count(e))
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        rdb_put_string(w, element.ptr, element.len)


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
    return not it.bad or rdb_fail(r, b"damaged packed list")


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
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


# --- commands ---

cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    commands_begin(w, b"RPUSH", key, list_count(e))
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        commands_piece(w, 1)
        commands_put(w, element)


cdef ValueType LIST
LIST.number = LIST.digest_number = TYPE_LIST
LIST.name = b"list"
LIST.free = free
LIST.copy = copy
LIST.bytes = bytes_of
LIST.effort = effort
LIST.verify = list_verify
LIST.encoding = encoding
LIST.digest = digest
LIST.commands_put = commands_put_value
LIST.rdb_type = rdb_type
LIST.rdb_put = rdb_put
LIST.rdb_get = rdb_get
value_type_register(&LIST)
value_type_reads(&LIST, RDB_LIST)
value_type_reads(&LIST, RDB_LIST_ZIPLIST)
value_type_reads(&LIST, RDB_LIST_QUICKLIST)
value_type_reads(&LIST, RDB_LIST_QUICKLIST_2)
