"""DUMP and RESTORE: a value as bytes, and back."""

from libc.stdint cimport int64_t

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.engine.removal cimport removal_name
from carnelian.formats.rdb cimport RdbOut, rdb_out_free, rdb_out_init
from carnelian.keyspace.access cimport access_pack_lfu
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.key cimport KeyRef
from carnelian.keyspace.payload cimport payload_entry, payload_is_good, payload_put
from carnelian.resp.reply cimport reply_bulk, reply_null, reply_ok

from carnelian.declare.flags import KEYS_REPLACED
from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error

command = family("generic")

BAD_PAYLOAD = error("DUMP payload version or checksum are wrong")
BAD_DATA = error("Bad data format")
BUSY_KEY = CommandError(b"BUSYKEY Target key name already exists.")
BAD_TTL = error("Invalid TTL value, must be >= 0")
BAD_IDLE_TIME = error("Invalid IDLETIME value, must be >= 0")
BAD_FREQ = error("Invalid FREQ value, must be >= 0 and <= 255")


cdef int dump(Call call) except -1:
    cdef KeyRef ref
    cdef RdbOut made
    call.find(1, &ref)
    if ref.slot == NULL:
        reply_null(call.reply)
        return 0
    rdb_out_init(&made, -1)
    payload_put(&made, ref.slot[0])
    reply_bulk(call.reply, made.buffer, made.used)
    rdb_out_free(&made)
    return 0


command(handler(dump), "DUMP key", READS, since="2.6.0",
        cost="O(1) to find the key, and O(N*M) to write its N elements of average size M",
        about="Return the value of a key as bytes for RESTORE.", tips=("nondeterministic_output",))


cdef class RestoreOptions:
    cdef bint replace
    cdef bint absolute
    cdef int64_t idle_s
    cdef int64_t frequency


cdef RestoreOptions restore_options(Call call):
    cdef RestoreOptions options = RestoreOptions()
    cdef int i = 4
    options.idle_s = options.frequency = -1
    while i < call.argc:
        if call.is_word(i, b"replace"):
            options.replace = True
        elif call.is_word(i, b"absttl"):
            options.absolute = True
        elif call.is_word(i, b"idletime") and i + 1 < call.argc and options.frequency < 0:
            i += 1
            options.idle_s = call.int(i)
            if options.idle_s < 0:
                raise BAD_IDLE_TIME
        elif call.is_word(i, b"freq") and i + 1 < call.argc and options.idle_s < 0:
            i += 1
            options.frequency = call.int(i)
            if not 0 <= options.frequency <= 255:
                raise BAD_FREQ
        else:
            raise SYNTAX
        i += 1
    return options


cdef void restore_access(Engine engine, Entry *e, RestoreOptions options) noexcept:
    if options.idle_s >= 0 and not engine.lfu:
        e.access = (engine.access_clock - <unsigned int>options.idle_s
                    if options.idle_s < engine.access_clock else 0)
    elif options.frequency >= 0 and engine.lfu:
        e.access = access_pack_lfu(engine.access_clock, <unsigned int>options.frequency)


cdef int restore(Call call) except -1:
    cdef RestoreOptions options = restore_options(call)
    cdef KeyRef ref
    cdef Entry *e
    cdef int64_t when_ms
    call.find_to_write(1, &ref)
    if ref.slot != NULL and not options.replace:
        raise BUSY_KEY
    when_ms = call.int(2)
    if when_ms < 0:
        raise BAD_TTL
    if not payload_is_good(call.argv[3]):
        raise BAD_PAYLOAD
    e = payload_entry(call.argv[3], call.argv[1], call.db)
    if e == NULL:
        raise BAD_DATA
    if when_ms and not options.absolute:
        when_ms += call.engine.now_ms
    if ref.slot != NULL:
        call.remove(&ref)
        call.modified(&ref)
    if when_ms and call.engine.expiry.deletes_at(when_ms):
        # Already past: the key is replaced by nothing.
        call.engine.discard(e)
        if call.dirty:
            call.notify(NOTIFY_GENERIC, b"del", &ref)
            lazy = call.engine.host.configuration.lazyfree_lazy_server_del
            call.propagate_as([removal_name(lazy), call.bytes(1)])
        reply_ok(call.reply)
        return 0
    call.link(&ref, e)
    if when_ms:
        call.expire_at(&ref, when_ms)
    restore_access(call.engine, ref.slot[0], options)
    call.changed(&ref, NOTIFY_GENERIC, b"restore")
    if when_ms and not options.absolute and call.propagates():
        call.propagate_as(
            [b"RESTORE", call.bytes(1), b"%d" % when_ms, call.bytes(3), *call.words(4), b"ABSTTL"])
    reply_ok(call.reply)
    return 0


command(handler(restore),
        "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        WRITES | DENY_OOM, since="2.6.0",
        cost="O(1) to create the key, and O(N*M) to build its N elements of average size M",
        acl="+dangerous", key_flags=KEYS_REPLACED, about="Create a key from what DUMP returned.")
