"""The packed sorted set as a Python object with a block of exactly its size."""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memmove

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.counted_tree cimport MemberIter, iter_next
from carnelian.encodings.member cimport Cut, Member, cut_lex, cut_score, member_slice
from carnelian.encodings.packed cimport PACKED_HEADER, Splice
from carnelian.encodings.packed_zset cimport (
    PackedMember, PackedZsetIndex, packed_zset_at, packed_zset_begin, packed_zset_count,
    packed_zset_cut, packed_zset_find, packed_zset_index, packed_zset_index_free, packed_zset_init,
    packed_zset_next, packed_zset_pack, packed_zset_packed_size, packed_zset_plan_add,
    packed_zset_plan_remove, packed_zset_plan_remove_range, packed_zset_plan_score,
    packed_zset_read, packed_zset_unpack, packed_zset_verify, packed_zset_write_add,
    packed_zset_write_remove, packed_zset_write_score,
)
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_free, sorted_set_seek, sorted_set_verify,
)


cdef tuple pair(PackedMember *item):
    return item.member.ptr[:item.member.len], item.score


cdef size_t moved(uint8_t *data, size_t size, Splice splice) noexcept nogil:
    """Move what stands behind the splice; the new size."""
    cdef size_t behind = splice.offset + splice.remove
    if splice.insert != splice.remove and behind < size:
        memmove(data + splice.offset + splice.insert, data + behind, size - behind)
    return size - splice.remove + splice.insert


cdef class PackedZsetBox:
    cdef uint8_t *data
    cdef size_t size

    def __cinit__(self):
        self.data = <uint8_t *>mem_alloc(PACKED_HEADER)
        self.size = packed_zset_init(self.data)

    def __dealloc__(self):
        mem_free(self.data)

    @staticmethod
    def of(bytes region):
        cdef PackedZsetBox box = PackedZsetBox()
        assert verify_bytes(region)
        box.size = len(region)
        box.data = <uint8_t *>mem_realloc(box.data, box.size)
        memcpy(box.data, <char *>region, box.size)
        return box

    def __len__(self):
        return packed_zset_count(self.data, self.size)

    cdef void splice(self, Splice splice):
        if splice.insert > splice.remove:
            self.data = <uint8_t *>mem_realloc(
                self.data, self.size + splice.insert - splice.remove)
        self.size = moved(self.data, self.size, splice)
        self.data = <uint8_t *>mem_realloc(self.data, self.size)

    def set(self, bytes member, double score):
        cdef Slice s = slice_of(member, len(member))
        cdef PackedMember item
        cdef Splice splice
        if packed_zset_find(self.data, self.size, s, &item):
            splice = packed_zset_plan_score(&item, score)
            self.splice(splice)
            packed_zset_write_score(self.data, self.size, splice, score, s)
            return False
        splice = packed_zset_plan_add(self.data, self.size, score, s)
        self.splice(splice)
        packed_zset_write_add(self.data, splice, score, s)
        return True

    def remove(self, bytes member):
        cdef PackedMember item
        if not packed_zset_find(self.data, self.size, slice_of(member, len(member)), &item):
            return False
        self.splice(packed_zset_plan_remove(&item))
        packed_zset_write_remove(self.data, self.size, 1)
        return True

    def remove_range(self, size_t first, size_t end):
        cdef size_t count = len(self)
        end = min(end, count)
        if first >= end:
            return 0
        self.splice(packed_zset_plan_remove_range(self.data, self.size, first, end))
        packed_zset_write_remove(self.data, self.size, end - first)
        return end - first

    def score(self, bytes member):
        cdef PackedMember item
        found = packed_zset_find(self.data, self.size, slice_of(member, len(member)), &item)
        return item.score if found else None

    def rank(self, bytes member):
        cdef PackedMember item
        found = packed_zset_find(self.data, self.size, slice_of(member, len(member)), &item)
        return item.rank if found else None

    def at(self, size_t rank):
        cdef PackedMember item
        if not packed_zset_at(self.data, self.size, rank, &item):
            return None
        assert item.rank == rank
        return pair(&item)

    def cut_score(self, double score, bint after):
        cdef Cut cut = cut_score(score, after)
        return packed_zset_cut(self.data, self.size, &cut)

    def cut_lex(self, bytes member, bint after):
        cdef Cut cut = cut_lex(slice_of(member, len(member)), after)
        return packed_zset_cut(self.data, self.size, &cut)

    def items(self):
        cdef PackedMember item
        found = []
        packed_zset_begin(&item)
        while packed_zset_next(self.data, self.size, &item):
            assert item.rank == <size_t>len(found)
            found.append(pair(&item))
        return found

    def items_backward(self):
        cdef PackedZsetIndex index
        cdef PackedMember item
        found = []
        packed_zset_index(self.data, self.size, &index)
        for i in range(index.count):
            item.offset = index.offsets[index.count - 1 - i]
            packed_zset_read(self.data, &item)
            found.append(pair(&item))
        packed_zset_index_free(&index)
        return found

    def unpacked(self):
        """Through the big encoding and back: its items, and the region made from it."""
        cdef SortedSet *z = packed_zset_unpack(self.data, self.size)
        cdef PackedZsetBox other = PackedZsetBox()
        cdef MemberIter it
        cdef Member *m
        found = []
        sorted_set_seek(z, 0, &it)
        m = iter_next(&it)
        while m != NULL:
            found.append((member_slice(m).ptr[:member_slice(m).len], m.score))
            m = iter_next(&it)
        assert sorted_set_verify(z)
        other.size = packed_zset_packed_size(z)
        other.data = <uint8_t *>mem_realloc(other.data, other.size)
        packed_zset_pack(z, other.data)
        sorted_set_free(z)
        return found, other.region()

    def region(self):
        return (<char *>self.data)[:self.size]

    def verify(self):
        return packed_zset_verify(self.data, self.size)


def verify_bytes(bytes region):
    """Of a copy that ends where its block ends."""
    cdef size_t size = len(region)
    cdef uint8_t *copy = <uint8_t *>mem_alloc(size)
    memcpy(copy, <char *>region, size)
    sound = packed_zset_verify(copy, size)
    mem_free(copy)
    return sound
