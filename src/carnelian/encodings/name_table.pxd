"""A small sorted array of named things: the groups of a stream, the consumers of a group.

A thing is a pointer to a struct whose first member is its name, a Slice. The table owns its array,
not the things; names are in byte order, as Redis lists them.
"""

from libc.stdint cimport uint32_t

from carnelian.base.slice cimport Slice


cdef struct NameTable:          # all zero: empty
    void **things
    uint32_t count
    uint32_t capacity


cdef void *name_table_find(const NameTable *table, Slice name) noexcept nogil       # or NULL
cdef bint name_table_add(NameTable *table, void *thing) noexcept nogil      # 0 if the name is taken
cdef bint name_table_remove(NameTable *table, void *thing) noexcept nogil
cdef void name_table_clear(NameTable *table) noexcept nogil
cdef bint name_table_verify(const NameTable *table) noexcept nogil
