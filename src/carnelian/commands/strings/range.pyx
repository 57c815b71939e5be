"""The string commands on a part of a value, and its length."""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from carnelian.base.slice cimport Slice
from carnelian.commands.strings.options cimport check_length
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.events cimport NOTIFY_STRING
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport STRING_RAW, TYPE_STRING
from carnelian.types.string.value cimport text_create, text_resize, text_value, text_writable
from carnelian.resp.reply cimport reply_bulk, reply_empty_bulk, reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import KEYS_EXTENDED, KEYS_INSPECTED

command = family("string")


cdef int append(Call call) except -1:
    cdef KeyRef ref
    cdef Slice more = call.argv[2]
    cdef size_t length = 0
    if not call.find_typed_to_write(1, TYPE_STRING, &ref):
        text_create(&ref, more.ptr, more.len)
        call.added(&ref)
    else:
        length = text_value(ref.slot[0]).len
        check_length(call, length, more.len)
        memcpy(text_resize(&ref, length + more.len) + length, more.ptr, more.len)
        ref.slot[0].flags |= STRING_RAW
    call.changed(&ref, NOTIFY_STRING, b"append")
    reply_int(call.reply, <int64_t>(length + more.len))
    return 0


command(handler(append), "APPEND key value", WRITES | DENY_OOM | FAST, since="2.0.0",
        cost="O(1) amortized, as the memory behind a value grows in steps",
        key_flags=KEYS_EXTENDED,
        about="Append to the string at a key and return the length of the result.")


cdef int strlen_(Call call) except -1:
    cdef KeyRef ref
    cdef size_t length = 0
    if call.find_typed(1, TYPE_STRING, &ref):
        length = text_value(ref.slot[0]).len
    reply_int(call.reply, <int64_t>length)
    return 0


command(handler(strlen_), "STRLEN key", READS | FAST, since="2.2.0", cost="O(1)",
        key_flags=KEYS_INSPECTED, about="Return the length of the string at a key.")


cdef int getrange(Call call) except -1:
    cdef KeyRef ref
    cdef Slice value
    cdef int64_t start = call.int(2)
    cdef int64_t end = call.int(3)
    cdef int64_t length
    if not call.find_typed(1, TYPE_STRING, &ref):
        reply_empty_bulk(call.reply)
        return 0
    value = text_value(ref.slot[0])
    length = <int64_t>value.len
    if start < 0 and end < 0 and start > end:
        reply_empty_bulk(call.reply)
        return 0
    # An end before the first byte means the first byte, as in Redis 7.
    start = max(start + length, 0) if start < 0 else start
    end = max(end + length, 0) if end < 0 else min(end, length - 1)
    if start > end or length == 0:
        reply_empty_bulk(call.reply)
    else:
        reply_bulk(call.reply, value.ptr + start, <size_t>(end - start + 1))
    return 0


command(handler(getrange), "GETRANGE key start end", READS, since="2.4.0",
        cost="O(N) where N is the length of the part",
        about="Return a part of the string at a key.")
command(handler(getrange), "SUBSTR key start end", READS, since="1.0.0",
        cost="O(N) where N is the length of the part", deprecated_since="2.0.0",
        replaced_by="`GETRANGE`", about="Return a part of the string at a key.")


cdef int setrange(Call call) except -1:
    cdef KeyRef ref
    cdef int64_t offset = call.int(2)
    cdef Slice part = call.argv[3]
    cdef size_t length = 0
    cdef char *bytes_
    if offset < 0:
        raise error("offset is out of range")
    if call.find_typed_to_write(1, TYPE_STRING, &ref):
        length = text_value(ref.slot[0]).len
    if part.len == 0:
        reply_int(call.reply, <int64_t>length)
        return 0
    check_length(call, <size_t>offset, part.len)
    if ref.slot == NULL:
        text_create(&ref, b"", 0)
        call.added(&ref)
    if <size_t>offset + part.len > length:
        length = <size_t>offset + part.len
        bytes_ = text_resize(&ref, length)
    else:
        bytes_ = text_writable(&ref)
    memcpy(bytes_ + offset, part.ptr, part.len)
    ref.slot[0].flags |= STRING_RAW
    call.changed(&ref, NOTIFY_STRING, b"setrange")
    reply_int(call.reply, <int64_t>length)
    return 0


command(handler(setrange), "SETRANGE key offset value", WRITES | DENY_OOM, since="2.2.0",
        cost="O(M) where M is the length of the value",
        about="Overwrite a part of the string at a key, padding it with zero bytes.")
