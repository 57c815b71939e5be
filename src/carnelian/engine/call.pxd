"""One execution of a command: the arguments, the client, and the only way handlers touch keys.

`Call.find*` expires, counts and touches as Redis does; `changed`, `modified`, `notify` and `remove`
are where a write's effects start. A handler is `cdef int f(Call call) except -1`: it writes its
reply to `call.reply` and returns 0, or raises CommandError (whatever it wrote is taken back).
"""

from libc.stdint cimport int64_t, uint32_t

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session
from carnelian.keyspace.database cimport Database, KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.resp.reply cimport Reply


cdef class Call:
    cdef Engine engine
    cdef Session session
    cdef Command command
    cdef const Slice *argv
    cdef int argc
    cdef Reply *reply
    cdef Database *db
    cdef int64_t dirty             # changes made; > 0 is propagated
    cdef bint resumed              # run again for a blocked session
    cdef bint timed_out            # ... because its time is over: answer as for "nothing"
    cdef bint parked               # the handler called block(): no reply now
    cdef list rewritten            # argv lists to propagate in place of the command; None: as it is
    cdef object extra              # kept with a blocked command from run to run

    # --- arguments ---
    cdef bytes bytes(self, int i)
    cdef int64_t int(self, int i) except? -1
    cdef int int32(self, int i) except? -1
    cdef int64_t int_between(self, int i, int64_t low, int64_t high) except? -1
    cdef double float(self, int i) except? -1
    # argument i is that option, any case
    cdef bint is_word(self, int i, const char *lower) noexcept
    # arguments from start on as bytes
    cdef list words(self, int start)

    # --- keys ---
    # to read: counts hits and misses
    cdef void find(self, int i, KeyRef *ref) noexcept
    # the same for commands that only ask about the key: it does not count as used
    cdef void find_untouched(self, int i, KeyRef *ref) noexcept
    cdef void find_to_write(self, int i, KeyRef *ref) noexcept
    # 1 found, 0 no such key, raises WRONGTYPE
    cdef int find_typed(self, int i, int type, KeyRef *ref) except -1
    cdef int find_typed_to_write(self, int i, int type, KeyRef *ref) except -1
    cdef void added(self, KeyRef *ref)
    # The same for a key that takes the place of one that was there: it is no new key.
    cdef void renewed(self, KeyRef *ref)
    cdef Entry *create(self, KeyRef *ref, int type, int encoding, size_t value_len)
    cdef Entry *create_pointer(self, KeyRef *ref, int type, int encoding, void *value)
    cdef void link(self, KeyRef *ref, Entry *e)                      # add an entry built elsewhere
    # an entry built elsewhere takes the key's place, whatever was there
    cdef void replace(self, KeyRef *ref, Entry *e)
    cdef void remove(self, KeyRef *ref)                              # unlink and free, no event
    cdef void expire_at(self, KeyRef *ref, int64_t when_ms)

    # --- effects ---
    # one change: WATCH, caches, waiters, dirty
    cdef void modified(self, KeyRef *ref)
    cdef void notify(self, int event_class, const char *event, KeyRef *ref)
    # modified and notify
    cdef void changed(self, KeyRef *ref, int event_class, const char *event)
    # worth building a rewritten form
    cdef bint propagates(self) noexcept
    # this instead of the command, may be repeated
    cdef void propagate_as(self, list argv)
    cdef void propagate_nothing(self)

    # --- waiting ---
    cdef bint may_block(self) noexcept
    cdef int block(self, list keys, int type, int64_t timeout_ms, bint on_deletion=*) except -1
    # Park for something other than a key, of one of the BLOCKED_ kinds; 0: for ever
    cdef int block_for(self, int kind, int64_t timeout_ms) except -1
    cdef int park(
        self, int kind, list keys, int type, int64_t timeout_ms, bint on_deletion) except -1
    # seconds with fraction; 0: for ever
    cdef int64_t timeout_ms(self, int i) except? -1


ctypedef int (*handler_t)(Call call) except -1
ctypedef int (*unchecked_handler_t)(Call call) noexcept


cdef inline size_t handler(handler_t function) noexcept:
    """The address under which `command` registers a handler."""
    return <size_t><void *>function
