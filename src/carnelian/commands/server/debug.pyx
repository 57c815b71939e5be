"""DEBUG: what tests, Redis's and ours, ask of a server."""

from time import sleep

from libc.stdint cimport int64_t, uintptr_t

from carnelian.base.glob cimport glob_match
from carnelian.base.memory cimport heap_live, heap_tidy_all, heap_used
from carnelian.commands.server.digest cimport dataset_digest, key_digest
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, LOADING, NOSCRIPT, STALE
from carnelian.engine.host cimport Persistence
from carnelian.engine.replies cimport reply_lines, reply_structure
from carnelian.keyspace.database cimport Database, KeyRef, database_count, key_find
from carnelian.keyspace.entry cimport (
    HEADER_SIZE, POINTER, Entry, entry_pointer,
)
from carnelian.types.string.value cimport text_create
from carnelian.keyspace.value cimport value_bytes, value_encoding
from carnelian.resp.reply cimport (
    Reply, reply_array, reply_attribute, reply_bignum, reply_bool, reply_bulk_text,
    reply_double, reply_int, reply_map, reply_null, reply_ok, reply_push, reply_set, reply_status,
    reply_verbatim,
)

from carnelian.engine.command import family
from carnelian.engine.errors import NO_SUCH_KEY, CommandError, error

command = family("server")

cdef enum:
    POPULATE_VALUE_MAX = 512 << 20

NOT_ALLOWED = error(
    "DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can"
    " run it from a local connection, otherwise you need to set this option in the configuration"
    " file, and then restart the server.")
ARGUMENTS = "unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP."


cdef void status(Call call, str text):
    cdef bytes line = text.encode("latin-1")
    reply_status(call.reply, line, len(line))


cdef int look(Call call, int i, KeyRef *ref) except -1:
    ref[0] = key_find(call.db, call.argv[i].ptr, call.argv[i].len)
    if ref.slot == NULL:
        raise NO_SUCH_KEY
    return 0


def debug_sleep(Call call):
    cdef double seconds = call.float(2)
    if seconds > 0:
        sleep(min(seconds, 3600.0))
    reply_ok(call.reply)


def debug_object(Call call):
    cdef KeyRef ref
    cdef Entry *e
    cdef int64_t idle
    look(call, 2, &ref)
    e = ref.slot[0]
    idle = 0 if call.engine.lfu else max(call.engine.access_clock - <int64_t>e.access, 0)
    encoding = (<bytes>value_encoding(e)).decode()
    length = value_bytes(e.kind, entry_pointer(e)) if e.flags & POINTER else HEADER_SIZE
    status(call, f"Value at:0x{<uintptr_t>e:x} refcount:1 encoding:{encoding}"
                 f" serializedlength:{length} lru:{e.access & 0xFFFFFF}"
                 f" lru_seconds_idle:{idle}")


def set_active_expire(Call call):
    call.engine.expiry.active = call.int(2) != 0
    reply_ok(call.reply)


def digest(Call call):
    status(call, dataset_digest(call.engine).hex())


def digest_value(Call call):
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        status(call, key_digest(call.engine, call.db, call.bytes(i)).hex())


def populate(Call call):
    cdef int64_t wanted = call.int(2)
    cdef int64_t size = call.int(4) if call.argc > 4 else 0
    cdef int64_t number
    cdef bytes prefix = call.bytes(3) if call.argc > 3 else b"key"
    cdef bytes key
    cdef bytes value
    cdef KeyRef ref
    if wanted < 0 or not 0 <= size <= POPULATE_VALUE_MAX:
        raise error("value is out of range, must be positive")
    for number in range(wanted):
        key = b"%b:%d" % (prefix, number)
        ref = key_find(call.db, key, len(key))
        if ref.slot != NULL:
            continue
        value = b"value:%d" % number
        if size:
            value = value[:size].ljust(size, b"\0")
        text_create(&ref, value, len(value))
        call.added(&ref)
        call.modified(&ref)
    call.propagate_nothing()
    reply_ok(call.reply)


def change_repl_id(Call call):
    call.engine.host.replication.change_id()
    reply_ok(call.reply)


def verify(Call call):
    if not call.engine.verify():
        raise error("the data set is damaged")
    reply_ok(call.reply)


def allocations(Call call):
    heap_tidy_all(call.engine.heap)
    reply_structure(call.reply, {
        "live": heap_live(call.engine.heap), "used": heap_used(call.engine.heap),
        "pending": call.engine.lazyfree.pending(),
    })


def stringmatch_len(Call call):
    cdef bytes text = b"a" * min(max(call.int(2), 0), 1 << 24)
    cdef bytes pattern = call.bytes(3)
    glob_match(pattern, len(pattern), text, len(text), False)
    reply_ok(call.reply)


def fail(Call call):
    raise CommandError(call.bytes(2))


def log_line(Call call):
    call.engine.host.log.warning(f"DEBUG LOG: {call.bytes(2).decode('utf-8', 'replace')}")
    reply_ok(call.reply)


def structsize(Call call):
    status(call, f"bits:64 entry:{HEADER_SIZE} keyref:{sizeof(KeyRef)} database:{sizeof(Database)}")


def htstats(Call call):
    cdef int64_t number = call.int(2)
    cdef Database *db
    cdef bytes text
    if not 0 <= number < call.engine.database_count:
        raise error("Out of range database")
    db = call.engine.databases[number]
    text = (
        f"[Dictionary HT]\nHash table 0 stats (main hash table):\n"
        f" segments: {db.keys.segments}\n number of elements: {database_count(db)}\n"
        f" table bytes: {db.keys.bytes}\n[Expires HT]\n"
        f" number of elements: {db.wheel.count}\n").encode()
    reply_verbatim(call.reply, b"txt", text, len(text))


def accept(Call call):
    """Settings of Redis's internals that have no counterpart here, for the sake of its tests."""
    reply_ok(call.reply)


def jump_clock(Call call):
    """What an engine must bear: somebody sets the system's clock."""
    call.engine.clock.jump_ms(call.int(2))
    reply_ok(call.reply)


def pause_cron(Call call):
    call.engine.host.process.cron_paused = call.int(2) != 0
    reply_ok(call.reply)


def reload(Call call):
    """Through the snapshot file and back: save, empty all databases, load."""
    cdef set options = {word.lower() for word in call.words(2)}
    cdef int i
    cdef Persistence persistence = call.engine.host.persistence
    if options - {b"merge", b"noflush", b"nosave"}:
        raise error("DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
    if b"nosave" not in options and not persistence.save():
        raise error("Error trying to save the RDB, check server logs.")
    if b"noflush" not in options:
        for i in range(call.engine.database_count):
            call.engine.flush(i, False)
    if not persistence.reload_snapshot():
        raise error("Error trying to load the RDB dump, check server logs.")
    call.propagate_nothing()
    reply_ok(call.reply)


def loadaof(Call call):
    """Through the append-only file and back: empty all databases and replay it."""
    cdef int i
    cdef Persistence persistence = call.engine.host.persistence
    persistence.flush_log()
    for i in range(call.engine.database_count):
        call.engine.flush(i, False)
    if not persistence.reload_log():
        raise error("Error trying to load the AOF files, check server logs.")
    call.propagate_nothing()
    reply_ok(call.reply)


cdef void protocol_attribute(Reply *reply):
    if reply_attribute(reply, 1):
        reply_bulk_text(reply, b"key-popularity")
        reply_array(reply, 2)
        reply_bulk_text(reply, b"key:123")
        reply_int(reply, 90)
    reply_bulk_text(reply, b"Some real reply following the attribute")


cdef int protocol_simple(Reply *reply, bytes name) except -1:
    if name == b"string":
        reply_bulk_text(reply, b"Hello World")
    elif name == b"integer":
        reply_int(reply, 12345)
    elif name == b"double":
        reply_double(reply, 3.141)
    elif name == b"null":
        reply_null(reply)
    elif name == b"bignum":
        reply_bignum(reply, b"1234567999999999999999999999999999999", 37)
    elif name == b"true" or name == b"false":
        reply_bool(reply, name == b"true")
    elif name == b"verbatim":
        reply_verbatim(reply, b"txt", b"This is a verbatim\nstring", 25)
    else:
        return 0
    return 1


def protocol(Call call):
    cdef Reply *reply = call.reply
    cdef bytes name = call.bytes(2).lower()
    cdef int i
    if protocol_simple(reply, name):
        return
    if name == b"array":
        reply_array(reply, 3)
        for i in range(3):
            reply_int(reply, i)
    elif name == b"set":
        reply_set(reply, 3)
        for i in range(3):
            reply_int(reply, i)
    elif name == b"map":
        reply_map(reply, 3)
        for i in range(3):
            reply_int(reply, i)
            reply_bool(reply, i == 1)
    elif name == b"attrib":
        protocol_attribute(reply)
    elif name == b"push":
        if reply.resp < 3:
            raise error("RESP2 is not supported by this command")
        reply_push(reply, 2)
        reply_bulk_text(reply, b"server-cpu-usage")
        reply_int(reply, 42)
        reply_bulk_text(reply, b"Some real reply following the push reply")
    else:
        raise error(
            "Wrong protocol type name. Please use one of the following: string|integer|double|"
            "bignum|null|array|set|map|attrib|push|verbatim|true|false")


def explain(Call call):
    reply_lines(call, [
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ALLOCATIONS", "    Return how many blocks of native memory are in use.",
        "CHANGE-REPL-ID", "    Take a new replication ID.",
        "DIGEST", "    Return a hash of all keys and values.",
        "DIGEST-VALUE <key> [<key> ...]", "    Return a hash of the values of keys.",
        "ERROR <string>", "    Reply with that error.",
        "HTSTATS <dbid>", "    Describe the tables of a database.",
        "JUMP-CLOCK <milliseconds>", "    Let the wall clock jump, as this server sees it.",
        "LOADAOF", "    Flush the append-only file and load it again.",
        "LOG <message>", "    Write a line to the log.",
        "OBJECT <key>", "    Describe the representation of a value.",
        "PAUSE-CRON <0|1>", "    Stop what the server does by the clock, or not.",
        "POPULATE <count> [<prefix>] [<size>]", "    Add that many string keys.",
        "PROTOCOL <type>", "    Reply with a sample of a protocol type.",
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]", "    Save all data and load it again.",
        "SET-ACTIVE-EXPIRE <0|1>", "    Delete expired keys in the background, or not.",
        "SLEEP <seconds>", "    Stop the server for a while.",
        "VERIFY", "    Audit the whole data set.",
        "HELP", "    Prints this help.",
    ])


# Name to (function, least and most number of words in the call).
SUBCOMMANDS = {
    b"allocations": (allocations, 2, 2),
    b"change-repl-id": (change_repl_id, 2, 2),
    b"dict-resizing": (accept, 3, 3),
    b"digest": (digest, 2, 2),
    b"digest-value": (digest_value, 2, 1 << 30),
    b"error": (fail, 3, 3),
    b"help": (explain, 2, 2),
    b"htstats": (htstats, 3, 4),
    b"jmap": (verify, 2, 2),
    b"jump-clock": (jump_clock, 3, 3),
    b"loadaof": (loadaof, 2, 2),
    b"log": (log_line, 3, 3),
    b"object": (debug_object, 3, 4),
    b"pause-cron": (pause_cron, 3, 3),
    b"populate": (populate, 3, 5),
    b"protocol": (protocol, 3, 3),
    b"quicklist-packed-threshold": (accept, 3, 3),
    b"reload": (reload, 2, 5),
    b"replybuffer": (accept, 4, 4),
    b"set-active-expire": (set_active_expire, 3, 3),
    b"sleep": (debug_sleep, 3, 3),
    b"stringmatch-len": (stringmatch_len, 4, 4),
    b"structsize": (structsize, 2, 2),
    b"verify": (verify, 2, 2),
}


cdef int debug(Call call) except -1:
    cdef str allowed = call.engine.host.configuration.enable_debug_command
    cdef tuple known = SUBCOMMANDS.get(call.bytes(1).lower())
    if allowed != "yes" and not (allowed == "local" and call.session.is_local()):
        raise NOT_ALLOWED
    if known is None or not known[1] <= call.argc <= known[2]:
        raise error(ARGUMENTS.format(call.bytes(1).decode("latin-1")).encode("latin-1"))
    known[0](call)
    return 0


command(handler(debug), "DEBUG", ADMIN | NOSCRIPT | LOADING | STALE, since="1.0.0", arity=-2,
        cost="Depends on subcommand.", about="Look inside the server and provoke it.", doc_flags=2)
