"""Streams as a type of values; see keyspace/value.pxd. RDB files are the matter of rdb_in and
rdb_out."""

from libc.stdint cimport uint8_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream cimport (
    Stream, StreamCursor, stream_blocks, stream_bytes, stream_copy, stream_cursor_field,
    stream_cursor_next, stream_cursor_open, stream_free, stream_verify,
)
from carnelian.encodings.stream_id cimport stream_id_format, stream_id_max, stream_id_min
from carnelian.formats.commands_out cimport CommandsOut
from carnelian.formats.digest cimport digest_mix
from carnelian.formats.rdb cimport (
    RDB_STREAM_LISTPACKS, RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3, RDB_STREAM_LISTPACKS_4,
    RDB_STREAM_LISTPACKS_5, RDB_VERSION_GIVEN_BACK, RDB_VERSION_PLAIN, RDB_VERSION_PRODUCERS,
    RdbIn, RdbOut, RdbValue,
)
from carnelian.keyspace.database cimport key_create_pointer
from carnelian.keyspace.entry cimport ENC_STREAM, TYPE_STREAM, Entry, entry_pointer
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.value cimport ValueType, value_type_reads, value_type_register
from carnelian.types.stream.commands_out cimport commands_put_stream
from carnelian.types.stream.rdb_in cimport rdb_get_stream
from carnelian.types.stream.rdb_out cimport rdb_put_stream, rdb_stream_type


cdef enum:
    DIGEST_NUMBER = 6          # Redis's number of the type: 5 is for modules


cdef inline Stream *stream_of(Entry *e) noexcept nogil:
    return <Stream *>entry_pointer(e)


cdef void free(void *value) noexcept nogil:
    stream_free(<Stream *>value)


cdef void *copy(void *value) noexcept nogil:
    return stream_copy(<Stream *>value)


cdef size_t bytes_of(void *value) noexcept nogil:
    return stream_bytes(<Stream *>value)


cdef size_t effort(void *value) noexcept nogil:
    return stream_blocks(<Stream *>value)


cdef bint verify(Entry *e) noexcept nogil:
    return stream_verify(stream_of(e))


cdef const char *encoding(Entry *e) noexcept nogil:
    return b"stream"


cdef size_t id_with_dot(char *text, const StreamCursor *cursor) noexcept nogil:
    """Redis writes ms.seq here, not ms-seq."""
    cdef size_t n = <size_t>stream_id_format(text, cursor.id)
    cdef size_t i
    for i in range(n):
        if text[i] == c'-':
            text[i] = c'.'
    return n


cdef void digest(uint8_t *digest, Entry *e) noexcept nogil:
    cdef StreamCursor cursor
    cdef Slice field
    cdef Slice value
    cdef char text[64]
    stream_cursor_open(&cursor, stream_of(e), stream_id_min(), stream_id_max(), False)
    while stream_cursor_next(&cursor):
        digest_mix(digest, text, id_with_dot(text, &cursor))
        while stream_cursor_field(&cursor, &field, &value):
            digest_mix(digest, field.ptr, field.len)
            digest_mix(digest, value.ptr, value.len)


# --- RDB ---

cdef int rdb_type(Entry *e) noexcept nogil:
    return rdb_stream_type(stream_of(e))


cdef int rdb_version(Entry *e) noexcept nogil:
    cdef int type = rdb_type(e)
    if type == RDB_STREAM_LISTPACKS_4:
        return RDB_VERSION_PRODUCERS
    return RDB_VERSION_GIVEN_BACK if type == RDB_STREAM_LISTPACKS_5 else RDB_VERSION_PLAIN


cdef void rdb_put(RdbOut *w, Entry *e) noexcept nogil:
    rdb_put_stream(w, stream_of(e))


cdef bint rdb_get(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    if not rdb_get_stream(r, v, &ref.db.limits.stream):
        return False
    key_create_pointer(ref, TYPE_STREAM, ENC_STREAM, v.partial)
    v.partial = NULL
    return True


cdef void commands_put_value(CommandsOut *w, Slice key, Entry *e) noexcept nogil:
    commands_put_stream(w, key, stream_of(e))


cdef ValueType STREAM
STREAM.number = TYPE_STREAM
STREAM.digest_number = DIGEST_NUMBER
STREAM.name = b"stream"
STREAM.free = free
STREAM.copy = copy
STREAM.bytes = bytes_of
STREAM.effort = effort
STREAM.verify = verify
STREAM.encoding = encoding
STREAM.digest = digest
STREAM.commands_put = commands_put_value
STREAM.rdb_type = rdb_type
STREAM.rdb_put = rdb_put
STREAM.rdb_get = rdb_get
STREAM.rdb_drop = free
STREAM.rdb_version = rdb_version
value_type_register(&STREAM)
value_type_reads(&STREAM, RDB_STREAM_LISTPACKS)
value_type_reads(&STREAM, RDB_STREAM_LISTPACKS_2)
value_type_reads(&STREAM, RDB_STREAM_LISTPACKS_3)
value_type_reads(&STREAM, RDB_STREAM_LISTPACKS_4)
value_type_reads(&STREAM, RDB_STREAM_LISTPACKS_5)
