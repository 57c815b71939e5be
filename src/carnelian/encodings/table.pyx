"""Extendible hash table; see table.pxd for the layout and who owns what."""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_alloc, mem_alloc_zeroed, mem_free, mem_usable
from carnelian.base.native cimport ctz64, likely, load64, prefetch, unlikely
from carnelian.base.random cimport random64
from carnelian.base.slice cimport Slice


cdef enum:
    SLOTS = 7
    SEGMENT_BITS_MAX = 6
    HEADER_SIZE = 64
    BUCKET_SIZE = 64
    FILL_MAX = 6               # entries per bucket at which a segment grows or splits
    MERGED_FILL_MAX = 3
    RESERVED_FILL = 5          # so few that chance hardly ever fills a segment
    CURSOR_BITS = 48
    RANDOM_CHAIN_MAX = 16
    RANDOM_PLACES = 4
    RANDOM_TRIES_MAX = 60

cdef uint64_t LOW_BITS = 0x7F7F7F7F7F7F7F7FULL
cdef uint64_t TAG_BYTES = 0x00FFFFFFFFFFFFFFULL
cdef uint64_t ONES = 0x0101010101010101ULL


cdef inline uint8_t tag_of(uint64_t hash) noexcept nogil:
    cdef uint8_t tag = <uint8_t>hash
    return tag if tag else 1


cdef inline uint64_t zero_bytes(uint64_t x) noexcept nogil:
    """The top bit of every zero byte of x among the seven tags; exact, unlike the usual trick."""
    return ~(((x & LOW_BITS) + LOW_BITS) | x | LOW_BITS) & TAG_BYTES


cdef inline uint64_t hash_of(Table *t, void *entry) noexcept nogil:
    cdef Slice key = t.key(entry)
    return hash_bytes(key.ptr, key.len)


cdef inline size_t segment_size(int bucket_bits) noexcept nogil:
    return HEADER_SIZE + (<size_t>BUCKET_SIZE << bucket_bits)


cdef Segment *segment_new(Table *t, int depth, int bucket_bits) noexcept nogil:
    cdef Segment *s = <Segment *>mem_alloc_zeroed(segment_size(bucket_bits))
    s.depth = <uint8_t>depth
    s.bucket_bits = <uint8_t>bucket_bits
    t.segments += 1
    t.bytes += mem_usable(s)
    return s


cdef void segment_free(Table *t, Segment *s) noexcept nogil:
    """Frees the segment and its chained buckets, not the entries."""
    cdef size_t i
    cdef Bucket *b
    cdef Bucket *following
    for i in range(<size_t>1 << s.bucket_bits):
        b = <Bucket *>s.buckets[i].slots[SLOTS - 1] if s.buckets[i].chained else NULL
        while b != NULL:
            following = <Bucket *>b.slots[SLOTS - 1] if b.chained else NULL
            mem_free(b)
            t.bytes -= BUCKET_SIZE
            b = following
    t.bytes -= mem_usable(s)
    t.segments -= 1
    mem_free(s)


cdef Table *table_new(table_key_fn key) noexcept nogil:
    cdef Table *t = <Table *>mem_alloc_zeroed(sizeof(Table))
    t.key = key
    t.bytes = sizeof(Table)
    t.directory = &t.single
    t.single = segment_new(t, 0, 0)
    t.deepest = 1
    return t


cdef void free_segments(Table *t) noexcept nogil:
    cdef uint64_t i = 0
    cdef uint64_t end = <uint64_t>1 << t.depth
    cdef Segment *s
    while i < end:
        s = t.directory[i]
        i += <uint64_t>1 << (t.depth - s.depth)
        segment_free(t, s)
    if t.depth:
        t.bytes -= mem_usable(t.directory)
        mem_free(t.directory)


cdef void table_free(Table *t) noexcept nogil:
    free_segments(t)
    mem_free(t)


cdef void table_clear(Table *t) noexcept nogil:
    free_segments(t)
    t.depth = 0
    t.count = 0
    t.directory = &t.single
    t.single = segment_new(t, 0, 0)
    t.deepest = 1


cdef void **table_find(Table *t, uint64_t hash, const char *key, size_t n) noexcept nogil:
    cdef Bucket *b = bucket_in(segment_at(t, hash), hash)
    cdef uint64_t wanted = ONES * tag_of(hash)
    cdef uint64_t hits
    cdef int i
    cdef Slice found
    while True:
        hits = zero_bytes(load64(b.tags) ^ wanted)
        while hits:
            i = ctz64(hits) >> 3
            found = t.key(b.slots[i])
            if likely(found.len == n and memcmp(found.ptr, key, n) == 0):
                return &b.slots[i]
            hits &= hits - 1
        if likely(not b.chained):
            return NULL
        b = <Bucket *>b.slots[SLOTS - 1]


cdef void table_prefetch_entry(Table *t, uint64_t hash) noexcept nogil:
    cdef Bucket *b = bucket_in(segment_at(t, hash), hash)
    cdef uint64_t hits = zero_bytes(load64(b.tags) ^ ONES * tag_of(hash))
    while hits:
        prefetch(b.slots[ctz64(hits) >> 3])
        hits &= hits - 1


cdef void **table_find_word(Table *t, uint64_t hash, void *word) noexcept nogil:
    cdef Bucket *b = bucket_in(segment_at(t, hash), hash)
    cdef uint64_t wanted = ONES * tag_of(hash)
    cdef uint64_t hits
    cdef int i
    while True:
        hits = zero_bytes(load64(b.tags) ^ wanted)
        while hits:
            i = ctz64(hits) >> 3
            if b.slots[i] == word:
                return &b.slots[i]
            hits &= hits - 1
        if likely(not b.chained):
            return NULL
        b = <Bucket *>b.slots[SLOTS - 1]


cdef void **bucket_put(Table *t, Bucket *b, uint8_t tag, void *entry) noexcept nogil:
    cdef uint64_t empty
    cdef Bucket *extra
    cdef int i
    while True:
        empty = zero_bytes(load64(b.tags))
        if b.chained:
            empty &= TAG_BYTES >> 8
        if empty:
            i = ctz64(empty) >> 3
            b.tags[i] = tag
            b.slots[i] = entry
            return &b.slots[i]
        if not b.chained:
            extra = <Bucket *>mem_alloc_zeroed(BUCKET_SIZE)
            t.bytes += BUCKET_SIZE
            extra.tags[0] = b.tags[SLOTS - 1]
            extra.slots[0] = b.slots[SLOTS - 1]
            b.tags[SLOTS - 1] = 0
            b.slots[SLOTS - 1] = extra
            b.chained = 1
        b = <Bucket *>b.slots[SLOTS - 1]


cdef inline void **segment_put(Table *t, Segment *s, uint64_t hash, void *entry) noexcept nogil:
    s.count += 1
    return bucket_put(t, bucket_in(s, hash), tag_of(hash), entry)


cdef void pour(Table *t, Segment *source, Segment *low, Segment *high) noexcept nogil:
    """Distribute the entries of `source`; those with the bit after `source.depth` set go to `high`.

    To regrow a segment in place of splitting it, `low` and `high` are the same new segment.
    """
    cdef uint64_t hash
    cdef size_t i
    cdef size_t end = <size_t>1 << source.bucket_bits
    cdef Bucket *b
    cdef int k
    for i in range(end):
        if i + 1 < end:
            b = &source.buckets[i + 1]
            for k in range(SLOTS):
                prefetch(b.slots[k])
        b = &source.buckets[i]
        while b != NULL:
            for k in range(SLOTS):
                if b.tags[k]:
                    hash = hash_of(t, b.slots[k])
                    segment_put(t, high if (hash << source.depth) >> 63 else low, hash, b.slots[k])
            b = <Bucket *>b.slots[SLOTS - 1] if b.chained else NULL


cdef void point_directory(Table *t, uint64_t hash, Segment *s) noexcept nogil:
    """Every directory entry that shares s.depth leading bits with `hash` becomes `s`."""
    cdef int spare = t.depth - s.depth
    cdef uint64_t first = ((hash >> 1) >> (63 - t.depth)) >> spare << spare
    cdef uint64_t i
    for i in range(first, first + (<uint64_t>1 << spare)):
        t.directory[i] = s


cdef void double_directory(Table *t) noexcept nogil:
    cdef uint64_t old = <uint64_t>1 << t.depth
    cdef Segment **wide = <Segment **>mem_alloc(sizeof(Segment *) * old * 2)
    cdef uint64_t i
    for i in range(old):
        wide[2 * i] = t.directory[i]
        wide[2 * i + 1] = t.directory[i]
    if t.depth:
        t.bytes -= mem_usable(t.directory)
        mem_free(t.directory)
    t.bytes += mem_usable(wide)
    t.directory = wide
    t.depth += 1
    t.deepest = 0


cdef void halve_directory(Table *t) noexcept nogil:
    cdef uint64_t half = <uint64_t>1 << (t.depth - 1)
    cdef Segment **narrow
    cdef uint64_t i
    if t.depth == 1:
        t.single = t.directory[0]
        t.bytes -= mem_usable(t.directory)
        mem_free(t.directory)
        t.directory = &t.single
        t.depth = 0
        t.deepest = 1
        return
    narrow = <Segment **>mem_alloc(sizeof(Segment *) * half)
    for i in range(half):
        narrow[i] = t.directory[2 * i]
    t.bytes += mem_usable(narrow)
    t.bytes -= mem_usable(t.directory)
    mem_free(t.directory)
    t.directory = narrow
    t.depth -= 1
    t.deepest = 0
    i = 0
    while i < half:
        t.deepest += narrow[i].depth == t.depth
        i += <uint64_t>1 << (t.depth - narrow[i].depth)


cdef void grow(Table *t, Segment *s, uint64_t hash) noexcept nogil:
    cdef Segment *low
    cdef Segment *high
    if s.bucket_bits < SEGMENT_BITS_MAX:
        low = segment_new(t, s.depth, s.bucket_bits + 1)
        pour(t, s, low, low)
        point_directory(t, hash, low)
        segment_free(t, s)
        return
    if s.depth == t.depth:
        if t.depth + SEGMENT_BITS_MAX + 1 > CURSOR_BITS:
            return
        double_directory(t)
    low = segment_new(t, s.depth + 1, SEGMENT_BITS_MAX)
    high = segment_new(t, s.depth + 1, SEGMENT_BITS_MAX)
    pour(t, s, low, high)
    hash &= ~(<uint64_t>1 << (63 - s.depth))
    point_directory(t, hash, low)
    point_directory(t, hash | <uint64_t>1 << (63 - s.depth), high)
    if low.depth == t.depth:
        t.deepest += 2
    segment_free(t, s)


cdef void table_shrink(Table *t, Segment *s, uint64_t hash) noexcept nogil:
    """Halve a lone segment's buckets, or merge it with its buddy when both are sparse."""
    cdef Segment *merged
    cdef Segment *buddy
    if s.depth == 0:
        if s.bucket_bits == 0:
            return
        merged = segment_new(t, 0, s.bucket_bits - 1)
        pour(t, s, merged, merged)
        t.single = merged
        segment_free(t, s)
        return
    buddy = segment_at(t, hash ^ <uint64_t>1 << (64 - s.depth))
    if buddy.depth != s.depth or s.count + buddy.count > MERGED_FILL_MAX << SEGMENT_BITS_MAX:
        return
    merged = segment_new(t, s.depth - 1, SEGMENT_BITS_MAX)
    pour(t, s, merged, merged)
    pour(t, buddy, merged, merged)
    point_directory(t, hash, merged)
    if s.depth == t.depth:
        t.deepest -= 2
    segment_free(t, s)
    segment_free(t, buddy)
    if t.deepest == 0:
        halve_directory(t)


cdef void table_reserve(Table *t, size_t count) noexcept nogil:
    cdef int depth = 0
    cdef uint64_t i
    while count >> depth > RESERVED_FILL << SEGMENT_BITS_MAX:
        depth += 1
    if t.count or t.depth or depth == 0 or depth + SEGMENT_BITS_MAX > CURSOR_BITS:
        return
    segment_free(t, t.single)
    t.directory = <Segment **>mem_alloc(sizeof(Segment *) << depth)
    t.bytes += mem_usable(t.directory)
    t.depth = <uint8_t>depth
    t.deepest = <size_t>1 << depth
    for i in range(<uint64_t>1 << depth):
        t.directory[i] = segment_new(t, depth, SEGMENT_BITS_MAX)


cdef void **table_add(Table *t, uint64_t hash, void *entry) noexcept nogil:
    cdef Segment *s = segment_at(t, hash)
    if unlikely(s.count >= <uint32_t>FILL_MAX << s.bucket_bits):
        grow(t, s, hash)
        s = segment_at(t, hash)
    t.count += 1
    return segment_put(t, s, hash, entry)


cdef void *table_remove_at(Table *t, uint64_t hash, void **slot) noexcept nogil:
    cdef Segment *s = segment_at(t, hash)
    cdef Bucket *b = bucket_in(s, hash)
    cdef Bucket *parent = NULL
    cdef void *entry = slot[0]
    while not (&b.slots[0] <= slot <= &b.slots[SLOTS - 1]):
        parent = b
        b = <Bucket *>b.slots[SLOTS - 1]
    b.tags[slot - &b.slots[0]] = 0
    slot[0] = NULL
    if parent != NULL and not b.chained and (load64(b.tags) & TAG_BYTES) == 0:
        parent.chained = 0
        parent.slots[SLOTS - 1] = NULL
        mem_free(b)
        t.bytes -= BUCKET_SIZE
    s.count -= 1
    t.count -= 1
    if unlikely(segment_is_sparse(s)):
        table_shrink(t, s, hash)
    return entry


cdef void *table_remove(Table *t, uint64_t hash, const char *key, size_t n) noexcept nogil:
    cdef void **slot = table_find(t, hash, key, n)
    if slot == NULL:
        return NULL
    return table_remove_at(t, hash, slot)


cdef int chain_entries(Bucket *b, void **out, int out_max) noexcept nogil:
    cdef int n = 0
    cdef int k
    while b != NULL:
        for k in range(SLOTS):
            if b.tags[k] and n < out_max:
                out[n] = b.slots[k]
                n += 1
        b = <Bucket *>b.slots[SLOTS - 1] if b.chained else NULL
    return n


cdef void *table_random(Table *t) noexcept nogil:
    """Every entry is equally likely as long as no chain holds over RANDOM_CHAIN_MAX entries.

    A place is drawn until the drawn number of an entry exists there, about every third time;
    memory is asked for several places at once.
    """
    cdef void *entries[RANDOM_CHAIN_MAX]
    cdef uint64_t places[RANDOM_PLACES]
    cdef Bucket *buckets[RANDOM_PLACES]
    cdef TableIter it
    cdef int _tries
    cdef int k
    cdef int n
    cdef int pick
    if t.count == 0:
        return NULL
    for _tries in range(RANDOM_TRIES_MAX):
        for k in range(RANDOM_PLACES):
            places[k] = random64()
            prefetch(segment_at(t, places[k]))
        for k in range(RANDOM_PLACES):
            buckets[k] = bucket_in(segment_at(t, places[k]), places[k])
            prefetch(buckets[k])
        for k in range(RANDOM_PLACES):
            n = chain_entries(buckets[k], entries, RANDOM_CHAIN_MAX)
            # A place uses the high bits of its number, this the low ones.
            pick = <int>(places[k] & 0xFFFF) % (RANDOM_CHAIN_MAX if t.count > SLOTS else max(n, 1))
            if pick < n:
                return entries[pick]
    table_iter_init(&it, t)
    return table_next(&it)


cdef uint64_t table_scan(
    Table *t, uint64_t cursor, table_visit_fn visit, void *context
) noexcept nogil:
    cdef uint64_t place = cursor << (64 - CURSOR_BITS)
    cdef Segment *s = segment_at(t, place)
    cdef Bucket *b = bucket_in(s, place)
    cdef int bits = s.depth + s.bucket_bits
    cdef uint64_t following
    cdef int k
    while b != NULL:
        for k in range(SLOTS):
            if b.tags[k]:
                visit(b.slots[k], context)
        b = <Bucket *>b.slots[SLOTS - 1] if b.chained else NULL
    if bits == 0:
        return 0
    following = (place >> (64 - bits)) + 1
    if following >> bits:
        return 0
    return following << (64 - bits) >> (64 - CURSOR_BITS)


cdef void table_iter_init(TableIter *it, Table *t) noexcept nogil:
    it.table = t
    it.position = 0
    it.index = 0
    it.slot = 0
    it.bucket = &t.directory[0].buckets[0]


cdef void *table_next(TableIter *it) noexcept nogil:
    cdef Table *t = it.table
    cdef Segment *s
    cdef int k
    while it.bucket != NULL:
        while it.slot < SLOTS:
            k = it.slot
            it.slot += 1
            if it.bucket.tags[k]:
                return it.bucket.slots[k]
        it.slot = 0
        if it.bucket.chained:
            it.bucket = <Bucket *>it.bucket.slots[SLOTS - 1]
            continue
        s = t.directory[it.position]
        it.index += 1
        if it.index >> s.bucket_bits:
            it.index = 0
            it.position += <uint64_t>1 << (t.depth - s.depth)
            if it.position >> t.depth:
                it.bucket = NULL
                break
            s = t.directory[it.position]
        it.bucket = &s.buckets[it.index]
        for k in range(SLOTS):
            prefetch(it.bucket.slots[k])
    return NULL


cdef bint bucket_verify(Table *t, Segment *s, Bucket *head, size_t *seen) noexcept nogil:
    cdef Bucket *b = head
    cdef uint64_t hash
    cdef int k
    while b != NULL:
        if b.chained and (b.tags[SLOTS - 1] or b.slots[SLOTS - 1] == NULL):
            return False
        for k in range(SLOTS):
            if b.tags[k]:
                hash = hash_of(t, b.slots[k])
                if segment_at(t, hash) != s or bucket_in(s, hash) != head:
                    return False
                if tag_of(hash) != b.tags[k]:
                    return False
                seen[0] += 1
            elif b.slots[k] != NULL and not (b.chained and k == SLOTS - 1):
                return False
        b = <Bucket *>b.slots[SLOTS - 1] if b.chained else NULL
    return True


cdef bint table_verify(Table *t) noexcept nogil:
    """Audit of everything: counts, depths, and that every entry lies where its hash says."""
    cdef uint64_t i = 0
    cdef uint64_t k
    cdef size_t seen = 0
    cdef size_t in_segment
    cdef size_t segments = 0
    cdef size_t deepest = 0
    cdef Segment *s
    while i < <uint64_t>1 << t.depth:
        s = t.directory[i]
        if s.depth > t.depth or (s.depth and s.bucket_bits != SEGMENT_BITS_MAX):
            return False
        for k in range(<uint64_t>1 << (t.depth - s.depth)):
            if t.directory[i + k] != s:
                return False
        in_segment = 0
        for k in range(<uint64_t>1 << s.bucket_bits):
            if not bucket_verify(t, s, &s.buckets[k], &in_segment):
                return False
        if in_segment != s.count:
            return False
        seen += in_segment
        segments += 1
        deepest += s.depth == t.depth
        i += <uint64_t>1 << (t.depth - s.depth)
    return seen == t.count and segments == t.segments and deepest == t.deepest
