"""CLIENT: who is connected, and what is done to connections."""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, ALLOW_BUSY, LOADING, NOSCRIPT, STALE
from carnelian.engine.engine cimport Engine
from carnelian.engine.replies cimport container_help
from carnelian.engine.serving cimport unblock
from carnelian.engine.session cimport (
    NO_EVICT, NO_TOUCH, REPLY_OFF, REPLY_SKIP, REPLY_SKIP_NEXT, Session,
)
from carnelian.resp.reply cimport (
    reply_bulk, reply_int, reply_null, reply_ok, reply_verbatim,
)

from carnelian.commands.clients.client_info import info_line, parse_filters, sessions_that
from carnelian.commands.clients.connection import BAD_NAME, is_name
from carnelian.engine.command import family
from carnelian.engine.errors import (
    SYNTAX, TIMEOUT_NEGATIVE, TIMEOUT_RANGE, bad_subcommand, error,
)

command = family("connection")

cdef enum:
    USUAL = NOSCRIPT | LOADING | STALE

cdef int64_t INT64_MAX = 0x7FFFFFFFFFFFFFFF
cdef int64_t INT64_MIN = -INT64_MAX - 1

NO_SUCH_CLIENT = error("No such client")
BAD_LIST_ID = error("Invalid client ID")
BAD_KILL_ID = error("client-id should be greater than 0")
BAD_TIMEOUT = error("timeout is not an integer or out of range")
BAD_PAUSE = error("CLIENT PAUSE mode must be WRITE or ALL")
BAD_UNBLOCK = error("CLIENT UNBLOCK reason should be TIMEOUT or ERROR")


# --- oneself ---

cdef int capa(Call call) except -1:
    """Valkey ignores what it does not know, and we know none of what there is."""
    reply_ok(call.reply)
    return 0


cdef int import_source(Call call) except -1:
    """As Valkey without `import-mode`, which we do not have."""
    if not call.is_word(2, b"off"):
        raise error("Server is not in import mode")
    reply_ok(call.reply)
    return 0


cdef int client_id(Call call) except -1:
    reply_int(call.reply, <int64_t>call.session.id)
    return 0


cdef int client_info(Call call) except -1:
    cdef bytes line = info_line(call.engine, call.session, call.session) + b"\n"
    reply_verbatim(call.reply, b"txt", line, len(line))
    return 0


cdef int getname(Call call) except -1:
    if call.session.name:
        reply_bulk(call.reply, call.session.name, len(call.session.name))
    else:
        reply_null(call.reply)
    return 0


cdef int setname(Call call) except -1:
    cdef bytes name = call.bytes(2)
    if not is_name(name):
        raise BAD_NAME
    call.session.name = name
    reply_ok(call.reply)
    return 0


cdef int setinfo(Call call) except -1:
    cdef bytes value = call.bytes(3)
    cdef bint is_version = call.is_word(2, b"lib-ver")
    if not is_version and not call.is_word(2, b"lib-name"):
        raise error(b"Unrecognized option '%b'" % call.bytes(2))
    if not is_name(value):
        raise error(
            b"%b cannot contain spaces, newlines or special characters."
            % call.bytes(2))
    if is_version:
        call.session.library_version = value
    else:
        call.session.library_name = value
    reply_ok(call.reply)
    return 0


cdef int set_flag(Call call, unsigned int flag) except -1:
    """ON or OFF as argument 2."""
    if call.is_word(2, b"on"):
        call.session.flags |= flag
    elif call.is_word(2, b"off"):
        call.session.flags &= ~flag
    else:
        raise SYNTAX
    reply_ok(call.reply)
    return 0


cdef int no_evict(Call call) except -1:
    return set_flag(call, NO_EVICT)


cdef int no_touch(Call call) except -1:
    return set_flag(call, NO_TOUCH)


cdef int client_reply(Call call) except -1:
    if call.is_word(2, b"on"):
        call.session.flags &= ~(REPLY_OFF | REPLY_SKIP | REPLY_SKIP_NEXT)
        reply_ok(call.reply)
    elif call.is_word(2, b"off"):
        call.session.flags |= REPLY_OFF
    elif call.is_word(2, b"skip"):
        if not call.session.flags & REPLY_OFF:
            call.session.flags |= REPLY_SKIP_NEXT
    else:
        raise SYNTAX
    return 0


# --- all clients ---

def too_many(Call call):
    return bad_subcommand(call.bytes(0), call.bytes(1))


cdef int client_list(Call call) except -1:
    cdef bytes lines
    cdef list words = call.words(2)
    chosen = sessions_that(
        call.engine,
        parse_filters(call.engine, call.session, words, False, INT64_MIN, BAD_LIST_ID))
    lines = b"".join(
        [info_line(call.engine, session, call.session) + b"\n" for session in chosen])
    reply_verbatim(call.reply, b"txt", lines, len(lines))
    return 0


cdef int kill_one(Call call, Session session) except -1:
    """Oneself after the reply; others at once, so that nothing more is delivered to them."""
    if session is call.session:
        session.close_soon(True)
    else:
        session.close_soon(False)
        call.engine.drop_session(session)
    return 0


cdef int kill(Call call) except -1:
    cdef bint old_form = call.argc == 3
    if old_form:
        words = [b"addr", call.bytes(2)]
    else:
        words = call.words(2)
    chosen = sessions_that(
        call.engine, parse_filters(call.engine, call.session, words, not old_form, 1, BAD_KILL_ID))
    for session in chosen:
        kill_one(call, session)
    if not old_form:
        reply_int(call.reply, len(chosen))
    elif chosen:
        reply_ok(call.reply)
    else:
        raise NO_SUCH_CLIENT
    return 0


cdef int unblock_client(Call call) except -1:
    cdef int64_t wanted
    cdef bint with_error = False
    cdef object session
    if call.argc > 4:
        raise too_many(call)
    if call.argc == 4:
        if call.is_word(3, b"error"):
            with_error = True
        elif not call.is_word(3, b"timeout"):
            raise BAD_UNBLOCK
    wanted = call.int(2)
    session = call.engine.sessions.get(wanted)
    reply_int(call.reply, session is not None and unblock(call.engine, session, with_error))
    return 0


cdef int pause(Call call) except -1:
    cdef Engine engine = call.engine
    cdef int64_t duration_ms = 0
    cdef bint all_commands = True
    if call.argc > 4:
        raise too_many(call)
    if call.argc == 4:
        if call.is_word(3, b"write"):
            all_commands = False
        elif not call.is_word(3, b"all"):
            raise BAD_PAUSE
    if not parse_int64(call.argv[2].ptr, call.argv[2].len, &duration_ms):
        raise BAD_TIMEOUT
    if duration_ms < 0:
        raise TIMEOUT_NEGATIVE
    if duration_ms > INT64_MAX - engine.now_ms:
        raise TIMEOUT_RANGE
    engine.pause.start(engine.steady_now() + duration_ms, all_commands)
    reply_ok(call.reply)
    return 0


cdef int unpause(Call call) except -1:
    call.engine.pause.cut_short()
    reply_ok(call.reply)
    return 0


command(0, "CLIENT", container=True, since="2.4.0", cost="Depends on subcommand.",
        about="Commands about client connections.")

command(handler(capa), "CLIENT CAPA capability [capability ...]", USUAL | ALLOW_BUSY,
        since="8.0.0", cost="O(1)", about="Say what the client is capable of.",
        help=("CAPA <option> [<option> ...]",
              "    Say what the client is capable of. There is nothing that this server knows."))

command(handler(getname), "CLIENT GETNAME", USUAL, since="2.6.9", cost="O(1)",
        about="Return the name of the connection.",
        help=("    Return the name of the current connection.",))

command(handler(container_help), "CLIENT HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="Explain the subcommands.")

command(handler(client_id), "CLIENT ID", USUAL, since="5.0.0", cost="O(1)",
        about="Return the unique ID of the connection.",
        help=("    Return the ID of the current connection.",))

command(handler(import_source), "CLIENT IMPORT-SOURCE <ON | OFF>", USUAL, since="8.1.0",
        cost="O(1)", about="Mark the connection as one that imports data from elsewhere.")

command(handler(client_info), "CLIENT INFO", USUAL, since="6.2.0", cost="O(1)",
        about="Describe the connection.", tips=("nondeterministic_output",),
        help=("    Return information about the current client connection.",))

command(handler(kill),
        "CLIENT KILL <ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA |"
        " PUBSUB>] | [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] |"
        " [MAXAGE maxage] [[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] |"
        " [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] |"
        " [MAXAGE maxage] ...]>>",
        USUAL | ADMIN, since="2.4.0", arity=-3,
        cost="O(N) where N is the number of client connections",
        about="Close client connections.",
        history=(("2.8.12", "Added the form with options."),
                 ("2.8.12", "Added ID."), ("3.2.0", "Added TYPE master."),
                 ("5.0.0", "Replaced TYPE slave with TYPE replica."),
                 ("6.2.0", "Added LADDR."), ("7.4.0", "Added MAXAGE.")),
        help=("KILL <ip:port>",
              "    Kill connection made from <ip:port>.",
              "KILL <option> <value> [<option> <value> [...]]",
              "    Kill connections. Options are:",
              "    * ADDR (<ip:port>|<unixsocket>:0)",
              "      Kill connections made from the specified address",
              "    * LADDR (<ip:port>|<unixsocket>:0)",
              "      Kill connections made to specified local address",
              "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
              "      Kill connections by type.",
              "    * USER <username>",
              "      Kill connections authenticated by <username>.",
              "    * SKIPME (YES|NO)",
              "      Skip killing current connection (default: yes).",
              "    * ID <client-id> [<client-id> ...]",
              "      Kill connections by ID.",
              "    * MAXAGE <seconds>, IDLE <seconds>",
              "      Kill connections that are connected, or idle, for at least so long.",
              "    * NAME, LIB-NAME, LIB-VER, FLAGS, DB, IP <value>",
              "      Kill connections of which CLIENT LIST shows that.",
              "    NOT- in front of an option means the opposite."))

command(handler(client_list),
        "CLIENT LIST [TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
        USUAL | ADMIN, since="2.4.0", cost="O(N) where N is the number of client connections",
        about="Describe the connections of all clients, or of some.",
        tips=("nondeterministic_output",),
        history=(("2.8.12", "Added the unique ID."), ("5.0.0", "Added TYPE."),
                 ("6.0.0", "Added the user."), ("6.2.0", "Added ID and more fields.")),
        help=("LIST [options ...]",
              "    Return information about client connections. Options:",
              "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
              "      Return clients of specified type.",
              "    * and the other options of KILL."))

command(handler(no_evict), "CLIENT NO-EVICT <ON | OFF>", USUAL | ADMIN, since="7.0.0", cost="O(1)",
        about="Spare the connection when clients are closed to free memory.",
        help=("    Protect current client connection from eviction.",))

command(handler(no_touch), "CLIENT NO-TOUCH <ON | OFF>", USUAL, since="7.2.0", cost="O(1)",
        about="Let the commands of the connection leave LRU and LFU figures alone.")

command(handler(pause), "CLIENT PAUSE timeout [WRITE | ALL]", USUAL | ADMIN, since="3.0.0",
        cost="O(1)", about="Hold back commands of clients for a while.",
        types={"timeout": "integer"}, history=(("6.2.0", "Added WRITE and ALL."),),
        help=("    Suspend all, or just write, clients for <timeout> milliseconds.",))

command(handler(client_reply), "CLIENT REPLY <ON | OFF | SKIP>", USUAL, since="3.2.0", cost="O(1)",
        about="Choose whether commands are answered.",
        help=("    Control the replies sent to the current connection.",))

command(handler(setinfo), "CLIENT SETINFO <LIB-NAME libname | LIB-VER libver>", USUAL,
        since="7.2.0", cost="O(1)", about="Say which library the client uses.",
        tips=("request_policy:all_nodes", "response_policy:all_succeeded"))

command(handler(setname), "CLIENT SETNAME connection-name", USUAL, since="2.6.9", cost="O(1)",
        about="Name the connection.",
        tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
        help=("SETNAME <name>",
              "    Assign the name <name> to the current connection."))

command(handler(unblock_client), "CLIENT UNBLOCK client-id [TIMEOUT | ERROR]", USUAL | ADMIN,
        since="5.0.0", cost="O(log N) where N is the number of client connections",
        about="End the wait of a client that is blocked.",
        help=("UNBLOCK <clientid> [TIMEOUT|ERROR]",
              "    Unblock the specified blocked client."))

command(handler(unpause), "CLIENT UNPAUSE", USUAL | ADMIN, since="6.2.0",
        cost="O(N) where N is the number of held back clients",
        about="Let commands held back by CLIENT PAUSE go on.",
        help=("    Stop the current client pause, resuming traffic.",))
