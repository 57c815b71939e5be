"""The hash commands about fields with a time to live.

What a command did is propagated as HPEXPIREAT, HPERSIST or HDEL of the fields it did it to. Error
texts are Valkey's, which differ from those of Redis.
"""

from libc.stdint cimport int64_t

from carnelian.base.native cimport add_overflow, mul_overflow
from carnelian.commands.hashes.values cimport (
    drop_if_empty, find_hash, find_hash_to_write, find_live, find_or_create_hash, reply_value,
)
from carnelian.encodings.field_map cimport HashField
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_HASH
from carnelian.keyspace.database cimport KeyRef
from carnelian.types.hash.value cimport (
    hash_expect, hash_put, hash_remove, hash_reschedule, hash_set_expiry,
)
from carnelian.resp.reply cimport reply_array, reply_int, reply_null

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import KEYS_CHANGED, KEYS_TAKEN, KEYS_UPDATED

command = family("hash")

cdef enum:                     # what HEXPIRE answers for a field
    NO_FIELD = -2
    NO_EXPIRY = -1
    NOT_MET = 0
    DONE = 1
    DELETED = 2

cdef enum:                     # conditions of HEXPIRE
    ONLY_NEW = 1               # NX
    ONLY_OLD = 2               # XX
    ONLY_LATER = 4             # GT
    ONLY_EARLIER = 8           # LT

cdef enum:                     # what HSETEX and HGETEX do about expiry
    EXPIRY_UNTOLD = 0
    EXPIRY_SET = 1
    EXPIRY_KEPT = 2
    EXPIRY_REMOVED = 3

cdef enum:                     # conditions of HSETEX
    FIELDS_ABSENT = 1          # FNX
    FIELDS_PRESENT = 2         # FXX
    KEY_ABSENT = 4             # NX
    KEY_PRESENT = 8            # XX

BAD_NUMFIELDS = error(
    "numfields should be greater than 0 and match the provided number of fields")


# --- arguments ---

cdef int fields_at(Call call, int i, int words_each, failure) except -1:
    """The index of the first field behind FIELDS and its number, which are at argument i."""
    cdef int64_t n
    if i + 1 >= call.argc or not call.is_word(i, b"fields"):
        raise SYNTAX
    n = call.int(i + 1)
    if n < 1 or n > call.argc or n * words_each != call.argc - i - 2:
        raise failure
    return i + 2


cdef int find_fields_word(Call call) except -1:
    """Where FIELDS is, behind options."""
    cdef int i
    for i in range(2, call.argc):
        if call.is_word(i, b"fields"):
            return i
    raise BAD_NUMFIELDS


cdef int64_t moment_ms(Call call, int i, int64_t base_ms, int64_t unit_ms) except -1:
    """An argument as a moment in unix milliseconds."""
    cdef int64_t when_ms = call.int(i)
    if when_ms < 0 or mul_overflow(when_ms, unit_ms, &when_ms) or (
        add_overflow(when_ms, base_ms, &when_ms)
    ):
        raise error(f"invalid expire time in '{call.command.name}' command")
    return when_ms if when_ms else 1         # 0 means none in a hash


# --- HEXPIRE and its kind ---

cdef int conditions(Call call, int end) except -1:
    cdef int found = 0
    cdef int i
    for i in range(3, end):
        if call.is_word(i, b"nx"):
            found |= ONLY_NEW
        elif call.is_word(i, b"xx"):
            found |= ONLY_OLD
        elif call.is_word(i, b"gt"):
            found |= ONLY_LATER
        elif call.is_word(i, b"lt"):
            found |= ONLY_EARLIER
        else:
            raise error(b"Unsupported option " + call.bytes(i))
    if found & ONLY_NEW and found != ONLY_NEW:
        raise error("NX and XX, GT or LT options at the same time are not compatible")
    if found & ONLY_LATER and found & ONLY_EARLIER:
        raise error("GT and LT options at the same time are not compatible")
    return found


cdef bint allowed(int wanted, int64_t expires_ms, int64_t when_ms) noexcept nogil:
    """No expiry counts as one in the infinite future."""
    if not wanted:
        return True
    if not expires_ms:
        return not wanted & (ONLY_OLD | ONLY_LATER)
    if wanted & ONLY_NEW:
        return False
    if wanted & ONLY_LATER:
        return when_ms > expires_ms
    return not wanted & ONLY_EARLIER or when_ms < expires_ms


cdef int finish(Call call, KeyRef *ref, list changed, list removed, list head) except -1:
    """Effects of expiries set or taken away (`changed`) and of fields deleted, by their names."""
    if not changed and not removed:
        return 0
    hash_reschedule(ref)
    if changed and call.propagates():
        call.propagate_as(head + [b"FIELDS", b"%d" % len(changed)] + changed)
    if removed and call.propagates():
        call.propagate_as([b"HDEL", call.bytes(1)] + removed)
    call.modified(ref)
    call.dirty += len(changed) + len(removed) - 1
    if changed:
        call.notify(
            NOTIFY_HASH, b"hpersist" if head[0] == b"HPERSIST" else b"hexpire", ref)
    if removed:
        call.notify(NOTIFY_HASH, b"hdel", ref)
    drop_if_empty(call, ref)
    return 0


cdef int expire_one(Call call, KeyRef *ref, int i, int64_t when_ms, int wanted) noexcept:
    cdef HashField field
    if not find_live(call, ref, call.argv[i], &field):
        return NO_FIELD
    if not allowed(wanted, field.expires_ms, when_ms):
        return NOT_MET
    if call.engine.expiry.deletes_at(when_ms):
        hash_remove(ref, call.argv[i])
        return DELETED
    hash_set_expiry(ref, call.argv[i], when_ms)
    return DONE


cdef int expire_fields(
    Call call, KeyRef *ref, int first, int64_t when_ms, int wanted, bint replies
) except -1:
    cdef list changed = []
    cdef list removed = []
    cdef int outcome
    cdef int i
    for i in range(first, call.argc):
        outcome = expire_one(call, ref, i, when_ms, wanted)
        if outcome == DONE:
            changed.append(call.bytes(i))
        elif outcome == DELETED:
            removed.append(call.bytes(i))
        if replies:
            reply_int(call.reply, outcome)
    return finish(
        call, ref, changed, removed, [b"HPEXPIREAT", call.bytes(1), b"%d" % when_ms])


cdef void reply_no_fields(Call call, int first) noexcept:
    cdef int _i
    for _i in range(first, call.argc):
        reply_int(call.reply, NO_FIELD)


cdef int expire_at(Call call, int64_t base_ms, int64_t unit_ms) except -1:
    cdef KeyRef ref
    cdef int64_t when_ms = moment_ms(call, 2, base_ms, unit_ms)
    cdef int fields = find_fields_word(call)
    cdef int wanted = conditions(call, fields)
    cdef int first = fields_at(call, fields, 1, BAD_NUMFIELDS)
    cdef bint found = find_hash_to_write(call, &ref)
    reply_array(call.reply, call.argc - first)
    if found:
        expire_fields(call, &ref, first, when_ms, wanted, True)
    else:
        reply_no_fields(call, first)
    return 0


cdef int hexpire(Call call) except -1:
    return expire_at(call, call.engine.now_ms, 1000)


cdef int hpexpire(Call call) except -1:
    return expire_at(call, call.engine.now_ms, 1)


cdef int hexpireat(Call call) except -1:
    return expire_at(call, 0, 1000)


cdef int hpexpireat(Call call) except -1:
    return expire_at(call, 0, 1)


EACH = "O(1) for each field"

command(handler(hexpire),
        "HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        WRITES | DENY_OOM | FAST, since="7.4.0", cost=EACH,
        about="Have fields of a hash removed after so many seconds.")
command(handler(hpexpire),
        "HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        WRITES | DENY_OOM | FAST, since="7.4.0", cost=EACH,
        about="Have fields of a hash removed after so many milliseconds.")
command(handler(hexpireat),
        "HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        WRITES | DENY_OOM | FAST, since="7.4.0", cost=EACH,
        about="Have fields of a hash removed at a moment in Unix seconds.")
command(handler(hpexpireat),
        "HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]"
        " FIELDS numfields field [field ...]",
        WRITES | DENY_OOM | FAST, since="7.4.0", cost=EACH,
        about="Have fields of a hash removed at a moment in Unix milliseconds.")


# --- asking, taking away ---

cdef int reply_expiries(Call call, int64_t base_ms, int64_t unit_ms) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef int first = fields_at(call, 2, 1, SYNTAX)
    cdef bint found = find_hash(call, &ref)
    cdef int i
    reply_array(call.reply, call.argc - first)
    for i in range(first, call.argc):
        if not found or not find_live(call, &ref, call.argv[i], &field):
            reply_int(call.reply, NO_FIELD)
        elif not field.expires_ms:
            reply_int(call.reply, NO_EXPIRY)
        else:
            reply_int(call.reply, (field.expires_ms - base_ms + unit_ms - 1) // unit_ms)
    return 0


cdef int httl(Call call) except -1:
    return reply_expiries(call, call.engine.now_ms, 1000)


cdef int hpttl(Call call) except -1:
    return reply_expiries(call, call.engine.now_ms, 1)


cdef int hexpiretime(Call call) except -1:
    return reply_expiries(call, 0, 1000)


cdef int hpexpiretime(Call call) except -1:
    return reply_expiries(call, 0, 1)


command(handler(httl), "HTTL key FIELDS numfields field [field ...]", READS | FAST,
        since="7.4.0", cost=EACH, about="Return how many seconds fields of a hash have left.")
command(handler(hpttl), "HPTTL key FIELDS numfields field [field ...]", READS | FAST,
        since="7.4.0", cost=EACH,
        about="Return how many milliseconds fields of a hash have left.")
command(handler(hexpiretime), "HEXPIRETIME key FIELDS numfields field [field ...]",
        READS | FAST, since="7.4.0", cost=EACH,
        about="Return when fields of a hash will be removed, in Unix seconds.")
command(handler(hpexpiretime), "HPEXPIRETIME key FIELDS numfields field [field ...]",
        READS | FAST, since="7.4.0", cost=EACH,
        about="Return when fields of a hash will be removed, in Unix milliseconds.")


cdef int persist_fields(Call call, KeyRef *ref, int first, bint replies) except -1:
    cdef HashField field
    cdef list changed = []
    cdef int outcome
    cdef int i
    for i in range(first, call.argc):
        outcome = DONE
        if not find_live(call, ref, call.argv[i], &field):
            outcome = NO_FIELD
        elif not field.expires_ms:
            outcome = NO_EXPIRY
        else:
            hash_set_expiry(ref, call.argv[i], 0)
            changed.append(call.bytes(i))
        if replies:
            reply_int(call.reply, outcome)
    return finish(call, ref, changed, [], [b"HPERSIST", call.bytes(1)])


cdef int hpersist(Call call) except -1:
    cdef KeyRef ref
    cdef int first = fields_at(call, 2, 1, BAD_NUMFIELDS)
    cdef bint found = find_hash_to_write(call, &ref)
    reply_array(call.reply, call.argc - first)
    if found:
        persist_fields(call, &ref, first, True)
    else:
        reply_no_fields(call, first)
    return 0


command(handler(hpersist), "HPERSIST key FIELDS numfields field [field ...]", WRITES | FAST,
        since="7.4.0", cost=EACH, about="Take the time to live away from fields of a hash.",
        key_flags=KEYS_UPDATED)


# --- HGETEX, HGETDEL, HSETEX ---

cdef struct Options:
    int expiry
    int64_t when_ms
    int conditions


cdef int set_expiry_option(Call call, int i, int end, Options *options) except -1:
    """EX, PX, EXAT or PXAT at argument i with a value before `end`."""
    cdef int64_t base_ms = call.engine.now_ms
    cdef int64_t unit_ms = 1
    if options.expiry or i + 1 >= end:
        raise SYNTAX
    if call.is_word(i, b"exat") or call.is_word(i, b"pxat"):
        base_ms = 0
    if call.is_word(i, b"ex") or call.is_word(i, b"exat"):
        unit_ms = 1000
    options.expiry = EXPIRY_SET
    options.when_ms = moment_ms(call, i + 1, base_ms, unit_ms)
    return 0


cdef bint is_expiry_word(Call call, int i) noexcept:
    return call.is_word(i, b"ex") or call.is_word(i, b"px") or call.is_word(i, b"exat") or (
        call.is_word(i, b"pxat"))


cdef int condition_of(Call call, int i) noexcept:
    if call.is_word(i, b"fnx"):
        return FIELDS_ABSENT
    if call.is_word(i, b"fxx"):
        return FIELDS_PRESENT
    if call.is_word(i, b"nx"):
        return KEY_ABSENT
    if call.is_word(i, b"xx"):
        return KEY_PRESENT
    return 0


cdef int parse_options(Call call, int end, bint setting, Options *options) except -1:
    cdef int i = 2
    cdef int condition
    options.expiry = EXPIRY_UNTOLD
    options.conditions = 0
    while i < end:
        condition = condition_of(call, i) if setting else 0
        if is_expiry_word(call, i):
            set_expiry_option(call, i, end, options)
            i += 1
        elif condition:
            if options.conditions & (3 if condition <= FIELDS_PRESENT else 12):
                raise SYNTAX
            options.conditions |= condition
        elif options.expiry:
            raise SYNTAX
        elif setting and call.is_word(i, b"keepttl"):
            options.expiry = EXPIRY_KEPT
        elif not setting and call.is_word(i, b"persist"):
            options.expiry = EXPIRY_REMOVED
        else:
            raise SYNTAX
        i += 1
    return 0


cdef void reply_values(Call call, KeyRef *ref, bint found, int first) noexcept:
    cdef HashField field
    cdef int i
    reply_array(call.reply, call.argc - first)
    for i in range(first, call.argc):
        if found and find_live(call, ref, call.argv[i], &field):
            reply_value(call.reply, &field)
        else:
            reply_null(call.reply)


cdef int hgetex(Call call) except -1:
    cdef KeyRef ref
    cdef Options options
    cdef int fields = find_fields_word(call)
    cdef int first = fields_at(call, fields, 1, BAD_NUMFIELDS)
    cdef bint found
    parse_options(call, fields, False, &options)
    found = find_hash_to_write(call, &ref)
    reply_values(call, &ref, found, first)
    if found and options.expiry == EXPIRY_SET:
        expire_fields(call, &ref, first, options.when_ms, 0, False)
    elif found and options.expiry == EXPIRY_REMOVED:
        persist_fields(call, &ref, first, False)
    return 0


command(handler(hgetex),
        "HGETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds |"
        " PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]",
        WRITES | FAST, since="8.0.0", cost=EACH,
        about="Return values of fields and set or take away their time to live.",
        key_flags=KEYS_CHANGED)


cdef int hgetdel(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef list removed = []
    cdef int first = fields_at(call, 2, 1, BAD_NUMFIELDS)
    cdef bint found = find_hash_to_write(call, &ref)
    cdef int i
    reply_array(call.reply, call.argc - first)
    for i in range(first, call.argc):
        if found and find_live(call, &ref, call.argv[i], &field):
            reply_value(call.reply, &field)
            hash_remove(&ref, call.argv[i])
            removed.append(call.bytes(i))
        else:
            reply_null(call.reply)
    if removed:
        finish(call, &ref, [], removed, [])
    return 0


command(handler(hgetdel), "HGETDEL key FIELDS numfields field [field ...]", WRITES | FAST,
        since="8.0.0", cost=EACH, about="Return values of fields and remove the fields.",
        key_flags=KEYS_TAKEN)


cdef bint conditions_met(
    Call call, KeyRef *ref, bint found, int first, int conditions
) noexcept:
    cdef HashField field
    cdef bint present
    cdef int i
    if conditions & KEY_ABSENT and found or conditions & KEY_PRESENT and not found:
        return False
    if not conditions & (FIELDS_ABSENT | FIELDS_PRESENT):
        return True
    for i in range(first, call.argc, 2):
        present = found and find_live(call, ref, call.argv[i], &field)
        if present != (conditions & FIELDS_PRESENT != 0):
            return False
    return True


cdef int remove_named(Call call, KeyRef *ref, int first) except -1:
    """HSETEX with a moment in the past: what was there is gone."""
    cdef HashField field
    cdef list removed = []
    cdef int i
    for i in range(first, call.argc, 2):
        if find_live(call, ref, call.argv[i], &field):
            hash_remove(ref, call.argv[i])
            removed.append(call.bytes(i))
    return finish(call, ref, [], removed, [])


cdef int put_expiring(Call call, KeyRef *ref, int first, Options *options) except -1:
    cdef HashField field
    cdef size_t longest = 0
    cdef bint live
    cdef int i
    for i in range(first, call.argc):
        longest = max(longest, call.argv[i].len)
    hash_expect(ref, <size_t>(call.argc - first) >> 1, longest)
    for i in range(first, call.argc, 2):
        live = find_live(call, ref, call.argv[i], &field)
        hash_put(ref, call.argv[i], call.argv[i + 1], live and options.expiry == EXPIRY_KEPT)
        if options.expiry == EXPIRY_SET:
            hash_set_expiry(ref, call.argv[i], options.when_ms)
    hash_reschedule(ref)
    call.changed(ref, NOTIFY_HASH, b"hset")
    call.dirty += (call.argc - first) // 2 - 1
    if options.expiry == EXPIRY_SET:
        call.notify(NOTIFY_HASH, b"hexpire", ref)
    return 0


cdef int hsetex(Call call) except -1:
    cdef KeyRef ref
    cdef Options options
    cdef int fields = find_fields_word(call)
    cdef int first = fields_at(call, fields, 2, BAD_NUMFIELDS)
    cdef bint found
    parse_options(call, fields, True, &options)
    found = find_hash_to_write(call, &ref)
    if not conditions_met(call, &ref, found, first, options.conditions):
        reply_int(call.reply, 0)
        return 0
    reply_int(call.reply, 1)
    if options.expiry == EXPIRY_SET and call.engine.expiry.deletes_at(options.when_ms):
        if found:
            remove_named(call, &ref, first)
        return 0
    if not found:
        find_or_create_hash(call, &ref)
    put_expiring(call, &ref, first, &options)
    if options.expiry == EXPIRY_SET and call.propagates():
        call.propagate_as(
            [b"HSETEX", call.bytes(1), b"PXAT", b"%d" % options.when_ms] + call.words(first - 2))
    return 0


command(handler(hsetex),
        "HSETEX key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds |"
        " PXAT unix-time-milliseconds | KEEPTTL]"
        " FIELDS numfields field value [field value ...]",
        WRITES | DENY_OOM | FAST, since="8.0.0", cost=EACH,
        about="Set fields of a hash with a time to live, on a condition if there is one.")
