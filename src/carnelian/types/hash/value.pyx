"""Dispatch over the encodings of hashes and the changes between them; see value.pxd."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

from carnelian.base.random cimport random_below
from carnelian.encodings.field_map cimport (
    field_map_add, field_map_expiry_min_ms, field_map_find, field_map_first_expiring,
    field_map_new, field_map_remove, field_map_set_expiry, field_map_set_value, field_map_verify,
    field_name, field_read,
)
from carnelian.encodings.packed cimport PACKED_HEADER, Splice, packed_fits
from carnelian.encodings.packed_hash cimport (
    packed_hash_at, packed_hash_begin, packed_hash_count, packed_hash_expiry_min_ms,
    packed_hash_find, packed_hash_init,
    packed_hash_next, packed_hash_plan_add, packed_hash_plan_expiries, packed_hash_plan_remove,
    packed_hash_plan_value, packed_hash_set_expiry, packed_hash_verify, packed_hash_write_add,
    packed_hash_write_expiries, packed_hash_write_remove, packed_hash_write_value,
)
from carnelian.encodings.table cimport table_count, table_iter_init, table_next, table_random
from carnelian.keyspace.database cimport key_noted, key_set_pointer, key_splice
from carnelian.keyspace.entry cimport (
    ENC_PACKED, TYPE_HASH, entry_new, entry_value_len, entry_value_ptr,
)


cdef inline uint8_t *region(Entry *e) noexcept nogil:
    return <uint8_t *>entry_value_ptr(e)


cdef inline uint8_t *spliced(KeyRef *ref, Splice splice) noexcept nogil:
    """Carry a splice out; the region, which may have moved."""
    key_splice(ref, splice.offset, splice.remove, splice.insert)
    return region(ref.slot[0])


cdef inline void field_of_pair(const PackedPair *pair, HashField *field) noexcept nogil:
    field.name = pair.field
    field.value = pair.value
    field.blob = NULL
    field.expires_ms = pair.expires_ms


# --- encodings ---

cdef Entry *hash_entry_new(const char *key, size_t n) noexcept nogil:
    cdef Entry *e = entry_new(TYPE_HASH | ENC_PACKED << 4, 0, key, n, PACKED_HEADER)
    packed_hash_init(region(e))
    return e


cdef bint hash_packs(const Limits *limits, size_t fields, size_t length) noexcept nogil:
    return fields <= limits.hash_entries_max and length <= limits.hash_value_max


cdef Entry *hash_entry_from(
    const char *key, size_t n, const void *data, size_t size
) noexcept nogil:
    cdef Entry *e = entry_new(TYPE_HASH | ENC_PACKED << 4, 0, key, n, size)
    memcpy(region(e), data, size)
    return e


cdef void to_table(KeyRef *ref) noexcept nogil:
    cdef FieldMap *map = field_map_new()
    cdef HashIter it
    cdef HashField field
    hash_iter_init(&it, ref.slot[0])
    while hash_iter_next(&it, &field):
        field_map_add(map, field.name, field.value, field.expires_ms)
    key_set_pointer(ref, ENC_TABLE, map)


cdef void hash_expect(KeyRef *ref, size_t fields, size_t length) noexcept nogil:
    if entry_encoding(ref.slot[0]) != ENC_TABLE and not hash_packs(
            ref.db.limits, fields, length):
        to_table(ref)


# --- reading ---

cdef size_t hash_count(Entry *e) noexcept nogil:
    cdef FieldMap *map = hash_map(e)
    if map != NULL:
        return table_count(map.table)
    return packed_hash_count(region(e), entry_value_len(e))


cdef bint hash_find(Entry *e, Slice name, HashField *field) noexcept nogil:
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    cdef void **slot
    if map != NULL:
        slot = field_map_find(map, name)
        if slot == NULL:
            return False
        field_read(slot[0], field)
        return True
    if not packed_hash_find(region(e), entry_value_len(e), name, &pair):
        return False
    field_of_pair(&pair, field)
    return True


cdef void hash_random(Entry *e, HashField *field) noexcept nogil:
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    if map != NULL:
        field_read(table_random(map.table), field)
        return
    packed_hash_at(region(e), entry_value_len(e), random_below(hash_count(e)), &pair)
    field_of_pair(&pair, field)


cdef bint hash_due(Entry *e, int64_t now_ms, Slice *name) noexcept nogil:
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    if map != NULL:
        if map.expiring.count == 0 or field_map_expiry_min_ms(map) >= now_ms:
            return False
        name[0] = field_name(field_map_first_expiring(map))
        return True
    packed_hash_begin(&pair)
    while packed_hash_next(region(e), entry_value_len(e), &pair):
        if pair.expires_ms and pair.expires_ms < now_ms:
            name[0] = pair.field
            return True
    return False


cdef void hash_iter_init(HashIter *it, Entry *e) noexcept nogil:
    it.entry = e
    it.big = entry_encoding(e) == ENC_TABLE
    if it.big:
        table_iter_init(&it.table, (<FieldMap *>entry_pointer(e)).table)
    else:
        packed_hash_begin(&it.pair)


cdef bint hash_iter_next(HashIter *it, HashField *field) noexcept nogil:
    cdef void *block
    if it.big:
        block = table_next(&it.table)
        if block == NULL:
            return False
        field_read(block, field)
        return True
    if not packed_hash_next(region(it.entry), entry_value_len(it.entry), &it.pair):
        return False
    field_of_pair(&it.pair, field)
    return True


# --- changes ---

cdef bint put_in_map(
    FieldMap *map, Slice name, Slice value, bint keep_expiry
) noexcept nogil:
    cdef void **slot = field_map_find(map, name)
    if slot == NULL:
        field_map_add(map, name, value, 0)
        return True
    field_map_set_value(map, slot, value)
    if map.expiring.count and not keep_expiry:
        field_map_set_expiry(map, slot, 0)
    return False


cdef bint hash_put(KeyRef *ref, Slice name, Slice value, bint keep_expiry) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    cdef Splice splice
    cdef const Limits *limits
    cdef size_t size
    cdef bint found
    if map != NULL:
        return put_in_map(map, name, value, keep_expiry)
    limits = ref.db.limits
    size = entry_value_len(e)
    found = packed_hash_find(region(e), size, name, &pair)
    if name.len > limits.hash_value_max or value.len > limits.hash_value_max or not (
        packed_fits(size, name.len + value.len)
    ) or (not found and packed_hash_count(region(e), size) >= limits.hash_entries_max):
        to_table(ref)
        return put_in_map(hash_map(ref.slot[0]), name, value, keep_expiry)
    if not found:
        splice = packed_hash_plan_add(region(e), size, name, value)
        packed_hash_write_add(spliced(ref, splice), splice, name, value)
        return True
    if pair.expires_ms and not keep_expiry:
        packed_hash_set_expiry(region(e), pair.offset, 0)
    splice = packed_hash_plan_value(&pair, value)
    packed_hash_write_value(spliced(ref, splice), splice, value)
    return False


cdef bint hash_remove(KeyRef *ref, Slice name) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    if map != NULL:
        return field_map_remove(map, name)
    if not packed_hash_find(region(e), entry_value_len(e), name, &pair):
        return False
    packed_hash_write_remove(
        spliced(ref, packed_hash_plan_remove(&pair)), entry_value_len(ref.slot[0]))
    return True


cdef void hash_set_expiry(KeyRef *ref, Slice name, int64_t expires_ms) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef FieldMap *map = hash_map(e)
    cdef PackedPair pair
    cdef size_t size
    if map != NULL:
        field_map_set_expiry(map, field_map_find(map, name), expires_ms)
        return
    if entry_encoding(e) != ENC_PACKED_TTL:
        if expires_ms == 0:
            return
        size = entry_value_len(e)
        packed_hash_write_expiries(
            spliced(ref, packed_hash_plan_expiries(region(e), size)), size)
        e = ref.slot[0]
        e.kind = TYPE_HASH | ENC_PACKED_TTL << 4
    packed_hash_find(region(e), entry_value_len(e), name, &pair)
    packed_hash_set_expiry(region(e), pair.offset, expires_ms)


cdef int64_t hash_expiry_min_ms(Entry *e) noexcept nogil:
    if entry_encoding(e) == ENC_PACKED_TTL:
        return packed_hash_expiry_min_ms(region(e), entry_value_len(e))
    return field_map_expiry_min_ms(hash_map(e)) if entry_encoding(e) == ENC_TABLE else 0


cdef void hash_reschedule(KeyRef *ref) noexcept nogil:
    key_noted(ref)


cdef bint hash_verify(Entry *e) noexcept nogil:
    cdef FieldMap *map = hash_map(e)
    if map != NULL:
        return field_map_verify(map)
    return packed_hash_verify(region(e), entry_value_len(e))
