"""Dispatch over the encodings of sets and the changes between them; see value.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_free
from carnelian.base.native cimport likely
from carnelian.base.numbers cimport digits10
from carnelian.base.random cimport random_below
from carnelian.base.slice cimport Slice
from carnelian.encodings.intset cimport (
    INTSET_HEADER, intset_at, intset_count, intset_find, intset_init, intset_plan_add,
    intset_plan_remove, intset_verify, intset_write_add,
)
from carnelian.encodings.member_set cimport (
    member_is_number, member_of_number, member_of_text, member_of_word, member_set_add,
    member_set_has, member_set_new, member_set_remove, member_set_verify,
)
from carnelian.encodings.packed cimport PACKED_HEADER, Splice, packed_fits
from carnelian.encodings.packed_set cimport (
    packed_set_at, packed_set_count, packed_set_find, packed_set_init, packed_set_next,
    packed_set_plan_add, packed_set_plan_remove, packed_set_verify, packed_set_write_add,
    packed_set_write_remove,
)
from carnelian.encodings.table cimport table_count, table_iter_init, table_next, table_random
from carnelian.keyspace.database cimport key_set_inline, key_set_pointer, key_splice
from carnelian.keyspace.entry cimport (
    ENC_INTSET, ENC_PACKED, POINTER, TYPE_SET, entry_key_len, entry_key_ptr, entry_new,
    entry_set_pointer, entry_value_len, entry_value_ptr,
)


cdef inline uint8_t *region(Entry *e) noexcept nogil:
    return <uint8_t *>entry_value_ptr(e)


cdef inline uint8_t *spliced(KeyRef *ref, Splice splice) noexcept nogil:
    """Carry a splice out; the region, which may have moved."""
    key_splice(ref, splice.offset, splice.remove, splice.insert)
    return region(ref.slot[0])


# --- encodings ---

cdef Entry *set_entry_new(
    const char *key, size_t n, SetMember *first, size_t hint, const Limits *limits
) noexcept nogil:
    cdef Entry *e
    if member_is_number(first) and hint <= limits.set_intset_max:
        e = entry_new(TYPE_SET | ENC_INTSET << 4, 0, key, n, INTSET_HEADER)
        intset_init(region(e))
    elif hint <= limits.set_entries_max:
        e = entry_new(TYPE_SET | ENC_PACKED << 4, 0, key, n, PACKED_HEADER)
        packed_set_init(region(e))
    else:
        e = entry_new(TYPE_SET | ENC_TABLE << 4, POINTER, key, n, 8)
        entry_set_pointer(e, member_set_new())
    return e


cdef void to_table(KeyRef *ref) noexcept nogil:
    cdef Table *t = member_set_new()
    cdef SetIter it
    cdef SetMember m
    set_iter_init(&it, ref.slot[0])
    while set_iter_next(&it, &m):
        member_set_add(t, &m)
    key_set_pointer(ref, ENC_TABLE, t)


cdef void intset_to_packed(KeyRef *ref) noexcept nogil:
    """Through a set of its own: the packed form of the same integers is longer."""
    cdef Entry *source = entry_new(0, 0, b"", 0, entry_value_len(ref.slot[0]))
    cdef SetIter it
    cdef SetMember m
    cdef Splice splice
    cdef uint8_t *p = region(source)
    memcpy(p, region(ref.slot[0]), entry_value_len(ref.slot[0]))
    source.kind = TYPE_SET | ENC_INTSET << 4
    packed_set_init(region(key_set_inline(ref, ENC_PACKED, PACKED_HEADER)))
    set_iter_init(&it, source)
    while set_iter_next(&it, &m):
        splice = packed_set_plan_add(entry_value_len(ref.slot[0]), m.text)
        packed_set_write_add(spliced(ref, splice), splice, m.text)
    mem_free(source)


cdef void set_expect(KeyRef *ref, size_t hint) noexcept nogil:
    cdef int encoding = entry_encoding(ref.slot[0])
    if (encoding == ENC_PACKED and hint > ref.db.limits.set_entries_max) or (
        encoding == ENC_INTSET and hint > ref.db.limits.set_intset_max
    ):
        to_table(ref)


cdef void set_settle(KeyRef *ref) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef Entry *fresh
    cdef KeyRef target
    cdef SetIter it
    cdef SetMember m
    cdef Splice splice
    cdef size_t position = 0
    if entry_encoding(e) != ENC_PACKED or set_count(e) > ref.db.limits.set_intset_max:
        return
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        if not member_is_number(&m):
            return
    fresh = entry_new(TYPE_SET | ENC_INTSET << 4, 0, entry_key_ptr(e), entry_key_len(e),
                      INTSET_HEADER)
    intset_init(region(fresh))
    target = ref[0]
    target.slot = &fresh
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        member_is_number(&m)
        intset_find(region(fresh), entry_value_len(fresh), m.number, &position)
        splice = intset_plan_add(region(fresh), entry_value_len(fresh), m.number, position)
        add_number(&target, splice, m.number, position)
    mem_free(e)
    ref.slot[0] = fresh


# --- reading ---

cdef size_t set_count(Entry *e) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_TABLE:
        return table_count(<Table *>entry_pointer(e))
    if encoding == ENC_INTSET:
        return intset_count(region(e), entry_value_len(e))
    return packed_set_count(region(e), entry_value_len(e))


cdef bint set_has(Entry *e, SetMember *m) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    cdef size_t place = 0
    if encoding == ENC_TABLE:
        return member_set_has(<Table *>entry_pointer(e), m)
    if encoding == ENC_INTSET:
        return member_is_number(m) and intset_find(
            region(e), entry_value_len(e), m.number, &place)
    return packed_set_find(region(e), entry_value_len(e), m.text, &place)


cdef void set_random(Entry *e, SetMember *m) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    cdef size_t index
    cdef size_t offset
    cdef Slice text
    if encoding == ENC_TABLE:
        member_of_word(table_random(<Table *>entry_pointer(e)), m)
        return
    index = random_below(set_count(e))
    if encoding == ENC_INTSET:
        member_of_number(intset_at(region(e), index), m)
        return
    offset = packed_set_at(region(e), entry_value_len(e), index)
    packed_set_next(region(e), entry_value_len(e), &offset, &text)
    member_of_text(text, m)


cdef void set_iter_init(SetIter *it, Entry *e) noexcept nogil:
    it.entry = e
    it.encoding = entry_encoding(e)
    it.at = PACKED_HEADER if it.encoding == ENC_PACKED else 0
    if it.encoding == ENC_TABLE:
        table_iter_init(&it.table, <Table *>entry_pointer(e))


cdef bint set_iter_next(SetIter *it, SetMember *m) noexcept nogil:
    cdef Entry *e = it.entry
    cdef Slice text
    cdef void *word
    if it.encoding == ENC_TABLE:
        word = table_next(&it.table)
        if word == NULL:
            return False
        member_of_word(word, m)
        return True
    if it.encoding == ENC_INTSET:
        if it.at >= intset_count(region(e), entry_value_len(e)):
            return False
        member_of_number(intset_at(region(e), it.at), m)
        it.at += 1
        return True
    if not packed_set_next(region(e), entry_value_len(e), &it.at, &text):
        return False
    member_of_text(text, m)
    return True


# --- changes ---

cdef inline void add_number(
    KeyRef *ref, Splice splice, int64_t number, size_t position
) noexcept nogil:
    cdef size_t before = entry_value_len(ref.slot[0])
    intset_write_add(spliced(ref, splice), before, number, position)


cdef bint add_to_intset(KeyRef *ref, SetMember *m) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef size_t size = entry_value_len(e)
    cdef size_t count = intset_count(region(e), size)
    cdef const Limits *limits = ref.db.limits
    cdef size_t position = 0
    cdef bint fits = True
    if member_is_number(m):
        if intset_find(region(e), size, m.number, &position):
            return False
        if count < limits.set_intset_max:
            add_number(
                ref, intset_plan_add(region(e), size, m.number, position), m.number, position)
        else:
            to_table(ref)
            member_set_add(<Table *>entry_pointer(ref.slot[0]), m)
        return True
    if count:
        fits = spelled_len(intset_at(region(e), 0)) <= limits.set_value_max and (
            spelled_len(intset_at(region(e), count - 1)) <= limits.set_value_max)
    if fits and count < limits.set_entries_max and m.text.len <= limits.set_value_max:
        intset_to_packed(ref)
    else:
        to_table(ref)
    return set_add(ref, m)


cdef inline size_t spelled_len(int64_t number) noexcept nogil:
    return digits10(<uint64_t>number) if number >= 0 else 1 + digits10(0 - <uint64_t>number)


cdef bint set_add(KeyRef *ref, SetMember *m) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef int encoding = entry_encoding(e)
    cdef const Limits *limits
    cdef size_t place = 0
    cdef size_t size
    cdef Splice splice
    if encoding == ENC_TABLE:
        return member_set_add(<Table *>entry_pointer(e), m)
    if encoding == ENC_INTSET:
        return add_to_intset(ref, m)
    size = entry_value_len(e)
    if packed_set_find(region(e), size, m.text, &place):
        return False
    limits = ref.db.limits
    if likely(
        m.text.len <= limits.set_value_max
        and packed_set_count(region(e), size) < limits.set_entries_max
        and packed_fits(size, m.text.len)
    ):
        splice = packed_set_plan_add(size, m.text)
        packed_set_write_add(spliced(ref, splice), splice, m.text)
        return True
    to_table(ref)
    return member_set_add(<Table *>entry_pointer(ref.slot[0]), m)


cdef bint set_remove(KeyRef *ref, SetMember *m) noexcept nogil:
    cdef Entry *e = ref.slot[0]
    cdef int encoding = entry_encoding(e)
    cdef size_t place = 0
    cdef Splice splice
    if encoding == ENC_TABLE:
        return member_set_remove(<Table *>entry_pointer(e), m)
    if encoding == ENC_INTSET:
        if not member_is_number(m) or not intset_find(
            region(e), entry_value_len(e), m.number, &place
        ):
            return False
        spliced(ref, intset_plan_remove(region(e), place))
        return True
    if not packed_set_find(region(e), entry_value_len(e), m.text, &place):
        return False
    splice = packed_set_plan_remove(region(e), place)
    packed_set_write_remove(spliced(ref, splice), entry_value_len(ref.slot[0]))
    return True


cdef bint set_verify(Entry *e) noexcept nogil:
    cdef int encoding = entry_encoding(e)
    if encoding == ENC_TABLE:
        return member_set_verify(<Table *>entry_pointer(e))
    if encoding == ENC_INTSET:
        return intset_verify(region(e), entry_value_len(e))
    return packed_set_verify(region(e), entry_value_len(e))
