"""A small sorted array of named things. Contracts are in the .pxd."""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp, memmove

from carnelian.base.memory cimport mem_free, mem_realloc, mem_usable
from carnelian.base.slice cimport Slice, slice_equal


cdef inline Slice name_of(void *thing) noexcept nogil:
    return (<Slice *>thing)[0]


cdef inline bint name_less(Slice a, Slice b) noexcept nogil:
    cdef size_t n = a.len if a.len < b.len else b.len
    cdef int order = memcmp(a.ptr, b.ptr, n) if n else 0
    return order < 0 or (order == 0 and a.len < b.len)


cdef uint32_t position(const NameTable *table, Slice name) noexcept nogil:
    """How many names are smaller."""
    cdef uint32_t low = 0
    cdef uint32_t high = table.count
    cdef uint32_t middle
    while low < high:
        middle = low + ((high - low) >> 1)
        if name_less(name_of(table.things[middle]), name):
            low = middle + 1
        else:
            high = middle
    return low


cdef void *name_table_find(const NameTable *table, Slice name) noexcept nogil:
    cdef uint32_t at = position(table, name)
    if at < table.count and slice_equal(name_of(table.things[at]), name):
        return table.things[at]
    return NULL


cdef bint name_table_add(NameTable *table, void *thing) noexcept nogil:
    cdef Slice name = name_of(thing)
    cdef uint32_t at = position(table, name)
    if at < table.count and slice_equal(name_of(table.things[at]), name):
        return False
    if table.count == table.capacity:
        table.capacity = table.capacity * 2 if table.capacity else 1
        table.things = <void **>mem_realloc(table.things, table.capacity * sizeof(void *))
    memmove(table.things + at + 1, table.things + at, (table.count - at) * sizeof(void *))
    table.things[at] = thing
    table.count += 1
    return True


cdef bint name_table_remove(NameTable *table, void *thing) noexcept nogil:
    cdef uint32_t at = position(table, name_of(thing))
    if at == table.count or table.things[at] != thing:
        return False
    table.count -= 1
    memmove(table.things + at, table.things + at + 1, (table.count - at) * sizeof(void *))
    if table.count == 0:
        name_table_clear(table)
    return True


cdef void name_table_clear(NameTable *table) noexcept nogil:
    mem_free(table.things)
    table.things = NULL
    table.count = 0
    table.capacity = 0


cdef bint name_table_verify(const NameTable *table) noexcept nogil:
    cdef uint32_t i
    if table.count > table.capacity or (table.capacity != 0) != (table.things != NULL):
        return False
    if table.things != NULL and mem_usable(table.things) < table.capacity * sizeof(void *):
        return False
    for i in range(1, table.count):
        if not name_less(name_of(table.things[i - 1]), name_of(table.things[i])):
            return False
    return True
