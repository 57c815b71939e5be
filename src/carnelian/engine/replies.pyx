"""Help texts and Python structures as replies; see replies.pxd."""

from carnelian.engine.call cimport Call
from carnelian.engine.command cimport Command
from carnelian.resp.reply cimport (
    Reply, reply_array, reply_bool, reply_bulk, reply_double, reply_int, reply_map, reply_null,
    reply_set, reply_status,
)

from carnelian.declare.help import help_lines
from carnelian.engine.introspection import ReplySet, ReplyStatus


cdef int reply_lines(Call call, list lines) except -1:
    cdef bytes text
    reply_array(call.reply, len(lines))
    for line in lines:
        text = line.encode("utf-8", "surrogateescape")
        reply_status(call.reply, text, len(text))
    return 0


cdef int container_help(Call call) except -1:
    cdef Command container = call.engine.commands.find_declared(call.argv[0].ptr, call.argv[0].len)
    cdef str spelled = call.bytes(0).decode("utf-8", "surrogateescape")
    return reply_lines(
        call, help_lines(container.declaration, spelled, container.handler != NULL))


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
