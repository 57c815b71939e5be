"""SAVE, BGSAVE, LASTSAVE, DUMP and RESTORE. How data is written `host.persistence` knows."""

from libc.stdint cimport int64_t

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport (
    ADMIN, DENY_OOM, FAST, LOADING, NOSCRIPT, NO_MULTI, READS, STALE, WRITES,
)
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_GENERIC
from carnelian.engine.host cimport Persistence
from carnelian.engine.removal cimport removal_name
from carnelian.keyspace.access cimport access_pack_lfu
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.resp.reply cimport reply_bulk, reply_int, reply_null, reply_ok, reply_status

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error
from carnelian.declare.flags import KEYS_REPLACED, NO_ASYNC_LOADING

command = family("server")
generic = family("generic")

NO_SNAPSHOTS = error("This engine keeps no files")
SAVING_ALREADY = error("Background save already in progress")
NOT_SAVING = error("Background saving is currently not in progress or scheduled")
CHILD_ACTIVE = (
    "Another child process is active ({}): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to"
    " schedule a BGSAVE whenever possible.")
REWRITING_ALREADY = error("Background append only file rewriting already in progress")
REWRITE_FAILED = error(
    "Can't execute an AOF background rewriting. Please check the server logs for more"
    " information.")
SAVE_FAILED = CommandError(b"ERR")
BAD_PAYLOAD = error("DUMP payload version or checksum are wrong")
BAD_DATA = error("Bad data format")
BUSY_KEY = CommandError(b"BUSYKEY Target key name already exists.")
BAD_TTL = error("Invalid TTL value, must be >= 0")
BAD_IDLE_TIME = error("Invalid IDLETIME value, must be >= 0")
BAD_FREQ = error("Invalid FREQ value, must be >= 0 and <= 255")


cdef Persistence files_of(Call call):
    if not call.engine.host.persistence.keeps_files():
        raise NO_SNAPSHOTS
    return call.engine.host.persistence


cdef int save(Call call) except -1:
    cdef Persistence files = files_of(call)
    if files.is_saving():
        raise SAVING_ALREADY
    if not files.save():
        raise SAVE_FAILED
    reply_ok(call.reply)
    return 0


command(handler(save), "SAVE", ADMIN | NOSCRIPT | NO_MULTI | NO_ASYNC_LOADING, since="1.0.0",
        cost="O(N) where N is the number of keys in all databases",
        about="Save all data to disk, and serve nobody meanwhile.")


cdef int cancel_background_save(Call call) except -1:
    cdef Persistence files = files_of(call)
    if files.cancel_saving():
        reply_status(call.reply, b"Background saving cancelled", 27)
    elif files.unschedule_saving():
        reply_status(call.reply, b"Scheduled background saving cancelled", 37)
    else:
        raise NOT_SAVING
    return 0


cdef int bgsave(Call call) except -1:
    cdef bint schedule = call.argc == 2 and call.is_word(1, b"schedule")
    cdef Persistence files = files_of(call)
    if call.argc == 2 and call.is_word(1, b"cancel"):
        return cancel_background_save(call)
    if call.argc > 2 or (call.argc == 2 and not schedule):
        raise SYNTAX
    if files.is_saving():
        raise SAVING_ALREADY
    if files.active_child() or call.engine.depth > 1:
        if not schedule and call.engine.depth <= 1:
            raise error(CHILD_ACTIVE.format(files.active_child()))
        files.schedule_saving()
        reply_status(call.reply, b"Background saving scheduled", 27)
    elif files.start_saving():
        reply_status(call.reply, b"Background saving started", 25)
    else:
        raise SAVE_FAILED
    return 0


command(handler(bgsave), "BGSAVE [SCHEDULE | CANCEL]", ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
        since="1.0.0", cost="O(1)", about="Save all data to disk in a child process.",
        history=(("3.2.2", "Added the `SCHEDULE` option."),
                 ("8.1.0", "Added the `CANCEL` option.")))


cdef int bgrewriteaof(Call call) except -1:
    cdef Persistence files = files_of(call)
    if files.is_rewriting():
        raise REWRITING_ALREADY
    if files.active_child() or call.engine.depth > 1:
        files.schedule_rewriting()
        reply_status(call.reply, b"Background append only file rewriting scheduled", 47)
    elif files.start_rewriting():
        reply_status(call.reply, b"Background append only file rewriting started", 45)
    else:
        raise REWRITE_FAILED
    return 0


command(handler(bgrewriteaof), "BGREWRITEAOF", ADMIN | NOSCRIPT | NO_ASYNC_LOADING, since="1.0.0",
        cost="O(1)", about="Rewrite the append-only file in a child process.")


cdef int lastsave(Call call) except -1:
    reply_int(call.reply, files_of(call).last_save_s())
    return 0


command(handler(lastsave), "LASTSAVE", LOADING | STALE | FAST, since="1.0.0", cost="O(1)",
        acl="admin dangerous", about="Tell when data was last saved successfully.",
        tips=("nondeterministic_output",))


cdef int dump(Call call) except -1:
    cdef KeyRef ref
    cdef bytes payload
    call.find(1, &ref)
    if ref.slot == NULL:
        reply_null(call.reply)
        return 0
    payload = files_of(call).dump(call.db.id, call.bytes(1))
    reply_bulk(call.reply, payload, len(payload))
    return 0


generic(handler(dump), "DUMP key", READS, since="2.6.0",
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
    cdef bytes payload = call.bytes(3)
    call.find_to_write(1, &ref)
    if ref.slot != NULL and not options.replace:
        raise BUSY_KEY
    when_ms = call.int(2)
    if when_ms < 0:
        raise BAD_TTL
    if not files_of(call).check_payload(payload):
        raise BAD_PAYLOAD
    try:
        e = <Entry *><size_t>files_of(call).build_value(payload, call.bytes(1))
    except ValueError:
        raise BAD_DATA from None
    if e == NULL:
        raise BAD_DATA
    if when_ms and not options.absolute:
        when_ms += call.engine.now_ms
    if ref.slot != NULL:
        call.remove(&ref)
        call.modified(&ref)
    if when_ms and when_ms < call.engine.now_ms:
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
            [b"RESTORE", call.bytes(1), b"%d" % when_ms, payload, *call.words(4), b"ABSTTL"])
    reply_ok(call.reply)
    return 0


generic(handler(restore),
        "RESTORE key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        WRITES | DENY_OOM, since="2.6.0",
        cost="O(1) to create the key, and O(N*M) to build its N elements of average size M",
        acl="+dangerous", key_flags=KEYS_REPLACED, about="Create a key from what DUMP returned.")
