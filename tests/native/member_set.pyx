"""A big set of byte strings on its table."""

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport slice_of
from carnelian.encodings.member_set cimport (
    SetMember, member_of_text, member_of_word, member_set_add, member_set_bytes, member_set_copy,
    member_set_free, member_set_has, member_set_new, member_set_remove, member_set_take_random,
    member_set_verify, member_word_free,
)
from carnelian.encodings.table cimport (
    Table, TableIter, table_count, table_iter_init, table_next, table_random,
)


cdef bytes text_of_word(void *word):
    cdef SetMember m
    member_of_word(word, &m)
    return m.text.ptr[:m.text.len]


cdef class MemberSet:
    cdef Table *table

    def __cinit__(self):
        self.table = member_set_new()

    def __dealloc__(self):
        member_set_free(self.table)

    def __len__(self):
        return table_count(self.table)

    def __contains__(self, bytes text):
        cdef SetMember m
        member_of_text(slice_of(text, len(text)), &m)
        return member_set_has(self.table, &m)

    def __iter__(self):
        cdef TableIter it
        cdef void *word
        found = []
        table_iter_init(&it, self.table)
        word = table_next(&it)
        while word != NULL:
            found.append(text_of_word(word))
            word = table_next(&it)
        return iter(found)

    def add(self, bytes text):
        cdef SetMember m
        member_of_text(slice_of(text, len(text)), &m)
        return member_set_add(self.table, &m)

    def remove(self, bytes text):
        cdef SetMember m
        member_of_text(slice_of(text, len(text)), &m)
        return member_set_remove(self.table, &m)

    def copy(self):
        cdef MemberSet fresh = MemberSet()
        member_set_free(fresh.table)
        fresh.table = member_set_copy(self.table)
        return fresh

    def random(self):
        return text_of_word(table_random(self.table))

    def take_random(self, size_t count):
        """So many at once, out of the set."""
        cdef void **words = <void **>mem_alloc(sizeof(void *) * (count + 1))
        cdef size_t i
        found = []
        member_set_take_random(self.table, count, words)
        for i in range(count):
            found.append(text_of_word(words[i]))
            member_word_free(words[i])
        mem_free(words)
        return found

    def bytes_used(self):
        return member_set_bytes(self.table)

    def verify(self):
        return member_set_verify(self.table)
