"""Hash table of pointers to entries that know their own key: the keyspace, big hashes, sets, sorted
sets.

Extendible hashing: a directory indexed by the top bits of the hash points to segments of at most 64
buckets; a full segment splits in two, so growth never touches more than about 400 entries at once
and there is neither a second table nor a rehashing phase. Position follows hash order, which makes
a SCAN cursor a plain prefix of the hash: everything below it has been visited, however the table
has grown or shrunk since.

Memory: the table owns directory, segments and buckets; entries belong to the caller. A slot may
hold any non-NULL word (sets keep small integers in it) as long as the key function understands it.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from carnelian.base.native cimport prefetch
from carnelian.base.slice cimport Slice


ctypedef Slice (*table_key_fn)(void *entry) noexcept nogil
ctypedef void (*table_visit_fn)(void *entry, void *context) noexcept nogil

# One cache line. With `chained` set slots[6] is the next bucket and tags[6] is 0.
#
#     0       6 7         8        16                 64
#     +--------+---------+--------+-- ... --+--------+
#     | tag x7 | chained | slot 0 |         | slot 6 |      tag: low byte of the hash, 0 = empty
#     +--------+---------+--------+-- ... --+--------+
cdef struct Bucket:
    uint8_t tags[7]
    uint8_t chained
    void *slots[7]

cdef struct Segment:
    uint32_t count
    uint8_t depth              # leading hash bits shared by all entries here
    uint8_t bucket_bits        # 1 << bucket_bits buckets, by the next bits of the hash
    uint8_t pad[58]
    Bucket buckets[1]

cdef struct Table:
    Segment **directory        # 1 << depth pointers; &single while depth is 0
    Segment *single
    table_key_fn key
    size_t count
    size_t segments
    size_t deepest             # segments whose depth is the directory's
    size_t bytes
    uint8_t depth

cdef struct TableIter:
    Table *table
    Bucket *bucket
    uint64_t position          # directory index
    uint32_t index             # bucket in the segment
    int slot

cdef Table *table_new(table_key_fn key) noexcept nogil
cdef void table_free(Table *t) noexcept nogil
cdef void table_clear(Table *t) noexcept nogil

# Make room for so many entries in an empty table: none of them will then be moved by growth.
cdef void table_reserve(Table *t, size_t count) noexcept nogil

# The slot of the entry with this key, or NULL. Valid until the next add or remove; the caller may
# replace the entry in it by another with the same key.
cdef void **table_find(Table *t, uint64_t hash, const char *key, size_t n) noexcept nogil
# The slot that holds this very word.
cdef void **table_find_word(Table *t, uint64_t hash, void *word) noexcept nogil
# The key must be absent; returns its slot.
cdef void **table_add(Table *t, uint64_t hash, void *entry) noexcept nogil
cdef void *table_remove(Table *t, uint64_t hash, const char *key, size_t n) noexcept nogil
cdef void *table_remove_at(Table *t, uint64_t hash, void **slot) noexcept nogil
# For those who removed without it: make the segment smaller, or merge it, if it has become sparse.
cdef void table_shrink(Table *t, Segment *s, uint64_t hash) noexcept nogil
cdef void *table_random(Table *t) noexcept nogil                             # NULL when empty

# Visits one bucket and returns the cursor of the next, 0 at the end. Any cursor is safe.
cdef uint64_t table_scan(
    Table *t, uint64_t cursor, table_visit_fn visit, void *context
) noexcept nogil

# No change of the table between init and the last next.
cdef void table_iter_init(TableIter *it, Table *t) noexcept nogil
cdef void *table_next(TableIter *it) noexcept nogil

# Steps ahead of a find, each when what the one before asked for has arrived: the segment's head,
# the bucket, the entries that may match. In a small table the first is not worth it.
cdef void table_prefetch_entry(Table *t, uint64_t hash) noexcept nogil

cdef bint table_verify(Table *t) noexcept nogil


cdef inline size_t table_count(Table *t) noexcept nogil:
    return t.count


cdef inline size_t table_bytes(Table *t) noexcept nogil:
    return t.bytes


cdef inline Segment *segment_at(Table *t, uint64_t hash) noexcept nogil:
    return t.directory[(hash >> 1) >> (63 - t.depth)]


cdef inline bint segment_is_sparse(Segment *s) noexcept nogil:
    """Less than an entry a bucket: it is to shrink, or merge with its buddy."""
    return s.count < <uint32_t>1 << s.bucket_bits


cdef inline Bucket *bucket_in(Segment *s, uint64_t hash) noexcept nogil:
    return &s.buckets[((hash << s.depth) >> 1) >> (63 - s.bucket_bits)]


cdef inline void table_prefetch_segment(Table *t, uint64_t hash) noexcept nogil:
    prefetch(segment_at(t, hash))


cdef inline void table_prefetch(Table *t, uint64_t hash) noexcept nogil:
    prefetch(bucket_in(segment_at(t, hash), hash))
