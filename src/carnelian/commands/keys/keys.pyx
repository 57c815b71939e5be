"""Commands on keys whatever they hold: removing, renaming, copying, asking."""

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport strlen

from carnelian.base.memory cimport mem_free
from carnelian.base.slice cimport Slice, slice_equal
from carnelian.encodings.table cimport table_random
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.keyspace.database cimport (
    Database, KeyRef, key_again, key_find, key_unlink,
)
from carnelian.keyspace.entry cimport (
    EXPIRES, Entry, entry_key, entry_rekeyed, entry_type, entry_when,
)
from carnelian.keyspace.value cimport entry_copy, type_name
from carnelian.resp.reply cimport reply_int, reply_null, reply_ok, reply_slice, reply_status

from carnelian.engine.command import family
from carnelian.engine.errors import (
    DB_OUT_OF_RANGE, NO_SUCH_KEY, SAME_OBJECT, SYNTAX, error,
)
from carnelian.declare.flags import (
    KEY_ACCESS, KEY_RO, KEYS_CHANGED, KEYS_CREATED, KEYS_DELETED, KEYS_INSPECTED, KEYS_REPLACED,
)

command = family("generic")

cdef enum:
    RANDOM_TRIES_MAX = 100

MULTI_SHARD_SUM = ("request_policy:multi_shard", "response_policy:agg_sum")


# --- removing ---

cdef int del_(Call call) except -1:
    """DEL and UNLINK: either way large values are freed in the background."""
    cdef Engine engine = call.engine
    cdef KeyRef ref
    cdef int64_t removed = 0
    cdef int i
    for i in range(1, call.argc):
        ref = key_find(call.db, call.argv[i].ptr, call.argv[i].len)
        if ref.slot == NULL:
            continue
        if ref.slot[0].flags & EXPIRES and entry_when(ref.slot[0]) < engine.now_ms:
            if engine.expiry.expired(&ref):
                continue
        call.remove(&ref)
        call.changed(&ref, NOTIFY_GENERIC, b"del")
        removed += 1
    reply_int(call.reply, removed)
    return 0


command(handler(del_), "DEL key [key ...]", WRITES, since="1.0.0",
        cost="O(N) for N keys; large values are freed in the background",
        about="Remove keys.", key_flags=KEYS_DELETED, tips=MULTI_SHARD_SUM)
command(handler(del_), "UNLINK key [key ...]", WRITES | FAST, since="4.0.0",
        cost="O(1) for each key; large values are freed in the background",
        about="Remove keys without waiting until their memory is free.", key_flags=KEYS_DELETED,
        tips=MULTI_SHARD_SUM)


# --- asking ---

cdef int exists(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t found = 0
    cdef int i
    for i in range(1, call.argc):
        call.find_untouched(i, &ref)
        found += ref.slot != NULL
    reply_int(call.reply, found)
    return 0


command(handler(exists), "EXISTS key [key ...]", READS | FAST, since="1.0.0",
        cost="O(N) for N keys", about="Count how many of the keys exist.",
        key_flags=KEYS_INSPECTED, tips=MULTI_SHARD_SUM,
        history=(("3.0.3", "More than one key can be asked for."),))


cdef int touch(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t found = 0
    cdef int i
    for i in range(1, call.argc):
        call.find(i, &ref)
        found += ref.slot != NULL
    reply_int(call.reply, found)
    return 0


command(handler(touch), "TOUCH key [key ...]", READS | FAST, since="3.2.1",
        cost="O(N) for N keys", about="Count the keys that exist and mark them as just used.",
        key_flags=KEYS_INSPECTED, tips=MULTI_SHARD_SUM)


cdef int type_(Call call) except -1:
    cdef KeyRef ref
    cdef const char *name = b"none"
    call.find_untouched(1, &ref)
    if ref.slot != NULL:
        name = type_name(entry_type(ref.slot[0]))
    reply_status(call.reply, name, strlen(name))
    return 0


command(handler(type_), "TYPE key", READS | FAST, since="1.0.0", cost="O(1)",
        about="Tell the type of the value at a key.", key_flags=KEYS_INSPECTED)


cdef int randomkey(Call call) except -1:
    cdef Engine engine = call.engine
    cdef Entry *e
    cdef Slice key
    cdef KeyRef ref
    cdef int tries = 0
    while True:
        e = <Entry *>table_random(call.db.keys)
        if e == NULL:
            reply_null(call.reply)
            return 0
        key = entry_key(e)
        tries += 1
        if not e.flags & EXPIRES or entry_when(e) >= engine.now_ms or tries > RANDOM_TRIES_MAX:
            reply_slice(call.reply, key)
            return 0
        ref = key_find(call.db, key.ptr, key.len)
        engine.expiry.expired(&ref)
        engine.end_arbitrary()


command(handler(randomkey), "RANDOMKEY", READS, since="1.0.0", cost="O(1)",
        about="Return one key, any with the same chance.",
        tips=("request_policy:all_shards", "response_policy:special", "nondeterministic_output"))


# --- renaming, moving, copying ---

cdef inline void touched(Call call, KeyRef *ref):
    """The second key of a change: whoever watches it learns of it, the change counts once."""
    if call.engine.armed:
        call.engine.effects.key_modified(ref.db, ref.key, ref.len)


cdef void link_as_used(Call call, KeyRef *ref, Entry *e):
    """Add an entry that keeps when it was used last."""
    cdef uint32_t access = e.access
    call.link(ref, e)
    ref.slot[0].access = access


cdef int rename_as(Call call, bint only_new) except -1:
    """Whether the key was renamed (0: there is a newkey already)."""
    cdef KeyRef source
    cdef KeyRef target
    cdef Entry *old
    cdef Entry *fresh
    call.find_to_write(1, &source)
    if source.slot == NULL:
        raise NO_SUCH_KEY
    if slice_equal(call.argv[1], call.argv[2]):
        return not only_new
    call.find_to_write(2, &target)
    if target.slot != NULL:
        if only_new:
            return 0
        call.remove(&target)
    key_again(&source)
    old = key_unlink(&source)
    fresh = entry_rekeyed(old, target.key, target.len)
    link_as_used(call, &target, fresh)
    if old.flags & EXPIRES:
        call.expire_at(&target, entry_when(old))
    mem_free(old)
    call.modified(&source)
    touched(call, &target)
    call.notify(NOTIFY_GENERIC, b"rename_from", &source)
    call.notify(NOTIFY_GENERIC, b"rename_to", &target)
    return 1


cdef int rename(Call call) except -1:
    rename_as(call, False)
    reply_ok(call.reply)
    return 0


cdef int renamenx(Call call) except -1:
    reply_int(call.reply, rename_as(call, True))
    return 0


command(handler(rename), "RENAME key newkey", WRITES, since="1.0.0", cost="O(1)",
        about="Give a key another name, in place of what has that name.",
        history=(("3.2.0", "Both names may be the same."),))
command(handler(renamenx), "RENAMENX key newkey", WRITES | FAST, since="1.0.0", cost="O(1)",
        about="Give a key another name unless that is taken.", key_flags=(0, KEYS_CREATED),
        history=(("3.2.0", "Both names may be the same."),))


cdef Database *database_at(Call call, int i) except NULL:
    """The database an argument names."""
    cdef int number = call.int32(i)
    if not 0 <= number < call.engine.database_count:
        raise DB_OUT_OF_RANGE
    return call.engine.databases[number]


cdef bint is_cluster(Call call):
    return call.engine.host.configuration.cluster_enabled


cdef int move(Call call) except -1:
    cdef Database *other
    cdef KeyRef source
    cdef KeyRef target
    if is_cluster(call):
        raise error("MOVE is not allowed in cluster mode")
    other = database_at(call, 2)
    if other == call.db:
        raise SAME_OBJECT
    call.find_to_write(1, &source)
    if source.slot != NULL:
        call.engine.expiry.find(&target, other, source.key, source.len)
        if target.slot == NULL:
            link_as_used(call, &target, key_unlink(&source))
            call.modified(&source)
            touched(call, &target)
            call.notify(NOTIFY_GENERIC, b"move_from", &source)
            call.notify(NOTIFY_GENERIC, b"move_to", &target)
            reply_int(call.reply, 1)
            return 0
    reply_int(call.reply, 0)
    return 0


command(handler(move), "MOVE key db", WRITES | FAST, since="1.0.0", cost="O(1)",
        about="Take a key to another database, unless it has one of that name.",
        key_flags=KEYS_CHANGED)


cdef int copy(Call call) except -1:
    cdef Database *other = call.db
    cdef bint replace = False
    cdef KeyRef source
    cdef KeyRef target
    cdef Entry *made
    cdef int i = 3
    while i < call.argc:
        if call.is_word(i, b"replace"):
            replace = True
            i += 1
        elif call.is_word(i, b"db") and i + 1 < call.argc:
            other = database_at(call, i + 1)
            i += 2
        else:
            raise SYNTAX
    if (call.db.id or other.id) and is_cluster(call):
        raise error("Copying to another database is not allowed in cluster mode")
    if other == call.db and slice_equal(call.argv[1], call.argv[2]):
        raise SAME_OBJECT
    call.find(1, &source)
    if source.slot != NULL:
        call.engine.expiry.find(&target, other, call.argv[2].ptr, call.argv[2].len)
        key_again(&source)
        if target.slot == NULL or replace:
            made = entry_copy(source.slot[0], target.key, target.len)
            replace_by(call, &target, made, source.slot[0])
            reply_int(call.reply, 1)
            return 0
    reply_int(call.reply, 0)
    return 0


cdef void replace_by(Call call, KeyRef *target, Entry *made, Entry *original):
    """`made` takes the place of what is at the key, and the expiry of its original."""
    if target.slot != NULL:
        call.remove(target)
    call.link(target, made)
    if original.flags & EXPIRES:
        call.expire_at(target, entry_when(original))
    call.changed(target, NOTIFY_GENERIC, b"copy_to")


command(handler(copy), "COPY source destination [DB destination-db] [REPLACE]",
        WRITES | DENY_OOM, since="6.2.0", cost="O(N) for N elements; O(1) for strings",
        about="Copy the value and expiry of a key to another key.",
        key_flags=(KEY_RO | KEY_ACCESS, KEYS_REPLACED))
