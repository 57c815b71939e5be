"""The primary as a client of ours: its stream of commands goes to dispatch and is never answered.

    query   [ executed, but inside MULTI | not executed yet | room ]
            0                            executed           length   capacity

One for each connection that reached the stream; its link owns it. Bytes count, and go on to the
backlog for replicas of ours, once the command they spell has been applied: a transaction counts
with its EXEC.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.session cimport Session
from carnelian.net.frame cimport Batch
from carnelian.net.stream cimport Stream
from carnelian.resp.parser cimport ParseState, Parser
from carnelian.services.replication.state cimport ReplicationState


cdef class PrimarySession(Session):
    cdef ReplicationState state
    cdef object link               # to be told of CLIENT KILL
    cdef Parser parser
    cdef ParseState parse
    cdef Batch batch
    cdef char *query
    cdef size_t length
    cdef size_t capacity
    cdef size_t applied            # bytes of query that count, until the end of `apply`
    cdef size_t executed
    cdef readonly bint held        # by CLIENT PAUSE: what arrives waits for its end
    cdef list acks                 # offsets at which REPLCONF GETACK asked, not answered yet
    cdef Stream stream             # the link's, None before `attach`
    cdef str peer
    cdef str local

    cdef void reserve(self, size_t room) noexcept
    cdef int took_in(self, size_t n) except -1
    cdef int apply(self) except -1
    cdef int follow(self) except -1
    cdef bint execute_batch(self) except -1
    cdef void settle(self)
    cdef void report_errors(self)
