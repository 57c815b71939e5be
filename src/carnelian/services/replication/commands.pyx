"""PSYNC, SYNC, REPLCONF, ROLE, FAILOVER, WAIT and WAITAOF: a primary and those who follow it.

Declared by the service that carries them out: of `host.replication` they know the class.
"""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport (
    ADMIN, ALLOW_BUSY, BLOCKING, FAST, LOADING, NOSCRIPT, NO_MULTI, STALE,
)
from carnelian.engine.blocking cimport BLOCKED_WAIT
from carnelian.engine.replies cimport reply_structure
from carnelian.engine.session cimport PRIMARY, REPLICA
from carnelian.resp.reply cimport reply_array, reply_int, reply_ok
from carnelian.services.replication.state cimport ReplicationState, state_of

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, TIMEOUT_NEGATIVE, TIMEOUT_RANGE, error
from carnelian.declare.flags import NO_ASYNC_LOADING

command = family("server")
generic = family("generic")

cdef enum:
    HOST_MAX = 255

SYNC_FLAGS = ADMIN | NOSCRIPT | NO_MULTI | NO_ASYNC_LOADING

cdef int64_t INT64_MAX = 0x7FFFFFFFFFFFFFFF

NO_REPLICAS = error("This engine has no replicas")
FAILOVER_TO_PRIMARY = error("PSYNC FAILOVER can't be sent to a master.")
FAILOVER_OTHER_ID = error("PSYNC FAILOVER replid must match my replid.")
FILTER_NEEDS_EOF = error("Filtered replica requires EOF capability")
FAILOVER_TIMEOUT = error("FAILOVER timeout must be greater than 0")
OUT_OF_RANGE = error("value is out of range")
LOCAL_RANGE = error("value is out of range, value must between 0 and 1")
MUST_BE_POSITIVE = error("value is out of range, must be positive")
BAD_TIMEOUT = error("timeout is not an integer or out of range")
NO_WAIT = error(
    "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica"
    " is configured to be writable (which is not the default) writes to replicas are just local and"
    " are not propagated.")
NO_WAITAOF = error(
    "WAITAOF cannot be used with replica instances. Please also note that writes to replicas are"
    " just local and are not propagated.")
NO_AOF = error("WAITAOF cannot be used when numlocal is set but appendonly is disabled.")


cdef object primary_of(Call call):
    cdef ReplicationState state = state_of(call)
    if state.primary is None:
        raise NO_REPLICAS
    return state.primary


# --- the handshake of a replica ---

cdef int take_over(Call call, bytes replid) except -1:
    """PSYNC ... FAILOVER: our primary asks us to be the primary."""
    cdef ReplicationState state = state_of(call)
    if state.role == "master":
        raise FAILOVER_TO_PRIMARY
    if replid.lower() != state.replid.encode():
        raise FAILOVER_OTHER_ID
    state.replica.promote()
    return 0


cdef int psync(Call call) except -1:
    cdef bytes replid = call.bytes(1)
    cdef int64_t next_byte
    primary = primary_of(call)
    if call.session.flags & REPLICA:
        return 0
    next_byte = call.int(2)
    if call.argc > 3 and call.is_word(3, b"failover"):
        take_over(call, replid)
    check_filter(call)
    primary.sync(call.session, replid.decode("latin-1"), next_byte)
    return 0


command(handler(psync), "PSYNC replicationid offset", SYNC_FLAGS, since="2.8.0", arity=-3,
        cost="O(N) for a full synchronization, O(1) for a partial one",
        about="Become a replica, going on with the stream from an offset where that is possible.",
        types={"offset": "integer"})


cdef int check_filter(Call call) except -1:
    link = call.session.replica
    if link is not None and link.snapshot_filter is not None and not link.takes_eof:
        raise FILTER_NEEDS_EOF
    return 0


cdef int sync(Call call) except -1:
    primary = primary_of(call)
    if call.session.flags & REPLICA:
        return 0
    check_filter(call)
    primary.sync(call.session, None)
    return 0


command(handler(sync), "SYNC", SYNC_FLAGS, since="1.0.0", cost="O(N)",
        about="Become a replica as before Redis 2.8: always with a full synchronization.")


cdef int acknowledge(Call call, int i) except -1:
    """REPLCONF ACK offset [FACK offset]: no reply, whatever it says."""
    cdef int64_t offset = -1
    cdef int64_t aof_offset = -1
    if not call.session.flags & REPLICA:
        return 0
    if not parse_int64(call.argv[i].ptr, call.argv[i].len, &offset):
        return 0
    if call.argc > i + 2 and call.is_word(i + 1, b"fack"):
        parse_int64(call.argv[i + 2].ptr, call.argv[i + 2].len, &aof_offset)
    primary_of(call).acknowledged(call.session, offset, aof_offset)
    return 0


cdef int take_option(Call call, link, bytes name, int i) except -1:
    """One option whose value is argument i."""
    cdef bytes value = call.bytes(i)
    if name == b"listening-port":
        port = call.int(i)
        link.listening_port = port if 0 <= port <= 65535 else 0
    elif name == b"ip-address":
        if len(value) >= HOST_MAX:
            raise error("REPLCONF ip-address provided by replica instance is too long:"
                        f" {len(value)} bytes")
        link.announced_ip = printable(value)
    elif name == b"capa":
        link.takes_eof |= value.lower() == b"eof"
        link.takes_psync2 |= value.lower() == b"psync2"
    elif name == b"rdb-only":
        wanted = call.int(i)
        if wanted not in (0, 1):
            raise OUT_OF_RANGE
        link.only_snapshot = wanted
    elif name == b"rdb-filter-only":
        for word in value.split():
            if word.lower() != b"functions":
                raise error(b"Unsupported rdb-filter-only option: %b" % word)
        link.snapshot_filter = value.lower()
    elif name == b"version":
        link.version = printable(value)
    else:
        raise error(b"Unrecognized REPLCONF option: %b" % name)
    return 0


def printable(bytes text):
    """For INFO and the log: what a peer says of itself may be anything."""
    return "".join(c if c.isprintable() and c not in ",=" else "?" for c in text.decode("latin-1"))


cdef int replconf(Call call) except -1:
    cdef bytes name
    cdef int i
    if call.argc % 2 == 0:
        raise SYNTAX
    if call.argc > 1 and call.is_word(1, b"ack"):
        return acknowledge(call, 2)
    if call.argc > 1 and call.is_word(1, b"getack"):
        replica = state_of(call).replica
        if call.session.flags & PRIMARY and replica is not None:
            replica.send_ack()
        return 0
    primary = primary_of(call)
    for i in range(1, call.argc, 2):
        name = call.bytes(i).lower()
        take_option(call, primary.link_of(call.session), name, i + 1)
    reply_ok(call.reply)
    return 0


command(handler(replconf), "REPLCONF", ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
        since="3.0.0", arity=-1, cost="O(1)",
        about="What replica and primary tell each other: for replication alone.")


# --- what an operator asks ---

cdef int role(Call call) except -1:
    reply_structure(call.reply, state_of(call).role_reply())
    return 0


command(handler(role), "ROLE", NOSCRIPT | LOADING | STALE | FAST, since="2.8.12", cost="O(1)",
        acl="admin dangerous", about="Tell the role in replication, and the peers.")


cdef int failover(Call call) except -1:
    cdef int64_t timeout_ms = 0
    cdef bint force = False
    cdef int i = 1
    target = None
    primary_of(call)
    manager = state_of(call).failover
    if call.argc == 2 and call.is_word(1, b"abort"):
        manager.abort()
        reply_ok(call.reply)
        return 0
    while i < call.argc:
        if call.is_word(i, b"timeout") and i + 1 < call.argc and not timeout_ms:
            timeout_ms = call.int(i + 1)
            if timeout_ms <= 0:
                raise FAILOVER_TIMEOUT
            i += 2
        elif call.is_word(i, b"to") and i + 2 < call.argc and target is None:
            target = (call.bytes(i + 1).decode("latin-1"), call.int(i + 2))
            i += 3
        elif call.is_word(i, b"force") and not force:
            force = True
            i += 1
        else:
            raise SYNTAX
    manager.start(target, force, timeout_ms)
    reply_ok(call.reply)
    return 0


command(handler(failover),
        "FAILOVER [TO <host port [FORCE]>] [ABORT] [TIMEOUT milliseconds]",
        ADMIN | NOSCRIPT | STALE, since="6.2.0", cost="O(1)",
        about="Make a replica the primary, without losing a write.",
        types={"port": "integer", "milliseconds": "integer"})


# --- waiting for replicas ---

cdef int64_t milliseconds(Call call, int i) except? -1:
    cdef int64_t timeout_ms = 0
    if not parse_int64(call.argv[i].ptr, call.argv[i].len, &timeout_ms):
        raise BAD_TIMEOUT
    if timeout_ms < 0:
        raise TIMEOUT_NEGATIVE
    if timeout_ms > INT64_MAX - call.engine.now_ms:
        raise TIMEOUT_RANGE
    return timeout_ms


cdef int wait_on(Call call, int64_t timeout_ms) except -1:
    """Park the client; `call.extra` is the offset it waits for."""
    call.block_for(BLOCKED_WAIT, timeout_ms)
    if not call.resumed:
        primary_of(call).want_acks()
    return 0


cdef int wait(Call call) except -1:
    cdef int64_t wanted
    cdef int64_t timeout_ms
    cdef ReplicationState state = state_of(call)
    if state.role == "slave":
        raise NO_WAIT
    wanted = call.int(1)
    timeout_ms = milliseconds(call, 2)
    if not call.resumed:
        call.extra = call.session.write_offset
    primary = state.primary
    acked = primary.count_acked(call.extra) if primary is not None else 0
    if acked >= wanted or not call.may_block() or primary is None:
        reply_int(call.reply, acked)
        return 0
    return wait_on(call, timeout_ms)


generic(handler(wait), "WAIT numreplicas timeout", BLOCKING, since="3.0.0", cost="O(1)",
        acl="connection", types={"timeout": "integer"},
        about="Wait until so many replicas have acknowledged the connection's writes.",
        tips=("request_policy:all_shards", "response_policy:agg_min"))


cdef int waitaof(Call call) except -1:
    cdef int64_t local = call.int(1)
    cdef int64_t wanted = 0
    cdef int64_t timeout_ms
    if not 0 <= local <= 1:
        raise LOCAL_RANGE
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &wanted) or wanted < 0:
        raise MUST_BE_POSITIVE
    timeout_ms = milliseconds(call, 3)
    if state_of(call).role == "slave":
        raise NO_WAITAOF
    primary = primary_of(call)
    if local and not primary.aof_is_on():
        raise NO_AOF
    if not call.resumed:
        call.extra = call.session.write_offset
    acked = primary.count_aof_acked(call.extra)
    synced = primary.aof_synced(call.extra)
    if (acked >= wanted and synced >= local) or not call.may_block():
        reply_array(call.reply, 2)
        reply_int(call.reply, synced)
        reply_int(call.reply, acked)
        return 0
    return wait_on(call, timeout_ms)


generic(handler(waitaof), "WAITAOF numlocal numreplicas timeout", BLOCKING, since="7.2.0",
        cost="O(1)", acl="connection", types={"timeout": "integer"},
        about="Wait until the connection's writes are synced to the append-only files of so many.",
        tips=("request_policy:all_shards", "response_policy:agg_min"))
