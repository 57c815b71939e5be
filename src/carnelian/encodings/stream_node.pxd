"""Stream entries packed into one block of memory, in the order of their IDs.

A node is one allocation, owned by the stream. Its key, the ID of the first entry it was made with,
is kept by the stream's index and handed in; it stays the same when that entry is deleted. The
bytes are only ever written here, so reading trusts them. Deleting flips a flag; compacting drops
the dead.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream_id cimport StreamId


cdef struct StreamNode:         # followed by the fields, then the entries: see the .pyx
    uint32_t size               # bytes in use, this header included
    uint32_t live               # entries
    uint32_t deleted            # entries still here, but flagged
    uint32_t entries            # offset of the first entry

cdef struct NodeWalk:           # forward over the entries of a node
    StreamNode *node
    StreamId id                 # of the current entry
    uint32_t entry              # its offset
    uint32_t payload            # offset of its fields and values
    uint32_t next               # offset of the entry after it

cdef enum:
    INT_CHARS_MAX = 20

cdef struct FieldReader:        # over the fields of one entry
    const uint8_t *shared       # where the node's own fields go on; NULL if the entry has its own
    const uint8_t *own          # where the entry's payload goes on; NULL if it equals the node's
    uint64_t left
    char field_digits[INT_CHARS_MAX]        # numbers are stored as such and spelt out here
    char value_digits[INT_CHARS_MAX]

cdef enum:
    NODE_FIELDS_BYTES_MAX = 1 << 30         # names and values of one entry together


# `pairs` are field, value, field, value ...: 2 * `count` slices, together at most
# NODE_FIELDS_BYTES_MAX long.
cdef StreamNode *node_new(const Slice *pairs, size_t count) noexcept nogil
# Returns the node, which may have moved. `latest` is the ID of its last entry, deleted or not; the
# caller checked that the node stays below 4 GiB.
cdef StreamNode *node_append(
    StreamNode *node, StreamId latest, StreamId id, const Slice *pairs, size_t count
) noexcept nogil
cdef StreamNode *node_shrink(StreamNode *node) noexcept nogil       # give unused capacity back

cdef void node_begin(NodeWalk *walk, StreamNode *node, StreamId key) noexcept nogil
cdef bint node_next(NodeWalk *walk) noexcept nogil                  # deleted entries too
cdef bint node_next_live(NodeWalk *walk, StreamId start) noexcept nogil     # with ID >= start
cdef bint node_deleted(const NodeWalk *walk) noexcept nogil
cdef void node_delete(NodeWalk *walk) noexcept nogil                # the current, live entry

# A node with some live entries, rebuilt without the others; *latest is its last ID.
cdef StreamNode *node_compact(StreamNode *node, StreamId key, StreamId *latest) noexcept nogil

# Fields of the entry at that offset. A slice is good until the next call or a change of the node.
cdef void fields_begin(
    FieldReader *reader, const StreamNode *node, uint32_t entry, uint32_t payload
) noexcept nogil
cdef bint fields_next(FieldReader *reader, Slice *field, Slice *value) noexcept nogil

# *latest is set to the ID of the last entry.
cdef bint node_verify(StreamNode *node, StreamId key, StreamId *latest) noexcept nogil
