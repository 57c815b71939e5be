"""Dispatch between the two structures of a list; see value.pxd."""

from libc.stdint cimport uint8_t
from libc.string cimport memmove

from carnelian.base.native cimport likely, load16, store16
from carnelian.base.slice cimport Slice, slice_equal
from carnelian.encodings.packed cimport PACKED_HEADER, Splice
from carnelian.encodings.packed_list cimport (
    list_entry_after, list_entry_before, list_entry_read, list_entry_size, list_entry_write,
    list_exceeds, list_limit_bytes, list_limit_count, packed_list_init, packed_list_plan_insert,
    packed_list_plan_remove, packed_list_plan_replace, packed_list_seek, packed_list_verify,
    packed_list_write_insert, packed_list_write_remove, packed_list_write_replace,
)
from carnelian.encodings.quicklist cimport (
    quicklist_cut, quicklist_drop, quicklist_erase, quicklist_free, quicklist_from_packed,
    quicklist_get, quicklist_insert, quicklist_packed_size, quicklist_push, quicklist_seek,
    quicklist_set, quicklist_tidy, quicklist_to_packed, quicklist_verify,
)
from carnelian.keyspace.database cimport (
    key_create, key_resize, key_set_inline, key_set_pointer, key_splice,
)
from carnelian.keyspace.entry cimport (
    ENC_PACKED, ENC_QUICKLIST, TYPE_LIST, entry_encoding, entry_value_len,
)

cdef enum:
    LISTPACK_EXTRA = 5         # bytes Redis's listpack has around the entries beyond our header

cdef inline Quicklist *big(Entry *e) noexcept nogil:
    return <Quicklist *>entry_pointer(e)


cdef inline uint8_t *small(Entry *e) noexcept nogil:
    return <uint8_t *>entry_value_ptr(e)


# Representation

cdef void list_create(KeyRef *ref) noexcept nogil:
    packed_list_init(small(key_create(ref, TYPE_LIST, ENC_PACKED, PACKED_HEADER)))


cdef void leave_entry(KeyRef *ref, int encoding) noexcept nogil:
    """The inline list moves into a Quicklist."""
    cdef Entry *e = ref.slot[0]
    key_set_pointer(ref, encoding, quicklist_from_packed(
        small(e), entry_value_len(e), ref.db.limits.list_fill))


cdef void enter_entry(KeyRef *ref) noexcept nogil:
    cdef Quicklist *list = big(ref.slot[0])
    quicklist_to_packed(
        list, small(key_set_inline(ref, ENC_PACKED, quicklist_packed_size(list))))
    quicklist_free(list)


cdef void list_grow(KeyRef *ref, const Slice *elements, size_t n) noexcept nogil:
    """Redis counts the bare bytes of what comes, before it is there."""
    cdef Entry *e = ref.slot[0]
    cdef size_t size = LISTPACK_EXTRA
    cdef size_t i
    if entry_encoding(e) == ENC_QUICKLIST:
        return
    for i in range(n):
        size += elements[i].len
    size += quicklist_packed_size(big(e)) if e.flags & POINTER else entry_value_len(e)
    if not list_exceeds(size, list_count(e) + n, ref.db.limits.list_fill):
        return
    if e.flags & POINTER:
        e.kind = TYPE_LIST | ENC_QUICKLIST << 4
    else:
        leave_entry(ref, ENC_QUICKLIST)


cdef bint may_pack(const Quicklist *list, long fill) noexcept nogil:
    """At half of the limits; a limit in elements has no such limit in bytes."""
    cdef size_t bytes_max = list_limit_bytes(fill)
    if fill < 0:
        bytes_max >>= 1
    return list.count <= list_limit_count(fill) >> 1 and (
        quicklist_packed_size(list) + LISTPACK_EXTRA <= bytes_max)


cdef void list_shrunk(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef Quicklist *list
    if not e.flags & POINTER:
        return
    list = big(e)
    if list.length > 1:
        return
    if entry_encoding(e) == ENC_QUICKLIST:
        if not may_pack(list, ref.db.limits.list_fill):
            return
        e.kind = TYPE_LIST | ENC_PACKED << 4
    if quicklist_packed_size(list) <= EMBEDDED_AGAIN_MAX:
        enter_entry(ref)


# Elements

cdef void push_embedded(
    KeyRef *ref, bint front, const Slice *elements, size_t n, size_t need
) noexcept nogil:
    cdef size_t at = PACKED_HEADER if front else entry_value_len(ref.slot[0])
    cdef uint8_t *hole = key_splice(ref, at, 0, need)
    cdef uint8_t *data = small(ref.slot[0])
    cdef size_t i
    for i in range(n):
        list_entry_write(hole, elements[n - 1 - i if front else i])
        hole = <uint8_t *>list_entry_after(hole)
    store16(data, load16(data) + <int>n)


cdef void list_push(KeyRef *ref, bint front, const Slice *elements, size_t n) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef Quicklist *list
    cdef size_t need = 0
    cdef size_t i
    if likely(entry_encoding(e) != ENC_QUICKLIST):
        list_grow(ref, elements, n)
        e = ref.slot[0]
    if not e.flags & POINTER:
        for i in range(n):
            need += list_entry_size(elements[i].len)
        if entry_value_len(e) + need <= EMBEDDED_MAX:
            push_embedded(ref, front, elements, n, need)
            return
        leave_entry(ref, ENC_PACKED)
    list = big(ref.slot[0])
    for i in range(n):
        quicklist_push(list, front, elements[i])


cdef bint list_get(Entry *e, size_t index, Slice *element) noexcept nogil:
    cdef uint8_t *data
    if e.flags & POINTER:
        return quicklist_get(big(e), index, element)
    if index >= list_count(e):
        return False
    data = small(e)
    list_entry_read(data + packed_list_seek(data, entry_value_len(e), index), element)
    return True


cdef void list_set(KeyRef *ref, size_t index, Slice element) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef uint8_t *data
    cdef Splice splice
    if not e.flags & POINTER:
        data = small(e)
        splice = packed_list_plan_replace(
            data, packed_list_seek(data, entry_value_len(e), index), element)
        if entry_value_len(e) - splice.remove + splice.insert <= EMBEDDED_MAX:
            key_splice(ref, splice.offset, splice.remove, splice.insert)
            packed_list_write_replace(small(ref.slot[0]), splice, element)
            return
        leave_entry(ref, ENC_PACKED)
    quicklist_set(big(ref.slot[0]), index, element)


cdef void list_insert(KeyRef *ref, size_t index, Slice element) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef uint8_t *data
    cdef Splice splice
    if not e.flags & POINTER:
        data = small(e)
        splice = packed_list_plan_insert(
            packed_list_seek(data, entry_value_len(e), index), element)
        if entry_value_len(e) + splice.insert <= EMBEDDED_MAX:
            key_splice(ref, splice.offset, splice.remove, splice.insert)
            packed_list_write_insert(small(ref.slot[0]), splice, element)
            return
        leave_entry(ref, ENC_PACKED)
    quicklist_insert(big(ref.slot[0]), index, element)


cdef void list_delete(KeyRef *ref, size_t index, size_t n) noexcept nogil:
    cdef Quicklist *cut = list_cut(ref, index, n)
    if cut != NULL:
        quicklist_free(cut)


cdef Quicklist *list_cut(KeyRef *ref, size_t index, size_t n) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef size_t count = list_count(e)
    cdef Splice splice
    if index >= count:
        return NULL
    if n > count - index:
        n = count - index
    if not e.flags & POINTER:
        splice = packed_list_plan_remove(
            small(e), packed_list_seek(small(e), entry_value_len(e), index), n)
        packed_list_write_remove(small(e), n)
        key_splice(ref, splice.offset, splice.remove, 0)
    elif n == 1 and (index == 0 or index == count - 1):
        quicklist_drop(big(e), index == 0)
    else:
        return quicklist_cut(big(e), index, n)
    return NULL


# Search

cdef void list_seek(
    Entry *e, size_t index, bint backward, QuicklistCursor *cursor
) noexcept nogil:
    cdef uint8_t *data
    cdef size_t size
    cdef size_t count
    if e.flags & POINTER:
        quicklist_seek(big(e), index, backward, cursor)
        return
    data = small(e)
    size = entry_value_len(e)
    count = list_count(e)
    cursor.list = NULL
    cursor.backward = backward
    cursor.current = NULL
    cursor.stop = data + PACKED_HEADER if backward else data + size
    if index >= count:
        cursor.at = cursor.stop
    else:
        cursor.at = data + packed_list_seek(data, size, index + (1 if backward else 0))


cdef size_t remove_embedded(
    KeyRef *ref, Slice element, size_t most, bint backward
) noexcept nogil:
    """Closes each gap as it comes: there are few bytes behind it."""
    cdef Entry *e = ref.slot[0]
    cdef uint8_t *first = small(e) + PACKED_HEADER
    cdef uint8_t *end = small(e) + entry_value_len(e)
    cdef uint8_t *p = end if backward else first
    cdef uint8_t *after
    cdef Slice found
    cdef size_t removed = 0
    while p != (first if backward else end):
        if backward:
            p = <uint8_t *>list_entry_before(p)
        after = <uint8_t *>list_entry_read(p, &found)
        if slice_equal(found, element):
            memmove(p, after, end - after)
            end -= after - p
            removed += 1
            if removed == most:
                break
        elif not backward:
            p = after
    if removed:
        packed_list_write_remove(small(e), removed)
        key_resize(ref, end - small(e))
    return removed


cdef size_t list_remove(KeyRef *ref, Slice element, size_t most, bint backward) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef Quicklist *list
    cdef QuicklistCursor cursor
    cdef Slice found
    cdef size_t removed = 0
    if not e.flags & POINTER:
        return remove_embedded(ref, element, most, backward)
    list = big(e)
    quicklist_seek(list, list.count - 1 if backward else 0, backward, &cursor)
    while quicklist_next(&cursor, &found):
        if slice_equal(found, element):
            quicklist_erase(&cursor)
            removed += 1
            if removed == most:
                break
    if removed:
        quicklist_tidy(list)
    return removed


cdef bint list_verify(Entry *e) noexcept nogil:
    if e.flags & POINTER:
        return quicklist_verify(big(e)) and (
            entry_encoding(e) == ENC_QUICKLIST or entry_encoding(e) == ENC_PACKED)
    return (
        entry_encoding(e) == ENC_PACKED and entry_value_len(e) <= EMBEDDED_MAX
        and packed_list_verify(small(e), entry_value_len(e)))
