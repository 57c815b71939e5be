"""REPLICAOF and its old name SLAVEOF, declared by the service that carries them out."""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, NOSCRIPT, STALE
from carnelian.engine.session cimport REPLICA
from carnelian.resp.reply cimport reply_status
from carnelian.services.replication.state cimport ReplicationState, state_of

from carnelian.base.text import printable
from carnelian.engine.command import family
from carnelian.engine.errors import error
from carnelian.declare.flags import NO_ASYNC_LOADING

command = family("server")

NO_REPLICATION = error("This engine has no replication")
NOT_IN_CLUSTER = error("REPLICAOF not allowed in cluster mode.")
FAILING_OVER = error("REPLICAOF not allowed while failing over.")
FROM_REPLICA = error("Command is not valid when client is a replica.")
BAD_PORT = error("Invalid master port")

cdef enum:
    PORT_MAX = 65535


cdef int status(Call call, bytes text) except -1:
    reply_status(call.reply, text, len(text))
    return 0


cdef int replicaof(Call call) except -1:
    cdef int64_t port = 0
    cdef ReplicationState state = state_of(call)
    service = state.replica
    if service is None:
        raise NO_REPLICATION
    if call.engine.host.configuration.cluster_enabled:
        raise NOT_IN_CLUSTER
    if state.failover is not None and state.failover.is_active:
        raise FAILING_OVER
    if call.is_word(1, b"no") and call.is_word(2, b"one"):
        if service.is_replica:
            service.promote()
            tell(call, "MASTER MODE enabled")
        return status(call, b"OK")
    if call.session.flags & REPLICA:
        raise FROM_REPLICA
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &port) or not 0 <= port <= PORT_MAX:
        raise BAD_PORT
    host = call.bytes(1).decode("utf-8", "surrogateescape")
    if service.is_replica and (service.primary_link.host.lower(), service.primary_link.port) == (
            host.lower(), port):
        tell(call, "REPLICAOF would result into synchronization with the master we are already"
                   " connected with. No operation performed.")
        return status(call, b"OK Already connected to specified master")
    service.follow(host, port)
    tell(call, f"REPLICAOF {printable(host)}:{port} enabled")
    return status(call, b"OK")


cdef void tell(Call call, str what):
    call.engine.host.log.notice(
        f"{what} (user request from 'id={call.session.id} addr={call.session.address()}')")


command(handler(replicaof), "REPLICAOF <host port | NO ONE>",
        ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING, since="5.0.0", cost="O(1)",
        types={"port": "integer"}, about="Follow a primary, or stop following one.")

command(handler(replicaof), "SLAVEOF <host port | NO ONE>",
        ADMIN | NOSCRIPT | STALE | NO_ASYNC_LOADING, since="1.0.0", cost="O(1)",
        types={"port": "integer"}, deprecated_since="5.0.0", replaced_by="`REPLICAOF`",
        about="Follow a primary, or stop following one.")
