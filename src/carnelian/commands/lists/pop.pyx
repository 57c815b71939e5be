"""Shared steps of the list commands; see list_pop.pxd."""

from libc.stdint cimport INT64_MIN, int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.engine.call cimport Call
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_LIST
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.types.list.value cimport (
    list_count, list_delete, list_get, list_next, list_seek, list_shrunk,
)
from carnelian.resp.reply cimport Reply, reply_array, reply_bulk

from carnelian.engine.errors import SYNTAX, error

COUNT_BELOW_ONE = error("count should be greater than 0")
NUMKEYS_BELOW_ONE = error("numkeys should be greater than 0")
NOT_SYMMETRIC = error(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807")


cdef bint is_left(Call call, int i) except? -1:
    if call.is_word(i, b"left"):
        return True
    if not call.is_word(i, b"right"):
        raise SYNTAX
    return False


cdef int64_t number_from(Call call, int i, int64_t low, refusal) except? -1:
    cdef int64_t value = 0
    if not parse_int64(call.argv[i].ptr, call.argv[i].len, &value) or value < low:
        raise refusal
    return value


cdef int64_t number_symmetric(Call call, int i) except? -1:
    cdef int64_t value = call.int(i)
    if value == INT64_MIN:
        raise NOT_SYMMETRIC
    return value


cdef int key_count(Call call, int i) except -1:
    cdef int64_t n = number_from(call, i, 1, NUMKEYS_BELOW_ONE)
    if n >= call.argc - i - 1:
        raise SYNTAX
    return <int>n


cdef int64_t count_option(Call call, int i) except -1:
    if call.argc == i + 1:
        return 1
    if call.argc == i + 2 or not call.is_word(i + 1, b"count"):
        raise SYNTAX
    cdef int64_t count = number_from(call, i + 2, 1, COUNT_BELOW_ONE)
    if call.argc > i + 3:
        raise SYNTAX
    return count


cdef void reply_elements(
    Reply *reply, Entry *e, size_t start, size_t n, bint backward
) noexcept nogil:
    cdef QuicklistCursor cursor
    cdef Slice element
    reply_array(reply, <int64_t>n)
    list_seek(e, start, backward, &cursor)
    while n and list_next(&cursor, &element):
        reply_bulk(reply, element.ptr, element.len)
        n -= 1


cdef void take(Call call, KeyRef *ref, bint left, size_t n):
    cdef size_t count = list_count(ref.slot[0])
    call.notify(NOTIFY_LIST, b"lpop" if left else b"rpop", ref)
    if n < count:
        list_delete(ref, 0 if left else count - n, n)
        list_shrunk(ref)
    else:
        call.remove(ref)
        call.notify(NOTIFY_GENERIC, b"del", ref)
    call.modified(ref)
    call.dirty += <int64_t>n - 1


cdef void pop_one(Call call, KeyRef *ref, bint left):
    cdef Slice element
    list_get(ref.slot[0], 0 if left else list_count(ref.slot[0]) - 1, &element)
    reply_bulk(call.reply, element.ptr, element.len)
    take(call, ref, left, 1)


cdef size_t pop_many(Call call, KeyRef *ref, bint left, int64_t most):
    cdef size_t count = list_count(ref.slot[0])
    cdef size_t n = count if <size_t>most > count else <size_t>most
    reply_elements(call.reply, ref.slot[0], 0 if left else count - 1, n, not left)
    take(call, ref, left, n)
    return n
