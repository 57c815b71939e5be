"""Streams: entries of field-value pairs in ID order, many to a node, and the consumer groups.

One allocation per node of up to stream-node-max-entries entries, nodes indexed by their first ID;
a stream is created with stream_new and freed as a whole, on any thread. Cursors borrow: a change of
the stream invalidates them, and their slices.

    stream_cursor_open(&c, s, start, end, False)
    while stream_cursor_next(&c):               # c.id, c.field_count
        while stream_cursor_field(&c, &field, &value): ...

`groups` is used through stream_group; lag and delivery are in stream_lag, trimming and deletion
that heed references in stream_trim. RDB loading appends the entries, then sets entries_added,
last_id and max_deleted_id.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.id_tree cimport IdCursor, IdTree
from carnelian.encodings.name_table cimport NameTable
from carnelian.encodings.stream_id cimport StreamId
from carnelian.encodings.stream_idempotency cimport Idempotency
from carnelian.encodings.stream_node cimport FieldReader, NodeWalk, StreamNode


cdef struct Stream:
    uint64_t length             # live entries
    uint64_t entries_added      # ever, as XSETID may set it
    StreamId last_id            # the largest ever added
    StreamId first_id           # of the first live entry; 0-0 if there is none
    StreamId max_deleted_id     # the largest deleted by its ID; 0-0: none
    NameTable groups            # of StreamGroup
    IdTree nodes                # values: StreamNode
    StreamNode *tail            # the last node, if it can be appended to
    StreamId tail_id            # its last entry, dead or alive
    Idempotency *idempotency    # what producers sent lately; NULL until XADD IDMP needs it

cdef struct StreamLimits:       # 0: no limit
    size_t node_bytes_max       # stream-node-max-bytes
    uint64_t node_entries_max   # stream-node-max-entries

cdef enum StreamAppend:
    STREAM_APPENDED
    STREAM_ID_NOT_LARGER        # "... equal or smaller than the target stream top item"
    STREAM_TOO_LARGE            # "Elements are too large to be stored"

cdef enum:
    CURSOR_MARKS = 32

cdef struct CursorMark:
    StreamId id
    uint32_t entry
    uint32_t payload

cdef struct StreamCursor:
    StreamId id                 # of the current entry
    uint64_t field_count        # of the current entry, before reading any
    FieldReader fields
    StreamId start
    StreamId end
    bint reverse
    bint done
    IdCursor nodes
    NodeWalk walk               # going forward
    int mark_count              # going backward: the entries before the current one, in ID order
    bint more_before_marks      # and whether this node has still earlier ones
    CursorMark marks[CURSOR_MARKS]


cdef Stream *stream_new() noexcept nogil
cdef void stream_free(Stream *s) noexcept nogil
cdef Stream *stream_copy(const Stream *s) noexcept nogil

# The ID of XADD with "*" (now, or one after the last) and with "ms-*"; 0 if there is none left.
cdef bint stream_next_id(const Stream *s, uint64_t now_ms, StreamId *id) noexcept nogil
cdef bint stream_next_seq(const Stream *s, uint64_t ms, StreamId *id) noexcept nogil

# `pairs` are field, value, field, value ...: 2 * field_count slices.
cdef StreamAppend stream_append(
    Stream *s, StreamId id, const Slice *pairs, size_t field_count, const StreamLimits *limits
) noexcept nogil

# XDEL of one ID, tombstone bookkeeping included; 0 if there is no such entry.
cdef bint stream_delete(Stream *s, StreamId id) noexcept nogil

# From start to end, both inclusive, or from end to start.
cdef void stream_cursor_open(
    StreamCursor *c, const Stream *s, StreamId start, StreamId end, bint reverse
) noexcept nogil
cdef bint stream_cursor_next(StreamCursor *c) noexcept nogil
cdef bint stream_cursor_field(StreamCursor *c, Slice *field, Slice *value) noexcept nogil

cdef bint stream_contains(const Stream *s, StreamId id) noexcept nogil
cdef bint stream_last_live_id(const Stream *s, StreamId *id) noexcept nogil     # 0 if empty

# For stream_trim: take out a node, or see to one in which entries were flagged dead (it may move or
# go); then find the first entry again.
cdef void stream_drop_node(Stream *s, StreamId key) noexcept nogil
cdef void stream_tidy_node(Stream *s, StreamNode *node, StreamId key) noexcept nogil
cdef void stream_find_first(Stream *s) noexcept nogil

# How much work freeing it is, in blocks; and its memory.
cdef uint64_t stream_blocks(const Stream *s) noexcept nogil
cdef size_t stream_bytes(const Stream *s) noexcept nogil
cdef bint stream_verify(const Stream *s) noexcept nogil
