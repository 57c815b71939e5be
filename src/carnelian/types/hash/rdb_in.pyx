"""Reading hashes; see rdb_in.pxd. Forms with expiry times are those of Redis 7.4 and Valkey 9."""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport store16
from carnelian.base.slice cimport Slice
from carnelian.encodings.packed cimport PACKED_HEADER, packed_fits, packed_size, packed_write
from carnelian.keyspace.database cimport KeyRef, key_link
from carnelian.types.hash.value cimport (
    hash_entry_from, hash_entry_new, hash_expect, hash_may_expire, hash_packs, hash_put,
    hash_reschedule, hash_set_expiry,
)
from carnelian.formats.rdb cimport (
    RDB_HASH, RDB_HASH_LISTPACK_EX, RDB_HASH_LISTPACK_EX_PRE_GA,
    RDB_HASH_METADATA, RDB_HASH_METADATA_PRE_GA, RDB_HASH_ZIPLIST, RDB_HASH_ZIPMAP,
    RDB_VALKEY_HASH, RdbIn, RdbValue, rdb_begin, rdb_fail, rdb_fixed64, rdb_length, rdb_room,
    rdb_string, rdb_taken,
)
from carnelian.formats.foreign cimport (
    FOREIGN_LISTPACK, FOREIGN_ZIPLIST, FOREIGN_ZIPMAP, ForeignIter, foreign_init, foreign_next,
)


cdef enum:
    TEXT_MAX = 24              # a number in a foreign block
    MARKS_MAX = 512            # fields of a hash that is built at a stroke


cdef bint add_field(
    RdbIn *r, KeyRef *ref, Slice name, Slice value, int64_t expires_ms, size_t hint
) noexcept nogil:
    if ref.slot == NULL:
        key_link(ref, hash_entry_new(ref.key, ref.len))
        hash_expect(ref, hint, 0)
    if not hash_put(ref, name, value, False):
        return rdb_fail(r, b"a field of a hash twice")
    if expires_ms:
        hash_set_expiry(ref, name, expires_ms)
    return True


cdef Slice held(const ForeignIter *it, Slice text, char *room) noexcept nogil:
    """The text, moved to `room` if it is a number spelled inside the iterator."""
    cdef Slice kept = text
    if it.is_integer:
        memcpy(room, text.ptr, text.len)
        kept.ptr = room
    return kept


cdef bint get_block(RdbIn *r, int type, KeyRef *ref) noexcept nogil:
    """A packed hash: field, value, and with expiry times a third element, 0 for never."""
    cdef ForeignIter it
    cdef Slice block
    cdef Slice name
    cdef Slice value
    cdef Slice text
    cdef char name_room[TEXT_MAX]
    cdef char value_room[TEXT_MAX]
    cdef bint timed = type == RDB_HASH_LISTPACK_EX or type == RDB_HASH_LISTPACK_EX_PRE_GA
    cdef int64_t expires_ms = 0
    if not rdb_string(r, &block):
        return False
    foreign_init(
        &it, FOREIGN_ZIPMAP if type == RDB_HASH_ZIPMAP else
        FOREIGN_ZIPLIST if type == RDB_HASH_ZIPLIST else FOREIGN_LISTPACK, block.ptr, block.len)
    while foreign_next(&it, &text):
        name = held(&it, text, name_room)
        if not foreign_next(&it, &text):
            it.bad = True
            break
        value = held(&it, text, value_room)
        if timed:
            if not foreign_next(&it, &text) or not it.is_integer or it.integer < 0:
                it.bad = True
                break
            expires_ms = it.integer
        if not add_field(r, ref, name, value, expires_ms, 1):
            return False
    return not it.bad or rdb_fail(r, b"damaged packed hash")


cdef inline bint tells_first(int type) noexcept nogil:
    """Whether expiries are told before the field, as distances or as times."""
    return type == RDB_HASH_METADATA or type == RDB_HASH_METADATA_PRE_GA


cdef bint valkey_expiry(RdbIn *r, int64_t *expires_ms) noexcept nogil:
    """After a field's value: when it expires, -1 for never."""
    cdef uint64_t when = 0
    if not rdb_fixed64(r, &when):
        return False
    expires_ms[0] = <int64_t>when
    if expires_ms[0] == -1:
        expires_ms[0] = 0
    elif expires_ms[0] <= 0:
        return rdb_fail(r, b"an impossible expiry of a field")
    return True


cdef bint get_field(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef uint64_t later = 0
    cdef int64_t expires_ms
    cdef Slice name
    cdef Slice value
    cdef char *copy = NULL
    cdef bint good
    if tells_first(v.type) and not rdb_length(r, &later):
        return False
    if later and v.type == RDB_HASH_METADATA:
        later += v.noted - 1
    if later > <uint64_t>INT64_MAX:
        return rdb_fail(r, b"an impossible expiry of a field")
    expires_ms = <int64_t>later
    if not rdb_string(r, &name):
        return False
    # The name may lie in the scratch space that reading the value overwrites.
    if name.ptr == r.scratch:
        copy = <char *>mem_alloc(name.len)
        memcpy(copy, name.ptr, name.len)
        name.ptr = copy
    good = rdb_string(r, &value)
    if good and v.type == RDB_VALKEY_HASH:
        good = valkey_expiry(r, &expires_ms)
    good = good and add_field(r, ref, name, value, expires_ms, v.count)
    mem_free(copy)
    return good


cdef bint build_packed(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    """A small hash at a stroke: its region first, then an entry that fits. False, with nothing
    read and nothing made, if it is not one, or if two fields look alike."""
    cdef uint32_t marks[MARKS_MAX]
    cdef uint64_t count = v.count
    cdef const uint8_t *start = r.at
    cdef size_t size = PACKED_HEADER
    cdef uint32_t mark
    cdef Slice text
    cdef uint64_t i
    cdef uint64_t k
    if v.type != RDB_HASH or v.left != count or count == 0 or count > MARKS_MAX:
        return False
    for i in range(2 * count):
        if not rdb_string(r, &text):
            break                      # found again, and told, by who reads field by field
        if not hash_packs(ref.db.limits, count, text.len) or not packed_fits(size, text.len):
            break
        rdb_room(r, size + packed_size(text.len))
        packed_write(<uint8_t *>r.built + size, text)
        size += packed_size(text.len)
        if i & 1:
            continue
        mark = <uint32_t>hash_bytes(text.ptr, text.len)
        for k in range(i >> 1):
            if marks[k] == mark:
                break
        else:
            marks[i >> 1] = mark
            continue
        break
    else:
        store16(r.built, <uint16_t>count)
        key_link(ref, hash_entry_from(ref.key, ref.len, r.built, size))
        v.left = 0
        return True
    r.at = start
    r.error = NULL
    r.starved = False
    return False


cdef bint get_fields(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    if v.type == RDB_HASH_METADATA and not v.begun:
        if not rdb_fixed64(r, &v.noted):
            return False
        if v.noted > <uint64_t>INT64_MAX:
            return rdb_fail(r, b"an impossible expiry of a field")
    if not rdb_begin(r, v, 2):
        return False
    if build_packed(r, v, ref):
        return True
    while v.left:
        if not get_field(r, v, ref):
            return False
        rdb_taken(r, v)
    return True


cdef bint rdb_get_hash(RdbIn *r, RdbValue *v, KeyRef *ref) noexcept nogil:
    cdef uint64_t earliest = 0
    cdef bint good
    if v.type == RDB_HASH_LISTPACK_EX and not rdb_fixed64(r, &earliest):
        return False
    if v.type == RDB_HASH or v.type == RDB_VALKEY_HASH or tells_first(v.type):
        good = get_fields(r, v, ref)
    else:
        good = get_block(r, v.type, ref)
    if good and ref.slot != NULL and hash_may_expire(ref.slot[0]):
        hash_reschedule(ref)
    return good
