"""Packed regions in blocks of exactly their size: a sanitizer sees a stray read."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove

from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.intset cimport (
    INTSET_HEADER, intset_at, intset_count, intset_find, intset_init, intset_plan_add,
    intset_plan_remove, intset_verify, intset_write_add,
)
from carnelian.encodings.packed cimport PACKED_HEADER, Splice
from carnelian.encodings.packed_hash cimport (
    PackedPair, packed_hash_at, packed_hash_begin, packed_hash_count, packed_hash_expiry_min_ms,
    packed_hash_find, packed_hash_has_expiries, packed_hash_init, packed_hash_next,
    packed_hash_plan_add, packed_hash_plan_expiries, packed_hash_plan_remove,
    packed_hash_plan_value, packed_hash_set_expiry, packed_hash_verify, packed_hash_write_add,
    packed_hash_write_expiries, packed_hash_write_remove, packed_hash_write_value,
)
from carnelian.encodings.packed_list cimport (
    list_entry_before, list_entry_read, list_exceeds, packed_list_count, packed_list_init,
    packed_list_next, packed_list_plan_insert, packed_list_plan_remove, packed_list_plan_replace,
    packed_list_seek, packed_list_verify, packed_list_write_insert, packed_list_write_remove,
    packed_list_write_replace,
)
from carnelian.encodings.packed_set cimport (
    packed_set_at, packed_set_count, packed_set_find, packed_set_init, packed_set_next,
    packed_set_plan_add, packed_set_plan_remove, packed_set_verify, packed_set_write_add,
    packed_set_write_remove,
)


cdef inline Slice slice_from(bytes b):
    return slice_of(b, len(b))


cdef inline bytes bytes_from(Slice s):
    return s.ptr[:s.len]


cdef size_t moved(uint8_t *data, size_t size, Splice splice) noexcept nogil:
    """Move what stands behind the splice; the new size."""
    cdef size_t behind = splice.offset + splice.remove
    if splice.insert != splice.remove and behind < size:
        memmove(data + splice.offset + splice.insert, data + behind, size - behind)
    return size - splice.remove + splice.insert


cdef class Region:
    cdef uint8_t *data
    cdef readonly size_t size

    def __dealloc__(self):
        free(self.data)

    cdef void make(self, size_t size):
        self.data = <uint8_t *>malloc(size if size else 1)
        self.size = size

    cdef void splice(self, Splice splice):
        """Into fresh blocks: one of the larger size to shift in, one of the exact size to stay."""
        cdef size_t size = self.size - splice.remove + splice.insert
        cdef size_t most = size if size > self.size else self.size
        cdef uint8_t *roomy = <uint8_t *>malloc(most)
        memcpy(roomy, self.data, self.size)
        assert moved(roomy, self.size, splice) == size
        free(self.data)
        self.make(size)
        memcpy(self.data, roomy, size)
        free(roomy)

    def load(self, bytes raw):
        """Take over any bytes, to be given to verify."""
        free(self.data)
        self.make(len(raw))
        memcpy(self.data, <const char *>raw, self.size)

    def raw(self):
        return (<char *>self.data)[:self.size]


cdef class SetRegion(Region):
    def __cinit__(self):
        self.make(PACKED_HEADER)
        packed_set_init(self.data)

    def __len__(self):
        return packed_set_count(self.data, self.size)

    def __contains__(self, bytes member):
        cdef size_t offset
        return packed_set_find(self.data, self.size, slice_from(member), &offset)

    def __iter__(self):
        cdef size_t offset = PACKED_HEADER
        cdef Slice member
        found = []
        while packed_set_next(self.data, self.size, &offset, &member):
            found.append(bytes_from(member))
        return iter(found)

    def add(self, bytes member):
        cdef Splice splice
        if member in self:
            return False
        splice = packed_set_plan_add(self.size, slice_from(member))
        self.splice(splice)
        packed_set_write_add(self.data, splice, slice_from(member))
        return True

    def remove(self, bytes member):
        cdef size_t offset
        if not packed_set_find(self.data, self.size, slice_from(member), &offset):
            return False
        self.remove_at(offset)
        return True

    cdef void remove_at(self, size_t offset):
        self.splice(packed_set_plan_remove(self.data, offset))
        packed_set_write_remove(self.data, self.size)

    def pop(self, size_t index):
        cdef size_t offset = packed_set_at(self.data, self.size, index)
        cdef size_t after = offset
        cdef Slice member
        assert packed_set_next(self.data, self.size, &after, &member)
        found = bytes_from(member)
        self.remove_at(offset)
        return found

    def verify(self):
        return packed_set_verify(self.data, self.size)


cdef class HashRegion(Region):
    def __cinit__(self):
        self.make(PACKED_HEADER)
        packed_hash_init(self.data)

    def __len__(self):
        return packed_hash_count(self.data, self.size)

    def items(self):
        cdef PackedPair pair
        found = []
        packed_hash_begin(&pair)
        while packed_hash_next(self.data, self.size, &pair):
            found.append((bytes_from(pair.field), bytes_from(pair.value), pair.expires_ms))
        return found

    def get(self, bytes field):
        cdef PackedPair pair
        if not packed_hash_find(self.data, self.size, slice_from(field), &pair):
            return None
        assert bytes_from(pair.field) == field
        return bytes_from(pair.value), pair.expires_ms

    def at(self, size_t index):
        cdef PackedPair pair
        packed_hash_at(self.data, self.size, index, &pair)
        return bytes_from(pair.field), bytes_from(pair.value), pair.expires_ms

    def set(self, bytes field, bytes value):
        cdef PackedPair pair
        cdef Splice splice
        if packed_hash_find(self.data, self.size, slice_from(field), &pair):
            splice = packed_hash_plan_value(&pair, slice_from(value))
            self.splice(splice)
            packed_hash_write_value(self.data, splice, slice_from(value))
            return False
        splice = packed_hash_plan_add(
            self.data, self.size, slice_from(field), slice_from(value))
        self.splice(splice)
        packed_hash_write_add(self.data, splice, slice_from(field), slice_from(value))
        return True

    def remove(self, bytes field):
        cdef PackedPair pair
        if not packed_hash_find(self.data, self.size, slice_from(field), &pair):
            return False
        self.splice(packed_hash_plan_remove(&pair))
        packed_hash_write_remove(self.data, self.size)
        return True

    def expire(self, bytes field, int64_t expires_ms):
        cdef PackedPair pair
        cdef size_t size = self.size
        if not packed_hash_has_expiries(self.data):
            self.splice(packed_hash_plan_expiries(self.data, self.size))
            packed_hash_write_expiries(self.data, size)
        if not packed_hash_find(self.data, self.size, slice_from(field), &pair):
            return False
        packed_hash_set_expiry(self.data, pair.offset, expires_ms)
        return True

    def expiry_min_ms(self):
        return packed_hash_expiry_min_ms(self.data, self.size)

    def verify(self):
        return packed_hash_verify(self.data, self.size)


cdef class IntsetRegion(Region):
    def __cinit__(self):
        self.make(INTSET_HEADER)
        intset_init(self.data)

    def __len__(self):
        return intset_count(self.data, self.size)

    def __contains__(self, int64_t number):
        cdef size_t position
        return intset_find(self.data, self.size, number, &position)

    def __iter__(self):
        return iter([intset_at(self.data, i) for i in range(intset_count(self.data, self.size))])

    def add(self, int64_t number):
        cdef size_t position
        cdef size_t size = self.size
        if intset_find(self.data, self.size, number, &position):
            return False
        self.splice(intset_plan_add(self.data, self.size, number, position))
        intset_write_add(self.data, size, number, position)
        return True

    def remove(self, int64_t number):
        cdef size_t position
        if not intset_find(self.data, self.size, number, &position):
            return False
        self.splice(intset_plan_remove(self.data, position))
        return True

    def verify(self):
        return intset_verify(self.data, self.size)


cdef class ListRegion(Region):
    def __cinit__(self):
        self.make(PACKED_HEADER)
        packed_list_init(self.data)

    def __len__(self):
        return packed_list_count(self.data)

    def __iter__(self):
        cdef size_t offset = PACKED_HEADER
        cdef Slice element
        found = []
        while packed_list_next(self.data, self.size, &offset, &element):
            found.append(bytes_from(element))
        return iter(found)

    def __reversed__(self):
        cdef const uint8_t *at = self.data + self.size
        cdef Slice element
        found = []
        while at > self.data + PACKED_HEADER:
            at = list_entry_before(at)
            list_entry_read(at, &element)
            found.append(bytes_from(element))
        return iter(found)

    def __getitem__(self, size_t index):
        cdef size_t offset = packed_list_seek(self.data, self.size, index)
        cdef Slice element
        assert packed_list_next(self.data, self.size, &offset, &element)
        return bytes_from(element)

    def insert(self, size_t index, bytes element):
        cdef Splice splice = packed_list_plan_insert(
            packed_list_seek(self.data, self.size, index), slice_from(element))
        self.splice(splice)
        packed_list_write_insert(self.data, splice, slice_from(element))

    def replace(self, size_t index, bytes element):
        cdef Splice splice = packed_list_plan_replace(
            self.data, packed_list_seek(self.data, self.size, index), slice_from(element))
        self.splice(splice)
        packed_list_write_replace(self.data, splice, slice_from(element))

    def remove(self, size_t index, size_t count):
        self.splice(packed_list_plan_remove(
            self.data, packed_list_seek(self.data, self.size, index), count))
        packed_list_write_remove(self.data, count)

    def verify(self):
        return packed_list_verify(self.data, self.size)


def exceeds(size_t size, size_t count, long fill):
    return list_exceeds(size, count, fill)
