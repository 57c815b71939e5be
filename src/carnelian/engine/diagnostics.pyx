"""How commands ran; see diagnostics.pxd."""

from libc.stdint cimport int64_t

from carnelian.base.clock cimport Clock
from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport FAST, SKIP_SLOWLOG, Command
from carnelian.engine.session cimport Session
from carnelian.engine.timing cimport ticks_of_us, ticks_to_us

from carnelian.engine.latency import LatencyMonitor
from carnelian.engine.slowlog import LARGE_REPLY, LARGE_REQUEST, SLOW, CommandLog

cdef enum:
    WORDS_MAX = 64                          # of a command that are looked at for the logs
    WORD_BYTES_MAX = 256
    TAIL_BYTES_MAX = 65536                  # of a reply, in the chunk that is being filled

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFF


cdef class Diagnostics:
    def __cinit__(self, Clock clock):
        self.clock = clock
        self.logs = {kind: CommandLog() for kind in (SLOW, LARGE_REQUEST, LARGE_REPLY)}
        self.latency = LatencyMonitor(clock)
        self.tracking = True
        self.slow_ticks = self.delay_ticks = self.long_ticks = NEVER
        self.large_request = self.large_reply = NEVER
        self.request_hint = self.reply_hint = <size_t>NEVER

    # Thresholds below zero: nothing is logged.

    def set_slow_threshold_us(self, int64_t threshold_us):
        self.slow_ticks = ticks_of_us(threshold_us) if threshold_us >= 0 else NEVER
        self.long_ticks = min(self.slow_ticks, self.delay_ticks)

    def set_large_request(self, int64_t threshold_bytes):
        self.large_request = threshold_bytes if threshold_bytes >= 0 else NEVER
        self.request_hint = <size_t>(self.large_request // 2)

    def set_large_reply(self, int64_t threshold_bytes):
        self.large_reply = threshold_bytes if threshold_bytes >= 0 else NEVER
        self.reply_hint = <size_t>max(self.large_reply - TAIL_BYTES_MAX, <int64_t>0)

    def set_delay_threshold_ms(self, int64_t threshold_ms):
        """For the latency monitor; zero: it notes nothing."""
        self.latency.threshold_ms = threshold_ms
        self.delay_ticks = NEVER
        if 0 < threshold_ms < NEVER // 1000:
            self.delay_ticks = ticks_of_us(threshold_ms * 1000)
        self.long_ticks = min(self.slow_ticks, self.delay_ticks)

    def set_tracking(self, bint wanted):
        self.tracking = wanted

    cdef int note(self, Session session, Command command, const Slice *argv, int argc,
                  int64_t spent, int64_t reply_bytes) except -1:
        cdef int64_t size = request_bytes(argv, argc)
        if spent >= self.delay_ticks:
            self.latency.note(
                "fast-command" if command.flags & FAST else "command", ticks_to_us(spent))
        if command.flags & SKIP_SLOWLOG:
            return 0
        if spent >= self.slow_ticks:
            self.enter(SLOW, ticks_to_us(spent), session, command, argv, argc)
        if size >= self.large_request:
            self.enter(LARGE_REQUEST, size, session, command, argv, argc)
        if reply_bytes >= self.large_reply:
            self.enter(LARGE_REPLY, reply_bytes, session, command, argv, argc)
        return 0

    cdef int enter(self, kind, int64_t value, Session session, Command command,
                   const Slice *argv, int argc) except -1:
        cdef int shown = min(argc, WORDS_MAX)
        cdef int i
        self.logs[kind].add(
            self.clock.wall_s(), value, command.name,
            [argv[i].ptr[:min(argv[i].len, <size_t>WORD_BYTES_MAX)] for i in range(shown)],
            [argv[i].len for i in range(shown)], argc, session.address(), session.name)
        return 0
