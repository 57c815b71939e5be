"""Commands that take from one of several lists or move between two, at once or waiting for it."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.base.slice cimport Slice, slice_equal
from carnelian.commands.lists.pop cimport (
    count_option, is_left, key_count, number_from, pop_many, pop_one, reply_elements, take,
)
from carnelian.encodings.quicklist cimport QuicklistCursor
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport BLOCKING, DENY_OOM, WRITES
from carnelian.engine.events cimport NOTIFY_LIST
from carnelian.keyspace.database cimport KeyRef, key_again
from carnelian.keyspace.entry cimport TYPE_LIST
from carnelian.types.list.value cimport (
    list_count, list_create, list_delete, list_next, list_push, list_seek, list_shrunk,
)
from carnelian.resp.reply cimport (
    reply_array, reply_null, reply_null_array, reply_slice,
)

from carnelian.commands.lists.pop import COUNT_BELOW_ONE
from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX
from carnelian.declare.flags import KEYS_TAKEN

command = family("list")

cdef enum:
    MOVE_CHUNK = 64            # elements handed over at a time


# Taking from one of several lists

cdef bint pop_from_first(Call call, int first, int keys, bint left, int64_t most) except -1:
    """From the first list there is, with its key in the reply; `most` 0: one, not as an array."""
    cdef KeyRef ref
    cdef size_t n
    cdef int i
    for i in range(first, first + keys):
        if not call.find_typed_to_write(i, TYPE_LIST, &ref):
            continue
        reply_array(call.reply, 2)
        reply_slice(call.reply, call.argv[i])
        if most:
            n = pop_many(call, &ref, left, most)
        else:
            pop_one(call, &ref, left)
        if call.propagates():
            argv = [b"LPOP" if left else b"RPOP", call.bytes(i)]
            if most:
                argv.append(b"%d" % n)
            call.propagate_as(argv)
        return True
    return False


cdef int wait_for(Call call, int first, int keys, int64_t timeout_ms) except -1:
    cdef int i
    if not call.may_block():
        reply_null_array(call.reply)
        return 0
    return call.block([call.bytes(i) for i in range(first, first + keys)], TYPE_LIST, timeout_ms)


cdef int lmpop(Call call) except -1:
    cdef int keys = key_count(call, 1)
    cdef bint left = is_left(call, 2 + keys)
    cdef int64_t most = count_option(call, 2 + keys)
    if not pop_from_first(call, 2, keys, left, most):
        reply_null_array(call.reply)
    return 0


cdef int blmpop(Call call) except -1:
    cdef int keys = key_count(call, 2)
    cdef bint left = is_left(call, 3 + keys)
    cdef int64_t most = count_option(call, 3 + keys)
    cdef int64_t timeout_ms = call.timeout_ms(1)
    if not pop_from_first(call, 3, keys, left, most):
        return wait_for(call, 3, keys, timeout_ms)
    return 0


cdef int blocking_pop(Call call, bint left) except -1:
    cdef int64_t timeout_ms = call.timeout_ms(call.argc - 1)
    if not pop_from_first(call, 1, call.argc - 2, left, 0):
        return wait_for(call, 1, call.argc - 2, timeout_ms)
    return 0


cdef int blpop(Call call) except -1:
    return blocking_pop(call, True)


cdef int brpop(Call call) except -1:
    return blocking_pop(call, False)


SINCE_FRACTIONS = (("6.0.0", "The timeout may have a fraction."),)

command(handler(lmpop), "LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", WRITES,
        since="7.0.0", key_flags=KEYS_TAKEN,
        cost="O(N+M) where N is the number of keys and M the number of elements returned",
        about="Take elements off the first list that has any.")
command(handler(blmpop), "BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        WRITES | BLOCKING, since="7.0.0",
        cost="O(N+M) where N is the number of keys and M the number of elements returned",
        about="Take elements off the first list that has any, or wait for some.")
command(handler(blpop), "BLPOP key [key ...] timeout", WRITES | BLOCKING, since="2.0.0",
        cost="O(N) where N is the number of keys", history=SINCE_FRACTIONS,
        about="Take an element off the front of the first list there is, or wait for one.")
command(handler(brpop), "BRPOP key [key ...] timeout", WRITES | BLOCKING, since="2.0.0",
        cost="O(N) where N is the number of keys", history=SINCE_FRACTIONS,
        about="Take an element off the end of the first list there is, or wait for one.")


# Moving between two lists

cdef struct Move:
    bint from_left
    bint to_left
    bint mirrored              # the block of elements turns round on the way
    size_t count


cdef void push_block(Call call, KeyRef *source, KeyRef *destination, const Move *move):
    """Copy the elements at the source's end to the destination, another list."""
    cdef Slice chunk[MOVE_CHUNK]
    cdef QuicklistCursor cursor
    cdef size_t left = move.count
    cdef size_t n
    # Left to right, the block is as in the source unless mirrored; to the front it is pushed
    # from its right end.
    cdef bint backward = move.mirrored != move.to_left
    cdef size_t start = 0 if move.from_left else list_count(source.slot[0]) - left
    list_seek(source.slot[0], start + left - 1 if backward else start, backward, &cursor)
    while left:
        n = 0
        while n < MOVE_CHUNK and n < left and list_next(&cursor, &chunk[n]):
            n += 1
        list_push(destination, move.to_left, chunk, n)
        left -= n


cdef void rotate(KeyRef *ref, const Move *move):
    """The same within one list, by way of a copy of the elements."""
    cdef QuicklistCursor cursor
    cdef Slice *elements = <Slice *>mem_alloc(move.count * sizeof(Slice))
    cdef size_t total = 0
    cdef size_t i
    cdef char *copy
    cdef char *p
    cdef bint backward = move.mirrored != move.to_left
    cdef size_t start = 0 if move.from_left else list_count(ref.slot[0]) - move.count
    list_seek(ref.slot[0], start + move.count - 1 if backward else start, backward, &cursor)
    for i in range(move.count):
        list_next(&cursor, &elements[i])
        total += elements[i].len
    p = copy = <char *>mem_alloc(total + 1)
    for i in range(move.count):
        memcpy(p, elements[i].ptr, elements[i].len)
        elements[i].ptr = p
        p += elements[i].len
    list_delete(ref, start, move.count)
    list_push(ref, move.to_left, elements, move.count)
    mem_free(copy)
    mem_free(elements)


cdef void announce_push(Call call, KeyRef *ref, const Move *move):
    call.changed(ref, NOTIFY_LIST, b"lpush" if move.to_left else b"rpush")
    call.dirty -= 1            # a move is one change


cdef int transfer(Call call, KeyRef *source, const Move *move, bint as_array) except -1:
    """Move elements of the list argv[1] to argv[2]; raises when that is no list."""
    cdef KeyRef destination
    cdef size_t count
    cdef size_t first
    if slice_equal(call.argv[1], call.argv[2]):
        count = list_count(source.slot[0])
        first = 0 if move.from_left else count - move.count
        reply_moved(call, source, first, move, as_array)
        rotate(source, move)
        announce_push(call, source, move)
        call.notify(NOTIFY_LIST, b"lpop" if move.from_left else b"rpop", source)
        list_shrunk(source)
        call.dirty += <int64_t>move.count
        return 0
    if not call.find_typed_to_write(2, TYPE_LIST, &destination):
        list_create(&destination)
        call.added(&destination)
    key_again(source)
    count = list_count(source.slot[0])
    reply_moved(call, source, 0 if move.from_left else count - move.count, move, as_array)
    push_block(call, source, &destination, move)
    announce_push(call, &destination, move)
    take(call, source, move.from_left, move.count)
    return 0


cdef void reply_moved(Call call, KeyRef *source, size_t first, const Move *move, bint as_array):
    """The elements in the order they come to lie in."""
    cdef QuicklistCursor cursor
    cdef Slice element
    if as_array:
        reply_elements(
            call.reply, source.slot[0], first + move.count - 1 if move.mirrored else first,
            move.count, move.mirrored)
        return
    list_seek(source.slot[0], first, False, &cursor)
    list_next(&cursor, &element)
    reply_slice(call.reply, element)


cdef bint move_one(Call call, bint from_left, bint to_left) except -1:
    cdef KeyRef source
    cdef Move move
    if not call.find_typed_to_write(1, TYPE_LIST, &source):
        return False
    move.from_left = from_left
    move.to_left = to_left
    move.mirrored = False
    move.count = 1
    transfer(call, &source, &move, False)
    return True


cdef int lmove(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    if not move_one(call, from_left, to_left):
        reply_null(call.reply)
    return 0


cdef int rpoplpush(Call call) except -1:
    if not move_one(call, False, True):
        reply_null(call.reply)
    return 0


cdef int wait_to_move(Call call, int64_t timeout_ms) except -1:
    if not call.may_block():
        reply_null(call.reply)
        return 0
    return call.block([call.bytes(1)], TYPE_LIST, timeout_ms)


cdef int blmove(Call call) except -1:
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    cdef int64_t timeout_ms = call.timeout_ms(5)
    if not move_one(call, from_left, to_left):
        return wait_to_move(call, timeout_ms)
    if call.propagates():
        call.propagate_as([b"LMOVE", *call.words(1)[:4]])
    return 0


cdef int brpoplpush(Call call) except -1:
    cdef int64_t timeout_ms = call.timeout_ms(3)
    if not move_one(call, False, True):
        return wait_to_move(call, timeout_ms)
    if call.propagates():
        call.propagate_as([b"RPOPLPUSH", *call.words(1)[:2]])
    return 0


command(handler(lmove), "LMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        WRITES | DENY_OOM, since="6.2.0", cost="O(1)",
        about="Move an element from an end of one list to an end of another.")
command(handler(blmove), "BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        WRITES | DENY_OOM | BLOCKING, since="6.2.0", cost="O(1)",
        about="Move an element from an end of one list to an end of another, or wait for one.")
command(handler(rpoplpush), "RPOPLPUSH source destination", WRITES | DENY_OOM, since="1.2.0",
        cost="O(1)", deprecated_since="6.2.0",
        replaced_by="`LMOVE` with the `RIGHT` and `LEFT` arguments",
        about="Move the last element of a list to the front of another.")
command(handler(brpoplpush), "BRPOPLPUSH source destination timeout",
        WRITES | DENY_OOM | BLOCKING, since="2.2.0", cost="O(1)", deprecated_since="6.2.0",
        replaced_by="`BLMOVE` with the `RIGHT` and `LEFT` arguments", history=SINCE_FRACTIONS,
        about="Move the last element of a list to the front of another, or wait for one.")


# Moving several

cdef struct Quantity:
    int64_t most
    bint exactly
    bint one_by_one


cdef int parse_quantity(Call call, int i, Quantity *quantity) except -1:
    """[<COUNT n | EXACTLY n> <OBO | BULK>] from argument i on."""
    quantity.most = 1
    quantity.exactly = quantity.one_by_one = False
    if call.argc == i:
        return 0
    if call.argc != i + 3:
        raise SYNTAX
    quantity.exactly = call.is_word(i, b"exactly")
    if not quantity.exactly and not call.is_word(i, b"count"):
        raise SYNTAX
    quantity.most = number_from(call, i + 1, 1, COUNT_BELOW_ONE)
    quantity.one_by_one = call.is_word(i + 2, b"obo")
    if not quantity.one_by_one and not call.is_word(i + 2, b"bulk"):
        raise SYNTAX
    return 0


cdef size_t move_many(
    Call call, bint from_left, bint to_left, const Quantity *quantity
) except? 0:
    """How many elements it moved and replied; 0: not enough, and nothing done."""
    cdef KeyRef source
    cdef Move move
    if not call.find_typed_to_write(1, TYPE_LIST, &source):
        return 0
    move.from_left = from_left
    move.to_left = to_left
    move.mirrored = quantity.one_by_one and from_left == to_left
    move.count = list_count(source.slot[0])
    if <size_t>quantity.most <= move.count:
        move.count = <size_t>quantity.most
    elif quantity.exactly:
        return 0
    transfer(call, &source, &move, True)
    return move.count


cdef int lmovem(Call call) except -1:
    cdef Quantity quantity
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    parse_quantity(call, 5, &quantity)
    if not move_many(call, from_left, to_left, &quantity):
        reply_null_array(call.reply)
    return 0


cdef int blmovem(Call call) except -1:
    cdef Quantity quantity
    cdef size_t moved
    cdef bint from_left = is_left(call, 3)
    cdef bint to_left = is_left(call, 4)
    cdef int64_t timeout_ms = call.timeout_ms(5)
    parse_quantity(call, 6, &quantity)
    moved = move_many(call, from_left, to_left, &quantity)
    if not moved:
        return wait_for(call, 1, 1, timeout_ms)
    if call.propagates():
        call.propagate_as([
            b"LMOVEM", *call.words(1)[:4], b"EXACTLY", b"%d" % moved,
            b"OBO" if quantity.one_by_one else b"BULK"])
    return 0


command(handler(lmovem), "LMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT>"
        " [<COUNT count | EXACTLY exactly> <OBO | BULK>]", WRITES | DENY_OOM, since="8.10.0",
        cost="O(N) where N is the number of elements moved",
        about="Move elements from an end of one list to an end of another.")
command(handler(blmovem), "BLMOVEM source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout"
        " [<COUNT count | EXACTLY exactly> <OBO | BULK>]", WRITES | DENY_OOM | BLOCKING,
        since="8.10.0", cost="O(N) where N is the number of elements moved",
        about="Move elements from an end of one list to an end of another, or wait for them.")
