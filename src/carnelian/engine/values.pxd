"""What handlers of every family do with string values: reply them, replace a key by one."""

from carnelian.base.blob cimport Blob
from carnelian.engine.call cimport Call
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.resp.reply cimport Reply


cdef void reply_text(Reply *reply, Entry *e) noexcept nogil            # a string entry as bulk
# SET's core: the key becomes this string whatever it was; the expiry goes unless kept. No event.
cdef void assign_text(Call call, KeyRef *ref, const char *p, size_t n, bint keep_ttl)
# The key becomes the string a Blob holds, whose reference is taken over; the expiry goes. No event.
cdef void assign_blob(Call call, KeyRef *ref, Blob *blob)
