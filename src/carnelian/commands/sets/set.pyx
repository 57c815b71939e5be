"""The set commands that work on one set, and SMOVE."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.random cimport random_below
from carnelian.encodings.member_set cimport (
    SetMember, member_of_text, member_of_word, member_set_prefetch, member_set_take_random,
    member_text, member_word_free, member_word_prefetch,
)
from carnelian.encodings.table cimport Table
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_SET
from carnelian.engine.removal cimport removal_name
from carnelian.engine.scanning cimport (
    Scan, scan_begin, scan_cursor, scan_end, scan_matches, scan_options, scan_reply, scan_table,
)
from carnelian.keyspace.database cimport KeyRef, key_again
from carnelian.keyspace.entry cimport TYPE_SET, Entry, entry_type
from carnelian.types.set.value cimport (
    SetIter, set_add, set_count, set_entry_new, set_expect, set_has, set_iter_init,
    set_iter_next, set_random, set_remove, set_table,
)
from carnelian.keyspace.value cimport entry_free
from carnelian.resp.reply cimport (
    reply_array, reply_empty_array, reply_int, reply_null, reply_set, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NOT_POSITIVE, OUT_OF_RANGE, SYNTAX, WRONG_TYPE, error
from carnelian.declare.flags import KEYS_EXTENDED, KEYS_INSPECTED, KEYS_TAKEN

command = family("set")

cdef enum:
    INTSET_ENTRIES_MAX = 1 << 27       # whatever the configuration says
    SREM_BATCH = 1024          # members per propagated SREM of an SPOP
    REMOVED_AT_ONCE = 16       # members whose places SREM has fetched before it removes any
    POPPED_AHEAD = 8           # ... and SPOP before it replies with them
    SWEEP_SHARE = 16           # a pass over the table is cheaper than drawing this part of a set
    REPEATED_MAX = 1 << 26     # members in one SRANDMEMBER reply with repetition
    SAMPLING_FACTOR = 3        # below a third of the set members are drawn, above they are sifted

cdef int64_t INT64_LARGEST = 0x7FFFFFFFFFFFFFFF
NOT_IN_RANGE = error(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807")


def attach(Engine engine, config):
    """Follow the thresholds of the small encodings."""
    names = ("set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value")

    def follow():
        engine.limits.set_intset_max = min(config.set_max_intset_entries, INTSET_ENTRIES_MAX)
        engine.limits.set_entries_max = config.set_max_listpack_entries
        engine.limits.set_value_max = config.set_max_listpack_value

    config.on_any_change(names, follow)


# --- adding and removing ---

cdef int sadd(Call call) except -1:
    cdef KeyRef ref
    cdef KeyRef target
    cdef Entry *fresh = NULL
    cdef SetMember m
    cdef int64_t added = 0
    cdef size_t hint = call.argc - 2
    cdef int i
    if not call.find_typed_to_write(1, TYPE_SET, &ref):
        member_of_text(call.argv[2], &m)
        fresh = set_entry_new(ref.key, ref.len, &m, hint, call.db.limits)
    target = ref
    if fresh != NULL:
        target.slot = &fresh
    elif hint > 1:
        set_expect(&target, hint)
    for i in range(2, call.argc):
        member_of_text(call.argv[i], &m)
        added += set_add(&target, &m)
    if fresh != NULL:
        call.link(&ref, fresh)
    if added:
        call.changed(&ref, NOTIFY_SET, b"sadd")
        call.dirty += added - 1
    reply_int(call.reply, added)
    return 0


command(handler(sadd), "SADD key member [member ...]", WRITES | DENY_OOM | FAST, since="1.0.0",
        cost="O(1) for each member", about="Add members to a set, creating it if need be.",
        key_flags=KEYS_EXTENDED,
        history=(("2.4.0", "Several members at once."),))


cdef void drop_if_empty(Call call, KeyRef *ref):
    if set_count(ref.slot[0]) == 0:
        call.remove(ref)
        call.notify(NOTIFY_GENERIC, b"del", ref)


cdef int64_t remove_members(Call call, KeyRef *ref) noexcept:
    """Those named from the second argument on; how many there were."""
    cdef SetMember m[REMOVED_AT_ONCE]
    cdef Table *table = set_table(ref.slot[0])
    cdef int64_t removed = 0
    cdef int first = 2
    cdef int count
    cdef int i
    while first < call.argc:
        count = min(call.argc - first, <int>REMOVED_AT_ONCE)
        for i in range(count):
            member_of_text(call.argv[first + i], &m[i])
        if table != NULL and count > 1:
            member_set_prefetch(table, m, count)
        for i in range(count):
            if set_remove(ref, &m[i]):
                removed += 1
                if set_count(ref.slot[0]) == 0:
                    return removed
        first += count
    return removed


cdef int srem(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t removed = 0
    if call.find_typed_to_write(1, TYPE_SET, &ref):
        removed = remove_members(call, &ref)
    if removed:
        call.changed(&ref, NOTIFY_SET, b"srem")
        call.dirty += removed - 1
        drop_if_empty(call, &ref)
    reply_int(call.reply, removed)
    return 0


command(handler(srem), "SREM key member [member ...]", WRITES | FAST, since="1.0.0",
        cost="O(1) for each member",
        about="Remove members from a set; a set without members is gone.",
        history=(("2.4.0", "Several members at once."),))


cdef int smove(Call call) except -1:
    cdef KeyRef source
    cdef KeyRef target
    cdef SetMember m
    cdef Entry *fresh = NULL
    cdef bint same
    member_of_text(call.argv[3], &m)
    call.find_to_write(1, &source)
    call.find_to_write(2, &target)
    key_again(&source)
    if source.slot == NULL:
        reply_int(call.reply, 0)
        return 0
    if entry_type(source.slot[0]) != TYPE_SET or (
        target.slot != NULL and entry_type(target.slot[0]) != TYPE_SET
    ):
        raise WRONG_TYPE
    same = target.slot == source.slot
    if same or not set_has(source.slot[0], &m):
        reply_int(call.reply, same and set_has(source.slot[0], &m))
        return 0
    set_remove(&source, &m)
    call.changed(&source, NOTIFY_SET, b"srem")
    drop_if_empty(call, &source)
    key_again(&target)
    if target.slot == NULL:
        fresh = set_entry_new(target.key, target.len, &m, 1, call.db.limits)
        call.link(&target, fresh)
    if set_add(&target, &m):
        call.changed(&target, NOTIFY_SET, b"sadd")
    reply_int(call.reply, 1)
    return 0


command(handler(smove), "SMOVE source destination member", WRITES | FAST, since="1.0.0",
        cost="O(1)", about="Move a member from one set to another.")


# --- asking ---

cdef int sismember(Call call) except -1:
    cdef KeyRef ref
    cdef SetMember m
    member_of_text(call.argv[2], &m)
    reply_int(call.reply, call.find_typed(1, TYPE_SET, &ref) and set_has(ref.slot[0], &m))
    return 0


command(handler(sismember), "SISMEMBER key member", READS | FAST, since="1.0.0", cost="O(1)",
        about="Say whether something is a member of a set.", key_flags=KEYS_INSPECTED)


cdef int smismember(Call call) except -1:
    cdef KeyRef ref
    cdef SetMember m
    cdef bint found = call.find_typed(1, TYPE_SET, &ref)
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        member_of_text(call.argv[i], &m)
        reply_int(call.reply, found and set_has(ref.slot[0], &m))
    return 0


command(handler(smismember), "SMISMEMBER key member [member ...]", READS | FAST, since="6.2.0",
        cost="O(1) for each member", about="Say of several things whether they are members.")


cdef int scard(Call call) except -1:
    cdef KeyRef ref
    reply_int(call.reply, <int64_t>set_count(ref.slot[0]) if (
        call.find_typed(1, TYPE_SET, &ref)) else 0)
    return 0


command(handler(scard), "SCARD key", READS | FAST, since="1.0.0", cost="O(1)",
        about="Return how many members a set has.", key_flags=KEYS_INSPECTED)


cdef void reply_members(Call call, Entry *e) noexcept:
    cdef SetIter it
    cdef SetMember m
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        reply_slice(call.reply, m.text)


cdef int smembers(Call call) except -1:
    cdef KeyRef ref
    if not call.find_typed(1, TYPE_SET, &ref):
        reply_set(call.reply, 0)
        return 0
    reply_set(call.reply, <int64_t>set_count(ref.slot[0]))
    reply_members(call, ref.slot[0])
    return 0


command(handler(smembers), "SMEMBERS key", READS, since="1.0.0",
        cost="O(N) where N is the size of the set", about="Return all members of a set.",
        tips=("nondeterministic_output_order",))


# --- at random ---

cdef int pop_one(Call call, KeyRef *ref) except -1:
    cdef SetMember m
    set_random(ref.slot[0], &m)
    reply_slice(call.reply, m.text)
    if call.propagates():
        call.propagate_as([b"SREM", call.bytes(1), m.text.ptr[:m.text.len]])
    set_remove(ref, &m)
    call.changed(ref, NOTIFY_SET, b"spop")
    drop_if_empty(call, ref)
    return 0


cdef int pop_some(Call call, KeyRef *ref, int64_t count) except -1:
    cdef SetMember m
    cdef int64_t left = count
    cdef list line = None
    reply_set(call.reply, count)
    if call.propagates():
        line = [b"SREM", call.bytes(1)]
    while left:
        set_random(ref.slot[0], &m)
        reply_slice(call.reply, m.text)
        left -= 1
        if line is not None:
            line.append(m.text.ptr[:m.text.len])
            if len(line) == SREM_BATCH + 2 or left == 0:
                call.propagate_as(line)
                line = [b"SREM", call.bytes(1)]
        set_remove(ref, &m)
    call.changed(ref, NOTIFY_SET, b"spop")
    call.dirty += count - 1
    return 0


cdef int reply_popped(Call call, void **words, int64_t count) except -1:
    """Members that are out of the set already: to the reply, and to the replicas."""
    cdef SetMember m
    cdef bint tell = call.propagates()
    cdef int64_t i
    cdef list line = []
    for i in range(count):
        member_word_prefetch(words[min(i + POPPED_AHEAD, count - 1)])
        member_of_word(words[i], &m)
        reply_slice(call.reply, m.text)
        if tell:
            line.append(m.text.ptr[:m.text.len])
            if len(line) == SREM_BATCH or i == count - 1:
                call.propagate_as([b"SREM", call.bytes(1), *line])
                line = []
        member_word_free(words[i])
    return 0


cdef int pop_many(Call call, KeyRef *ref, int64_t count) except -1:
    """A good part of a big set, in one pass over its table."""
    cdef void **words = <void **>mem_alloc(sizeof(void *) * count)
    member_set_take_random(set_table(ref.slot[0]), <size_t>count, words)
    reply_set(call.reply, count)
    try:
        reply_popped(call, words, count)
    finally:
        mem_free(words)
    call.changed(ref, NOTIFY_SET, b"spop")
    call.dirty += count - 1
    return 0


cdef int pop_all(Call call, KeyRef *ref) except -1:
    cdef int64_t count = <int64_t>set_count(ref.slot[0])
    reply_set(call.reply, count)
    reply_members(call, ref.slot[0])
    if call.propagates():
        lazily = call.engine.host.configuration.lazyfree_lazy_server_del
        call.propagate_as([removal_name(lazily), call.bytes(1)])
    call.changed(ref, NOTIFY_SET, b"spop")
    call.dirty += count - 1
    call.remove(ref)
    call.notify(NOTIFY_GENERIC, b"del", ref)
    return 0


cdef int64_t positive(Call call, int i, failure) except -1:
    """An argument from 0 on; anything else is that error."""
    try:
        return call.int_between(i, 0, INT64_LARGEST)
    except Exception:
        raise failure from None


cdef int spop(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t count
    if call.argc > 3:
        raise SYNTAX
    if call.argc == 2:
        if not call.find_typed_to_write(1, TYPE_SET, &ref):
            reply_null(call.reply)
            return 0
        return pop_one(call, &ref)
    count = positive(call, 2, NOT_POSITIVE)
    if not call.find_typed_to_write(1, TYPE_SET, &ref) or count == 0:
        reply_set(call.reply, 0)
        return 0
    if <size_t>count >= set_count(ref.slot[0]):
        return pop_all(call, &ref)
    if set_table(ref.slot[0]) != NULL and <size_t>count > set_count(ref.slot[0]) // SWEEP_SHARE:
        return pop_many(call, &ref, count)
    return pop_some(call, &ref, count)


command(handler(spop), "SPOP key [count]", WRITES | FAST, since="1.0.0",
        cost="O(N) where N is how many members are asked for",
        about="Remove and return random members of a set.", key_flags=KEYS_TAKEN,
        tips=("nondeterministic_output",), history=(("3.2.0", "The count."),))


cdef void sift_members(Call call, Entry *e, int64_t count) noexcept:
    """So many different members in one pass, each choice equally likely."""
    cdef SetIter it
    cdef SetMember m
    cdef uint64_t left = set_count(e)
    cdef uint64_t wanted = <uint64_t>count
    set_iter_init(&it, e)
    while wanted and set_iter_next(&it, &m):
        if random_below(left) < wanted:
            reply_slice(call.reply, m.text)
            wanted -= 1
        left -= 1


cdef void draw_members(Call call, Entry *e, int64_t count) noexcept:
    """So many different members of a set that is much larger."""
    cdef Entry *drawn = NULL
    cdef KeyRef target
    cdef SetMember m
    target.db = call.db
    while count:
        set_random(e, &m)
        if drawn == NULL:
            drawn = set_entry_new(b"", 0, &m, <size_t>count, call.db.limits)
            target.slot = &drawn
        if set_add(&target, &m):
            reply_slice(call.reply, m.text)
            count -= 1
    entry_free(drawn)


cdef int random_members(Call call, Entry *e, int64_t count) except -1:
    cdef SetMember m
    cdef int64_t size = <int64_t>set_count(e)
    if count < 0:
        if count < -REPEATED_MAX:
            raise OUT_OF_RANGE
        reply_array(call.reply, -count)
        while count:
            set_random(e, &m)
            reply_slice(call.reply, m.text)
            count += 1
        return 0
    reply_array(call.reply, count if count < size else size)
    if count >= size:
        reply_members(call, e)
    elif count * SAMPLING_FACTOR > size or set_table(e) == NULL:
        sift_members(call, e, count)
    else:
        draw_members(call, e, count)
    return 0


cdef int srandmember(Call call) except -1:
    cdef KeyRef ref
    cdef SetMember m
    cdef int64_t count
    if call.argc > 3:
        raise SYNTAX
    if call.argc == 2:
        if call.find_typed(1, TYPE_SET, &ref):
            set_random(ref.slot[0], &m)
            reply_slice(call.reply, m.text)
        else:
            reply_null(call.reply)
        return 0
    count = call.int(2)
    if count < -INT64_LARGEST:
        raise NOT_IN_RANGE
    if not call.find_typed(1, TYPE_SET, &ref) or count == 0:
        reply_empty_array(call.reply)
        return 0
    return random_members(call, ref.slot[0], count)


command(handler(srandmember), "SRANDMEMBER key [count]", READS, since="1.0.0",
        cost="O(N) where N is how many members are asked for",
        about="Return random members of a set, with repetition when the count is negative.",
        tips=("nondeterministic_output",), history=(("2.6.0", "The count."),))


# --- SSCAN ---

cdef void scan_small(Call call, Scan *scan, Entry *e) noexcept:
    """A small set is answered at once."""
    cdef SetIter it
    cdef SetMember m
    cdef int64_t matching = 0
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        matching += scan_matches(scan, m.text)
    scan.cursor = 0
    scan_reply(scan, call.reply, matching)
    set_iter_init(&it, e)
    while set_iter_next(&it, &m):
        if scan_matches(scan, m.text):
            reply_slice(call.reply, m.text)


cdef int sscan(Call call) except -1:
    cdef KeyRef ref
    cdef Scan scan
    cdef size_t i
    scan_begin(&scan, scan_cursor(call, 2))
    if not call.find_typed(1, TYPE_SET, &ref):
        scan.cursor = 0            # the options are not even looked at
        scan_reply(&scan, call.reply, 0)
        return 0
    scan_options(call, 3, 0, &scan)
    if set_table(ref.slot[0]) == NULL:
        scan_small(call, &scan, ref.slot[0])
    else:
        scan_table(&scan, set_table(ref.slot[0]))
        scan_reply(&scan, call.reply, <int64_t>scan.count)
        for i in range(scan.count):
            reply_slice(call.reply, member_text(scan.found[i]))
    scan_end(&scan)
    return 0


command(handler(sscan), "SSCAN key cursor [MATCH pattern] [COUNT count]", READS, since="2.8.0",
        cost="O(1) for each call, O(N) for a whole iteration",
        about="Iterate over the members of a set.", tips=("nondeterministic_output",))
