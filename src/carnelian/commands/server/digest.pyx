"""DEBUG DIGEST: SHA-1 over keys, values and whether they expire, as Redis computes it.

What has an order is mixed (the digest so far goes into the next one), what has none is xored.
"""

from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset, strlen

from carnelian.base.sha1 cimport sha1_digest
from carnelian.base.slice cimport Slice
from carnelian.encodings.field_map cimport HashField
from carnelian.encodings.member_set cimport SetMember
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_cursor_field, stream_cursor_next, stream_cursor_open,
)
from carnelian.encodings.stream_id cimport stream_id_format, stream_id_max, stream_id_min
from carnelian.encodings.table cimport TableIter, table_iter_init, table_next
from carnelian.engine.engine cimport Engine
from carnelian.keyspace.database cimport Database, KeyRef, database_count, key_find
from carnelian.keyspace.entry cimport (
    EXPIRES, TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STREAM, TYPE_STRING, TYPE_ZSET, Entry, entry_key,
    entry_pointer, entry_type,
)
from carnelian.types.hash.value cimport HashIter, hash_iter_init, hash_iter_next
from carnelian.types.list.value cimport list_next, list_seek
from carnelian.types.set.value cimport SetIter, set_iter_init, set_iter_next
from carnelian.types.string.value cimport text_value
from carnelian.types.sorted_set.value cimport ZsetIter, zset_iter, zset_iter_end, zset_next


cdef enum:
    SIZE = 20
    REDIS_STREAM = 6           # its number of the type; 5 is for modules

ctypedef unsigned char byte


cdef void xor_in(byte *digest, const char *p, size_t n) noexcept nogil:
    cdef byte own[SIZE]
    cdef int i
    sha1_digest(p, n, own)
    for i in range(SIZE):
        digest[i] ^= own[i]


cdef void mix(byte *digest, const char *p, size_t n) noexcept nogil:
    cdef byte before[SIZE]
    xor_in(digest, p, n)
    memcpy(before, digest, SIZE)
    sha1_digest(<char *>before, SIZE, digest)


cdef void mix_number(byte *digest, int number) noexcept nogil:
    """As four bytes, the highest first."""
    cdef char text[4]
    text[0] = <char>(number >> 24)
    text[1] = <char>(number >> 16)
    text[2] = <char>(number >> 8)
    text[3] = <char>number
    mix(digest, text, 4)


cdef void add_list(byte *digest, Entry *e) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    list_seek(e, 0, False, &cursor)
    while list_next(&cursor, &element):
        mix(digest, element.ptr, element.len)


cdef void add_zset(byte *digest, Entry *e) noexcept nogil:
    cdef ZsetIter it
    cdef byte own[SIZE]
    cdef char text[64]
    zset_iter(&it, e, 0, False)
    while zset_next(&it):
        memset(own, 0, SIZE)
        mix(own, it.member.ptr, it.member.len)
        snprintf(text, sizeof(text), b"%.17g", it.score)
        mix(own, text, strlen(text))
        xor_in(digest, <char *>own, SIZE)
    zset_iter_end(&it)


cdef void add_set(byte *digest, Entry *e) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        xor_in(digest, m.text.ptr, m.text.len)


cdef void add_hash(byte *digest, Entry *e) noexcept nogil:
    cdef HashIter it
    cdef HashField field
    cdef byte own[SIZE]
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        memset(own, 0, SIZE)
        mix(own, field.name.ptr, field.name.len)
        mix(own, field.value.ptr, field.value.len)
        xor_in(digest, <char *>own, SIZE)


cdef void add_stream(byte *digest, Entry *e) noexcept nogil:
    cdef StreamCursor cursor
    cdef Slice field
    cdef Slice value
    cdef char text[64]
    stream_cursor_open(
        &cursor, <Stream *>entry_pointer(e), stream_id_min(), stream_id_max(), False)
    while stream_cursor_next(&cursor):
        mix(digest, text, stream_id_format_dots(text, &cursor))
        while stream_cursor_field(&cursor, &field, &value):
            mix(digest, field.ptr, field.len)
            mix(digest, value.ptr, value.len)


cdef size_t stream_id_format_dots(char *text, StreamCursor *cursor) noexcept nogil:
    """Redis writes ms.seq here, not ms-seq."""
    cdef size_t n = <size_t>stream_id_format(text, cursor.id)
    cdef size_t i
    for i in range(n):
        if text[i] == c'-':
            text[i] = c'.'
    return n


cdef void add_value(byte *digest, Entry *e) noexcept nogil:
    cdef int type = entry_type(e)
    cdef Slice text
    mix_number(digest, REDIS_STREAM if type == TYPE_STREAM else type)
    if type == TYPE_STRING:
        text = text_value(e)
        mix(digest, text.ptr, text.len)
    elif type == TYPE_LIST:
        add_list(digest, e)
    elif type == TYPE_ZSET:
        add_zset(digest, e)
    elif type == TYPE_STREAM:
        add_stream(digest, e)
    elif type == TYPE_HASH:
        add_hash(digest, e)
    elif type == TYPE_SET:
        add_set(digest, e)
    if e.flags & EXPIRES:
        xor_in(digest, b"!!expire!!", 10)


cdef bytes dataset_digest(Engine engine):
    cdef byte total[SIZE]
    cdef byte own[SIZE]
    cdef TableIter it
    cdef Entry *e
    cdef Slice key
    cdef int number
    memset(total, 0, SIZE)
    for number in range(engine.database_count):
        if database_count(engine.databases[number]) == 0:
            continue
        mix_number(total, number)
        table_iter_init(&it, engine.databases[number].keys)
        while True:
            e = <Entry *>table_next(&it)
            if e == NULL:
                break
            memset(own, 0, SIZE)
            key = entry_key(e)
            mix(own, key.ptr, key.len)
            add_value(own, e)
            xor_in(total, <char *>own, SIZE)
    return (<char *>total)[:SIZE]


cdef bytes key_digest(Engine engine, Database *db, bytes key):
    cdef byte own[SIZE]
    cdef KeyRef ref = key_find(db, key, len(key))
    memset(own, 0, SIZE)
    if ref.slot != NULL:
        add_value(own, ref.slot[0])
    return (<char *>own)[:SIZE]
