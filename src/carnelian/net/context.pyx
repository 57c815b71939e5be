"""What one thread's connections share; see context.pxd."""

from libc.stdint cimport int64_t
from libc.string cimport memset

from carnelian.engine.channel cimport Channel
from carnelian.net.frame cimport Frame
from carnelian.resp.parser cimport parser_reset


cdef enum:
    OUTPUT_SLICE_MIN = 1 << 14


cdef class NetContext:
    def __cinit__(self, engine, poller):
        self.engine = engine
        self.poller = poller
        self.by_fd = []
        self.due = []
        self.frame = Frame(0)
        self.frames = [self.frame]
        self.query_bytes_max = 1 << 30
        self.bulk_bytes_max = self.frame.parser.bulk_max
        self.output_slice = OUTPUT_SLICE_MAX

    # --- channels ---

    cdef void put(self, int fd, Channel channel):
        if fd >= len(self.by_fd):
            self.by_fd.extend([None] * (fd + 64 - len(self.by_fd)))
        channel.since_turn = self.turns
        self.by_fd[fd] = channel

    cdef void take(self, int fd):
        self.by_fd[fd] = None

    cdef void call_again(self, Channel channel, int mask):
        """Have `handle` called in the next turn, whether there is an event or not."""
        self.due.append((channel, mask))

    # --- turns ---

    cdef Frame enter(self):
        """A turn begins."""
        cdef Frame frame
        if self.depth == len(self.frames):
            self.frames.append(Frame(self.depth))
        frame = <Frame>self.frames[self.depth]
        self.depth += 1
        self.turns += 1
        frame.number = self.turns
        frame.parser.bulk_max = self.bulk_bytes_max
        self.frame = frame
        return frame

    cdef void leave(self):
        self.depth -= 1
        if self.depth:
            self.frame = <Frame>self.frames[self.depth - 1]

    cdef void give_back(self):
        """Return memory that a quiet moment leaves unused."""
        del self.frames[max(self.depth, 1):]
        parser_reset(&(<Frame>self.frames[0]).parser)

    cdef void collect(self) noexcept:
        """Have the engine's statistics hold what this thread counted."""
        self.engine.stats.bytes_in += self.figures.bytes_in
        self.engine.stats.bytes_out += self.figures.bytes_out
        self.engine.stats.query_limit_disconnections += self.figures.query_limit_disconnections
        self.engine.stats.output_limit_disconnections += self.figures.output_limit_disconnections
        memset(&self.figures, 0, sizeof(self.figures))

    cdef void reset_figures(self) noexcept:
        self.reads = self.writes = 0
        memset(&self.figures, 0, sizeof(self.figures))

    # --- limits ---

    def set_limits(self, *, query_bytes, bulk_bytes):
        self.query_bytes_max = query_bytes
        self.bulk_bytes_max = bulk_bytes
        for frame in self.frames:
            (<Frame>frame).parser.bulk_max = bulk_bytes

    def set_output_limit(self, int kind, hard_bytes, soft_bytes, soft_seconds):
        self.output_limits[kind].hard_bytes = hard_bytes
        self.output_limits[kind].soft_bytes = soft_bytes
        self.output_limits[kind].soft_seconds = soft_seconds
        self.output_slice = OUTPUT_SLICE_MAX
        for i in range(3):
            self.lower_slice(self.output_limits[i].hard_bytes)
            self.lower_slice(self.output_limits[i].soft_bytes)

    cdef void lower_slice(self, int64_t limit_bytes) noexcept:
        """Looked at before half of it is reached."""
        if limit_bytes:
            self.output_slice = min(
                self.output_slice, <size_t>max(limit_bytes // 2, OUTPUT_SLICE_MIN))
