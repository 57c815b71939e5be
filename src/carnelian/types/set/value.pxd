"""Set values whatever their encoding: integers or members inside the entry, or a table behind it.

Readers take the Entry, changes a KeyRef. A KeyRef whose slot is the address of a caller's `Entry *`
works as well: that is how a set is built before it is linked to the KeyRef's database
(set_entry_new). The empty set is the caller's to remove.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.encodings.member_set cimport SetMember
from carnelian.encodings.table cimport Table, TableIter
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.limits cimport Limits
from carnelian.keyspace.entry cimport ENC_TABLE, Entry, entry_encoding, entry_pointer


cdef struct SetIter:
    Entry *entry
    int encoding
    size_t at                  # offset of the next packed member, or number of the next integer
    TableIter table

# An empty set in the encoding for about `hint` members of which this is the first.
cdef Entry *set_entry_new(
    const char *key, size_t n, SetMember *first, size_t hint, const Limits *limits
) noexcept nogil
# Make room for `hint` more at once, if that asks for another encoding.
cdef void set_expect(KeyRef *ref, size_t hint) noexcept nogil
# Members that are all integers may become an intset: after a set was built from others.
cdef void set_settle(KeyRef *ref) noexcept nogil

cdef size_t set_count(Entry *e) noexcept nogil
cdef bint set_has(Entry *e, SetMember *m) noexcept nogil
cdef bint set_add(KeyRef *ref, SetMember *m) noexcept nogil          # False: it is there already
cdef bint set_remove(KeyRef *ref, SetMember *m) noexcept nogil
cdef void set_random(Entry *e, SetMember *m) noexcept nogil          # of a set that is not empty

# No change of the set between init and the last next; a member is good until the next one.
cdef void set_iter_init(SetIter *it, Entry *e) noexcept nogil
cdef bint set_iter_next(SetIter *it, SetMember *m) noexcept nogil

cdef bint set_verify(Entry *e) noexcept nogil


cdef inline Table *set_table(Entry *e) noexcept nogil:
    """The table of a big set, NULL of any other."""
    return <Table *>entry_pointer(e) if entry_encoding(e) == ENC_TABLE else NULL
