"""One numbered database: the table of entries and the wheel of those that expire.

Owner: the engine. A KeyRef is how everything above touches a key: hash and slot are found once per
key and command. Any add or remove in the same database invalidates the `slot` of other KeyRefs
(`key_again` renews it); functions here keep the slot of the one they are given. None of these knows
events, statistics or who is watching: commands reach keys through `Call`, which does.
"""

from libc.stdint cimport int64_t, uint8_t

from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.key cimport Database, KeyRef
from carnelian.keyspace.limits cimport Limits


# The limits must outlive it, but for being freed.
cdef Database *database_new(int id, int64_t now_ms, const Limits *limits) noexcept nogil
cdef void database_free(Database *db) noexcept nogil
cdef void database_clear(Database *db) noexcept nogil            # frees everything here and now
cdef bint database_verify(Database *db) noexcept nogil           # its structures and every value

cdef KeyRef key_find(Database *db, const char *key, size_t n) noexcept nogil
cdef void key_again(KeyRef *ref) noexcept nogil

# Add an absent key. The value bytes are uninitialised.
cdef Entry *key_create(KeyRef *ref, int type, int encoding, size_t value_len) noexcept nogil
cdef Entry *key_create_pointer(KeyRef *ref, int type, int encoding, void *value) noexcept nogil
# Take an entry out of the database; the caller frees it (or adds it elsewhere).
cdef Entry *key_unlink(KeyRef *ref) noexcept nogil
# Add an entry built elsewhere (an unlinked one); its key must equal ref's, which is absent. This is
# the only way to add a value that expires in parts.
cdef void key_link(KeyRef *ref, Entry *e) noexcept nogil

# Inline values: new length, keeping the common prefix.
cdef Entry *key_resize(KeyRef *ref, size_t value_len) noexcept nogil
# Inline values: at `offset` replace `remove` bytes by `insert` uninitialised ones; returns their
# address.
cdef uint8_t *key_splice(KeyRef *ref, size_t offset, size_t remove, size_t insert) noexcept nogil
# Change of representation. The old inline bytes are dropped; an old pointer is the caller's to free
# before.
cdef Entry *key_set_pointer(KeyRef *ref, int encoding, void *value) noexcept nogil
cdef Entry *key_set_inline(KeyRef *ref, int encoding, size_t value_len) noexcept nogil

# After a change of when the first part of the value expires, or of which files can hold it.
cdef void key_noted(KeyRef *ref) noexcept nogil

cdef void key_expire_at(KeyRef *ref, int64_t when_ms) noexcept nogil
cdef bint key_persist(KeyRef *ref) noexcept nogil                # whether there was an expiry


cdef inline size_t database_count(Database *db) noexcept nogil:
    return db.keys.count
