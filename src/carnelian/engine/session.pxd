"""A client's state without a socket.

TCP connections, embedded clients, scripts, AOF loading and the replication stream are front-ends
that own a session each and pass it to `execute`. A session belongs to the engine that numbered it.
"""

from libc.stdint cimport int64_t, uint32_t, uint64_t

from carnelian.engine.channel cimport Channel
from carnelian.keyspace.database cimport Database
from carnelian.resp.reply cimport Reply


cdef enum:
    IN_MULTI = 1
    DIRTY_CAS = 1 << 1             # a watched key changed: EXEC answers nil
    DIRTY_EXEC = 1 << 2            # a command was refused while queueing: EXEC aborts
    BLOCKED = 1 << 3
    SUBSCRIBED = 1 << 4            # has subscriptions: RESP2 allows few commands
    REPLY_OFF = 1 << 5
    REPLY_SKIP = 1 << 6            # this command's reply is dropped
    REPLY_SKIP_NEXT = 1 << 7
    MONITORING = 1 << 8
    NEEDS_AUTH = 1 << 9
    CLOSE_AFTER_REPLY = 1 << 10
    CLOSE_NOW = 1 << 11
    NO_EVICT = 1 << 12
    NO_TOUCH = 1 << 13
    OUTPUT_PENDING = 1 << 14       # is on the engine's `pending` list
    NO_BLOCKING = 1 << 15          # inside EXEC or a script: blocking commands act as if timed out
    REPLICA = 1 << 16
    PRIMARY = 1 << 17
    INTERNAL = 1 << 18             # no user behind it: scripts, loading
    CLOSED = 1 << 19
    IS_UNIX = 1 << 20
    # executing a command: messages to the session itself wait until its reply is written
    HOLDS_PUSHES = 1 << 21
    UNDECIDED = 1 << 22            # signal handlers decide whether its wait goes on: not served
    # Any of these sends a command through the careful path of dispatch.
    SLOW_FLAGS = (IN_MULTI | SUBSCRIBED | REPLY_OFF | REPLY_SKIP | REPLY_SKIP_NEXT | MONITORING
                  | NEEDS_AUTH | BLOCKED | REPLICA | INTERNAL)


cdef class Transaction:
    """What a session has queued after MULTI; see engine/transaction."""
    cdef list queue                        # of (Command, [bytes, ...])
    cdef int64_t queued_bytes


cdef class Subscriptions:
    """What a session listens to; see engine/pubsub."""
    cdef dict channels                     # name -> None, insertion-ordered sets
    cdef dict patterns
    cdef dict shard_channels
    cdef list held                         # messages, see HOLDS_PUSHES; None: none


cdef class Session(Channel):
    cdef Reply reply
    cdef Database *db
    cdef uint32_t flags
    cdef readonly uint64_t id
    cdef readonly int64_t created_ms       # by the monotonic clock, as the next
    cdef public int64_t seen_ms            # last interaction
    cdef uint64_t commands
    cdef uint64_t bytes_in
    cdef uint64_t bytes_out
    cdef public bytes name
    cdef public bytes library_name
    cdef public bytes library_version
    cdef public bytes user
    cdef object last_command               # Command or None
    # The next ones are there while they are needed, None else.
    cdef Transaction transaction           # exactly while IN_MULTI
    cdef dict watches                      # (db id, key) -> whether it was already expired
    cdef object blocked                    # Blocked or None
    cdef Subscriptions subscriptions       # since the first
    cdef dict fieldsets                    # name -> [field, ...], of HIMPORT PREPARE
    cdef public object replica             # the replica's side of a REPLICA session
    cdef object engine
    cdef public int64_t write_offset       # of the replication stream after its last write

    cdef int protocol(self) noexcept
    cdef int64_t queued_bytes(self) noexcept
    cdef Subscriptions listening(self)     # made if need be
    cdef void wrote(self)                  # out-of-band output was added: have it sent
    cdef void close_soon(self, bint after_reply)
    cpdef void resumed(self)               # no longer blocked: front-ends go on reading
