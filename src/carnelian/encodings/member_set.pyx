"""Words and blocks of big sets; see member_set.pxd."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free, mem_usable
from carnelian.base.native cimport prefetch
from carnelian.base.numbers cimport format_int64
from carnelian.encodings.table cimport (
    TableIter, table_add, table_bytes, table_find, table_find_word, table_free, table_iter_init,
    table_new, table_next, table_prefetch, table_prefetch_entry, table_prefetch_segment,
    table_remove_at, table_verify,
)
from carnelian.encodings.table_sweep cimport table_take_random


cdef enum:
    SAMPLE = 64                # members looked at for the size of all

cdef extern from *:
    """
    /* Where member_text spells an integer. */
    static __thread char cn_spelled[24];
    """
    char spelled "cn_spelled"[24]


cdef inline bint is_number_word(void *word) noexcept nogil:
    return <uint64_t>word & 1


cdef inline bint fits_word(int64_t number) noexcept nogil:
    return -(<int64_t>1 << 62) <= number < <int64_t>1 << 62


cdef inline void *word_of(int64_t number) noexcept nogil:
    return <void *>(<uint64_t>number << 1 | 1)


cdef inline int64_t number_of(void *word) noexcept nogil:
    return <int64_t>word >> 1


cdef inline Slice block_text(void *word) noexcept nogil:
    cdef const uint8_t *p = <const uint8_t *>word
    cdef Slice s
    cdef int shift = 7
    s.len = p[0] & 127
    while p[0] & 128:
        p += 1
        s.len |= <size_t>(p[0] & 127) << shift
        shift += 7
    s.ptr = <const char *>p + 1
    return s


cdef void *block_new(Slice text) noexcept nogil:
    cdef size_t prefix = 1
    cdef size_t left = text.len >> 7
    cdef uint8_t *block
    cdef uint8_t *p
    while left:
        prefix += 1
        left >>= 7
    block = p = <uint8_t *>mem_alloc(prefix + text.len)
    left = text.len
    while left > 127:
        p[0] = <uint8_t>(left | 128)
        p += 1
        left >>= 7
    p[0] = <uint8_t>left
    memcpy(p + 1, text.ptr, text.len)
    return block


cdef Slice member_text(void *word) noexcept nogil:
    cdef Slice s
    if is_number_word(word):
        s.ptr = spelled
        s.len = format_int64(spelled, number_of(word))
        return s
    return block_text(word)


cdef void member_of_number(int64_t number, SetMember *m) noexcept nogil:
    m.number = number
    m.known = MEMBER_PARSED | MEMBER_NUMBER
    m.text.ptr = m.digits
    m.text.len = format_int64(m.digits, number)


cdef void member_of_word(void *word, SetMember *m) noexcept nogil:
    if is_number_word(word):
        member_of_number(number_of(word), m)
    else:
        member_of_text(block_text(word), m)


cdef Table *member_set_new() noexcept nogil:
    return table_new(member_text)


cdef void member_set_free(Table *t) noexcept nogil:
    cdef TableIter it
    cdef void *word
    table_iter_init(&it, t)
    word = table_next(&it)
    while word != NULL:
        if not is_number_word(word):
            mem_free(word)
        word = table_next(&it)
    table_free(t)


cdef Table *member_set_copy(Table *t) noexcept nogil:
    cdef Table *copy = member_set_new()
    cdef TableIter it
    cdef SetMember m
    cdef void *word
    table_iter_init(&it, t)
    word = table_next(&it)
    while word != NULL:
        member_of_word(word, &m)
        table_add(copy, member_hash(&m), word if is_number_word(word) else block_new(m.text))
        word = table_next(&it)
    return copy


cdef size_t member_set_bytes(Table *t) noexcept nogil:
    cdef TableIter it
    cdef void *word
    cdef size_t seen = 0
    cdef size_t size = 0
    table_iter_init(&it, t)
    word = table_next(&it)
    while word != NULL and seen < SAMPLE:
        if not is_number_word(word):
            size += mem_usable(word)
        seen += 1
        word = table_next(&it)
    return table_bytes(t) + (size * t.count // seen if seen else 0)


cdef void **find(Table *t, SetMember *m) noexcept nogil:
    if member_is_number(m) and fits_word(m.number):
        return table_find_word(t, member_hash(m), word_of(m.number))
    return table_find(t, member_hash(m), m.text.ptr, m.text.len)


cdef bint member_set_has(Table *t, SetMember *m) noexcept nogil:
    return find(t, m) != NULL


cdef bint member_set_add(Table *t, SetMember *m) noexcept nogil:
    if find(t, m) != NULL:
        return False
    if m.known & MEMBER_NUMBER and fits_word(m.number):
        table_add(t, m.hash, word_of(m.number))
    else:
        table_add(t, m.hash, block_new(m.text))
    return True


cdef bint member_set_remove(Table *t, SetMember *m) noexcept nogil:
    cdef void **slot = find(t, m)
    cdef void *word
    if slot == NULL:
        return False
    word = table_remove_at(t, m.hash, slot)
    if not is_number_word(word):
        mem_free(word)
    return True


cdef void member_set_prefetch(Table *t, SetMember *members, int count) noexcept nogil:
    cdef int i
    for i in range(count):
        table_prefetch_segment(t, member_hash(&members[i]))
    for i in range(count):
        table_prefetch(t, members[i].hash)
    for i in range(count):
        table_prefetch_entry(t, members[i].hash)


cdef void member_set_take_random(Table *t, size_t count, void **words) noexcept nogil:
    table_take_random(t, count, words)


cdef void member_word_prefetch(void *word) noexcept nogil:
    if not is_number_word(word):
        prefetch(word)


cdef void member_word_free(void *word) noexcept nogil:
    if not is_number_word(word):
        mem_free(word)


cdef bint member_set_verify(Table *t) noexcept nogil:
    cdef TableIter it
    cdef SetMember m
    cdef void *word
    if not table_verify(t):
        return False
    table_iter_init(&it, t)
    word = table_next(&it)
    while word != NULL:
        member_of_word(word, &m)
        if not is_number_word(word) and member_is_number(&m) and fits_word(m.number):
            return False
        word = table_next(&it)
    return True
