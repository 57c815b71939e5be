"""Hash values whatever their encoding: fields inside the entry, or a FieldMap behind it.

Readers take the Entry, changes a KeyRef. A KeyRef whose slot is the address of a caller's `Entry *`
works as well: that is how a hash is built before it is linked to the KeyRef's database.
None of these hides a field past its time: `HashField.expires_ms` is the caller's to look at. The
empty hash is the caller's to remove.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.field_map cimport FieldMap, HashField
from carnelian.encodings.packed_hash cimport PackedPair
from carnelian.encodings.table cimport Table, TableIter
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.limits cimport Limits
from carnelian.keyspace.entry cimport (
    ENC_PACKED_TTL, ENC_TABLE, Entry, entry_encoding, entry_pointer,
)


cdef struct HashIter:
    Entry *entry
    bint big
    PackedPair pair
    TableIter table

# An empty hash, packed.
cdef Entry *hash_entry_new(const char *key, size_t n) noexcept nogil
# Whether a hash of so many fields, of names and values of up to `length`, is packed.
cdef bint hash_packs(const Limits *limits, size_t fields, size_t length) noexcept nogil
# A packed hash from its region: a count word and pairs, all different, as in packed_hash.
cdef Entry *hash_entry_from(
    const char *key, size_t n, const void *data, size_t size
) noexcept nogil
# Take the encoding for `fields` more with names and values of up to `length`.
cdef void hash_expect(KeyRef *ref, size_t fields, size_t length) noexcept nogil

cdef size_t hash_count(Entry *e) noexcept nogil
cdef bint hash_find(Entry *e, Slice name, HashField *field) noexcept nogil
cdef void hash_random(Entry *e, HashField *field) noexcept nogil     # of a hash that is not empty
# The name of a field whose time is before now_ms, if there is one.
cdef bint hash_due(Entry *e, int64_t now_ms, Slice *name) noexcept nogil

# Add a field or give it another value; whether it is new. Its expiry goes unless kept.
cdef bint hash_put(KeyRef *ref, Slice name, Slice value, bint keep_expiry) noexcept nogil
cdef bint hash_remove(KeyRef *ref, Slice name) noexcept nogil
# Of a field that is there; 0: never.
cdef void hash_set_expiry(KeyRef *ref, Slice name, int64_t expires_ms) noexcept nogil
# When the first field expires, 0 for never.
cdef int64_t hash_expiry_min_ms(Entry *e) noexcept nogil
# Of a hash in a database, after the last of a command's changes to expiries; put, remove and
# set_expiry alike.
cdef void hash_reschedule(KeyRef *ref) noexcept nogil

# No change of the hash between init and the last next.
cdef void hash_iter_init(HashIter *it, Entry *e) noexcept nogil
cdef bint hash_iter_next(HashIter *it, HashField *field) noexcept nogil

cdef bint hash_verify(Entry *e) noexcept nogil


cdef inline FieldMap *hash_map(Entry *e) noexcept nogil:
    """The FieldMap of a big hash, NULL of any other."""
    return <FieldMap *>entry_pointer(e) if entry_encoding(e) == ENC_TABLE else NULL


cdef inline bint hash_may_expire(Entry *e) noexcept nogil:
    """Whether some field may have an expiry: what all the rest is skipped by."""
    if entry_encoding(e) == ENC_TABLE:
        return (<FieldMap *>entry_pointer(e)).expiring.count != 0
    return entry_encoding(e) == ENC_PACKED_TTL
