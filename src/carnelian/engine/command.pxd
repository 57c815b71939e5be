"""A command as the dispatcher sees it, and the table in which an engine finds it by name.

Every engine has its own table with its own Commands, so that counters and names are the engine's
alone; what families declare on import is only what they are made from. A table and its Commands
belong to their engine and are used on its thread.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.base.slice cimport Slice
# Families and the dispatcher take the flags from here.
from carnelian.declare.flags cimport (
    ADMIN, ALLOW_BUSY, BLOCKING, DENY_OOM, FAST, LOADING, MAY_REPLICATE, NO_ASYNC_LOADING, NO_AUTH,
    NO_MULTI, NOSCRIPT, PUBSUB, READS, RUNS_IN_MULTI, RUNS_QUEUE, SHOWN_FLAGS, SKIP_MONITOR,
    SKIP_SLOWLOG, STALE, SUBSCRIBED_TOO, WRITES,
)
from carnelian.engine.keys cimport KeyPlan, KeysFound
from carnelian.engine.histogram cimport Histogram

cdef class Command:
    cdef readonly str name                  # lower case; "client|kill" for a subcommand
    cdef void *handler                      # handler_t of call.pxd; NULL for a mere container
    cdef readonly uint32_t flags
    cdef readonly int arity
    cdef readonly object declaration        # declaration.Declaration: everything COMMAND tells
    cdef readonly dict subcommands          # bytes (lower case) -> Command, or None
    cdef KeyPlan key_plan                   # made when first asked for
    cdef int64_t calls
    cdef int64_t ticks                      # CPU ticks spent; timing.pxd converts
    cdef int64_t rejected
    cdef int64_t failed
    cdef Histogram histogram                # of run times; None before the first run

    cdef bint arity_fits(self, int argc) noexcept


# Which arguments of a call are keys: none if the call is malformed. `found` must be empty.
cdef void keys_find(
    Command command, const Slice *argv, int argc, KeysFound *found
) noexcept nogil


cdef struct NameSlot:
    uint64_t hash
    const char *name                        # lower case; belongs to `by_name`; NULL: a free slot
    size_t len
    void *command                           # a Command; belongs to `by_name`


cdef class CommandTable:
    cdef readonly dict by_name              # bytes (lower case) -> Command
    cdef readonly dict declared             # ... by the names they were declared with
    cdef NameSlot *slots                    # open addressing over `by_name`, for speed
    cdef size_t slot_count                  # a power of two
    cdef char last_name[32]                 # the spelling of the last command found, and it
    cdef size_t last_len
    cdef Command last

    cdef Command find(self, const char *name, size_t n)
    # For logs and a primary's stream, whose names may be older than our configuration.
    cdef Command find_declared(self, const char *name, size_t n)
    cdef Command look_up(self, const char *name, size_t n)
    cdef int index(self) except -1
