"""The string commands that read or replace one whole value."""

from libc.stdint cimport int64_t

from carnelian.commands.strings.options cimport (
    OPTION_COMPARISON, OPTION_EX, OPTION_EXAT, OPTION_EXISTENCE, OPTION_GET, OPTION_IFDNE,
    OPTION_IFNE, OPTION_KEEPTTL, OPTION_NX, OPTION_PERSIST, OPTION_PX, OPTION_PXAT, OPTION_TIME,
    OPTION_TTL, Options,
    comparison_holds, expiry_ms, options_expiry, options_parse,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_GENERIC, NOTIFY_STRING
from carnelian.engine.removal cimport removal_name
from carnelian.engine.values cimport assign_text, reply_text
from carnelian.keyspace.database cimport KeyRef, key_persist
from carnelian.keyspace.entry cimport TYPE_STRING, entry_type
from carnelian.resp.reply cimport reply_int, reply_null, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import WRONG_TYPE
from carnelian.declare.flags import (
    KEY_VARIABLE_FLAGS, KEYS_CHANGED, KEYS_CREATED, KEYS_REPLACED, KEYS_TAKEN,
)

command = family("string")


cdef int get(Call call) except -1:
    cdef KeyRef ref
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_null(call.reply)
    else:
        reply_text(call.reply, ref.slot[0])
    return 0


command(handler(get), "GET key", READS | FAST, since="1.0.0", cost="O(1)",
        about="Return the string at a key.")


cdef bint condition_met(Call call, Options *options, KeyRef *ref) except -1:
    """Whether NX, XX, IFEQ ... allow SET to go on."""
    if ref.slot == NULL:
        # A missing value differs from every other.
        return not options.flags & (OPTION_EXISTENCE | OPTION_COMPARISON) or (
            options.flags & (OPTION_NX | OPTION_IFNE | OPTION_IFDNE)) != 0
    if options.flags & OPTION_COMPARISON:
        return comparison_holds(
            call, options.flags & OPTION_COMPARISON, options.operand, ref.slot[0])
    return not options.flags & OPTION_NX


cdef void propagate_set(Call call, int value, Options *options, int64_t when_ms):
    """The plain effect of a SET: no condition, no reply, an absolute time."""
    cdef list argv
    if call.propagates():
        argv = [b"SET", call.bytes(1), call.bytes(value)]
        if when_ms:
            argv += [b"PXAT", b"%d" % when_ms]
        elif options != NULL and options.flags & OPTION_KEEPTTL:
            argv.append(b"KEEPTTL")
        call.propagate_as(argv)


cdef void propagate_options(Call call, Options *options, int64_t when_ms):
    """SET as it is if that means the same at any time, and as Redis does without GET."""
    if options.flags & (OPTION_EX | OPTION_PX | OPTION_EXAT | OPTION_COMPARISON):
        propagate_set(call, 2, options, when_ms)
    elif options.flags & OPTION_GET and not options.flags & OPTION_PXAT and call.propagates():
        call.propagate_as(call.words(0)[:3] + [
            word for word in call.words(3) if word.upper() != b"GET"])


cdef void store(Call call, KeyRef *ref, int value, bint keep_ttl, int64_t when_ms):
    """Assign argument `value`, set the expiry if there is one, tell everyone."""
    assign_text(call, ref, call.argv[value].ptr, call.argv[value].len, keep_ttl or when_ms != 0)
    call.changed(ref, NOTIFY_STRING, b"set")
    if when_ms:
        call.expire_at(ref, when_ms)
        call.notify(NOTIFY_GENERIC, b"expire", ref)


cdef int set_with_options(Call call) except -1:
    cdef KeyRef ref
    cdef Options options
    cdef int64_t when_ms
    cdef bint typed
    cdef bint met
    options_parse(
        call, 3, OPTION_EXISTENCE | OPTION_COMPARISON | OPTION_GET | OPTION_TTL & ~OPTION_PERSIST,
        &options)
    when_ms = options_expiry(call, &options)
    typed = options.flags & (OPTION_GET | OPTION_COMPARISON) != 0
    if options.flags & OPTION_GET:
        call.find(1, &ref)
    else:
        call.find_to_write(1, &ref)
    if typed and ref.slot != NULL and entry_type(ref.slot[0]) != TYPE_STRING:
        raise WRONG_TYPE
    met = condition_met(call, &options, &ref)
    if options.flags & OPTION_GET:
        if ref.slot == NULL:
            reply_null(call.reply)
        else:
            reply_text(call.reply, ref.slot[0])
    elif not met:
        reply_null(call.reply)
    else:
        reply_ok(call.reply)
    if met:
        store(call, &ref, 2, options.flags & OPTION_KEEPTTL != 0, when_ms)
        propagate_options(call, &options, when_ms)
    return 0


cdef int set_(Call call) except -1:
    cdef KeyRef ref
    if call.argc > 3:
        return set_with_options(call)
    call.find_to_write(1, &ref)
    assign_text(call, &ref, call.argv[2].ptr, call.argv[2].len, False)
    call.changed(&ref, NOTIFY_STRING, b"set")
    reply_ok(call.reply)
    return 0


command(handler(set_), "SET key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value"
        " | IFDEQ ifdeq-digest | IFDNE ifdne-digest] [GET]"
        " [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds"
        " | KEEPTTL]",
        WRITES | DENY_OOM, since="1.0.0", cost="O(1)", key_finder="set",
        key_flags=KEYS_CHANGED | KEY_VARIABLE_FLAGS,
        about="Set a key to a string, whatever it held, or only under a condition.",
        history=(
            ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
            ("6.0.0", "Added the `KEEPTTL` option."),
            ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` options."),
            ("7.0.0", "Allowed the `NX` and `GET` options together."),
            ("8.4.0", "Added the `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE` options."),
        ),
        key_notes=("RW and ACCESS due to the optional `GET` argument",))


cdef int setnx(Call call) except -1:
    cdef KeyRef ref
    call.find_to_write(1, &ref)
    if ref.slot != NULL:
        reply_int(call.reply, 0)
        return 0
    store(call, &ref, 2, False, 0)
    reply_int(call.reply, 1)
    return 0


command(handler(setnx), "SETNX key value", WRITES | DENY_OOM | FAST, since="1.0.0", cost="O(1)",
        key_flags=KEYS_CREATED, deprecated_since="2.6.12",
        replaced_by="`SET` with the `NX` argument",
        about="Set a key to a string if there is no such key.")


cdef int set_expiring(Call call, int unit) except -1:
    cdef KeyRef ref
    cdef int64_t when_ms = expiry_ms(call, 2, unit)
    call.find_to_write(1, &ref)
    store(call, &ref, 3, False, when_ms)
    propagate_set(call, 3, NULL, when_ms)
    reply_ok(call.reply)
    return 0


cdef int setex(Call call) except -1:
    return set_expiring(call, OPTION_EX)


cdef int psetex(Call call) except -1:
    return set_expiring(call, OPTION_PX)


command(handler(setex), "SETEX key seconds value", WRITES | DENY_OOM, since="2.0.0", cost="O(1)",
        key_flags=KEYS_REPLACED, deprecated_since="2.6.12",
        replaced_by="`SET` with the `EX` argument",
        about="Set a key to a string that lives for some seconds.")
command(handler(psetex), "PSETEX key milliseconds value", WRITES | DENY_OOM, since="2.6.0",
        cost="O(1)", key_flags=KEYS_REPLACED, deprecated_since="2.6.12",
        replaced_by="`SET` with the `PX` argument",
        about="Set a key to a string that lives for some milliseconds.")


cdef int getset(Call call) except -1:
    cdef KeyRef ref
    if call.find_typed(1, TYPE_STRING, &ref):
        reply_text(call.reply, ref.slot[0])
    else:
        reply_null(call.reply)
    store(call, &ref, 2, False, 0)
    propagate_set(call, 2, NULL, 0)
    return 0


command(handler(getset), "GETSET key value", WRITES | DENY_OOM | FAST, since="1.0.0", cost="O(1)",
        key_flags=KEYS_CHANGED, deprecated_since="6.2.0",
        replaced_by="`SET` with the `GET` argument",
        about="Set a key to a string and return the one it held.")


cdef int getdel(Call call) except -1:
    cdef KeyRef ref
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_null(call.reply)
        return 0
    reply_text(call.reply, ref.slot[0])
    call.remove(&ref)
    call.changed(&ref, NOTIFY_GENERIC, b"del")
    if call.propagates():
        call.propagate_as([b"DEL", call.bytes(1)])
    return 0


command(handler(getdel), "GETDEL key", WRITES | FAST, since="6.2.0", cost="O(1)",
        key_flags=KEYS_TAKEN, about="Return the string at a key and delete the key.")


cdef int getex(Call call) except -1:
    cdef KeyRef ref
    cdef Options options
    cdef int64_t when_ms
    cdef bint absolute
    options_parse(call, 2, OPTION_TIME | OPTION_PERSIST, &options)
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_null(call.reply)
        return 0
    when_ms = options_expiry(call, &options)
    absolute = options.flags & (OPTION_TIME & ~(OPTION_EX | OPTION_PX)) != 0
    reply_text(call.reply, ref.slot[0])
    if absolute and call.engine.expiry.deletes_at(when_ms):
        call.remove(&ref)
        call.changed(&ref, NOTIFY_GENERIC, b"del")
        if call.propagates():
            lazily = call.engine.host.configuration.lazyfree_lazy_expire
            call.propagate_as([removal_name(lazily), call.bytes(1)])
    elif when_ms:
        call.expire_at(&ref, when_ms)
        call.changed(&ref, NOTIFY_GENERIC, b"expire")
        if call.propagates():
            call.propagate_as([b"PEXPIREAT", call.bytes(1), b"%d" % when_ms])
    elif options.flags & OPTION_PERSIST and key_persist(&ref):
        call.changed(&ref, NOTIFY_GENERIC, b"persist")
        if call.propagates():
            call.propagate_as([b"PERSIST", call.bytes(1)])
    return 0


command(handler(getex), "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds"
        " | PXAT unix-time-milliseconds | PERSIST]", WRITES | FAST, since="6.2.0", cost="O(1)",
        key_flags=KEYS_CHANGED,
        about="Return the string at a key and change when the key expires.",
        key_notes=("RW and UPDATE because it changes the TTL",))
