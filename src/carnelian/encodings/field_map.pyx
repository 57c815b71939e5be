"""Blocks of big hashes; see field_map.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.blob cimport blob_data, blob_from, blob_memory, blob_release, blob_retain
from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.native cimport likely, load32, load64, store32, store64, unlikely
from carnelian.encodings.expiry_heap cimport (
    expiry_heap_add, expiry_heap_clear, expiry_heap_first, expiry_heap_remove, expiry_heap_moved,
    expiry_heap_verify,
)
from carnelian.encodings.table cimport (
    TableIter, table_add, table_bytes, table_find, table_free, table_iter_init, table_new,
    table_next, table_remove_at, table_verify,
)


cdef enum:
    NAME_LONG = 127
    VALUE_LONG = 254
    VALUE_BLOB = 255
    BLOB_SIZE = 8              # bytes of the address of one
    SAMPLE = 64                # fields looked at for the size of all


cdef inline uint8_t *record_of(void *block) noexcept nogil:
    return <uint8_t *>block + FIELD_HEADER


cdef inline bint expires(void *block) noexcept nogil:
    return (<uint8_t *>block)[0] & FIELD_EXPIRES


cdef inline size_t lengths_offset(void *block) noexcept nogil:
    return FIELD_HEADER + EXPIRY_RECORD * ((<uint8_t *>block)[0] >> 7)


cdef Slice field_name(void *block) noexcept nogil:
    cdef uint8_t *head = <uint8_t *>block
    cdef char *p = <char *>block + lengths_offset(block)
    cdef Slice s
    s.len = head[0] & NAME_LONG
    if unlikely(s.len == NAME_LONG):
        s.len = load32(p)
        p += 4
    if unlikely(head[1] == VALUE_LONG):
        p += 4
    s.ptr = p
    return s


cdef void field_read(void *block, HashField *field) noexcept nogil:
    cdef uint8_t *head = <uint8_t *>block
    cdef const char *p
    field.name = field_name(block)
    field.blob = NULL
    field.expires_ms = record_when(record_of(block)) if expires(block) else 0
    p = field.name.ptr + field.name.len
    if likely(head[1] < VALUE_LONG):
        field.value.ptr = p
        field.value.len = head[1]
    elif head[1] == VALUE_LONG:
        field.value.ptr = p
        field.value.len = load32(field.name.ptr - 4)
    else:
        field.blob = <Blob *>load64(p)
        field.value.ptr = blob_data(field.blob)
        field.value.len = field.blob.len


cdef uint8_t *block_layout(Slice name, size_t value_len, int flags) noexcept nogil:
    """A new block with lengths and name set; no expiry, no value."""
    cdef size_t size = FIELD_HEADER + name.len + (EXPIRY_RECORD if flags else 0)
    cdef uint8_t *block
    cdef uint8_t *p
    size += 4 if name.len >= NAME_LONG else 0
    if value_len >= SHARE_MIN:
        size += BLOB_SIZE
    else:
        size += value_len + (4 if value_len >= VALUE_LONG else 0)
    block = <uint8_t *>mem_alloc(size)
    block[0] = <uint8_t>(flags | (name.len if name.len < NAME_LONG else NAME_LONG))
    p = block + lengths_offset(block)
    if name.len >= NAME_LONG:
        store32(p, <uint32_t>name.len)
        p += 4
    if value_len < VALUE_LONG:
        block[1] = <uint8_t>value_len
    elif value_len < SHARE_MIN:
        block[1] = VALUE_LONG
        store32(p, <uint32_t>value_len)
        p += 4
    else:
        block[1] = VALUE_BLOB
    memcpy(p, name.ptr, name.len)
    return block


cdef inline uint8_t *value_place(void *block) noexcept nogil:
    cdef Slice name = field_name(block)
    return <uint8_t *>name.ptr + name.len


cdef void *block_new(Slice name, Slice value, int flags) noexcept nogil:
    cdef uint8_t *block = block_layout(name, value.len, flags)
    if value.len < SHARE_MIN:
        memcpy(value_place(block), value.ptr, value.len)
    else:
        store64(value_place(block), <uint64_t>blob_from(value.ptr, value.len))
    return block


cdef void block_free(void *block) noexcept nogil:
    if (<uint8_t *>block)[1] == VALUE_BLOB:
        blob_release(<Blob *>load64(value_place(block)))
    mem_free(block)


cdef FieldMap *field_map_new() noexcept nogil:
    cdef FieldMap *map = <FieldMap *>mem_alloc_zeroed(sizeof(FieldMap))
    map.table = table_new(field_name)
    return map


cdef void field_map_free(FieldMap *map) noexcept nogil:
    cdef TableIter it
    cdef void *block
    table_iter_init(&it, map.table)
    block = table_next(&it)
    while block != NULL:
        block_free(block)
        block = table_next(&it)
    table_free(map.table)
    expiry_heap_clear(&map.expiring)
    mem_free(map)


cdef FieldMap *field_map_copy(FieldMap *map) noexcept nogil:
    cdef FieldMap *copy = field_map_new()
    cdef TableIter it
    cdef HashField field
    cdef void *block
    table_iter_init(&it, map.table)
    block = table_next(&it)
    while block != NULL:
        field_read(block, &field)
        field_map_add(copy, field.name, field.value, field.expires_ms)
        block = table_next(&it)
    return copy


cdef size_t field_map_bytes(FieldMap *map) noexcept nogil:
    cdef TableIter it
    cdef HashField field
    cdef void *block
    cdef size_t seen = 0
    cdef size_t size = 0
    table_iter_init(&it, map.table)
    block = table_next(&it)
    while block != NULL and seen < SAMPLE:
        field_read(block, &field)
        size += mem_usable(block) + (blob_memory(field.blob) if field.blob != NULL else 0)
        seen += 1
        block = table_next(&it)
    if seen:
        size = size * map.table.count // seen
    return sizeof(FieldMap) + table_bytes(map.table) + size + (
        map.expiring.capacity * sizeof(void *))


cdef void **field_map_find(FieldMap *map, Slice name) noexcept nogil:
    return table_find(map.table, hash_bytes(name.ptr, name.len), name.ptr, name.len)


cdef void field_map_add(
    FieldMap *map, Slice name, Slice value, int64_t expires_ms
) noexcept nogil:
    cdef void *block = block_new(name, value, FIELD_EXPIRES if expires_ms else 0)
    table_add(map.table, hash_bytes(name.ptr, name.len), block)
    if expires_ms:
        expiry_heap_add(&map.expiring, record_of(block), expires_ms)


cdef void field_map_set_value(FieldMap *map, void **slot, Slice value) noexcept nogil:
    cdef void *block = slot[0]
    cdef uint8_t *head = <uint8_t *>block
    cdef void *fresh
    if value.len < VALUE_LONG and head[1] < VALUE_LONG and (
        <size_t>(value_place(block) - head) + value.len <= mem_usable(block)
    ) and value.len + 16 > head[1]:
        memcpy(value_place(block), value.ptr, value.len)
        head[1] = <uint8_t>value.len
        return
    fresh = block_new(field_name(block), value, head[0] & FIELD_EXPIRES)
    if expires(block):
        memcpy(record_of(fresh), record_of(block), EXPIRY_RECORD)
        expiry_heap_moved(&map.expiring, record_of(fresh))
    slot[0] = fresh
    block_free(block)


cdef void *with_room_for_expiry(void *block, int flags) noexcept nogil:
    """The same field in the other of the two forms; its Blob moves over."""
    cdef HashField field
    cdef void *fresh
    field_read(block, &field)
    fresh = block_layout(field.name, field.value.len, flags)
    if field.blob == NULL:
        memcpy(value_place(fresh), field.value.ptr, field.value.len)
    else:
        store64(value_place(fresh), <uint64_t>blob_retain(field.blob))
    block_free(block)
    return fresh


cdef void field_map_set_expiry(FieldMap *map, void **slot, int64_t expires_ms) noexcept nogil:
    if expires(slot[0]):
        expiry_heap_remove(&map.expiring, record_of(slot[0]))
        if expires_ms == 0:
            slot[0] = with_room_for_expiry(slot[0], 0)
    elif expires_ms:
        slot[0] = with_room_for_expiry(slot[0], FIELD_EXPIRES)
    if expires_ms:
        expiry_heap_add(&map.expiring, record_of(slot[0]), expires_ms)


cdef bint field_map_remove(FieldMap *map, Slice name) noexcept nogil:
    cdef uint64_t hash = hash_bytes(name.ptr, name.len)
    cdef void **slot = table_find(map.table, hash, name.ptr, name.len)
    cdef void *block
    if slot == NULL:
        return False
    block = table_remove_at(map.table, hash, slot)
    if expires(block):
        expiry_heap_remove(&map.expiring, record_of(block))
    block_free(block)
    return True


cdef void *field_map_first_expiring(FieldMap *map) noexcept nogil:
    cdef uint8_t *record = <uint8_t *>expiry_heap_first(&map.expiring)
    return record - FIELD_HEADER if record != NULL else NULL


cdef bint field_map_verify(FieldMap *map) noexcept nogil:
    cdef TableIter it
    cdef HashField field
    cdef void *block
    cdef size_t expiring = 0
    if not table_verify(map.table) or not expiry_heap_verify(&map.expiring):
        return False
    table_iter_init(&it, map.table)
    block = table_next(&it)
    while block != NULL:
        field_read(block, &field)
        if (field.blob != NULL) != (field.value.len >= SHARE_MIN):
            return False
        if expires(block):
            expiring += 1
            if field.expires_ms == 0 or (
                map.expiring.records[load32(record_of(block) + 8)] != record_of(block)
            ):
                return False
        block = table_next(&it)
    return expiring == map.expiring.count
