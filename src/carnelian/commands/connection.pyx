"""The commands about the client's connection itself."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport FAST, SUBSCRIBED_TOO
from carnelian.resp.reply cimport reply_bulk, reply_literal

from carnelian.engine.command import family

command = family("connection")


cdef int ping(Call call) except -1:
    if call.argc == 1:
        reply_literal(call.reply, b"+PONG\r\n")
    else:
        reply_bulk(call.reply, call.argv[1].ptr, call.argv[1].len)
    return 0


command(handler(ping), "PING [message]", FAST | SUBSCRIBED_TOO, since="1.0.0", cost="O(1)",
        about="Answer PONG, or the message.")
