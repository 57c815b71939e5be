"""List values: which structure holds a list, and the operations that hide it.

    ENC_PACKED, inline       a packed list in the entry itself, up to EMBEDDED_MAX bytes
    ENC_PACKED, POINTER      a Quicklist that OBJECT ENCODING still calls "listpack"
    ENC_QUICKLIST, POINTER   a Quicklist, once list-max-listpack-size was exceeded

The first two are one encoding to the outside: pushing to the front of a long embedded list would
move all of it each time. A list becomes a quicklist and a listpack again where Redis does so.

Callers: list commands, SORT, persistence. A change may move the entry, and invalidates all Slices
and cursors of this list; elements given to a change do not lie in the list itself. No function
removes a key: the caller does that when `list_count` has come down to 0.
"""

from libc.stdint cimport uint8_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.packed_list cimport packed_list_count
from carnelian.encodings.quicklist cimport Quicklist, QuicklistCursor, quicklist_next
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport POINTER, Entry, entry_pointer, entry_value_ptr


cdef enum:
    EMBEDDED_MAX = 512         # bytes of an inline list
    EMBEDDED_AGAIN_MAX = 128   # a shrinking list comes back into its entry at this size

# The absent key becomes an empty list, which the caller fills at once.
cdef void list_create(KeyRef *ref) noexcept nogil
# Become a quicklist if so many more elements would exceed the limits; pushing does it by itself.
cdef void list_grow(KeyRef *ref, const Slice *elements, size_t n) noexcept nogil
# Pack and embed a list that may have shrunk. Not for an empty one.
cdef void list_shrunk(KeyRef *ref) noexcept nogil

cdef void list_push(KeyRef *ref, bint front, const Slice *elements, size_t n) noexcept nogil
# Index within the list; list_insert at the count appends. Clipped ranges.
cdef bint list_get(Entry *e, size_t index, Slice *element) noexcept nogil
cdef void list_set(KeyRef *ref, size_t index, Slice element) noexcept nogil
cdef void list_insert(KeyRef *ref, size_t index, Slice element) noexcept nogil
cdef void list_delete(KeyRef *ref, size_t index, size_t n) noexcept nogil
# The same, but much that is to be freed comes back as a value of its own: the caller discards it.
cdef Quicklist *list_cut(KeyRef *ref, size_t index, size_t n) noexcept nogil
# Delete up to `most` elements equal to this one, 0 for all; how many there were.
cdef size_t list_remove(KeyRef *ref, Slice element, size_t most, bint backward) noexcept nogil

# The next list_next reads element `index`.
cdef void list_seek(
    Entry *e, size_t index, bint backward, QuicklistCursor *cursor
) noexcept nogil
cdef bint list_verify(Entry *e) noexcept nogil


cdef inline size_t list_count(Entry *e) noexcept nogil:
    if e.flags & POINTER:
        return (<Quicklist *>entry_pointer(e)).count
    return packed_list_count(<const uint8_t *>entry_value_ptr(e))


cdef inline bint list_next(QuicklistCursor *cursor, Slice *element) noexcept nogil:
    if cursor.at == cursor.stop and cursor.list == NULL:
        return False
    return quicklist_next(cursor, element)
