"""SORT and SORT_RO: the elements of a list, set or sorted set in the order of any numbers or texts.

Elements and weights are Slices into the values they come from: nothing changes those while sorting.
A Sorter owns the arrays, and a copy of elements that have no bytes of their own.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport qsort
from libc.string cimport memchr, memcpy, memset

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.native cimport unlikely
from carnelian.base.numbers cimport parse_double
from carnelian.base.slice cimport Slice, slice_of
from carnelian.encodings.field_map cimport HashField
from carnelian.encodings.member cimport member_compare
from carnelian.encodings.member_set cimport SetMember
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.engine.effects cimport ARMED_NOTIFY
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_KEY_MISS, NOTIFY_LIST
from carnelian.engine.session cimport INTERNAL
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport (
    TYPE_HASH, TYPE_LIST, TYPE_SET, TYPE_STRING, TYPE_ZSET, Entry, entry_type,
)
from carnelian.types.hash.value cimport hash_find
from carnelian.types.list.value cimport list_count, list_create, list_next, list_push, list_seek
from carnelian.types.set.value cimport SetIter, set_count, set_iter_init, set_iter_next
from carnelian.types.string.value cimport text_value
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_count, zset_iter, zset_iter_end, zset_next,
)
from carnelian.resp.reply cimport reply_array, reply_int, reply_null, reply_slice

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, WRONG_TYPE, error

command = family("generic")

cdef struct Item:
    Slice element
    Slice weight               # ptr NULL: there is none
    double score


cdef int compare_scores(const void *a, const void *b) noexcept nogil:
    cdef const Item *left = <const Item *>a
    cdef const Item *right = <const Item *>b
    cdef int order = (left.score > right.score) - (left.score < right.score)
    if order == 0:
        order = member_compare(left.element, right.element)
    return order


cdef int compare_elements(const void *a, const void *b) noexcept nogil:
    return member_compare((<const Item *>a).element, (<const Item *>b).element)


cdef int compare_weights(const void *a, const void *b) noexcept nogil:
    cdef const Item *left = <const Item *>a
    cdef const Item *right = <const Item *>b
    cdef int order
    if left.weight.ptr == NULL or right.weight.ptr == NULL:
        order = (left.weight.ptr != NULL) - (right.weight.ptr != NULL)
    else:
        order = member_compare(left.weight, right.weight)
    # Redis leaves the order of equal texts open.
    if order == 0:
        order = member_compare(left.element, right.element)
    return order


cdef int compare_scores_down(const void *a, const void *b) noexcept nogil:
    return compare_scores(b, a)


cdef int compare_elements_down(const void *a, const void *b) noexcept nogil:
    return compare_elements(b, a)


cdef int compare_weights_down(const void *a, const void *b) noexcept nogil:
    return compare_weights(b, a)


cdef class Sorter:
    cdef Item *items
    cdef size_t count
    cdef size_t first              # of the run that LIMIT leaves
    cdef size_t end
    cdef Slice *outputs            # ptr NULL: nil
    cdef size_t output_count
    cdef char *arena
    cdef char *name                # of the key a pattern leads to
    cdef size_t name_capacity
    cdef Slice by                  # ptr NULL: by the elements themselves
    cdef bint unsorted
    cdef bint alpha
    cdef bint descending
    cdef int64_t limit_offset
    cdef int64_t limit_count
    cdef int store                 # argument with the destination, 0: none
    cdef list gets                 # arguments with GET's patterns

    def __cinit__(self):
        self.limit_count = -1
        self.gets = []

    def __dealloc__(self):
        mem_free(self.items)
        mem_free(self.outputs)
        mem_free(self.arena)
        mem_free(self.name)

    # --- options ---

    cdef int parse(self, Call call, bint may_store) except -1:
        cdef int i = 2
        cdef int left
        while i < call.argc:
            left = call.argc - i - 1
            if call.is_word(i, b"asc"):
                self.descending = False
            elif call.is_word(i, b"desc"):
                self.descending = True
            elif call.is_word(i, b"alpha"):
                self.alpha = True
            elif left >= 2 and call.is_word(i, b"limit"):
                self.limit_offset = call.int(i + 1)
                self.limit_count = call.int(i + 2)
                i += 2
            elif left >= 1 and may_store and call.is_word(i, b"store"):
                self.store = i + 1
                i += 1
            elif left >= 1 and call.is_word(i, b"by"):
                self.set_by(call, call.argv[i + 1])
                i += 1
            elif left >= 1 and call.is_word(i, b"get"):
                self.add_get(call, i + 1)
                i += 1
            else:
                raise SYNTAX
            i += 1
        return 0

    cdef int set_by(self, Call call, Slice pattern) except -1:
        self.by = pattern
        if memchr(pattern.ptr, c'*', pattern.len) == NULL:
            self.unsorted = True
        elif call.engine.host.configuration.cluster_enabled:
            raise error("BY option of SORT denied in Cluster mode when keys formed by the pattern"
                        " may be in different slots.")
        return 0

    cdef int add_get(self, Call call, int i) except -1:
        if call.bytes(i) != b"#" and call.engine.host.configuration.cluster_enabled:
            raise error("GET option of SORT denied in Cluster mode when keys formed by the pattern"
                        " may be in different slots.")
        self.gets.append(i)
        return 0

    # --- loading ---

    cdef void load(self, Entry *e):
        cdef int type = entry_type(e)
        if type == TYPE_LIST:
            self.load_list(e)
        elif type == TYPE_SET:
            self.load_set(e)
        else:
            self.load_sorted_set(e)

    cdef void reserve(self, size_t count):
        self.items = <Item *>mem_alloc(count * sizeof(Item))
        memset(self.items, 0, count * sizeof(Item))

    cdef void load_list(self, Entry *e):
        cdef QuicklistCursor cursor
        cdef bint backward = self.unsorted and self.descending
        self.reserve(list_count(e))
        list_seek(e, list_count(e) - 1 if backward else 0, backward, &cursor)
        while list_next(&cursor, &self.items[self.count].element):
            self.count += 1

    cdef void load_set(self, Entry *e):
        cdef SetIter it
        cdef SetMember m
        cdef size_t bytes = 0
        cdef char *p
        # An integer member has no bytes that last: all are copied.
        set_iter_init(&it, e)
        while set_iter_next(&it, &m):
            bytes += m.text.len
        p = self.arena = <char *>mem_alloc(bytes + 1)
        self.reserve(set_count(e))
        set_iter_init(&it, e)
        while set_iter_next(&it, &m):
            memcpy(p, m.text.ptr, m.text.len)
            self.items[self.count].element = slice_of(p, m.text.len)
            self.count += 1
            p += m.text.len

    cdef void load_sorted_set(self, Entry *e):
        cdef bint backward = self.unsorted and self.descending
        cdef ZsetIter it
        self.reserve(zset_count(e))
        zset_iter(&it, e, zset_count(e) - 1 if backward else 0, backward)
        while zset_next(&it):
            self.items[self.count].element = it.member
            self.count += 1
        zset_iter_end(&it)

    # --- what patterns lead to ---

    cdef Slice look_up(self, Call call, Slice pattern, Slice element):
        """The string at the key, or in the hash field, that the pattern names; ptr NULL: none."""
        cdef Engine engine = call.engine
        cdef Slice field
        cdef KeyRef ref
        cdef size_t n
        cdef Slice nothing = slice_of(NULL, 0)
        if pattern.len == 1 and pattern.ptr[0] == c'#':
            return element
        if not self.make_name(pattern, element, &n, &field):
            return nothing
        engine.expiry.find(&ref, call.db, self.name, n)
        if ref.slot == NULL:
            engine.stats.misses += 1
            if unlikely(engine.armed & ARMED_NOTIFY):
                engine.effects.notify(NOTIFY_KEY_MISS, b"keymiss", call.db, self.name, n)
            return nothing
        engine.stats.hits += 1
        if field.ptr == NULL:
            return text_value(ref.slot[0]) if entry_type(ref.slot[0]) == TYPE_STRING else nothing
        if entry_type(ref.slot[0]) != TYPE_HASH:
            return nothing
        return hash_field(
            ref.slot[0], field, 0 if engine.expiry.is_replay() else engine.now_ms)

    cdef bint make_name(self, Slice pattern, Slice element, size_t *n, Slice *field) noexcept:
        """Put the element in place of the star; what follows `->` is a field."""
        cdef const char *star = <const char *>memchr(pattern.ptr, c'*', pattern.len)
        cdef const char *end = pattern.ptr + pattern.len
        cdef const char *p
        field[0] = slice_of(NULL, 0)
        if star == NULL:
            return False
        p = star + 1
        while p + 2 < end:
            if p[0] == c'-' and p[1] == c'>':
                field[0] = slice_of(p + 2, end - p - 2)
                end = p
                break
            p += 1
        n[0] = <size_t>(end - pattern.ptr) - 1 + element.len
        if n[0] > self.name_capacity:
            self.name_capacity = n[0] * 2
            self.name = <char *>mem_realloc(self.name, self.name_capacity)
        memcpy(self.name, pattern.ptr, star - pattern.ptr)
        memcpy(self.name + (star - pattern.ptr), element.ptr, element.len)
        memcpy(self.name + (star - pattern.ptr) + element.len, star + 1, end - star - 1)
        return True

    # --- sorting ---

    cdef void limit(self):
        cdef size_t offset = <size_t>min(max(self.limit_offset, 0), <int64_t>self.count)
        cdef size_t left = self.count - offset
        self.first = offset
        self.end = self.count
        if self.limit_count >= 0 and self.limit_count < <int64_t>left:
            self.end = offset + <size_t>self.limit_count

    cdef int weigh(self, Call call) except -1:
        cdef size_t i
        cdef Slice weight
        for i in range(self.count):
            weight = self.items[i].element
            if self.by.ptr != NULL:
                weight = self.look_up(call, self.by, weight)
            if self.alpha:
                self.items[i].weight = weight
            elif weight.ptr != NULL and not parse_weight(weight, &self.items[i].score):
                raise error("One or more scores can't be converted into double")
        return 0

    cdef int sort(self, Call call) except -1:
        cdef bint down = self.descending
        if not self.alpha:
            self.weigh(call)
            qsort(self.items, self.count, sizeof(Item),
                  compare_scores_down if down else compare_scores)
        elif self.by.ptr == NULL:
            qsort(self.items, self.count, sizeof(Item),
                  compare_elements_down if down else compare_elements)
        else:
            self.weigh(call)
            qsort(self.items, self.count, sizeof(Item),
                  compare_weights_down if down else compare_weights)
        return 0

    cdef void collect(self, Call call):
        cdef size_t gets = len(self.gets)
        cdef size_t i
        self.output_count = (self.end - self.first) * (gets if gets else 1)
        self.outputs = <Slice *>mem_alloc((self.output_count + 1) * sizeof(Slice))
        self.output_count = 0
        for i in range(self.first, self.end):
            if gets == 0:
                self.outputs[self.output_count] = self.items[i].element
                self.output_count += 1
            for get in self.gets:
                self.outputs[self.output_count] = self.look_up(
                    call, call.argv[<int>get], self.items[i].element)
                self.output_count += 1


cdef Slice hash_field(Entry *e, Slice name, int64_t now_ms) noexcept nogil:
    cdef HashField field
    if hash_find(e, name, &field) and not 0 < field.expires_ms < now_ms:
        return field.value
    return slice_of(NULL, 0)


cdef bint parse_weight(Slice text, double *score) noexcept nogil:
    if text.len == 0:
        score[0] = 0
        return True
    return parse_double(text.ptr, text.len, score)


cdef void reply_outputs(Call call, Sorter sorter):
    cdef size_t i
    reply_array(call.reply, <int64_t>sorter.output_count)
    for i in range(sorter.output_count):
        if sorter.outputs[i].ptr == NULL:
            reply_null(call.reply)
        else:
            reply_slice(call.reply, sorter.outputs[i])


cdef void store_outputs(Call call, Sorter sorter):
    """The outputs may lie in the very list they replace: they are copied first."""
    cdef KeyRef ref
    cdef size_t total = 0
    cdef size_t i
    cdef char *copy
    cdef char *p
    cdef bint renewed
    for i in range(sorter.output_count):
        total += sorter.outputs[i].len
    p = copy = <char *>mem_alloc(total + 1)
    for i in range(sorter.output_count):
        if sorter.outputs[i].len:
            memcpy(p, sorter.outputs[i].ptr, sorter.outputs[i].len)
        sorter.outputs[i].ptr = p
        p += sorter.outputs[i].len
    call.find_to_write(sorter.store, &ref)
    renewed = ref.slot != NULL
    if sorter.output_count == 0:
        if ref.slot != NULL:
            call.remove(&ref)
            call.changed(&ref, NOTIFY_GENERIC, b"del")
    else:
        if renewed:
            call.remove(&ref)
        list_create(&ref)
        list_push(&ref, False, sorter.outputs, sorter.output_count)
        if renewed:
            call.renewed(&ref)
        else:
            call.added(&ref)
        call.changed(&ref, NOTIFY_LIST, b"sortstore")
        call.dirty += <int64_t>sorter.output_count - 1
    mem_free(copy)
    reply_int(call.reply, <int64_t>sorter.output_count)


cdef int sort_key(Call call, bint may_store) except -1:
    cdef Sorter sorter = Sorter()
    cdef KeyRef ref
    cdef int type = TYPE_LIST
    sorter.parse(call, may_store)
    call.find(1, &ref)
    if ref.slot != NULL:
        type = entry_type(ref.slot[0])
        if type not in (TYPE_LIST, TYPE_SET, TYPE_ZSET):
            raise WRONG_TYPE
        # What is stored or seen by a script must not depend on the order of a hash table.
        if type == TYPE_SET and sorter.unsorted and (
                sorter.store or call.session.flags & INTERNAL):
            sorter.unsorted = False
            sorter.alpha = True
            sorter.by.ptr = NULL
        sorter.load(ref.slot[0])
    if not sorter.unsorted:
        sorter.sort(call)
    sorter.limit()
    sorter.collect(call)
    if sorter.store:
        store_outputs(call, sorter)
    else:
        reply_outputs(call, sorter)
    return 0


cdef int sort(Call call) except -1:
    return sort_key(call, True)


cdef int sort_ro(Call call) except -1:
    return sort_key(call, False)


# Of the key specs, as COMMAND INFO shows them.
BY_OR_GET = ("For the optional BY/GET keyword. It is marked 'unknown' because the key names derive"
             " from the content of the key we sort")
STORED = ("For the optional STORE keyword. It is marked 'unknown' because the keyword can appear"
          " anywhere in the argument array")

command(handler(sort), "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]"
        " [ASC | DESC] [ALPHA] [STORE destination]", WRITES | DENY_OOM, since="1.0.0",
        cost="O(N + N*log(N)) for N elements, and a look-up of a key for each BY and GET",
        about="Sort a list, set or sorted set; reply with the result or store it.",
        keys=("1 RO access", "? RO access", "? OW update"), key_finder="sort",
        key_notes=("", BY_OR_GET, STORED),
        acl="set sortedset list dangerous")
command(handler(sort_ro), "SORT_RO key [BY pattern] [LIMIT offset count]"
        " [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]", READS, since="7.0.0",
        cost="O(N + N*log(N)) for N elements, and a look-up of a key for each BY and GET",
        about="Sort a list, set or sorted set.",
        keys=("1 RO access", "? RO access"), key_finder="sort_ro", key_notes=("", BY_OR_GET),
        acl="set sortedset list dangerous")
