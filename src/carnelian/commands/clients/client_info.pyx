"""One client as CLIENT LIST describes it, and the filters that CLIENT LIST and CLIENT KILL share.

`info_line` and `flag_letters` read a session and change nothing. `parse_filters` makes a list of
predicates out of arguments; a session is meant when all of them hold.
"""

from libc.stdint cimport int64_t

from carnelian.base.numbers cimport parse_int64
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport (
    BLOCKED, CLOSE_AFTER_REPLY, CLOSE_NOW, DIRTY_CAS, IN_MULTI, IS_UNIX, MONITORING, NO_EVICT,
    NO_TOUCH, PRIMARY, REPLICA, SUBSCRIBED, Session,
)
from carnelian.resp.reply cimport reply_pending_bytes

from carnelian.engine.errors import SYNTAX, error

FLAG_LETTERS = (
    (PRIMARY, "M"), (SUBSCRIBED, "P"), (IN_MULTI, "x"), (BLOCKED, "b"), (DIRTY_CAS, "d"),
    (CLOSE_AFTER_REPLY, "c"), (CLOSE_NOW, "A"), (IS_UNIX, "U"), (NO_EVICT, "e"), (NO_TOUCH, "T"),
)
KNOWN_FLAGS = "OSMPxbtRBdcuAUreTIN"
TYPE_NAMES = {
    b"normal": 0, b"replica": 1, b"slave": 1, b"pubsub": 2, b"master": 3, b"primary": 3,
}


cpdef str flag_letters(Session session):
    """CLIENT LIST's flags: N for nothing special."""
    cdef str letters = ""
    if session.flags & MONITORING:
        letters = "O"
    elif session.flags & REPLICA:
        letters = "S"
    for bit, letter in FLAG_LETTERS:
        if session.flags & bit:
            letters += letter
    return letters or "N"


cpdef int client_type(Session session):
    """One of the numbers of TYPE_NAMES."""
    if session.flags & PRIMARY:
        return 3
    if session.flags & REPLICA and not session.flags & MONITORING:
        return 1
    return 2 if session.flags & SUBSCRIBED else 0


cpdef bytes info_line(Engine engine, Session session, Session asking):
    """The fields of one client, without a line end; `asking` is in the midst of a command."""
    cdef Command last = session.last_command
    cdef int64_t pending = <int64_t>reply_pending_bytes(&session.reply)
    cdef int64_t memory = <int64_t>session.reply.memory
    cdef bint queued = session.reply.chunks > 1
    blocks, kept = stream_figures(session)
    channels, patterns, shard_channels = session.subscription_counts()
    query, query_free = session.buffer_figures()
    head = (
        f"id={session.id} addr={session.address()} laddr={session.local_address()}"
        f" fd={session.descriptor()} name="
    )
    middle = (
        f" age={(engine.steady_ms - session.created_ms) // 1000}"
        f" idle={(engine.steady_ms - session.seen_ms) // 1000} flags={flag_letters(session)}"
        f" db={session.db.id} sub={channels} psub={patterns} ssub={shard_channels}"
        f" multi={-1 if session.transaction is None else len(session.transaction.queue)}"
        f" watch={len(session.watches or ())} qbuf={query} qbuf-free={query_free}"
        f" argv-mem=0 multi-mem={session.queued_bytes()} rbs={memory} rbp={memory}"
        f" obl={0 if queued else pending} oll={(session.reply.chunks if queued else 0) + blocks}"
        f" omem={(memory if queued else 0) + kept}"
        f" tot-mem={session_bytes(session) + kept} events={session.events()}"
        f" cmd={'NULL' if last is None else last.name} user="
    )
    return b"".join((
        head.encode("utf-8", "surrogateescape"), session.name, middle.encode(), session.user,
        b" redir=-1 resp=%d lib-name=%b lib-ver=%b tot-net-in=%d tot-net-out=%d tot-cmds=%d" % (
            session.reply.resp, session.library_name, session.library_version, session.bytes_in,
            session.bytes_out,
            <int64_t>session.commands - (session is asking or session.flags & BLOCKED != 0)),
    ))


cdef tuple stream_figures(Session session):
    """Of a replica: how many blocks of the stream are kept for it, and bytes. It shares them with
    others."""
    if session.flags & REPLICA:
        return (<Engine>session.engine).host.replication.output_figures(session)
    return 0, 0


cpdef int64_t session_bytes(Session session):
    """What a client takes: buffers, queued commands and the session itself."""
    query, query_free = session.buffer_figures()
    return (<int64_t>session.reply.memory + query + query_free + session.queued_bytes()
            + <int64_t>sizeof(Session))


# --- filters ---

def whole(bytes text):
    """The number as Redis spells it, or None."""
    cdef int64_t value = 0
    return value if parse_int64(text, len(text), &value) else None


def positive(name, text):
    """A whole number above zero."""
    value = whole(text)
    if value is None:
        raise error(f"{name} is not an integer or out of range")
    if value <= 0:
        raise error(f"{name} should be greater than 0")
    return value


def identity(text, least, bad_id):
    """A client's id, or what may stand for one that does not exist."""
    value = whole(text)
    if value is None or value < least:
        raise bad_id
    return value


def type_number(text):
    number = TYPE_NAMES.get(text.lower())
    if number is None:
        raise error(b"Unknown client type '%b'" % text)
    return number


def known_flags(text):
    letters = text.decode("latin-1")
    if any(letter not in KNOWN_FLAGS for letter in letters):
        raise error(b"Unknown flags found in the provided filter: %b" % text)
    return set(letters)


def database_number(engine, text):
    value = whole(text)
    if value is None or not 0 <= value < engine.database_count:
        raise error(f"DB number should be between 0 and {engine.database_count - 1}")
    return value


def known_user(engine, text):
    if not (<Engine?>engine).host.users.exists(text):
        raise error(b"No such user '%b'" % text)
    return text


def host_of(session):
    return session.address().rpartition(":")[0].strip("[]")


def text_of(raw):
    return raw.decode("utf-8", "surrogateescape")


def predicate(Engine engine, bytes name, bytes value):
    """What `name value` asks of a session, as a function; None if there is no such filter."""
    if name == b"type":
        kind = type_number(value)
        return lambda s: client_type(s) == kind
    if name == b"user":
        user = known_user(engine, value)
        return lambda s: s.user == user
    if name == b"addr":
        address = text_of(value)
        return lambda s: s.address() == address
    if name == b"laddr":
        local = text_of(value)
        return lambda s: s.local_address() == local
    if name == b"ip":
        host = text_of(value)
        return lambda s: host_of(s) == host
    if name == b"flags":
        letters = known_flags(value)
        return lambda s: letters <= set(flag_letters(s))
    if name == b"name":
        return lambda s: s.name == value
    if name == b"lib-name":
        return lambda s: s.library_name == value
    if name == b"lib-ver":
        return lambda s: s.library_version == value
    if name == b"db":
        db_id = database_number(engine, value)
        return lambda s: (<Session?>s).db.id == db_id
    return None


def at_least(Engine engine, bytes name, bytes value):
    """MAXAGE and IDLE: seconds to have passed; they have no negation."""
    seconds = positive(name.decode(), value)
    if name == b"maxage":
        return lambda s: (engine.steady_ms - s.created_ms) // 1000 >= seconds
    return lambda s: (engine.steady_ms - s.seen_ms) // 1000 >= seconds


def ids_from(list words, int at, least, bad_id):
    """The ids after ID, one at least, and the index behind them."""
    ids = {identity(words[at], least, bad_id)}
    at += 1
    while at < len(words) and whole(words[at]) is not None:
        ids.add(identity(words[at], least, bad_id))
        at += 1
    return ids, at


def parse_filters(Engine engine, Session me, list words, bint skip_me, least_id, bad_id):
    """The predicates that `words` (option, value ...) stand for; `bad_id` is what to raise for an
    ID that is none, or below `least_id`."""
    chosen = []
    at = 0
    while at < len(words):
        name = words[at].lower()
        if at + 1 >= len(words):
            raise SYNTAX
        value = words[at + 1]
        at += 2
        negated = name.startswith(b"not-")
        if negated:
            name = name[4:]
        if name == b"id":
            ids, at = ids_from(words, at - 1, least_id, bad_id)
            made = made_of_ids(ids)
        elif name == b"skipme" and not negated:
            if value.lower() not in (b"yes", b"no"):
                raise SYNTAX
            skip_me = value.lower() == b"yes"
            continue
        elif name in (b"maxage", b"idle") and not negated:
            made = at_least(engine, name, value)
        else:
            made = predicate(engine, name, value)
        if made is None:
            raise SYNTAX
        chosen.append(opposite(made) if negated else made)
    if skip_me:
        chosen.append(lambda s: s is not me)
    return chosen


def made_of_ids(ids):
    return lambda s: s.id in ids


def opposite(made):
    return lambda s: not made(s)


def sessions_that(Engine engine, list predicates):
    """The sessions all predicates hold for, oldest first."""
    return [s for s in engine.sessions.values() if all(fits(s) for fits in predicates)]
