"""The commands about the client's connection itself; CLIENT is in client.pyx."""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport (
    ALLOW_BUSY, FAST, LOADING, NOSCRIPT, NO_AUTH, RUNS_IN_MULTI, STALE, SUBSCRIBED_TOO,
)
from carnelian.engine.engine cimport Engine
from carnelian.engine.host cimport Host
from carnelian.engine.session cimport (
    MONITORING, NEEDS_AUTH, NO_EVICT, NO_TOUCH, PRIMARY, REPLICA,
    REPLY_OFF, REPLY_SKIP, REPLY_SKIP_NEXT, SUBSCRIBED, Session,
)
from carnelian.engine.transaction cimport transaction_end
from carnelian.resp.reply cimport (
    reply_array, reply_bulk, reply_bulk_text, reply_empty_array, reply_int, reply_literal,
    reply_map, reply_ok,
)

from carnelian.engine.command import family
from carnelian.engine.errors import DB_OUT_OF_RANGE, SYNTAX, CommandError, error
from carnelian.version import REDIS_VERSION, SERVER_NAME

command = family("connection")

cdef enum:
    # of a handshake: they work before and without everything
    ALWAYS = FAST | NOSCRIPT | LOADING | STALE | NO_AUTH | ALLOW_BUSY

BAD_NAME = error("Client names cannot contain spaces, newlines or special characters.")
WRONG_PASS = CommandError(b"WRONGPASS invalid username-password pair or user is disabled.")
NO_PASSWORD = error(
    "AUTH <password> called without any password configured for the default user. Are you sure"
    " your configuration is correct?")
HELLO_NO_AUTH = CommandError(
    b"NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO"
    b" <proto> AUTH <user> <pass> option can be used to authenticate the client and select the"
    b" RESP protocol version at the same time")
NO_PROTOCOL = CommandError(b"NOPROTO unsupported protocol version")
BAD_PROTOCOL = error("Protocol version is not an integer or out of range")
NOT_RESETTABLE = error("can only reset normal client connections")


cdef int ping(Call call) except -1:
    cdef Session session = call.session
    if call.argc > 2:
        raise error("wrong number of arguments for 'ping' command")
    if session.flags & SUBSCRIBED and session.reply.resp == 2:
        reply_array(call.reply, 2)
        reply_bulk_text(call.reply, b"pong")
        if call.argc == 1:
            reply_bulk_text(call.reply, b"")
        else:
            reply_bulk(call.reply, call.argv[1].ptr, call.argv[1].len)
    elif call.argc == 1:
        reply_literal(call.reply, b"+PONG\r\n")
    else:
        reply_bulk(call.reply, call.argv[1].ptr, call.argv[1].len)
    return 0


cdef int echo(Call call) except -1:
    reply_bulk(call.reply, call.argv[1].ptr, call.argv[1].len)
    return 0


cdef int select(Call call) except -1:
    cdef int index = call.int32(1)
    if not 0 <= index < call.engine.database_count:
        raise DB_OUT_OF_RANGE
    call.session.db = call.engine.databases[index]
    reply_ok(call.reply)
    return 0


cdef int quit_(Call call) except -1:
    reply_ok(call.reply)
    call.session.close_soon(True)
    return 0


cdef int reset(Call call) except -1:
    cdef Session session = call.session
    cdef Engine engine = call.engine
    if session.flags & (REPLICA | PRIMARY) and not session.flags & MONITORING:
        raise NOT_RESETTABLE
    engine.monitors.stop(session)
    transaction_end(engine, session)
    session.fieldsets = None
    engine.pubsub.forget(session)
    session.flags &= ~(REPLY_OFF | REPLY_SKIP | REPLY_SKIP_NEXT | NO_EVICT | NO_TOUCH | NEEDS_AUTH)
    if engine.host.users.needs_password():
        session.flags |= NEEDS_AUTH
    session.user = b"default"
    session.db = engine.databases[0]
    session.name = b""
    session.reply.resp = 2
    reply_literal(call.reply, b"+RESET\r\n")
    return 0


# --- who the client is ---

cdef int log_in(Call call, bytes user, bytes password) except -1:
    """Make the session that user's, or raise."""
    if not call.engine.host.users.authenticate(user, password):
        raise WRONG_PASS
    call.session.user = user
    call.session.flags &= ~NEEDS_AUTH
    return 0


cdef int auth(Call call) except -1:
    if call.argc > 3:
        raise SYNTAX
    if call.argc == 2:
        if not call.engine.host.users.needs_password():
            raise NO_PASSWORD
        log_in(call, b"default", call.bytes(1))
    else:
        log_in(call, call.bytes(1), call.bytes(2))
    reply_ok(call.reply)
    return 0


def is_name(bytes name):
    """Whether a client or library may be called that: it must not break CLIENT LIST's format."""
    return all(33 <= c <= 126 for c in name)


cdef int hello(Call call) except -1:
    cdef int64_t protocol = 0
    cdef bytes name = None
    cdef bytes user = None
    cdef bytes password = None
    cdef int i = 2
    if call.argc > 1:
        if not parse_int64(call.argv[1].ptr, call.argv[1].len, &protocol):
            raise BAD_PROTOCOL
        if not 2 <= protocol <= 3:
            raise NO_PROTOCOL
    while i < call.argc:
        if call.is_word(i, b"auth") and i + 2 < call.argc:
            user = call.bytes(i + 1)
            password = call.bytes(i + 2)
            i += 3
        elif call.is_word(i, b"setname") and i + 1 < call.argc:
            name = call.bytes(i + 1)
            if not is_name(name):
                raise BAD_NAME
            i += 2
        else:
            raise error(b"Syntax error in HELLO option '%b'" % call.bytes(i))
    if user is not None:
        log_in(call, user, password)
    if call.session.flags & NEEDS_AUTH:
        raise HELLO_NO_AUTH
    if name is not None:
        call.session.name = name
    if protocol:
        call.session.reply.resp = <int>protocol
    reply_hello(call)
    return 0


cdef int reply_text(Call call, str text) except -1:
    cdef bytes raw = text.encode()
    reply_bulk(call.reply, raw, len(raw))
    return 0


cdef int reply_hello(Call call) except -1:
    cdef Host host = call.engine.host
    reply_map(call.reply, 7)
    reply_bulk_text(call.reply, b"server")
    reply_text(call, SERVER_NAME)
    reply_bulk_text(call.reply, b"version")
    reply_text(call, REDIS_VERSION)
    reply_bulk_text(call.reply, b"proto")
    reply_int(call.reply, call.session.reply.resp)
    reply_bulk_text(call.reply, b"id")
    reply_int(call.reply, <int64_t>call.session.id)
    reply_bulk_text(call.reply, b"mode")
    reply_text(call, host.process.mode)
    reply_bulk_text(call.reply, b"role")
    reply_text(call, host.replication.role_name)
    reply_bulk_text(call.reply, b"modules")
    reply_empty_array(call.reply)
    return 0


command(handler(auth), "AUTH [username] password", ALWAYS, since="1.0.0", arity=-2,
        cost="O(N) where N is the number of passwords of the user",
        about="Authenticate the connection as a user.",
        history=(("6.0.0", "Added the username."),))

command(handler(echo), "ECHO message", FAST | LOADING | STALE, since="1.0.0", cost="O(1)",
        about="Return the message.")

command(handler(hello), "HELLO [protover [AUTH username password] [SETNAME clientname]]", ALWAYS,
        since="6.0.0", cost="O(1)",
        about="Choose the protocol version, authenticate and name the connection in one step.",
        history=(("6.2.0", "Without a version, only describe the server."),))

command(handler(ping), "PING [message]", FAST | SUBSCRIBED_TOO, since="1.0.0", cost="O(1)",
        about="Answer PONG, or the message.",
        tips=("request_policy:all_shards", "response_policy:all_succeeded"))

command(handler(quit_), "QUIT", ALWAYS | RUNS_IN_MULTI | SUBSCRIBED_TOO, since="1.0.0", cost="O(1)",
        arity=-1, about="Close the connection once what was asked before is answered.",
        deprecated_since="7.2.0", replaced_by="just closing the connection")

command(handler(reset), "RESET", ALWAYS | RUNS_IN_MULTI | SUBSCRIBED_TOO, since="6.2.0",
        cost="O(1)",
        about="Bring the connection back to the state it had when it was new.")

command(handler(select), "SELECT index", FAST | LOADING | STALE, since="1.0.0", cost="O(1)",
        about="Choose the database the connection works on.")
