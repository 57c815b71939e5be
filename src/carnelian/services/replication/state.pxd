"""The replication stream of one engine: its identity, its bytes, and who reads it.

There is one ReplicationState per engine (`engine.host.replication`, `Server.replication`), on a
primary and on a replica alike. Its offset (`offset`, Redis's master_repl_offset) is the number of
bytes of the stream so far; bytes come in by one of two ways:

- on a primary (`role == "master"`) the engine's own writes, encoded by `StreamSink`;
- on a replica (`role == "slave"`) the bytes of its primary's stream, as they are, by `append`:
  its own replicas read the very same stream at the same offsets.

For the replica's side:

    state.role = "slave"            stop encoding writes (REPLICAOF host port); "master": go on
    state.adopt(replid, offset)     after +FULLRESYNC and the snapshot: a new history begins at
                                    offset; own replicas are cut, an empty backlog starts there
    state.adopt_id(replid)          after +CONTINUE with a new ID: the same history under a new
                                    name; own replicas are cut so that they learn it
    state.append(data)              stream bytes that were executed (any buffer); advances offset
    state.shift_id()                promotion: the history so far becomes replid2, with a new
                                    random replid from offset + 1 on
    state.cut_replicas()            close the connections of all attached replicas
    state.replica                   set by the replica's side to its service: None, or an object
                                    with follow(host, port), promote(), send_ack(), info() -> dict
                                    of INFO fields, role_reply() -> list for ROLE, is_connected
    state.stream_db                 the database selected in the primary's stream: snapshots tell it
    state.restore(replid, offset)   what the snapshot loaded at start says; set `role` before
    state.failover                  the FAILOVER under way: see failover.py

`state.replid` and `state.offset` are also what a primary that becomes a replica asks its new
primary to continue from. A backlog exists from the first replica on (and on every replica): before
that nothing is encoded and the offset stands still.
"""

from libc.stdint cimport int64_t

from carnelian.engine.call cimport Call
from carnelian.engine.engine cimport Engine
from carnelian.engine.host cimport Replication
from carnelian.engine.propagation cimport Sink
from carnelian.base.slice cimport Slice
from carnelian.services.replication.backlog cimport Backlog


cdef class ReplicationState(Replication):
    cdef Engine engine
    cdef readonly object config
    cdef Backlog backlog
    cdef readonly bint has_backlog
    cdef readonly str replid
    cdef public str replid2
    cdef public int64_t second_offset      # replid2 is good for offsets below; -1: for none
    cdef StreamSink sink
    cdef public int stream_db              # SELECTed in the stream; -1: none yet
    cdef readonly list replica_links       # of ReplicaLink, in order of arrival
    cdef int64_t flushed                   # offset up to which links have been told
    cdef int64_t put_off_ms                # when the first byte was not told of; 0: none is
    cdef int64_t size_wanted               # repl-backlog-size
    cdef size_t trimmed_count              # blocks when trimming was last tried
    cdef public object primary             # services.replication.primary.Primary, or None
    cdef public object replica             # services.replication.replica.Replica, or None
    cdef public object failover            # services.replication.failover.Failover, or None

    cdef int append_raw(self, const char *p, size_t n) except -1
    cdef void advance(self)
    cdef void trim(self)


cdef ReplicationState state_of(Call call)


cdef class StreamSink(Sink):
    """Encodes the engine's writes into the backlog."""
    cdef ReplicationState state
