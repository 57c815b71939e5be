"""The commands on one list; those between lists and those that wait are in list_move."""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice, slice_equal
from carnelian.commands.lists.pop cimport (
    number_from, number_symmetric, pop_many, pop_one, reply_elements,
)
from carnelian.encodings.quicklist cimport Quicklist, QuicklistCursor
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_LIST
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport ENC_QUICKLIST, TYPE_LIST
from carnelian.types.list.value cimport (
    list_count, list_create, list_cut, list_get, list_grow, list_insert,
    list_next, list_push, list_remove, list_seek, list_set, list_shrunk,
)
from carnelian.resp.reply cimport (
    ReplyMark, reply_defer, reply_empty_array, reply_int, reply_null, reply_null_array, reply_ok,
    reply_set_array, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NO_SUCH_KEY, NOT_POSITIVE, SYNTAX, error
from carnelian.declare.flags import KEYS_EXTENDED, KEYS_INSPECTED, KEYS_TAKEN

command = family("list")

INDEX_OUT_OF_RANGE = error("index out of range")
RANK_ZERO = error(
    "RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use"
    " negative to start from the end of the list")
COUNT_NEGATIVE = error("COUNT can't be negative")
MAXLEN_NEGATIVE = error("MAXLEN can't be negative")


def attach(Engine engine, config):
    def follow(fill):
        engine.limits.list_fill = fill

    config.on_change("list-max-listpack-size", follow)


# Pushing and popping

cdef int push(Call call, bint left, bint only_existing) except -1:
    cdef KeyRef ref
    if not call.find_typed_to_write(1, TYPE_LIST, &ref):
        if only_existing:
            reply_int(call.reply, 0)
            return 0
        list_create(&ref)
        call.added(&ref)
    list_push(&ref, left, call.argv + 2, call.argc - 2)
    call.changed(&ref, NOTIFY_LIST, b"lpush" if left else b"rpush")
    call.dirty += call.argc - 3
    reply_int(call.reply, <int64_t>list_count(ref.slot[0]))
    return 0


cdef int lpush(Call call) except -1:
    return push(call, True, False)


cdef int rpush(Call call) except -1:
    return push(call, False, False)


cdef int lpushx(Call call) except -1:
    return push(call, True, True)


cdef int rpushx(Call call) except -1:
    return push(call, False, True)


SINCE_MANY = (("2.4.0", "Accepts several elements."),)
SINCE_MANY_X = (("4.0.0", "Accepts several elements."),)

command(handler(lpush), "LPUSH key element [element ...]", WRITES | DENY_OOM | FAST,
        since="1.0.0", cost="O(N) where N is the number of elements", history=SINCE_MANY,
        key_flags=KEYS_EXTENDED,
        about="Put elements in front of a list, which is created when needed.")
command(handler(rpush), "RPUSH key element [element ...]", WRITES | DENY_OOM | FAST,
        since="1.0.0", cost="O(N) where N is the number of elements", history=SINCE_MANY,
        key_flags=KEYS_EXTENDED,
        about="Append elements to a list, which is created when needed.")
command(handler(lpushx), "LPUSHX key element [element ...]", WRITES | DENY_OOM | FAST,
        since="2.2.0", cost="O(N) where N is the number of elements", history=SINCE_MANY_X,
        key_flags=KEYS_EXTENDED, about="Put elements in front of a list if there is one.")
command(handler(rpushx), "RPUSHX key element [element ...]", WRITES | DENY_OOM | FAST,
        since="2.2.0", cost="O(N) where N is the number of elements", history=SINCE_MANY_X,
        key_flags=KEYS_EXTENDED, about="Append elements to a list if there is one.")


cdef int pop(Call call, bint left) except -1:
    cdef KeyRef ref
    cdef int64_t most = -1
    if call.argc > 3:
        raise error(f"wrong number of arguments for '{call.command.name}' command")
    if call.argc == 3:
        most = number_from(call, 2, 0, NOT_POSITIVE)
    if not call.find_typed_to_write(1, TYPE_LIST, &ref):
        if most < 0:
            reply_null(call.reply)
        else:
            reply_null_array(call.reply)
    elif most < 0:
        pop_one(call, &ref, left)
    elif most == 0:
        reply_empty_array(call.reply)
    else:
        pop_many(call, &ref, left, most)
    return 0


cdef int lpop(Call call) except -1:
    return pop(call, True)


cdef int rpop(Call call) except -1:
    return pop(call, False)


command(handler(lpop), "LPOP key [count]", WRITES | FAST, since="1.0.0",
        cost="O(N) where N is the number of elements returned", key_flags=KEYS_TAKEN,
        since_of={"count": "6.2.0"}, history=(("6.2.0", "The count."),),
        about="Take elements off the front of a list.")
command(handler(rpop), "RPOP key [count]", WRITES | FAST, since="1.0.0",
        cost="O(N) where N is the number of elements returned", key_flags=KEYS_TAKEN,
        since_of={"count": "6.2.0"}, history=(("6.2.0", "The count."),),
        about="Take elements off the end of a list.")


# Reading

cdef int llen(Call call) except -1:
    cdef KeyRef ref
    cdef bint found = call.find_typed(1, TYPE_LIST, &ref)
    reply_int(call.reply, <int64_t>list_count(ref.slot[0]) if found else 0)
    return 0


command(handler(llen), "LLEN key", READS | FAST, since="1.0.0", cost="O(1)",
        key_flags=KEYS_INSPECTED, about="Tell the length of a list.")


cdef int lindex(Call call) except -1:
    cdef KeyRef ref
    cdef Slice element
    cdef int64_t index
    cdef int64_t count
    if not call.find_typed(1, TYPE_LIST, &ref):
        reply_null(call.reply)
        return 0
    index = call.int(2)
    count = <int64_t>list_count(ref.slot[0])
    if index < 0:
        index += count
    if 0 <= index < count and list_get(ref.slot[0], <size_t>index, &element):
        reply_slice(call.reply, element)
    else:
        reply_null(call.reply)
    return 0


command(handler(lindex), "LINDEX key index", READS, since="1.0.0",
        cost="O(N) where N is the number of nodes to the element, O(1) at both ends",
        about="Return an element by its number.")


cdef bint clip(int64_t *start, int64_t *end, int64_t count) noexcept:
    """Make an inclusive range lie within the list; False when nothing is left of it."""
    if start[0] < 0:
        start[0] += count
    if end[0] < 0:
        end[0] += count
    if start[0] < 0:
        start[0] = 0
    if end[0] >= count:
        end[0] = count - 1
    return start[0] <= end[0]


cdef int lrange(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t start = call.int(2)
    cdef int64_t end = call.int(3)
    if not call.find_typed(1, TYPE_LIST, &ref) or (
            not clip(&start, &end, <int64_t>list_count(ref.slot[0]))):
        reply_empty_array(call.reply)
        return 0
    reply_elements(call.reply, ref.slot[0], <size_t>start, <size_t>(end - start + 1), False)
    return 0


command(handler(lrange), "LRANGE key start stop", READS, since="1.0.0",
        cost="O(S+N) where S is the number of nodes to the start and N the length of the range",
        about="Return a range of a list.")


cdef struct Search:
    int64_t rank               # negative: from the end
    int64_t most               # 0: all, -1: one, not as an array
    int64_t depth              # 0: the whole list


cdef int parse_search(Call call, Search *search) except -1:
    cdef int i = 3
    search.rank = 1
    search.most = -1
    search.depth = 0
    while i < call.argc:
        if i + 1 == call.argc:
            raise SYNTAX
        if call.is_word(i, b"rank"):
            search.rank = number_symmetric(call, i + 1)
            if search.rank == 0:
                raise RANK_ZERO
        elif call.is_word(i, b"count"):
            search.most = number_from(call, i + 1, 0, COUNT_NEGATIVE)
        elif call.is_word(i, b"maxlen"):
            search.depth = number_from(call, i + 1, 0, MAXLEN_NEGATIVE)
        else:
            raise SYNTAX
        i += 2
    return 0


cdef int lpos(Call call) except -1:
    cdef KeyRef ref
    cdef Search search
    cdef QuicklistCursor cursor
    cdef Slice element
    cdef ReplyMark mark
    cdef int64_t count
    cdef int64_t seen = 0
    cdef int64_t found = 0
    cdef bint backward
    parse_search(call, &search)
    if not call.find_typed(1, TYPE_LIST, &ref):
        if search.most < 0:
            reply_null(call.reply)
        else:
            reply_empty_array(call.reply)
        return 0
    if search.most >= 0:
        mark = reply_defer(call.reply)
    backward = search.rank < 0
    if backward:
        search.rank = -search.rank
    count = <int64_t>list_count(ref.slot[0])
    list_seek(ref.slot[0], <size_t>(count - 1 if backward else 0), backward, &cursor)
    while (search.depth == 0 or seen < search.depth) and list_next(&cursor, &element):
        if slice_equal(element, call.argv[2]):
            search.rank -= 1
            if search.rank <= 0:
                found += 1
                reply_int(call.reply, count - 1 - seen if backward else seen)
                if search.most < 0 or found == search.most:
                    break
        seen += 1
    if search.most >= 0:
        reply_set_array(call.reply, mark, found)
    elif not found:
        reply_null(call.reply)
    return 0


command(handler(lpos), "LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]", READS,
        since="6.0.6", cost="O(N) where N is the number of elements looked at",
        about="Return where an element is in a list.")


# Changing

cdef int lset(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t index
    cdef int64_t count
    if not call.find_typed_to_write(1, TYPE_LIST, &ref):
        raise NO_SUCH_KEY
    index = call.int(2)
    count = <int64_t>list_count(ref.slot[0])
    if index < 0:
        index += count
    list_grow(&ref, call.argv + 3, 1)      # as Redis, even if it fails then
    if not 0 <= index < count:
        raise INDEX_OUT_OF_RANGE
    list_set(&ref, <size_t>index, call.argv[3])
    list_shrunk(&ref)
    call.changed(&ref, NOTIFY_LIST, b"lset")
    reply_ok(call.reply)
    return 0


command(handler(lset), "LSET key index element", WRITES | DENY_OOM, since="1.0.0",
        cost="O(N) where N is the length of the list, O(1) at both ends",
        about="Replace an element by its number.")


cdef int linsert(Call call) except -1:
    cdef KeyRef ref
    cdef QuicklistCursor cursor
    cdef Slice element
    cdef size_t index = 0
    cdef bint behind = call.is_word(2, b"after")
    if not behind and not call.is_word(2, b"before"):
        raise SYNTAX
    if not call.find_typed_to_write(1, TYPE_LIST, &ref):
        reply_int(call.reply, 0)
        return 0
    list_grow(&ref, call.argv + 4, 1)      # as Redis, even if the pivot is not there
    list_seek(ref.slot[0], 0, False, &cursor)
    while list_next(&cursor, &element):
        if slice_equal(element, call.argv[3]):
            list_insert(&ref, index + (1 if behind else 0), call.argv[4])
            call.changed(&ref, NOTIFY_LIST, b"linsert")
            reply_int(call.reply, <int64_t>list_count(ref.slot[0]))
            return 0
        index += 1
    reply_int(call.reply, -1)
    return 0


command(handler(linsert), "LINSERT key <BEFORE | AFTER> pivot element", WRITES | DENY_OOM,
        since="2.2.0", cost="O(N) where N is the number of elements up to the pivot",
        key_flags=KEYS_EXTENDED, about="Put an element next to another one.")


cdef void remove_emptied(Call call, KeyRef *ref):
    call.remove(ref)
    call.notify(NOTIFY_GENERIC, b"del", ref)


cdef int lrem(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t most = number_symmetric(call, 2)
    cdef size_t removed = 0
    if call.find_typed_to_write(1, TYPE_LIST, &ref):
        removed = list_remove(&ref, call.argv[3], <size_t>(-most if most < 0 else most), most < 0)
    if removed:
        call.notify(NOTIFY_LIST, b"lrem", &ref)
        if list_count(ref.slot[0]):
            list_shrunk(&ref)
        else:
            remove_emptied(call, &ref)
        call.modified(&ref)
        call.dirty += <int64_t>removed - 1
    reply_int(call.reply, <int64_t>removed)
    return 0


command(handler(lrem), "LREM key count element", WRITES, since="1.0.0",
        cost="O(N+M) where N is the length of the list and M the number of elements removed",
        about="Remove elements that equal the one given.")


cdef inline void discard_cut(Call call, Quicklist *cut):
    if cut != NULL:
        call.engine.discard_value(TYPE_LIST | ENC_QUICKLIST << 4, cut)


cdef int ltrim(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t start = call.int(2)
    cdef int64_t end = call.int(3)
    cdef int64_t count
    if not call.find_typed_to_write(1, TYPE_LIST, &ref):
        reply_ok(call.reply)
        return 0
    count = <int64_t>list_count(ref.slot[0])
    call.dirty -= 1                        # only what is removed counts
    call.dirty += count
    call.notify(NOTIFY_LIST, b"ltrim", &ref)
    if clip(&start, &end, count):
        call.dirty -= end - start + 1
        discard_cut(call, list_cut(&ref, <size_t>(end + 1), <size_t>(count - end - 1)))
        discard_cut(call, list_cut(&ref, 0, <size_t>start))
        list_shrunk(&ref)
    else:
        remove_emptied(call, &ref)
    call.modified(&ref)
    reply_ok(call.reply)
    return 0


command(handler(ltrim), "LTRIM key start stop", WRITES, since="1.0.0",
        cost="O(N) where N is the number of elements removed",
        about="Keep a range of a list and remove the rest.")
