"""A big hash of byte strings."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.field_map cimport (
    FieldMap, HashField, field_map_add, field_map_bytes, field_map_copy, field_map_expiry_min_ms,
    field_map_find, field_map_first_expiring, field_map_free, field_map_new, field_map_remove,
    field_map_set_expiry, field_map_set_value, field_map_verify, field_name, field_read,
)
from carnelian.encodings.table cimport TableIter, table_count, table_iter_init, table_next


cdef inline Slice slice_from(bytes text):
    return slice_of(text, len(text))


cdef class Fields:
    cdef FieldMap *map

    def __cinit__(self):
        self.map = field_map_new()

    def __dealloc__(self):
        field_map_free(self.map)

    def __len__(self):
        return table_count(self.map.table)

    def items(self):
        """{name: (value, expiry)}"""
        cdef TableIter it
        cdef HashField field
        cdef void *block
        found = {}
        table_iter_init(&it, self.map.table)
        block = table_next(&it)
        while block != NULL:
            field_read(block, &field)
            found[field.name.ptr[:field.name.len]] = (
                field.value.ptr[:field.value.len], field.expires_ms)
            block = table_next(&it)
        return found

    def put(self, bytes name, bytes value):
        cdef void **slot = field_map_find(self.map, slice_from(name))
        if slot != NULL:
            field_map_set_value(self.map, slot, slice_from(value))
            return False
        field_map_add(self.map, slice_from(name), slice_from(value), 0)
        return True

    def get(self, bytes name):
        cdef void **slot = field_map_find(self.map, slice_from(name))
        cdef HashField field
        if slot == NULL:
            return None
        field_read(slot[0], &field)
        return field.value.ptr[:field.value.len], field.expires_ms

    def expire(self, bytes name, int64_t when_ms):
        cdef void **slot = field_map_find(self.map, slice_from(name))
        if slot == NULL:
            return False
        field_map_set_expiry(self.map, slot, when_ms)
        return True

    def remove(self, bytes name):
        return field_map_remove(self.map, slice_from(name))

    def first_expiring(self):
        cdef void *block = field_map_first_expiring(self.map)
        cdef Slice name
        if block == NULL:
            return None
        name = field_name(block)
        return name.ptr[:name.len], field_map_expiry_min_ms(self.map)

    def copy(self):
        cdef Fields fresh = Fields()
        field_map_free(fresh.map)
        fresh.map = field_map_copy(self.map)
        return fresh

    def bytes_used(self):
        return field_map_bytes(self.map)

    def verify(self):
        return field_map_verify(self.map)
