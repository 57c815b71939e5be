"""Loading a snapshot while it arrives, in memory that does not grow with it.

    window   [ taken in | an unfinished element | room ]
             start      kept                    end      capacity

What has been taken in makes room for what comes. The window holds the one element that is not
complete yet: a string, a field with its value, a node of a list or of a stream, a consumer group.
Collections grow in the engine element by element. Owned by a replica's full synchronization.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy, memmove

from carnelian.base.crc64 cimport crc64
from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.engine.engine cimport Engine
from carnelian.formats.rdb cimport RdbIn, rdb_in_init
from carnelian.services.persistence.rdb.snapshot cimport SnapshotReader

from carnelian.services.persistence.rdb.snapshot import SnapshotError

cdef enum:
    WINDOW_MIN = 1 << 16
    WINDOW_KEPT = 1 << 22          # a larger one is given back once it is nearly empty


cdef int64_t ALL = 1 << 40


cdef class StreamedReader(SnapshotReader):
    cdef char *window
    cdef readonly size_t capacity
    cdef size_t wanted             # bytes in the window before another try is worth it
    cdef int64_t stuck_at          # offset of the element that the last try could not read

    def __init__(self, Engine engine, *, bint verify_checksum=True, bint keep_expired=False):
        self.prepare(engine, verify_checksum, keep_expired)
        rdb_in_init(&self.input, NULL, 0)
        self.input.streamed = True

    def __dealloc__(self):
        mem_free(self.window)

    def feed(self, data):
        """Take in bytes; SnapshotError when they make no sense. What follows the end is ignored."""
        cdef const uint8_t[::1] view = data
        cdef size_t n = <size_t>view.shape[0]
        if n and not self.done:
            self.make_room(n)
            memcpy(<void *>self.input.end, &view[0], n)
            self.input.end += n
            if <size_t>(self.input.end - self.input.start) >= self.wanted:
                self.take_in()

    def end(self):
        """Nothing more comes."""
        if not self.done:
            self.take_in()
        if not self.done:
            raise SnapshotError("Short read or OOM loading DB", self.offset)

    cdef int take_in(self) except -1:
        cdef RdbIn *r = &self.input
        cdef size_t used
        cdef size_t left
        self.step(ALL)
        used = <size_t>(r.kept - r.start)
        left = <size_t>(r.end - r.kept)
        self.wanted = r.needed
        if self.offset == self.stuck_at:
            # It must be read from its start again: not for every few bytes.
            self.wanted = max(self.wanted, used + left * 2)
        self.stuck_at = self.offset
        return 0

    cdef void make_room(self, size_t n) noexcept:
        """Drop what has been taken in; grow with what arrives, never with what is announced."""
        cdef RdbIn *r = &self.input
        cdef size_t used = <size_t>(r.kept - r.start)
        cdef size_t left = <size_t>(r.end - r.kept)
        cdef size_t size = self.capacity
        if used:
            if self.verify_checksum:
                self.crc = crc64(self.crc, <const char *>r.start, used)
            self.dropped += used
            memmove(self.window, r.kept, left)
            self.wanted -= min(self.wanted, used)
        if size > WINDOW_KEPT and (left + n) < size // 4:
            size = 0
        if size < left + n:
            size = max(max(left + n, left * 2), <size_t>WINDOW_MIN)
        if size != self.capacity:
            self.window = <char *>mem_realloc(self.window, size)
            self.capacity = size
        r.start = r.at = r.kept = <const uint8_t *>self.window
        r.end = r.start + left
