"""Help texts and Python structures as replies; see replies.pxd."""

from carnelian.engine.call cimport Call
from carnelian.resp.reply cimport (
    Reply, reply_array, reply_bool, reply_bulk, reply_double, reply_int, reply_map, reply_null,
    reply_set, reply_status,
)

from carnelian.engine.introspection import ReplySet, ReplyStatus


cdef void status_line(Reply *reply, str line):
    cdef bytes text = line.encode()
    reply_status(reply, text, len(text))


cdef int help_lines(Call call, tuple lines) except -1:
    cdef str container = call.command.name.partition("|")[0].upper()
    reply_array(call.reply, len(lines) + 3)
    status_line(
        call.reply, f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    for line in lines:
        status_line(call.reply, line)
    status_line(call.reply, "HELP")
    status_line(call.reply, "    Print this help.")
    return 0


cdef int reply_structure(Reply *reply, object what) except -1:
    cdef bytes text
    if isinstance(what, (str, bytes)):
        text = what.encode() if isinstance(what, str) else what
        if isinstance(what, ReplyStatus):
            reply_status(reply, text, len(text))
        else:
            reply_bulk(reply, text, len(text))
    elif isinstance(what, bool):
        reply_bool(reply, what)
    elif isinstance(what, int):
        reply_int(reply, what)
    elif isinstance(what, float):
        reply_double(reply, what)
    elif isinstance(what, dict):
        reply_map(reply, len(what))
        for key, value in what.items():
            reply_structure(reply, key)
            reply_structure(reply, value)
    elif what is None:
        reply_null(reply)
    else:
        if isinstance(what, ReplySet):
            reply_set(reply, len(what))
        else:
            reply_array(reply, len(what))
        for item in what:
            reply_structure(reply, item)
    return 0
