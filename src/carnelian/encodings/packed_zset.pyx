"""The loops behind packed_zset.pxd, and the score codec."""

from libc.math cimport isnan
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcmp, memmove

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.native cimport load16, load32, load64, store16, store32, store64
from carnelian.base.slice cimport Slice
from carnelian.encodings.counted_tree cimport MemberIter, iter_next
from carnelian.encodings.member cimport (
    Cut, Member, before_cut, cut_both, member_compare, member_slice,
)
from carnelian.encodings.packed cimport (
    PACKED_HEADER, PACKED_LONG, PACKED_MANY, Splice, packed_check, packed_read, packed_size,
    packed_skip, packed_write, splice_of,
)
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_add, sorted_set_count, sorted_set_new, sorted_set_seek,
)


cdef enum:
    SCORE_DOUBLE = 8           # tags below: so many bytes of integer
    SCORE_FLOAT = 9
    SCORE_SMALL = 16           # this tag and up: the value itself
    SMALL_COUNT = 240
    VERIFY_NEARBY = 128

cdef union Bits:
    double d
    uint64_t u

cdef union FloatBits:
    float f
    uint32_t u


# ------------------------------------------------------------------------------------------- scores

cdef inline uint64_t bits_of(double score) noexcept nogil:
    cdef Bits bits
    bits.d = score
    return bits.u


cdef bint as_integer(double score, int64_t *value) noexcept nogil:
    """Whether the score is an integer that the tags 1 to 7 and up from 16 can hold; not -0.0."""
    if not -36028797018963968.0 <= score < 36028797018963968.0:
        return False
    value[0] = <int64_t>score
    return bits_of(<double>value[0]) == bits_of(score)


cdef int integer_size(int64_t value) noexcept nogil:
    cdef int n = 1
    while value < -128 or value > 127:
        value >>= 8
        n += 1
    return n


cdef size_t score_write(uint8_t *p, double score) noexcept nogil:
    """Writes the shortest exact form at p, at most 9 bytes; how many there were."""
    cdef int64_t value = 0
    cdef int n = SCORE_DOUBLE
    cdef int i
    cdef FloatBits single
    if as_integer(score, &value):
        if 0 <= value < SMALL_COUNT:
            p[0] = <uint8_t>(SCORE_SMALL + value)
            return 1
        n = integer_size(value)
    if n > 4:
        single.f = <float>score
        if bits_of(<double>single.f) == bits_of(score):
            p[0] = SCORE_FLOAT
            store32(p + 1, single.u)
            return 5
    p[0] = <uint8_t>n
    if n == SCORE_DOUBLE:
        store64(p + 1, bits_of(score))
        return 9
    for i in range(n):
        p[1 + i] = <uint8_t>(value >> (8 * i) & 0xFF)
    return 1 + n


cdef size_t score_size(double score) noexcept nogil:
    cdef uint8_t scratch[9]
    return score_write(scratch, score)


cdef inline const uint8_t *score_skip(const uint8_t *p) noexcept nogil:
    if p[0] >= SCORE_SMALL:
        return p + 1
    return p + 1 + p[0] if p[0] <= SCORE_DOUBLE else p + 5


cdef const uint8_t *score_read(const uint8_t *p, double *score) noexcept nogil:
    cdef int n = p[0]
    cdef int i
    cdef uint64_t value = 0
    cdef Bits bits
    cdef FloatBits single
    if n >= SCORE_SMALL:
        score[0] = n - SCORE_SMALL
        return p + 1
    if n == SCORE_DOUBLE:
        bits.u = load64(p + 1)
        score[0] = bits.d
        return p + 9
    if n == SCORE_FLOAT:
        single.u = load32(p + 1)
        score[0] = single.f
        return p + 5
    for i in range(n):
        value |= <uint64_t>p[1 + i] << (64 - 8 * (n - i))
    score[0] = <double>(<int64_t>value >> (64 - 8 * n))
    return p + 1 + n


cdef size_t score_check(const uint8_t *p, const uint8_t *end) noexcept nogil:
    """Bytes of the score at p if it is sound and ends by `end`, else 0."""
    cdef double score
    if p >= end or p[0] == 0 or SCORE_FLOAT < p[0] < SCORE_SMALL:
        return 0
    if score_skip(p) - p > end - p:
        return 0
    score_read(p, &score)
    return 0 if isnan(score) else score_skip(p) - p


# ------------------------------------------------------------------------------------------ reading

cdef void packed_zset_read(const uint8_t *data, PackedMember *item) noexcept nogil:
    cdef const uint8_t *p = data + item.offset
    p = score_read(packed_read(p, &item.member), &item.score)
    item.size = <size_t>(p - data) - item.offset


cdef size_t packed_zset_count(const uint8_t *data, size_t size) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef size_t count = load16(data)
    if count < PACKED_MANY:
        return count
    count = 0
    while p < data + size:
        p = score_skip(packed_skip(p))
        count += 1
    return count


cdef bint packed_zset_find(
    const uint8_t *data, size_t size, Slice member, PackedMember *item
) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef const uint8_t *end = data + size
    cdef const uint8_t *behind
    cdef uint8_t first = <uint8_t>member.len if member.len < PACKED_LONG else PACKED_LONG
    cdef Slice found
    cdef size_t rank = 0
    while p < end:
        behind = packed_read(p, &found)
        if p[0] == first and found.len == member.len and (
            member.len == 0 or memcmp(found.ptr, member.ptr, member.len) == 0
        ):
            item.offset = <size_t>(p - data)
            item.rank = rank
            packed_zset_read(data, item)
            return True
        p = score_skip(behind)
        rank += 1
    return False


cdef bint packed_zset_at(
    const uint8_t *data, size_t size, size_t rank, PackedMember *item
) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef const uint8_t *end = data + size
    item.rank = rank
    while rank and p < end:
        p = score_skip(packed_skip(p))
        rank -= 1
    if p >= end:
        return False
    item.offset = <size_t>(p - data)
    packed_zset_read(data, item)
    return True


cdef size_t packed_zset_cut(const uint8_t *data, size_t size, const Cut *cut) noexcept nogil:
    cdef PackedMember item
    packed_zset_begin(&item)
    while packed_zset_next(data, size, &item):
        if not before_cut(item.score, item.member, cut):
            break
    return item.rank


cdef void packed_zset_index(
    const uint8_t *data, size_t size, PackedZsetIndex *index
) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef size_t i
    index.count = packed_zset_count(data, size)
    index.offsets = index.nearby
    if index.count > PACKED_ZSET_INDEX:
        index.offsets = <uint32_t *>mem_alloc(index.count * sizeof(uint32_t))
    for i in range(index.count):
        index.offsets[i] = <uint32_t>(p - data)
        p = score_skip(packed_skip(p))


cdef void packed_zset_index_free(PackedZsetIndex *index) noexcept nogil:
    if index.offsets != index.nearby:
        mem_free(index.offsets)


# ----------------------------------------------------------------------------------------- changing

cdef size_t packed_zset_item_size(double score, Slice member) noexcept nogil:
    return packed_size(member.len) + score_size(score)


cdef void count_change(uint8_t *data, size_t size, int64_t change) noexcept nogil:
    """The count word, after the change has been made; one that says `many` is counted anew."""
    cdef size_t count = load16(data)
    if count < PACKED_MANY:
        count += change
    else:
        count = packed_zset_count(data, size)
    store16(data, <uint16_t>(count if count < PACKED_MANY else PACKED_MANY))


cdef Splice packed_zset_plan_add(
    const uint8_t *data, size_t size, double score, Slice member
) noexcept nogil:
    cdef Cut cut = cut_both(score, member, False)
    cdef PackedMember item
    packed_zset_begin(&item)
    while packed_zset_next(data, size, &item):
        if not before_cut(item.score, item.member, &cut):
            break
    return splice_of(item.offset, 0, packed_zset_item_size(score, member))


cdef void packed_zset_write_add(
    uint8_t *data, Splice splice, double score, Slice member
) noexcept nogil:
    score_write(packed_write(data + splice.offset, member), score)
    if load16(data) < PACKED_MANY:
        count_change(data, 0, 1)


cdef Splice packed_zset_plan_score(const PackedMember *item, double score) noexcept nogil:
    cdef size_t old = item.size - packed_size(item.member.len)
    return splice_of(item.offset + item.size - old, old, score_size(score))


cdef void packed_zset_write_score(
    uint8_t *data, size_t size, Splice splice, double score, Slice member
) noexcept nogil:
    """The hole for the score is there: with the score in it only the order may be unsound."""
    cdef size_t own = splice.offset - packed_size(member.len)
    cdef size_t own_size = packed_size(member.len) + splice.insert
    cdef Cut cut = cut_both(score, member, False)
    cdef PackedMember item
    score_write(data + splice.offset, score)
    packed_zset_begin(&item)
    while packed_zset_next(data, size, &item):
        if item.offset != own and not before_cut(item.score, item.member, &cut):
            break
    if item.offset < own:
        memmove(data + item.offset + own_size, data + item.offset, own - item.offset)
    elif item.offset > own + own_size:
        item.offset -= own_size
        memmove(data + own, data + own + own_size, item.offset - own)
    else:
        return
    score_write(packed_write(data + item.offset, member), score)


cdef Splice packed_zset_plan_remove_range(
    const uint8_t *data, size_t size, size_t first, size_t end
) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef size_t rank = 0
    cdef size_t start
    while rank < first and p < data + size:
        p = score_skip(packed_skip(p))
        rank += 1
    start = <size_t>(p - data)
    while rank < end and p < data + size:
        p = score_skip(packed_skip(p))
        rank += 1
    return splice_of(start, <size_t>(p - data) - start, 0)


cdef void packed_zset_write_remove(uint8_t *data, size_t size, size_t removed) noexcept nogil:
    count_change(data, size, -<int64_t>removed)


# --------------------------------------------------------------------------------------- converting

cdef SortedSet *packed_zset_unpack(const uint8_t *data, size_t size) noexcept nogil:
    cdef SortedSet *z = sorted_set_new()
    cdef PackedMember item
    packed_zset_begin(&item)
    while packed_zset_next(data, size, &item):
        sorted_set_add(z, item.score, item.member.ptr, item.member.len)
    return z


cdef size_t packed_zset_packed_size(SortedSet *z) noexcept nogil:
    cdef size_t size = PACKED_HEADER
    cdef MemberIter it
    cdef Member *m
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        size += packed_zset_item_size(m.score, member_slice(m))
        m = iter_next(&it)
    return size


cdef void packed_zset_pack(SortedSet *z, uint8_t *data) noexcept nogil:
    cdef uint8_t *p = data + PACKED_HEADER
    cdef size_t count = sorted_set_count(z)
    cdef MemberIter it
    cdef Member *m
    store16(data, <uint16_t>(count if count < PACKED_MANY else PACKED_MANY))
    sorted_set_seek(z, 0, &it)
    m = iter_next(&it)
    while m != NULL:
        p = packed_write(p, member_slice(m))
        p += score_write(p, m.score)
        m = iter_next(&it)


# ---------------------------------------------------------------------------------------- verifying

cdef int compare_members(const void *a, const void *b) noexcept nogil:
    return member_compare((<const Slice *>a)[0], (<const Slice *>b)[0])


cdef bint all_different(const uint8_t *data, size_t size, Slice *members, size_t n) noexcept nogil:
    """Whether the region's n members differ; `members` is room for them."""
    cdef PackedMember item
    cdef size_t i
    packed_zset_begin(&item)
    while packed_zset_next(data, size, &item):
        members[item.rank] = item.member
    qsort(members, n, sizeof(Slice), compare_members)
    for i in range(1, n):
        if member_compare(members[i - 1], members[i]) == 0:
            return False
    return True


cdef bint packed_zset_verify(const uint8_t *data, size_t size) noexcept nogil:
    cdef const uint8_t *p = data + PACKED_HEADER
    cdef const uint8_t *end = data + size
    cdef Slice nearby[VERIFY_NEARBY]
    cdef Slice *members = nearby
    cdef PackedMember item
    cdef PackedMember last
    cdef Cut here
    cdef size_t count = 0
    cdef size_t length
    cdef bint different
    if size < PACKED_HEADER:
        return False
    while p < end:
        length = packed_check(p, end)
        if length == 0 or score_check(p + length, end) == 0:
            return False
        item.offset = <size_t>(p - data)
        packed_zset_read(data, &item)
        here = cut_both(item.score, item.member, False)
        if count and not before_cut(last.score, last.member, &here):
            return False
        last = item
        p += item.size
        count += 1
    if load16(data) != (count if count < PACKED_MANY else PACKED_MANY):
        return False
    if count > VERIFY_NEARBY:
        members = <Slice *>mem_alloc(count * sizeof(Slice))
    different = all_different(data, size, members, count)
    if members != nearby:
        mem_free(members)
    return different
