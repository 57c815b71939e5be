"""SHUTDOWN: ends the server. How is the business of `host.process`."""

from carnelian.engine.blocking cimport BLOCKED_SHUTDOWN
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, ALLOW_BUSY, LOADING, NOSCRIPT, NO_MULTI, STALE
from carnelian.engine.host cimport Process
from carnelian.engine.session cimport PRIMARY
from carnelian.resp.reply cimport reply_ok

from carnelian.commands.clients.client_info import info_line
from carnelian.engine.command import family
from carnelian.engine.errors import SHUTDOWN_FAILED as FAILED, SYNTAX, error

command = family("server")

WORDS = frozenset((b"nosave", b"save", b"now", b"force", b"abort"))
NOTHING_TO_ABORT = error("No shutdown in progress.")
NO_WAITING = error("SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client")


cdef int shutdown(Call call) except -1:
    words = {word.lower() for word in call.words(1)}
    cdef Process process = call.engine.host.process
    if not words <= WORDS:
        raise SYNTAX
    if words >= {b"save", b"nosave"} or (b"abort" in words and len(words) > 1):
        raise SYNTAX
    if words == {b"abort"}:
        if not process.abort_shutdown():
            raise NOTHING_TO_ABORT
        reply_ok(call.reply)
        return 0
    if b"now" not in words and not call.may_block() and not call.session.flags & PRIMARY:
        raise NO_WAITING
    line = info_line(call.engine, call.session, call.session)
    asker = line.decode("utf-8", "backslashreplace")
    if process.shutdown({word.decode() for word in words}, f" (user request from '{asker}')"):
        call.session.close_soon(False)
    elif not process.is_shutting_down():
        raise FAILED
    elif call.may_block():
        call.block_for(BLOCKED_SHUTDOWN, 0)
    return 0


command(handler(shutdown), "SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY, since="1.0.0",
        cost="O(N) when saving, where N is the number of keys, otherwise O(1)",
        about="Save the data if that is configured, and end the server.",
        history=(("7.0.0", "Added NOW, FORCE and ABORT."),))
