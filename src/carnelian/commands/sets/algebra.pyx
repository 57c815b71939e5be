"""The set commands that combine several sets: intersections, unions, differences, their sizes.

The sets of a call are gathered as entries, which stay where they are until the call changes
something. What is stored is first built beside the database and then linked in one step.
"""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.encodings.member_set cimport SetMember
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_SET
from carnelian.keyspace.key cimport Database, KeyRef
from carnelian.keyspace.entry cimport TYPE_SET, Entry
from carnelian.types.set.value cimport (
    SetIter, set_add, set_count, set_entry_new, set_has, set_iter_init, set_iter_next, set_remove,
    set_settle,
)
from carnelian.keyspace.value cimport entry_free
from carnelian.resp.reply cimport (
    Reply, ReplyMark, reply_defer, reply_int, reply_set_set, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error

command = family("set")

NUMKEYS_NOT_POSITIVE = error("numkeys should be greater than 0")
TOO_FEW_KEYS = error("Number of keys can't be greater than number of args")
LIMIT_NEGATIVE = error("LIMIT can't be negative")
cdef int64_t INT64_LARGEST = 0x7FFFFFFFFFFFFFFF

cdef enum Operation:
    INTERSECTION
    UNION
    DIFFERENCE

# What becomes of the members found: they are replied, kept as a set, or only counted.
cdef struct Outcome:
    Reply *reply               # NULL: no reply of members
    bint keeps
    int64_t count
    int64_t limit              # no more than so many are looked for; 0: no limit
    Database *db               # by whose limits a set is kept
    Entry *kept                # a set beside the database under the name `key`
    const char *key
    size_t key_len


cdef bint keep(Outcome *out, SetMember *m) noexcept nogil:
    """Add to the kept set; whether it is new there."""
    cdef KeyRef target
    if out.kept == NULL:
        out.kept = set_entry_new(out.key, out.key_len, m, 1, out.db.limits)
    target.db = out.db
    target.slot = &out.kept
    return set_add(&target, m)


cdef inline bint emit(Outcome *out, SetMember *m) noexcept nogil:
    """Take a member of the result; whether more are wanted."""
    if out.keeps and not keep(out, m):
        return True
    if out.reply != NULL:
        reply_slice(out.reply, m.text)
    out.count += 1
    return out.count != out.limit


# --- the three operations over entries; NULL is an empty set ---

cdef void sort_by_size(Entry **sets, int n) noexcept nogil:
    """Ascending, in place; few sets are the rule."""
    cdef Entry *e
    cdef size_t size
    cdef int i
    cdef int k
    for i in range(1, n):
        e = sets[i]
        size = set_count(e)
        k = i
        while k and set_count(sets[k - 1]) > size:
            sets[k] = sets[k - 1]
            k -= 1
        sets[k] = e


cdef inline bint in_all(Entry **sets, int n, SetMember *m) noexcept nogil:
    cdef int i
    for i in range(1, n):
        if sets[i] != sets[0] and not set_has(sets[i], m):
            return False
    return True


cdef inline bint in_any(Entry **sets, int n, SetMember *m) noexcept nogil:
    cdef int i
    for i in range(1, n):
        if sets[i] != NULL and set_has(sets[i], m):
            return True
    return False


cdef void intersect(Entry **sets, int n, Outcome *out) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    cdef int i
    for i in range(n):
        if sets[i] == NULL:
            return
    sort_by_size(sets, n)
    set_iter_init(&it, sets[0])
    while set_iter_next(&it, &m):
        if in_all(sets, n, &m) and not emit(out, &m):
            return


cdef void unite(Entry **sets, int n, Outcome *out) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    cdef int i
    for i in range(n):
        if sets[i] == NULL:
            continue
        set_iter_init(&it, sets[i])
        while set_iter_next(&it, &m):
            if not emit(out, &m):
                return


cdef void subtract_by_removal(Entry **sets, int n, Outcome *out) noexcept nogil:
    """Copy the first set and take the others out: cheap when those are small."""
    cdef Outcome copy = out[0]
    cdef KeyRef target
    cdef SetIter it
    cdef SetMember m
    cdef int i
    copy.reply = NULL
    copy.keeps = True
    copy.limit = 0
    unite(sets, 1, &copy)
    target.db = out.db
    target.slot = &copy.kept
    for i in range(1, n):
        if sets[i] == NULL:
            continue
        set_iter_init(&it, sets[i])
        while set_iter_next(&it, &m):
            set_remove(&target, &m)
    if out.keeps:
        out.kept = copy.kept
        out.count = <int64_t>set_count(copy.kept)
        return
    set_iter_init(&it, copy.kept)
    while set_iter_next(&it, &m):
        if not emit(out, &m):
            break
    entry_free(copy.kept)


cdef void subtract(Entry **sets, int n, Outcome *out) noexcept nogil:
    cdef SetIter it
    cdef SetMember m
    cdef size_t probing = 0
    cdef size_t removing = 0
    cdef int i
    if sets[0] == NULL:
        return
    for i in range(n):
        if i and sets[i] == sets[0]:
            return
        if sets[i] != NULL:
            probing += set_count(sets[0])
            removing += set_count(sets[i])
    if probing >> 1 > removing:
        subtract_by_removal(sets, n, out)
        return
    set_iter_init(&it, sets[0])
    while set_iter_next(&it, &m):
        if not in_any(sets, n, &m) and not emit(out, &m):
            return


cdef void combine(Operation operation, Entry **sets, int n, Outcome *out) noexcept nogil:
    if operation == INTERSECTION:
        intersect(sets, n, out)
    elif operation == UNION:
        unite(sets, n, out)
    else:
        subtract(sets, n, out)


# --- the commands ---

cdef void outcome_init(Outcome *out, Database *db) noexcept:
    out.reply = NULL
    out.keeps = False
    out.count = 0
    out.limit = 0
    out.db = db
    out.kept = NULL
    out.key = b""
    out.key_len = 0


cdef int gather_and_combine(
    Call call, Operation operation, int first, int n, Outcome *out
) except -1:
    cdef Entry **sets = <Entry **>mem_alloc(sizeof(Entry *) * n)
    cdef KeyRef ref
    cdef int i
    try:
        for i in range(n):
            sets[i] = ref.slot[0] if call.find_typed(first + i, TYPE_SET, &ref) else NULL
        combine(operation, sets, n, out)
    finally:
        mem_free(sets)
    return 0


cdef int reply_result(Call call, Operation operation) except -1:
    cdef Outcome out
    cdef ReplyMark mark = reply_defer(call.reply)
    outcome_init(&out, call.db)
    out.reply = call.reply
    out.keeps = operation == UNION and call.argc > 2
    gather_and_combine(call, operation, 1, call.argc - 1, &out)
    if out.kept != NULL:
        entry_free(out.kept)
    reply_set_set(call.reply, mark, out.count)
    return 0


cdef int store_result(Call call, Operation operation, const char *event) except -1:
    cdef Outcome out
    cdef KeyRef ref
    cdef KeyRef settled
    outcome_init(&out, call.db)
    out.keeps = True
    out.key = call.argv[1].ptr
    out.key_len = call.argv[1].len
    gather_and_combine(call, operation, 2, call.argc - 2, &out)
    call.find_to_write(1, &ref)
    if out.count:
        settled = ref
        settled.slot = &out.kept
        set_settle(&settled)
        call.replace(&ref, out.kept)
        call.changed(&ref, NOTIFY_SET, event)
    elif ref.slot != NULL:
        call.remove(&ref)
        call.changed(&ref, NOTIFY_GENERIC, b"del")
    if out.count == 0 and out.kept != NULL:
        entry_free(out.kept)
    reply_int(call.reply, out.count)
    return 0


cdef int64_t at_least(Call call, int i, int64_t least, failure) except -1:
    try:
        return call.int_between(i, least, INT64_LARGEST)
    except Exception:
        raise failure from None


cdef int reply_size(Call call, Operation operation) except -1:
    cdef Outcome out
    cdef int64_t numkeys = at_least(call, 1, 1, NUMKEYS_NOT_POSITIVE)
    cdef int i
    if numkeys > call.argc - 2:
        raise TOO_FEW_KEYS
    outcome_init(&out, call.db)
    i = 2 + <int>numkeys
    while i < call.argc:
        if call.is_word(i, b"limit") and i + 1 < call.argc:
            out.limit = at_least(call, i + 1, 0, LIMIT_NEGATIVE)
            i += 2
        elif operation == UNION and call.is_word(i, b"approx"):
            i += 1             # the exact number is a fine approximation
        else:
            raise SYNTAX
    out.keeps = operation == UNION and numkeys > 1
    gather_and_combine(call, operation, 2, <int>numkeys, &out)
    if out.kept != NULL:
        entry_free(out.kept)
    reply_int(call.reply, out.count)
    return 0


cdef int sinter(Call call) except -1:
    return reply_result(call, INTERSECTION)


cdef int sunion(Call call) except -1:
    return reply_result(call, UNION)


cdef int sdiff(Call call) except -1:
    return reply_result(call, DIFFERENCE)


cdef int sinterstore(Call call) except -1:
    return store_result(call, INTERSECTION, b"sinterstore")


cdef int sunionstore(Call call) except -1:
    return store_result(call, UNION, b"sunionstore")


cdef int sdiffstore(Call call) except -1:
    return store_result(call, DIFFERENCE, b"sdiffstore")


cdef int sintercard(Call call) except -1:
    return reply_size(call, INTERSECTION)


cdef int sunioncard(Call call) except -1:
    return reply_size(call, UNION)


cdef int sdiffcard(Call call) except -1:
    return reply_size(call, DIFFERENCE)


INTERSECTING = "O(N*M) at worst where N is the size of the smallest set and M the number of sets"
ALL_MEMBERS = "O(N) where N is the number of members in all sets"

command(handler(sinter), "SINTER key [key ...]", READS, since="1.0.0", cost=INTERSECTING,
        about="Return what several sets have in common.", tips=("nondeterministic_output_order",))

command(handler(sinterstore), "SINTERSTORE destination key [key ...]", WRITES | DENY_OOM,
        since="1.0.0", cost=INTERSECTING, about="Store what several sets have in common.")

command(handler(sintercard), "SINTERCARD numkeys key [key ...] [LIMIT limit]", READS,
        since="7.0.0", cost=INTERSECTING, about="Count what several sets have in common.")

command(handler(sunion), "SUNION key [key ...]", READS, since="1.0.0", cost=ALL_MEMBERS,
        about="Return the members of any of several sets.",
        tips=("nondeterministic_output_order",))

command(handler(sunionstore), "SUNIONSTORE destination key [key ...]", WRITES | DENY_OOM,
        since="1.0.0", cost=ALL_MEMBERS, about="Store the members of any of several sets.")

command(handler(sunioncard), "SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit]", READS,
        since="8.10.0", cost=ALL_MEMBERS, about="Count the members of any of several sets.")

command(handler(sdiff), "SDIFF key [key ...]", READS, since="1.0.0", cost=ALL_MEMBERS,
        about="Return the members of the first set that no other has.",
        tips=("nondeterministic_output_order",))

command(handler(sdiffstore), "SDIFFSTORE destination key [key ...]", WRITES | DENY_OOM,
        since="1.0.0", cost=ALL_MEMBERS,
        about="Store the members of the first set that no other has.")

command(handler(sdiffcard), "SDIFFCARD numkeys key [key ...] [LIMIT limit]", READS,
        since="8.10.0", cost=ALL_MEMBERS,
        about="Count the members of the first set that no other has.")
