"""SAVE, BGSAVE, BGREWRITEAOF and LASTSAVE. How data is written `host.persistence` knows."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, FAST, LOADING, NOSCRIPT, NO_MULTI, STALE
from carnelian.engine.host cimport Persistence
from carnelian.resp.reply cimport reply_int, reply_ok, reply_status

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error
from carnelian.declare.flags import NO_ASYNC_LOADING

command = family("server")

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
