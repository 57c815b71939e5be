"""What an engine remembers of how its commands ran: run times, command logs, latency events.

Owned by the engine and used on its thread. Dispatch tells it of every command that has run; the
thresholds follow the engine's configuration.
"""

from libc.stdint cimport int64_t

from carnelian.base.clock cimport Clock
from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.session cimport Session


cdef class Diagnostics:
    cdef Clock clock
    cdef readonly dict logs                 # kind, as in COMMANDLOG -> slowlog.CommandLog
    cdef readonly object latency            # latency.LatencyMonitor
    cdef bint tracking                      # how long every command takes
    # In ticks: what enters the slow log, what the latency monitor, and the lower one of them.
    cdef int64_t slow_ticks
    cdef int64_t delay_ticks
    cdef int64_t long_ticks
    # In bytes: what enters the logs of large requests and replies.
    cdef int64_t large_request
    cdef int64_t large_reply
    # What a command is measured by at no cost: below these it is in neither of the two.
    cdef size_t request_hint
    cdef size_t reply_hint

    cdef int enter(self, kind, int64_t value, Session session, Command command,
                   const Slice *argv, int argc) except -1
    # A command took long, its request or its reply is large: enter it in the logs it belongs in.
    cdef int note(self, Session session, Command command, const Slice *argv, int argc,
                  int64_t spent, int64_t reply_bytes) except -1


cdef inline size_t span_bytes(const Slice *argv, int argc) noexcept:
    """What a command took in the query buffer, where its words lie one behind the other; any number
    if they lie elsewhere."""
    return <size_t>(argv[argc - 1].ptr - argv[0].ptr) + argv[argc - 1].len


cdef inline int64_t request_bytes(const Slice *argv, int argc) noexcept:
    """About what a command took on the wire: its words and what is around short ones."""
    cdef int64_t total = 6 * <int64_t>argc
    cdef int i
    for i in range(argc):
        total += <int64_t>argv[i].len
    return total
