"""Commands that give keys a time to live, take it away or tell it."""

from libc.stdint cimport int64_t

from carnelian.base.native cimport add_overflow, mul_overflow
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.engine.removal cimport removal_name
from carnelian.keyspace.database cimport KeyRef, key_persist
from carnelian.keyspace.entry cimport EXPIRES, entry_when
from carnelian.resp.reply cimport reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import KEYS_UPDATED

command = family("generic")

cdef enum:                     # conditions
    ONLY_NEW = 1               # NX
    ONLY_OLD = 2               # XX
    ONLY_LATER = 4             # GT
    ONLY_EARLIER = 8           # LT

CONDITIONS_SINCE = {"condition": "7.0.0"}
CONDITIONS_HISTORY = (("7.0.0", "The conditions `NX`, `XX`, `GT` and `LT`."),)


# --- setting ---

cdef int conditions(Call call) except -1:
    cdef int found = 0
    cdef int i
    for i in range(3, call.argc):
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


cdef int64_t moment_ms(Call call, int64_t base_ms, int64_t unit_ms) except? -1:
    """Argument 2 as a moment in unix milliseconds."""
    cdef int64_t when_ms = call.int(2)
    if mul_overflow(when_ms, unit_ms, &when_ms) or add_overflow(when_ms, base_ms, &when_ms):
        raise error(f"invalid expire time in '{call.command.name}' command")
    return when_ms


cdef bint allowed(int conditions, KeyRef *ref, int64_t when_ms) noexcept:
    """No expiry counts as one in the infinite future."""
    cdef bint expires = ref.slot[0].flags & EXPIRES
    if not conditions:
        return True
    if not expires:
        return not conditions & (ONLY_OLD | ONLY_LATER)
    if conditions & ONLY_NEW:
        return False
    if conditions & ONLY_LATER:
        return when_ms > entry_when(ref.slot[0])
    return not conditions & ONLY_EARLIER or when_ms < entry_when(ref.slot[0])


cdef int expire_at(Call call, int64_t base_ms, int64_t unit_ms) except -1:
    cdef Engine engine = call.engine
    cdef int wanted = conditions(call)
    cdef int64_t when_ms = moment_ms(call, base_ms, unit_ms)
    cdef KeyRef ref
    call.find_to_write(1, &ref)
    if ref.slot == NULL or not allowed(wanted, &ref, when_ms):
        reply_int(call.reply, 0)
        return 0
    if engine.expiry.deletes_at(when_ms):
        remove_expired(call, &ref)
    else:
        call.expire_at(&ref, when_ms)
        call.changed(&ref, NOTIFY_GENERIC, b"expire")
        if call.propagates():
            call.propagate_as([b"PEXPIREAT", call.bytes(1), b"%d" % when_ms] + call.words(3))
    reply_int(call.reply, 1)
    return 0


cdef void remove_expired(Call call, KeyRef *ref):
    """The moment set lies in the past."""
    call.remove(ref)
    call.changed(ref, NOTIFY_GENERIC, b"del")
    if call.propagates():
        lazy = call.engine.host.configuration.lazyfree_lazy_expire
        call.propagate_as([removal_name(lazy), call.bytes(1)])


cdef int expire(Call call) except -1:
    return expire_at(call, call.engine.now_ms, 1000)


cdef int pexpire(Call call) except -1:
    return expire_at(call, call.engine.now_ms, 1)


cdef int expireat(Call call) except -1:
    return expire_at(call, 0, 1000)


cdef int pexpireat(Call call) except -1:
    return expire_at(call, 0, 1)


command(handler(expire), "EXPIRE key seconds [NX | XX | GT | LT]", WRITES | FAST, since="1.0.0",
        cost="O(1)", about="Have a key removed after so many seconds.", key_flags=KEYS_UPDATED,
        since_of=CONDITIONS_SINCE, history=CONDITIONS_HISTORY)
command(handler(expireat), "EXPIREAT key unix-time-seconds [NX | XX | GT | LT]", WRITES | FAST,
        since="1.2.0", cost="O(1)", about="Have a key removed at a moment in Unix seconds.",
        key_flags=KEYS_UPDATED, since_of=CONDITIONS_SINCE, history=CONDITIONS_HISTORY)
command(handler(pexpire), "PEXPIRE key milliseconds [NX | XX | GT | LT]", WRITES | FAST,
        since="2.6.0", cost="O(1)", about="Have a key removed after so many milliseconds.",
        key_flags=KEYS_UPDATED, since_of=CONDITIONS_SINCE, history=CONDITIONS_HISTORY)
command(handler(pexpireat), "PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]",
        WRITES | FAST, since="2.6.0", cost="O(1)",
        about="Have a key removed at a moment in Unix milliseconds.", key_flags=KEYS_UPDATED,
        since_of=CONDITIONS_SINCE, history=CONDITIONS_HISTORY)


cdef int persist(Call call) except -1:
    cdef KeyRef ref
    call.find_to_write(1, &ref)
    if ref.slot == NULL or not key_persist(&ref):
        reply_int(call.reply, 0)
        return 0
    call.changed(&ref, NOTIFY_GENERIC, b"persist")
    reply_int(call.reply, 1)
    return 0


command(handler(persist), "PERSIST key", WRITES | FAST, since="2.2.0", cost="O(1)",
        about="Keep a key for good: take its expiry away.", key_flags=KEYS_UPDATED)


# --- telling ---

cdef int tell(Call call, int64_t since_ms, bint in_seconds) except -1:
    cdef KeyRef ref
    cdef int64_t left_ms
    call.find_untouched(1, &ref)
    if ref.slot == NULL:
        reply_int(call.reply, -2)
    elif not ref.slot[0].flags & EXPIRES:
        reply_int(call.reply, -1)
    else:
        left_ms = max(entry_when(ref.slot[0]) - since_ms, 0)
        reply_int(call.reply, left_ms // 1000 + (left_ms % 1000 >= 500) if in_seconds else left_ms)
    return 0


cdef int ttl(Call call) except -1:
    return tell(call, call.engine.now_ms, True)


cdef int pttl(Call call) except -1:
    return tell(call, call.engine.now_ms, False)


cdef int expiretime(Call call) except -1:
    return tell(call, 0, True)


cdef int pexpiretime(Call call) except -1:
    return tell(call, 0, False)


command(handler(ttl), "TTL key", READS | FAST, since="1.0.0", cost="O(1)",
        about="Tell how many seconds a key has left.", tips=("nondeterministic_output",),
        history=(("2.8.0", "The reply -2."),))
command(handler(pttl), "PTTL key", READS | FAST, since="2.6.0", cost="O(1)",
        about="Tell how many milliseconds a key has left.", tips=("nondeterministic_output",),
        history=(("2.8.0", "The reply -2."),))
command(handler(expiretime), "EXPIRETIME key", READS | FAST, since="7.0.0", cost="O(1)",
        about="Tell when a key expires, in Unix seconds.")
command(handler(pexpiretime), "PEXPIRETIME key", READS | FAST, since="7.0.0", cost="O(1)",
        about="Tell when a key expires, in Unix milliseconds.")
