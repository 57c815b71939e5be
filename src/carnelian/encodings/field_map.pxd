"""A big hash ("hashtable" to OBJECT ENCODING): one block per field with its value, in a hash table;
the fields that expire are in a heap as well.

    0          1       2             14         18
    +---+------+-------+-------------+----------+----------+-------+-------+
    | E | flen | vlen  | expiry      | flen     | vlen     | field | value |
    +---+------+-------+-------------+----------+----------+-------+-------+
     bit 7      8 bits  if E: record  if flen    if vlen
                        of the heap   is 127     is 254

A value of SHARE_MIN bytes and more is a Blob: vlen is 255 and the value the address of it. The map
owns the blocks, the table and the references to Blobs.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from carnelian.base.blob cimport Blob
from carnelian.base.slice cimport Slice
from carnelian.encodings.expiry_heap cimport EXPIRY_RECORD, ExpiryHeap, record_when
from carnelian.encodings.table cimport Table

cdef enum:
    FIELD_HEADER = 2
    FIELD_EXPIRES = 128
    SHARE_MIN = 16384          # bytes from which a value is a Blob that replies can share

cdef struct FieldMap:
    Table *table
    ExpiryHeap expiring

# What a block says. `blob` holds the value, or is NULL.
cdef struct HashField:
    Slice name
    Slice value
    Blob *blob
    int64_t expires_ms         # 0: never


cdef FieldMap *field_map_new() noexcept nogil
cdef void field_map_free(FieldMap *map) noexcept nogil
cdef FieldMap *field_map_copy(FieldMap *map) noexcept nogil
cdef size_t field_map_bytes(FieldMap *map) noexcept nogil            # from a sample
cdef bint field_map_verify(FieldMap *map) noexcept nogil

cdef Slice field_name(void *block) noexcept nogil                    # a table_key_fn
cdef void field_read(void *block, HashField *field) noexcept nogil

cdef void **field_map_find(FieldMap *map, Slice name) noexcept nogil
# The name must be absent. `expires_ms` as in HashField.
cdef void field_map_add(
    FieldMap *map, Slice name, Slice value, int64_t expires_ms) noexcept nogil
# Of the field in that slot: another value, another expiry. The value must not lie in the map.
cdef void field_map_set_value(FieldMap *map, void **slot, Slice value) noexcept nogil
cdef void field_map_set_expiry(FieldMap *map, void **slot, int64_t expires_ms) noexcept nogil
cdef bint field_map_remove(FieldMap *map, Slice name) noexcept nogil
# The block of the field that expires first, or NULL.
cdef void *field_map_first_expiring(FieldMap *map) noexcept nogil


cdef inline int64_t field_map_expiry_min_ms(FieldMap *map) noexcept nogil:
    """0: no field expires."""
    return record_when(map.expiring.records[0]) if map.expiring.count else 0
