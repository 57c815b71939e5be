"""What the modules of the stream family share: IDs as arguments, entries as replies, consumers.

Nothing here owns memory; streams belong to their keys. For the modules stream*.pyx only.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream cimport Stream, StreamCursor, StreamLimits
from carnelian.encodings.stream_group cimport Pending, StreamConsumer, StreamGroup
from carnelian.encodings.stream_id cimport StreamId
from carnelian.encodings.stream_trim cimport StreamRefs
from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport entry_pointer
from carnelian.resp.reply cimport Reply


cdef inline Stream *stream_at(KeyRef *ref) noexcept nogil:
    return <Stream *>entry_pointer(ref.slot[0])

# --- arguments: all raise Redis's errors ---
cdef int strict_id(Call call, int i, StreamId *id) except -1         # "-" and "+" are no IDs
cdef int lenient_id(Call call, int i, StreamId *id) except -1
# The bounds of a range; "(" excludes.
cdef int interval_start(Call call, int i, StreamId *id) except -1
cdef int interval_end(Call call, int i, StreamId *id) except -1
cdef int64_t int_or(Call call, int i, str message) except? -1        # an integer, or that error
# KEEPREF, DELREF or ACKED; 0 if argument i is none of them
cdef bint refs_word(Call call, int i, StreamRefs *refs) noexcept
# "IDS numids id ..." from argument i on: checked; returns how many, the first is argument i + 2
cdef int ids_block(Call call, int i, bint more_may_follow) except -1

# --- replies ---
cdef void reply_stream_id(Reply *reply, StreamId id) noexcept nogil
cdef void reply_fields(Reply *reply, StreamCursor *cursor) noexcept nogil
cdef void reply_entry(Reply *reply, StreamCursor *cursor) noexcept nogil
# The entry with that ID; 0 and nothing written if there is none.
cdef bint reply_entry_at(Reply *reply, const Stream *s, StreamId id) noexcept nogil

cdef bytes id_text(StreamId id)
cdef Slice consumer_name(const Pending *pending) noexcept nogil      # empty for nobody's

# --- groups ---
# A change of the groups: counted and told, but no business of WATCH, as in Redis.
cdef void group_changed(Call call, KeyRef *ref, const char *event)
# The consumer, seen now, made if need be.
cdef StreamConsumer *consumer_for(
    Call call, KeyRef *ref, StreamGroup *group, Slice name, bint *created
)
# Key and group as arguments, or the NOGROUP error with `tail` behind it.
cdef StreamGroup *group_or_raise(Call call, KeyRef *ref, int key, int group, str tail) except NULL
# What a delivery, or the end of one, looks like to replicas and the AOF.
cdef int propagate_pending(
    Call call, KeyRef *ref, StreamGroup *group, StreamId id, const Pending *pending
) except -1
cdef int propagate_group_id(Call call, KeyRef *ref, StreamGroup *group) except -1
