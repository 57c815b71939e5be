"""HIMPORT: many hashes with the same fields, whose names a client sends once.

A fieldset is an ordered list of field names; it belongs to the session, until RESET or its end.
"""

from carnelian.base.slice cimport Slice, slice_of
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, WRITES
from carnelian.engine.events cimport NOTIFY_HASH
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_HASH, Entry
from carnelian.types.hash.value cimport hash_entry_new, hash_expect, hash_put
from carnelian.resp.reply cimport reply_int, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import KEYS_REPLACED

DUPLICATE = error("duplicate field name")
NO_FIELDSET = error("no such fieldset")
WRONG_COUNT = error("value count does not match the fieldset")

command = family("hash")


cdef int himport_prepare(Call call) except -1:
    cdef list fields = call.words(3)
    if len(set(fields)) != len(fields):
        raise DUPLICATE
    if call.session.fieldsets is None:
        call.session.fieldsets = {}
    call.session.fieldsets[call.bytes(2)] = fields
    reply_ok(call.reply)
    return 0


cdef Entry *built(Call call, list fields) except NULL:
    """A hash of these fields and the values from argument 4 on, under the key of argument 2."""
    cdef Entry *e = hash_entry_new(call.argv[2].ptr, call.argv[2].len)
    cdef KeyRef ref
    cdef Slice name
    cdef bytes field
    cdef size_t longest = 0
    cdef int i
    ref.db = call.db
    ref.key = call.argv[2].ptr
    ref.len = call.argv[2].len
    ref.hash = 0
    ref.slot = &e
    for i in range(len(fields)):
        longest = max(longest, <size_t>len(fields[i]), call.argv[4 + i].len)
    hash_expect(&ref, <size_t>len(fields), longest)
    for i in range(len(fields)):
        field = fields[i]
        name = slice_of(field, <size_t>len(field))
        hash_put(&ref, name, call.argv[4 + i], False)
    return e


cdef int himport_set(Call call) except -1:
    cdef KeyRef ref
    cdef list fields
    cdef bint existed
    existed = call.find_typed_to_write(2, TYPE_HASH, &ref)
    fields = (call.session.fieldsets or {}).get(call.bytes(3))
    if fields is None:
        raise NO_FIELDSET
    if len(fields) != call.argc - 4:
        raise WRONG_COUNT
    call.replace(&ref, built(call, fields))
    call.changed(&ref, NOTIFY_HASH, b"hset")
    if call.propagates():
        if existed:
            call.propagate_as([b"DEL", call.bytes(2)])
        words = [b"HSET", call.bytes(2)]
        for field, value in zip(fields, call.words(4)):
            words += [field, value]
        call.propagate_as(words)
    reply_ok(call.reply)
    return 0


cdef int himport_discard(Call call) except -1:
    gone = (call.session.fieldsets or {}).pop(call.bytes(2), None)
    reply_int(call.reply, gone is not None)
    return 0


cdef int himport_discardall(Call call) except -1:
    reply_int(call.reply, len(call.session.fieldsets or {}))
    call.session.fieldsets = None
    return 0


TO_ALL = ("request_policy:all_shards",)

command(0, "HIMPORT", container=True, since="8.10.0", cost="Depends on subcommand.",
        about="Commands to create many hashes with the same fields.")
command(handler(himport_discard), "HIMPORT DISCARD fieldset-name", since="8.10.0",
        cost="O(1)", tips=TO_ALL, about="Forget a fieldset.")
command(handler(himport_discardall), "HIMPORT DISCARDALL", since="8.10.0",
        cost="O(N) where N is the number of fieldsets", tips=TO_ALL,
        about="Forget all fieldsets of the connection.")
command(handler(himport_prepare), "HIMPORT PREPARE fieldset-name field [field ...]", DENY_OOM,
        since="8.10.0", cost="O(N) where N is the number of fields", tips=TO_ALL,
        about="Give a list of field names a name on this connection.")
command(handler(himport_set), "HIMPORT SET key fieldset-name value [value ...]",
        WRITES | DENY_OOM, key_flags=KEYS_REPLACED, since="8.10.0",
        cost="O(N) where N is the number of fields",
        about="Make a key the hash of a fieldset's fields with these values.")
