"""The sink that logs: commands as bytes that wait to be written to the append-only file.

Owner: the server's AppendOnly. Fed by the engine's Propagation, written from before the replies of
a turn are sent. Main thread only.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.engine cimport Engine
from carnelian.engine.propagation cimport Sink
from carnelian.resp.command_writer cimport CommandBuffer


cdef class CommandLog(Sink):
    cdef Engine engine
    cdef CommandBuffer out
    cdef int db_id                 # selected where the log ends; -1: none yet
    cdef public bint timestamps    # annotate with #TS: lines
    cdef int64_t stamped_s

    cdef int feed(self, int db_id, const Slice *argv, int argc, Slice *encoded) except -1
    cdef void select(self, int db_id) noexcept
    cdef void stamp(self) noexcept
