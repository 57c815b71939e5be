"""Finding keys natively; see keys.pxd."""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.slice cimport Slice, slice_is
from carnelian.declare.flags cimport (
    KEY_ACCESS, KEY_INCOMPLETE, KEY_NOT_KEY, KEY_RO, KEY_VARIABLE_FLAGS, KEYS_CHANGED,
    KEYS_REPLACED, KEYS_TAKEN,
)

cdef enum:
    COUNT_DIGITS_MAX = 18


cdef void add(KeysFound *found, int index, uint32_t flags) noexcept nogil:
    cdef FoundKey *items
    cdef bint full = found.count == (KEYS_INLINE if found.more == NULL else found.capacity)
    if full:
        found.capacity = found.count * 2
        items = <FoundKey *>mem_realloc(
            found.more, <size_t>found.capacity * sizeof(FoundKey))
        if found.more == NULL:
            memcpy(items, found.few, sizeof(found.few))
        found.more = items
    items = keys_items(found)
    items[found.count].index = index
    items[found.count].flags = flags
    found.count += 1


cdef void keys_free(KeysFound *found) noexcept nogil:
    mem_free(found.more)
    found.more = NULL
    found.count = found.capacity = 0


# --- key specs ---

cdef int place_after_keyword(const KeyRule *rule, const Slice *argv, int argc) noexcept nogil:
    """The index behind the rule's keyword, sought from `index` on or, if that counts from the end,
    backwards; 0 if it is not there."""
    cdef int at
    if rule.index > 0:
        # The last argument cannot be the keyword: nothing would follow it.
        for at in range(rule.index, argc - 1):
            if slice_is(argv[at], rule.keyword):
                return at + 1
        return 0
    at = argc + rule.index
    while at > 1:
        if at < argc and slice_is(argv[at], rule.keyword):
            return at + 1
        at -= 1
    return 0


cdef int64_t count_of(Slice text) noexcept nogil:
    """The count of keys that an argument tells; -1 if it is none."""
    cdef int64_t value = 0
    cdef size_t i
    if text.len == 0 or text.len > COUNT_DIGITS_MAX or (text.len > 1 and text.ptr[0] == 48):
        return -1
    for i in range(text.len):
        if not 48 <= text.ptr[i] <= 57:
            return -1
        value = value * 10 + text.ptr[i] - 48
    return value


cdef bint add_by_rule(
    const KeyRule *rule, const Slice *argv, int argc, KeysFound *found
) noexcept nogil:
    """Add the keys of one spec. False if it cannot tell, or the call is malformed."""
    cdef int64_t first = rule.index
    cdef int64_t last
    cdef int64_t count
    if rule.unknown:
        return False
    if rule.keyword[0]:
        first = place_after_keyword(rule, argv, argc)
        if first == 0:
            return True            # an optional keyword that is not there
    if rule.count_at >= 0:
        if not 0 < first + rule.count_at < argc:
            return False
        count = count_of(argv[first + rule.count_at])
        if count > argc:
            return False
        first += rule.first
        last = first + (count - 1) * rule.step if count >= 0 else -1
    elif rule.last >= 0:
        last = first + rule.last
    elif rule.limit:
        last = first + (argc - first) // rule.limit + rule.last
    else:
        last = argc + rule.last
    if not 0 < first <= last < argc:
        return False
    while first <= last:
        add(found, <int>first, rule.flags)
        first += rule.step
    return not rule.flags & KEY_INCOMPLETE


cdef bint add_by_rules(
    KeyPlan plan, const Slice *argv, int argc, KeysFound *found
) noexcept nogil:
    cdef int i
    for i in range(plan.rule_count):
        if not add_by_rule(&plan.rules[i], argv, argc, found):
            found.count = 0
            return False
    return True


cdef void keys_find_by_plan(
    KeyPlan plan, const Slice *argv, int argc, KeysFound *found
) noexcept nogil:
    """The specs come first, as in Redis; the finder is asked when they cannot tell the keys, or
    when what is done to a key depends on the arguments."""
    if plan.rule_count and not plan.asks_finder and add_by_rules(plan, argv, argc, found):
        return
    if plan.finder != NULL:
        plan.finder(argv, argc, found)


# --- commands whose keys depend on their options ---

cdef void find_set(const Slice *argv, int argc, KeysFound *found) noexcept nogil:
    """The old value is read only if GET asks for it."""
    cdef uint32_t flags = KEYS_REPLACED
    cdef int i
    if argc < 2:
        return
    for i in range(3, argc):
        if slice_is(argv[i], b"get"):
            flags = KEYS_CHANGED
    add(found, 1, flags)


cdef void find_bitfield(const Slice *argv, int argc, KeysFound *found) noexcept nogil:
    """A read if there is nothing but GET."""
    cdef int at = 2
    cdef int operands
    if argc < 2:
        return
    while at < argc:
        operands = 2 if slice_is(argv[at], b"get") else 1 if slice_is(argv[at], b"overflow") else 0
        if operands == 0 or at + operands >= argc:
            add(found, 1, KEYS_CHANGED)
            return
        at += operands + 1
    add(found, 1, KEY_RO | KEY_ACCESS)


cdef void find_sort_ro(const Slice *argv, int argc, KeysFound *found) noexcept nogil:
    """Only the key that is sorted; what BY and GET name is known only by sorting."""
    if argc > 1:
        add(found, 1, KEY_RO | KEY_ACCESS)


cdef void find_sort(const Slice *argv, int argc, KeysFound *found) noexcept nogil:
    """The key, and that of the last STORE."""
    cdef int store = 0
    cdef int at = 2
    find_sort_ro(argv, argc, found)
    while at < argc:
        if slice_is(argv[at], b"store") and at + 1 < argc:
            store = at + 1
        elif slice_is(argv[at], b"limit"):
            at += 2
        elif slice_is(argv[at], b"get") or slice_is(argv[at], b"by"):
            at += 1
        at += 1
    if store:
        add(found, store, KEYS_REPLACED)


cdef void find_migrate(const Slice *argv, int argc, KeysFound *found) noexcept nogil:
    """The third argument, or if that is empty all that follows KEYS."""
    cdef int at = 6
    while at < argc:
        if slice_is(argv[at], b"keys"):
            # A key in both places is an error that the command itself reports.
            if argv[3].len == 0:
                for at in range(at + 1, argc):
                    add(found, at, KEYS_TAKEN)
            return
        at += 3 if slice_is(argv[at], b"auth2") else 2 if slice_is(argv[at], b"auth") else 1
    if argc > 3:
        add(found, 3, KEYS_TAKEN)


cdef key_finder_t finder_named(str name) except? NULL:
    """The finder that a declaration asks for."""
    if name == "set":
        return find_set
    if name == "bitfield":
        return find_bitfield
    if name == "sort":
        return find_sort
    if name == "sort_ro":
        return find_sort_ro
    if name == "migrate":
        return find_migrate
    raise ValueError(f"no key finder {name!r}")


cdef class KeyPlan:
    """Made of a declaration; see keys.pxd."""

    def __init__(self, declaration):
        cdef KeyRule *rule
        cdef bytes keyword
        if declaration.key_finder:
            self.finder = finder_named(declaration.key_finder)
        for spec in declaration.key_specs:
            if spec.flags & KEY_NOT_KEY:
                continue
            keyword = spec.keyword.lower().encode()
            if self.rule_count == KEY_RULES_MAX or len(keyword) > KEYWORD_LEN_MAX:
                raise ValueError(f"too many or too long key specs of {declaration.full_name}")
            rule = &self.rules[self.rule_count]
            rule.flags = spec.flags
            rule.index = spec.index
            rule.last = spec.last
            rule.step = spec.step
            rule.limit = spec.limit
            rule.count_at = spec.count_at
            rule.first = spec.first
            rule.unknown = spec.unknown
            memcpy(rule.keyword, <const char *>keyword, <size_t>len(keyword))
            self.asks_finder = self.asks_finder or spec.flags & KEY_VARIABLE_FLAGS != 0
            self.rule_count += 1
