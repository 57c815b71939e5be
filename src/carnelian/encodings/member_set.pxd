"""A big set ("hashtable" to OBJECT ENCODING): members as words in the slots of a hash table.

    an integer of 63 bits, in the word itself          any other member: the address of a block
    63                             1     0             +------------------+-- ... --+
    +-------------------------------+---+              | length, LEB128   | bytes   |
    | integer                       | 1 |              +------------------+-- ... --+
    +-------------------------------+---+              1 to 5 bytes

A member has one form only, and its hash is that of its text in either, so that a member hashed once
can be looked for in any set. The table owns the blocks.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.hashing cimport hash_bytes
from carnelian.base.native cimport likely
from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport Table

cdef enum:                     # what is known of a Member
    MEMBER_PARSED = 1
    MEMBER_NUMBER = 2          # it is the text of an integer: `number`
    MEMBER_HASHED = 4

# A member to look for or met on the way. `text` may lie in `digits`: pass it by address only.
cdef struct SetMember:
    Slice text
    int64_t number
    uint64_t hash
    int known
    char digits[24]


cdef Table *member_set_new() noexcept nogil
cdef void member_set_free(Table *t) noexcept nogil
cdef Table *member_set_copy(Table *t) noexcept nogil
cdef size_t member_set_bytes(Table *t) noexcept nogil            # from a sample
cdef bint member_set_verify(Table *t) noexcept nogil

cdef bint member_set_has(Table *t, SetMember *m) noexcept nogil
cdef bint member_set_add(Table *t, SetMember *m) noexcept nogil      # False: it is there already
cdef bint member_set_remove(Table *t, SetMember *m) noexcept nogil
# Before so many are looked for one after the other.
cdef void member_set_prefetch(Table *t, SetMember *members, int count) noexcept nogil
# `count` members at random, out of the set and in `words`, which own them now; there are more.
cdef void member_set_take_random(Table *t, size_t count, void **words) noexcept nogil
cdef void member_word_prefetch(void *word) noexcept nogil
cdef void member_word_free(void *word) noexcept nogil
# The member a word of the table stands for; the text is good until the set changes.
cdef void member_of_word(void *word, SetMember *m) noexcept nogil
# Its text alone (a table_key_fn): that of an integer is good until the thread's next call.
cdef Slice member_text(void *word) noexcept nogil
cdef void member_of_number(int64_t number, SetMember *m) noexcept nogil


cdef inline void member_of_text(Slice text, SetMember *m) noexcept nogil:
    m.text = text
    m.known = 0


cdef inline bint member_is_number(SetMember *m) noexcept nogil:
    if not m.known & MEMBER_PARSED:
        m.known |= MEMBER_PARSED
        if parse_int64(m.text.ptr, m.text.len, &m.number):
            m.known |= MEMBER_NUMBER
    return m.known & MEMBER_NUMBER != 0


cdef inline uint64_t member_hash(SetMember *m) noexcept nogil:
    if not m.known & MEMBER_HASHED:
        m.known |= MEMBER_HASHED
        m.hash = hash_bytes(m.text.ptr, m.text.len)
    return m.hash
