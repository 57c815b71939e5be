"""The ID tree with small integers for values, and stream IDs as tuples."""

from libc.stdint cimport uintptr_t

from carnelian.base.slice cimport slice_of
from carnelian.encodings.id_tree cimport (
    IdCursor, IdTree, id_cursor_item, id_cursor_next, id_cursor_previous, id_tree_bytes,
    id_tree_clear, id_tree_find, id_tree_first, id_tree_insert, id_tree_last, id_tree_remove,
    id_tree_seek, id_tree_seek_back, id_tree_verify,
)
from carnelian.encodings.stream_id cimport (
    STREAM_ID_CHARS_MAX, StreamId, stream_id, stream_id_decr, stream_id_format, stream_id_incr,
    stream_id_less, stream_id_parse,
)


def parse(bytes text, missing_seq=0, strict=False, auto=False):
    """((ms, seq), whether a sequence number was given), or None."""
    cdef StreamId id
    cdef bint given = True
    if stream_id_parse(slice_of(text, len(text)), missing_seq, strict, &id,
                       &given if auto else NULL):
        return (id.ms, id.seq), given
    return None


def text(ms, seq):
    cdef char out[STREAM_ID_CHARS_MAX]
    return out[:stream_id_format(out, stream_id(ms, seq))]


def step(ms, seq, forward):
    cdef StreamId id = stream_id(ms, seq)
    cdef bint fine = stream_id_incr(&id) if forward else stream_id_decr(&id)
    return fine, (id.ms, id.seq)


def compare(a, b):
    cdef StreamId left = stream_id(a[0], a[1])
    cdef StreamId right = stream_id(b[0], b[1])
    return -1 if stream_id_less(left, right) else stream_id_less(right, left)


cdef class Tree:
    cdef IdTree tree

    def __dealloc__(self):
        id_tree_clear(&self.tree)

    def __len__(self):
        return self.tree.count

    def insert(self, id, value):
        return id_tree_insert(&self.tree, stream_id(id[0], id[1]), <void *><uintptr_t>value)

    def find(self, id):
        return <uintptr_t>id_tree_find(&self.tree, stream_id(id[0], id[1]))

    def remove(self, id):
        return <uintptr_t>id_tree_remove(&self.tree, stream_id(id[0], id[1]))

    cdef object walk(self, IdCursor *c, bint more, bint back, count):
        found = []
        while more and len(found) != count:
            item = id_cursor_item(c)
            found.append(((item.id.ms, item.id.seq), <uintptr_t>item.value))
            more = id_cursor_previous(c) if back else id_cursor_next(c)
        return found

    def items(self, start=None, back=False, count=-1):
        """From an end, or from the first item at or past `start`, in either direction."""
        cdef IdCursor c
        cdef bint more
        if start is None:
            more = id_tree_last(&self.tree, &c) if back else id_tree_first(&self.tree, &c)
        elif back:
            more = id_tree_seek_back(&self.tree, stream_id(start[0], start[1]), &c)
        else:
            more = id_tree_seek(&self.tree, stream_id(start[0], start[1]), &c)
        return self.walk(&c, more, back, count)

    def bytes_used(self):
        return id_tree_bytes(&self.tree)

    def verify(self):
        return id_tree_verify(&self.tree)
