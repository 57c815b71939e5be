"""The sink that logs; see command_log.pxd."""

from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t
from libc.string cimport memmove
from posix.unistd cimport write

from carnelian.base.native cimport unlikely
from carnelian.base.numbers cimport INT64_CHARS_MAX, format_int64
from carnelian.base.slice cimport Slice
from carnelian.engine.engine cimport Engine
from carnelian.engine.propagation cimport ANY_DATABASE, REPLICAS_ONLY, SINK_LOG
from carnelian.resp.command_writer cimport (
    command_buffer_free, command_put, command_put_head, command_put_int, command_put_raw,
    command_put_text,
)


cdef enum:
    KEPT_MAX = 1 << 20             # a larger buffer is given back once it is empty


cdef class CommandLog:
    def __init__(self, Engine engine):
        self.engine = engine
        self.rank = SINK_LOG
        self.db_id = -1

    def __dealloc__(self):
        command_buffer_free(&self.out)

    @property
    def used(self):
        """Bytes that wait to be written."""
        return self.out.used

    @property
    def memory(self):
        return self.out.capacity

    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1:
        cdef size_t start
        if db_id <= REPLICAS_ONLY:
            return 0
        if unlikely(self.timestamps):
            self.stamp()
        if unlikely(db_id != self.db_id and db_id != ANY_DATABASE):
            self.select(db_id)
        start = self.out.used
        if encoded.ptr != NULL:
            command_put_raw(&self.out, encoded.ptr, encoded.len)
        else:
            command_put(&self.out, argv, argc)
            encoded.ptr = self.out.bytes + start
            encoded.len = self.out.used - start
        return 0

    cdef void select(self, int db_id) noexcept:
        command_put_head(&self.out, 2)
        command_put_text(&self.out, b"SELECT")
        command_put_int(&self.out, db_id)
        self.db_id = db_id

    cdef void stamp(self) noexcept:
        """The time, when it is another second than in the last annotation."""
        cdef int64_t now_s = self.engine.now_ms // 1000
        cdef char line[INT64_CHARS_MAX + 6]
        cdef size_t n
        if now_s == self.stamped_s:
            return
        self.stamped_s = now_s
        line[0:4] = b"#TS:"
        n = 4 + format_int64(line + 4, now_s)
        line[n] = 13
        line[n + 1] = 10
        command_put_raw(&self.out, line, n + 2)

    def begin_file(self):
        """What is logged next begins a file: it selects its database, and is stamped."""
        self.db_id = -1
        self.stamped_s = 0

    def clear(self):
        command_buffer_free(&self.out)

    def write(self, int fd):
        """Write what waits: (bytes written, errno or 0). They stay until `drop`."""
        cdef size_t done = 0
        cdef ssize_t sent
        cdef int failed = 0
        with nogil:
            while done < self.out.used:
                sent = write(fd, self.out.bytes + done, self.out.used - done)
                if sent > 0:
                    done += <size_t>sent
                elif sent < 0 and errno != EINTR:
                    failed = errno
                    break
        return done, failed

    def drop(self, size_t n):
        """Forget the first n bytes: they are in the file."""
        if n >= self.out.used:
            if self.out.capacity > KEPT_MAX:
                command_buffer_free(&self.out)
            self.out.used = 0
        else:
            memmove(self.out.bytes, self.out.bytes + n, self.out.used - n)
            self.out.used -= n
