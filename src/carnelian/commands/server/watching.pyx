"""Looking at a running server: MONITOR, SLOWLOG, COMMANDLOG, TIME, LOLWUT."""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, FAST, LOADING, NOSCRIPT, READS, STALE
from carnelian.engine.replies cimport container_help, reply_structure
from carnelian.engine.session cimport MONITORING, NO_BLOCKING
from carnelian.resp.reply cimport (
    reply_array, reply_bulk_int, reply_int, reply_ok, reply_verbatim,
)

from carnelian import __version__
from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, bad_subcommand, error
from carnelian.engine.slowlog import LARGE_REPLY, LARGE_REQUEST, SLOW

command = family("server")

cdef enum:
    SLOWLOG_FLAGS = ADMIN | LOADING | STALE

TO_ALL = ("request_policy:all_nodes",)


cdef int monitor(Call call) except -1:
    if call.session.flags & NO_BLOCKING:
        raise error("MONITOR isn't allowed for DENY BLOCKING client")
    if not call.session.flags & MONITORING:
        call.engine.monitors.start(call.session)
    reply_ok(call.reply)
    return 0


command(handler(monitor), "MONITOR", ADMIN | NOSCRIPT | LOADING | STALE, since="1.0.0",
        about="Show every command the server executes, as it does.")


cdef int time_(Call call) except -1:
    cdef int64_t now_us = call.engine.clock.wall_us()
    reply_array(call.reply, 2)
    reply_bulk_int(call.reply, now_us // 1000000)
    reply_bulk_int(call.reply, now_us % 1000000)
    return 0


command(handler(time_), "TIME", LOADING | STALE | FAST, since="2.6.0", cost="O(1)",
        tips=("nondeterministic_output",), about="Return the server's time.")


def picture(int width, int height):
    """A gemstone in facets: each character tells which way its facet leans."""
    shades = "\\_/-"
    lines = []
    for row in range(height):
        inset = abs(2 * row - height + 1) * width // (4 * height)
        body = "".join(
            shades[((column // 3) * 7 + (row // 2) * 5 + row * column) % 4]
            for column in range(width - 2 * inset))
        lines.append(" " * inset + body)
    return "\n".join(lines)


cdef int lolwut(Call call) except -1:
    cdef bytes text
    cdef int64_t width = 48
    cdef int64_t height = 12
    cdef int at = 1
    if call.argc >= 2 and call.is_word(1, b"version"):
        if call.argc == 2:
            raise SYNTAX
        call.int(2)
        at = 3
    if call.argc > at:
        width = min(max(call.int(at), 1), 200)
    if call.argc > at + 1:
        height = min(max(call.int(at + 1), 1), 100)
    text = (picture(width, height) + f"\n\nCarnelian ver. {__version__}\n").encode()
    reply_verbatim(call.reply, b"txt", text, len(text))
    return 0


command(handler(lolwut), "LOLWUT [VERSION version]", READS | FAST, since="5.0.0",
        about="Show a gemstone and the version.")


# --- SLOWLOG and COMMANDLOG ---

LOG_KINDS = (SLOW, LARGE_REQUEST, LARGE_REPLY)


cdef object log_named(Call call, int i):
    """The log of the kind that argument i says."""
    kind = call.bytes(i).lower()
    if kind not in LOG_KINDS:
        raise error("type should be one of the following: slow, large-request, large-reply")
    return call.engine.diagnostics.logs[kind]


cdef int reply_entries(Call call, log, int64_t wanted) except -1:
    entries = log.entries
    if 0 <= wanted < len(entries):
        entries = entries[:wanted]
    reply_structure(call.reply, entries)
    return 0


cdef int64_t count_of_entries(Call call) except? -2:
    cdef int64_t wanted = 0
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &wanted) or wanted < -1:
        raise error("count should be greater than or equal to -1")
    return wanted


cdef int slowlog_get(Call call) except -1:
    cdef int64_t wanted = 10
    if call.argc > 3:
        raise bad_subcommand(call.bytes(0), call.bytes(1))
    if call.argc == 3:
        wanted = count_of_entries(call)
    return reply_entries(call, call.engine.diagnostics.logs[SLOW], wanted)


cdef int slowlog_len(Call call) except -1:
    reply_int(call.reply, len(call.engine.diagnostics.logs[SLOW].entries))
    return 0


cdef int slowlog_reset(Call call) except -1:
    call.engine.diagnostics.logs[SLOW].clear()
    reply_ok(call.reply)
    return 0


cdef int commandlog_get(Call call) except -1:
    cdef int64_t wanted = count_of_entries(call)
    return reply_entries(call, log_named(call, 3), wanted)


cdef int commandlog_len(Call call) except -1:
    reply_int(call.reply, len(log_named(call, 2).entries))
    return 0


cdef int commandlog_reset(Call call) except -1:
    log_named(call, 2).clear()
    reply_ok(call.reply)
    return 0


command(0, "SLOWLOG", container=True, since="2.2.12", cost="Depends on subcommand.",
        about="Commands about the log of slow commands.")
command(handler(slowlog_get), "SLOWLOG GET [count]", SLOWLOG_FLAGS, since="2.2.12",
        cost="O(N) where N is the number of entries returned",
        tips=(*TO_ALL, "nondeterministic_output"), about="Return entries of the slow log.",
        history=(("4.0.0", "Added client IP address, port and name to the reply."),),
        help=("    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
              "    Entries are made of:",
              "    id, timestamp, time in microseconds, arguments array, client IP and port,",
              "    client name"))
command(handler(container_help), "SLOWLOG HELP", LOADING | STALE, since="6.2.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(slowlog_len), "SLOWLOG LEN", SLOWLOG_FLAGS, since="2.2.12", cost="O(1)",
        tips=(*TO_ALL, "response_policy:agg_sum", "nondeterministic_output"),
        about="Count the entries of the slow log.",
        help=("    Return the length of the slowlog.",))
command(handler(slowlog_reset), "SLOWLOG RESET", SLOWLOG_FLAGS, since="2.2.12",
        cost="O(N) where N is the number of entries in the slowlog",
        tips=(*TO_ALL, "response_policy:all_succeeded"), about="Empty the slow log.",
        help=("    Reset the slowlog.",))

command(0, "COMMANDLOG", container=True, since="8.1.0", cost="Depends on subcommand.",
        about="Commands about the logs of slow commands, large requests and large replies.")
command(handler(commandlog_get),
        "COMMANDLOG GET count <SLOW | LARGE-REQUEST | LARGE-REPLY>", SLOWLOG_FLAGS, since="8.1.0",
        cost="O(N) where N is the number of entries returned",
        tips=(*TO_ALL, "nondeterministic_output"), about="Return entries of a command log.",
        help=("    Return the newest <count> entries of a log (-1: all). An entry is:",
              "    id, unix time, microseconds or bytes, words of the command, client address,",
              "    client name"))
command(handler(container_help), "COMMANDLOG HELP", LOADING | STALE, since="8.1.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(commandlog_len), "COMMANDLOG LEN <SLOW | LARGE-REQUEST | LARGE-REPLY>",
        SLOWLOG_FLAGS, since="8.1.0", cost="O(1)",
        tips=(*TO_ALL, "response_policy:agg_sum", "nondeterministic_output"),
        about="Count the entries of a command log.")
command(handler(commandlog_reset), "COMMANDLOG RESET <SLOW | LARGE-REQUEST | LARGE-REPLY>",
        SLOWLOG_FLAGS, since="8.1.0", cost="O(N) where N is the number of entries in the log",
        tips=(*TO_ALL, "response_policy:all_succeeded"), about="Empty a command log.")
