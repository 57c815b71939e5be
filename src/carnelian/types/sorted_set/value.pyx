"""Sorted set values in entries; see value.pxd."""

from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t

from carnelian.base.native cimport likely, unlikely
from carnelian.base.slice cimport Slice
from carnelian.encodings.counted_tree cimport MemberIter, iter_next, iter_previous
from carnelian.encodings.member cimport Cut, Member, member_slice
from carnelian.encodings.packed cimport Splice, packed_fits
from carnelian.encodings.packed_zset cimport (
    PackedMember, packed_zset_at, packed_zset_count, packed_zset_cut, packed_zset_find,
    packed_zset_index, packed_zset_index_free, packed_zset_item_size, packed_zset_pack,
    packed_zset_packed_size, packed_zset_plan_add, packed_zset_plan_remove,
    packed_zset_plan_remove_range, packed_zset_plan_score, packed_zset_read, packed_zset_unpack,
    packed_zset_verify, packed_zset_write_add, packed_zset_write_remove, packed_zset_write_score,
)
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_add, sorted_set_at, sorted_set_count, sorted_set_cut, sorted_set_find,
    sorted_set_free, sorted_set_new, sorted_set_rank, sorted_set_remove, sorted_set_remove_range,
    sorted_set_seek, sorted_set_update, sorted_set_verify,
)
from carnelian.keyspace.database cimport KeyRef, key_set_pointer, key_splice
from carnelian.keyspace.entry cimport (
    ENC_PACKED, ENC_SORTED_SET, POINTER, TYPE_ZSET, Entry, entry_new, entry_set_pointer,
    entry_value_len, entry_value_ptr,
)


cdef enum:
    REBUILD_MIN = 4096         # members to remove from which keeping the others may be cheaper

cdef inline const uint8_t *region(Entry *e) noexcept nogil:
    return <const uint8_t *>entry_value_ptr(e)


# ------------------------------------------------------------------------------------------ reading

cdef size_t zset_count(Entry *e) noexcept nogil:
    if zset_is_packed(e):
        return packed_zset_count(region(e), entry_value_len(e))
    return sorted_set_count(zset_big(e))


cdef bint zset_score(Entry *e, Slice member, double *score) noexcept nogil:
    cdef PackedMember item
    cdef Member *m
    if zset_is_packed(e):
        if not packed_zset_find(region(e), entry_value_len(e), member, &item):
            return False
        score[0] = item.score
        return True
    m = sorted_set_find(zset_big(e), member.ptr, member.len)
    if m == NULL:
        return False
    score[0] = m.score
    return True


cdef int64_t zset_rank(Entry *e, Slice member, double *score) noexcept nogil:
    cdef PackedMember item
    cdef Member *m
    if zset_is_packed(e):
        if not packed_zset_find(region(e), entry_value_len(e), member, &item):
            return -1
        score[0] = item.score
        return <int64_t>item.rank
    m = sorted_set_find(zset_big(e), member.ptr, member.len)
    if m == NULL:
        return -1
    score[0] = m.score
    return sorted_set_rank(zset_big(e), m)


cdef size_t zset_cut(Entry *e, const Cut *cut) noexcept nogil:
    if zset_is_packed(e):
        return packed_zset_cut(region(e), entry_value_len(e), cut)
    return sorted_set_cut(zset_big(e), cut)


cdef bint zset_at(Entry *e, size_t rank, double *score, Slice *member) noexcept nogil:
    cdef PackedMember item
    cdef Member *m
    if zset_is_packed(e):
        if not packed_zset_at(region(e), entry_value_len(e), rank, &item):
            return False
        score[0] = item.score
        member[0] = item.member
        return True
    m = sorted_set_at(zset_big(e), rank)
    if m == NULL:
        return False
    score[0] = m.score
    member[0] = member_slice(m)
    return True


# ---------------------------------------------------------------------------------------- iterating

cdef void zset_iter(ZsetIter *it, Entry *e, size_t rank, bint reverse) noexcept nogil:
    it.packed = zset_is_packed(e)
    it.reverse = reverse
    it.index.offsets = it.index.nearby
    if not it.packed:
        sorted_set_seek(zset_big(e), rank, &it.tree)
        return
    it.data = region(e)
    it.size = entry_value_len(e)
    if reverse:
        packed_zset_index(it.data, it.size, &it.index)
        it.place = rank + 1 if rank < it.index.count else 0
    elif packed_zset_at(it.data, it.size, rank, &it.item):
        it.item.size = 0
    else:
        it.item.offset = it.size
        it.item.size = 0


cdef bint zset_next(ZsetIter *it) noexcept nogil:
    cdef Member *m
    if not it.packed:
        m = iter_previous(&it.tree) if it.reverse else iter_next(&it.tree)
        if m == NULL:
            return False
        it.score = m.score
        it.member = member_slice(m)
        return True
    if it.reverse:
        if it.place == 0:
            return False
        it.place -= 1
        it.item.offset = it.index.offsets[it.place]
    else:
        it.item.offset += it.item.size
        if it.item.offset >= it.size:
            return False
    packed_zset_read(it.data, &it.item)
    it.score = it.item.score
    it.member = it.item.member
    return True


cdef void zset_iter_end(ZsetIter *it) noexcept nogil:
    packed_zset_index_free(&it.index)


# ----------------------------------------------------------------------------------------- changing

cdef SortedSet *zset_unpack(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef SortedSet *z
    if not zset_is_packed(e):
        return zset_big(e)
    z = packed_zset_unpack(region(e), entry_value_len(e))
    key_set_pointer(ref, ENC_SORTED_SET, z)
    return z


cdef inline bint refuses(int conditions, double score, double current) noexcept nogil:
    return (conditions & ZSET_GT and score <= current) or (
        conditions & ZSET_LT and score >= current)


cdef void packed_add(KeyRef *ref, Slice member, double score) noexcept nogil:
    """Of a member that is not there, which may be one too many for the encoding."""
    cdef Entry *e = ref.slot[0]
    cdef size_t size = entry_value_len(e)
    cdef Splice splice
    if (
        packed_zset_count(region(e), size) >= ref.db.limits.zset_entries_max
        or member.len > ref.db.limits.zset_value_max
        or not packed_fits(size, packed_zset_item_size(score, member))
    ):
        sorted_set_add(zset_unpack(ref), score, member.ptr, member.len)
        return
    if score == 0:
        score = 0.0            # as Redis does in its small encoding, -0 becomes 0
    splice = packed_zset_plan_add(region(e), size, score, member)
    key_splice(ref, splice.offset, splice.remove, splice.insert)
    packed_zset_write_add(<uint8_t *>entry_value_ptr(ref.slot[0]), splice, score, member)


cdef ZsetOutcome packed_put(
    KeyRef *ref, Slice member, double score, int conditions, double *result
) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef PackedMember item
    cdef Splice splice
    if not packed_zset_find(region(e), entry_value_len(e), member, &item):
        if conditions & ZSET_XX:
            return ZSET_REFUSED
        result[0] = score
        packed_add(ref, member, score)
        return ZSET_ADDED
    result[0] = item.score
    if conditions & ZSET_NX:
        return ZSET_REFUSED
    if conditions & ZSET_INCR:
        score += item.score
        if isnan(score):
            return ZSET_NAN
    if refuses(conditions, score, item.score):
        return ZSET_REFUSED
    result[0] = score
    if score == item.score:
        return ZSET_SAME
    if score == 0:
        score = 0.0
    splice = packed_zset_plan_score(&item, score)
    key_splice(ref, splice.offset, splice.remove, splice.insert)
    e = ref.slot[0]
    packed_zset_write_score(
        <uint8_t *>entry_value_ptr(e), entry_value_len(e), splice, score, member)
    return ZSET_UPDATED


cdef ZsetOutcome zset_put(
    KeyRef *ref, Slice member, double score, int conditions, double *result
) noexcept nogil:
    cdef SortedSet *z
    cdef Member *m
    if zset_is_packed(ref.slot[0]):
        return packed_put(ref, member, score, conditions, result)
    z = zset_big(ref.slot[0])
    m = sorted_set_find(z, member.ptr, member.len)
    if m == NULL:
        if conditions & ZSET_XX:
            return ZSET_REFUSED
        sorted_set_add(z, score, member.ptr, member.len)
        result[0] = score
        return ZSET_ADDED
    result[0] = m.score
    if conditions & ZSET_NX:
        return ZSET_REFUSED
    if conditions & ZSET_INCR:
        score += m.score
        if unlikely(isnan(score)):
            return ZSET_NAN
    if refuses(conditions, score, m.score):
        return ZSET_REFUSED
    result[0] = score
    if score == m.score:
        return ZSET_SAME
    sorted_set_update(z, m, score)
    return ZSET_UPDATED


cdef size_t packed_cut_out(KeyRef *ref, Splice splice, size_t removed) noexcept nogil:
    key_splice(ref, splice.offset, splice.remove, splice.insert)
    packed_zset_write_remove(
        <uint8_t *>entry_value_ptr(ref.slot[0]), entry_value_len(ref.slot[0]), removed)
    return removed


cdef bint zset_remove(KeyRef *ref, Slice member) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef PackedMember item
    if not zset_is_packed(e):
        return sorted_set_remove(zset_big(e), member.ptr, member.len)
    if not packed_zset_find(region(e), entry_value_len(e), member, &item):
        return False
    packed_cut_out(ref, packed_zset_plan_remove(&item), 1)
    return True


cdef void copy_run(SortedSet *source, SortedSet *target, size_t first, size_t end) noexcept nogil:
    cdef MemberIter it
    cdef Member *m
    cdef Slice s
    sorted_set_seek(source, first, &it)
    while first < end:
        m = iter_next(&it)
        s = member_slice(m)
        sorted_set_add(target, m.score, s.ptr, s.len)
        first += 1


cdef size_t zset_remove_range(
    KeyRef *ref, size_t first, size_t end, SortedSet **rest
) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef size_t count = zset_count(e)
    cdef SortedSet *z
    cdef SortedSet *kept
    rest[0] = NULL
    if end > count:
        end = count
    if first >= end:
        return 0
    if zset_is_packed(e):
        return packed_cut_out(
            ref, packed_zset_plan_remove_range(region(e), entry_value_len(e), first, end),
            end - first)
    z = zset_big(e)
    if likely(end - first < REBUILD_MIN or (count - (end - first)) * 4 > end - first):
        return sorted_set_remove_range(z, first, end)
    kept = sorted_set_new()
    copy_run(z, kept, 0, first)
    copy_run(z, kept, end, count)
    entry_set_pointer(e, kept)
    rest[0] = z
    return end - first


# ----------------------------------------------------------------------------------------- building

cdef bint fits_packed(SortedSet *z, const Limits *limits) noexcept nogil:
    """Whether the thresholds allow it; zeros of a set that does lose their sign."""
    cdef MemberIter it
    cdef Member *m
    if sorted_set_count(z) > limits.zset_entries_max:
        return False
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        if member_slice(m).len > limits.zset_value_max:
            return False
        m = iter_next(&it)
    if not packed_fits(packed_zset_packed_size(z), 0):
        return False
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        if m.score == 0:
            m.score = 0.0
        m = iter_next(&it)
    return True


cdef Entry *zset_entry(
    const char *key, size_t n, SortedSet *z, const Limits *limits
) noexcept nogil:
    cdef Entry *e
    if fits_packed(z, limits):
        e = entry_new(TYPE_ZSET | ENC_PACKED << 4, 0, key, n, packed_zset_packed_size(z))
        packed_zset_pack(z, <uint8_t *>entry_value_ptr(e))
        sorted_set_free(z)
        return e
    e = entry_new(TYPE_ZSET | ENC_SORTED_SET << 4, POINTER, key, n, 8)
    entry_set_pointer(e, z)
    return e


cdef bint zset_verify(Entry *e) noexcept nogil:
    if zset_is_packed(e):
        return packed_zset_verify(region(e), entry_value_len(e))
    return sorted_set_verify(zset_big(e))
