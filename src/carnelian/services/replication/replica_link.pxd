"""An attached replica: what is sent to it, and what it has acknowledged.

    NONE -> WAIT_START -> WAIT_END -> SEND_SNAPSHOT -> ONLINE       full synchronization
    NONE -> ONLINE                                                  partial

It is `Session.replica` from the first REPLCONF on, and is on `ReplicationState.replica_links` from
PSYNC until the connection ends. It copies nothing: the stream is sent from the backlog's blocks,
which are kept from the earliest `position` of all links on.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.net.connection cimport Connection
from carnelian.net.output_source cimport OutputSource
from carnelian.resp.reply cimport iovec
from carnelian.services.replication.backlog cimport Backlog


cdef enum:
    # 0: has only introduced itself
    STAGE_WAIT_START = 1       # for a snapshot to begin
    STAGE_WAIT_END = 2         # for the file with its snapshot to be complete
    STAGE_SEND_SNAPSHOT = 3
    STAGE_ONLINE = 4


cdef class ReplicaLink(OutputSource):
    cdef readonly object state             # the ReplicationState; it keeps `backlog` alive
    cdef Backlog *backlog
    cdef readonly Connection connection
    cdef public int stage
    cdef public int64_t position           # of the next stream byte to send; -1: needs none yet
    cdef public bint starts_on_ack         # online, but silent until its first REPLCONF ACK
    cdef object chunk                      # bytes of a snapshot that are being sent, or None
    cdef size_t chunk_at
    cdef public object on_chunk_sent       # callable(link): all of `chunk` is out
    # what it has said of itself
    cdef public str announced_ip
    cdef public int listening_port
    cdef public bint takes_eof             # a snapshot of unknown length
    cdef public bint takes_psync2
    cdef public bint diskless              # its snapshot comes without a file
    cdef public bint only_snapshot         # goes away after it
    cdef public object snapshot_filter     # None: everything
    cdef public bint speaks_sync           # came by SYNC: neither PSYNC nor acknowledgements
    cdef public str version
    # what it has acknowledged
    cdef public int64_t ack_offset
    cdef public int64_t aof_ack_offset
    cdef public int64_t ack_ms             # when, or when its stage began: monotonic
    # for repl-timeout: what it had sent and been sent when that last changed
    cdef uint64_t bytes_moved
    cdef int64_t moved_ms
    cdef uint64_t sent
    cdef size_t text_bytes                 # of `send_text` not sent yet

    cpdef send_chunk(self, chunk)
    cpdef send_text(self, bytes text)
    cdef bint is_streaming(self) noexcept
