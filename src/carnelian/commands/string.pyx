"""The string commands."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport NOTIFY_STRING
from carnelian.engine.values cimport assign_text, reply_text
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_STRING
from carnelian.resp.reply cimport reply_null, reply_ok

from carnelian.engine.command import family

command = family("string")


cdef int get(Call call) except -1:
    cdef KeyRef ref
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_null(call.reply)
    else:
        reply_text(call.reply, ref.slot[0])
    return 0


command(handler(get), "GET key", READS | FAST, since="1.0.0", cost="O(1)",
        about="Return the string at a key.")


cdef int set_(Call call) except -1:
    cdef KeyRef ref
    call.find_to_write(1, &ref)
    assign_text(call, &ref, call.argv[2].ptr, call.argv[2].len, False)
    call.changed(&ref, NOTIFY_STRING, b"set")
    reply_ok(call.reply)
    return 0


command(handler(set_), "SET key value", WRITES | DENY_OOM, since="1.0.0", cost="O(1)",
        about="Set a key to a string.")
