"""The event loop: one turn waits, reads and executes, runs what must precede replies, sends, keeps
time."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.channel cimport Channel
from carnelian.net.context cimport NetContext
from carnelian.net.frame cimport Frame


cdef enum:
    # What runs in each turn before its replies are sent, in this order.
    STAGE_HELD_STREAM = 0      # the primary's stream goes on after a pause
    STAGE_LOG = 1              # before the replicas: nobody knows of a write that is not logged
    STAGE_REPLICAS = 2
    STAGE_COUNT = 3


cdef class Watcher(Channel):
    """A service's descriptor in the loop: Python callbacks for readable and writable."""
    cdef NetContext context
    cdef int fd
    cdef object on_readable
    cdef object on_writable


cdef class Loop:
    cdef readonly NetContext context
    cdef list stages                       # callables or None, by the numbers above
    cdef public object cron                # callable() every cron_interval_ms
    cdef public int64_t cron_interval_ms
    cdef int64_t next_cron_ms
    cdef int64_t next_expire_ms
    cdef bint expire_left
    cdef int64_t expire_overruns           # rounds of expiry that ran out of time
    cdef bint stopping
    cdef object calls                      # SimpleQueue of callables from other threads
    cdef list postponed                    # callables for the next round of the timer
    cdef int wake_read
    cdef readonly int wake_write
    cdef readonly bint busy                # the last turn had events
    cdef bint deep                         # ... and its clients sent many commands each
    cdef bint unfinished                   # one of the stages wants another turn

    cdef uint64_t commands_before          # executed when cron ran last

    cdef uint64_t cycles                   # turns, and for how long they were at work
    cdef int64_t busy_ticks
    cdef int64_t longest_ticks

    cdef void give_back(self)
    cdef int turn(self) except -1
    cdef int serve(self, Frame frame) except -1
    cdef int call_channels(self, Frame frame, int count) except -1
    cdef int call_due(self, list due, bint nested) except -1
    cdef int finish(self) except -1
    cdef int wait_ms(self) except -2
    cdef int keep_time(self) except -1
    cdef int send_pending(self) except -1
