"""A command as the dispatcher sees it, and the registry it is found in."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.engine.histogram cimport Histogram

cdef enum:                          # mirrors engine/flags.py; a test compares them
    WRITES = 1 << 0
    READS = 1 << 1
    DENY_OOM = 1 << 2
    ADMIN = 1 << 4
    PUBSUB = 1 << 5
    NOSCRIPT = 1 << 6
    BLOCKING = 1 << 7
    LOADING = 1 << 8
    STALE = 1 << 9
    SKIP_MONITOR = 1 << 10
    SKIP_SLOWLOG = 1 << 11
    FAST = 1 << 13
    NO_AUTH = 1 << 14
    NO_ASYNC_LOADING = 1 << 16
    NO_MULTI = 1 << 17
    ALLOW_BUSY = 1 << 19
    MAY_REPLICATE = 1 << 20
    # Ours alone, not shown by COMMAND INFO:
    RUNS_IN_MULTI = 1 << 24         # executed at once inside MULTI, never queued
    RUNS_QUEUE = 1 << 25            # EXEC: does what the queue does
    SUBSCRIBED_TOO = 1 << 26        # allowed in RESP2's subscribe mode
    SHOWN_FLAGS = (1 << 24) - 1


cdef class Command:
    cdef readonly str name                  # lower case; "client|kill" for a subcommand
    cdef void *handler                      # handler_t of call.pxd; NULL for a mere container
    cdef readonly uint32_t flags
    cdef readonly int arity
    cdef readonly object declaration        # declaration.Declaration: everything COMMAND tells
    cdef readonly dict subcommands          # bytes (lower case) -> Command, or None
    cdef readonly Command parent
    cdef int64_t calls
    cdef int64_t ticks                      # CPU ticks spent; clock.pxd converts
    cdef int64_t rejected
    cdef int64_t failed
    cdef Histogram histogram                # of run times; None before the first run

    cdef bint arity_fits(self, int argc) noexcept


cdef class Registry:
    cdef readonly dict by_name              # bytes (lower case) -> Command
    cdef char last_name[32]                 # the spelling of the last command found, and it
    cdef size_t last_len
    cdef Command last

    cdef Command find(self, const char *name, size_t n)


cdef Registry registry
