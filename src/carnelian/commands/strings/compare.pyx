"""Digests of strings, and deletion on condition."""

from libc.stdint cimport uint32_t

from carnelian.commands.strings.options cimport (
    OPTION_COMPARISON, OPTION_IFEQ, comparison_holds, digest_text, option_of,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STRING, entry_type
from carnelian.types.string.value cimport text_value
from carnelian.resp.reply cimport reply_bulk, reply_int, reply_null

from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import KEYS_DELETED

command = family("string")


cdef int digest(Call call) except -1:
    cdef KeyRef ref
    cdef char text[16]
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_null(call.reply)
        return 0
    digest_text(text_value(ref.slot[0]), text)
    reply_bulk(call.reply, text, 16)
    return 0


command(handler(digest), "DIGEST key", READS | FAST, since="8.4.0",
        cost="O(N) where N is the length of the string",
        about="Return the XXH3 hash of the string at a key, as IFDEQ takes it.")


cdef void delete(Call call, KeyRef *ref):
    call.remove(ref)
    call.changed(ref, NOTIFY_GENERIC, b"del")
    if call.propagates():
        call.propagate_as([b"DEL", call.bytes(1)])
    reply_int(call.reply, 1)


cdef int delex(Call call) except -1:
    cdef KeyRef ref
    cdef uint32_t comparison = 0
    if call.argc != 2 and call.argc != 4:
        raise error("wrong number of arguments for 'delex' command")
    call.find_to_write(1, &ref)
    if ref.slot == NULL:
        reply_int(call.reply, 0)
        return 0
    if call.argc == 4:
        if entry_type(ref.slot[0]) != TYPE_STRING:
            raise error("Key should be of string type if conditions are specified")
        comparison = option_of(call.argv[2]) & OPTION_COMPARISON
        if not comparison:
            raise error("Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
        if not comparison_holds(call, comparison, 3, ref.slot[0]):
            reply_int(call.reply, 0)
            return 0
    delete(call, &ref)
    return 0


command(handler(delex), "DELEX key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest"
        " | IFDNE ifdne-digest]", WRITES | FAST, since="8.4.0",
        cost="O(1), for a digest O(N) where N is the length of the string",
        about="Delete a key, if its string or the string's digest compares as told.")


cdef int delifeq(Call call) except -1:
    cdef KeyRef ref
    if call.find_typed_to_write(1, TYPE_STRING, &ref) and (
            comparison_holds(call, OPTION_IFEQ, 2, ref.slot[0])):
        delete(call, &ref)
    else:
        reply_int(call.reply, 0)
    return 0


command(handler(delifeq), "DELIFEQ key value", WRITES | FAST, since="9.0.0", cost="O(1)",
        key_flags=KEYS_DELETED, about="Delete a key if it holds this string.")
