"""Messages that may be sent again: XADD IDMP and IDMPAUTO, XCFGSET, XIDMPRECORD."""

from libc.stdint cimport INT64_MAX, int64_t, uint64_t

from carnelian.base.slice cimport slice_of
from carnelian.base.xxh3 cimport xxh3_64
from carnelian.commands.streams.support cimport stream_at, strict_id
from carnelian.encodings.stream cimport Stream, stream_contains
from carnelian.encodings.stream_id cimport StreamId, stream_id_equal
from carnelian.encodings.stream_idempotency cimport (
    IDEM_DURATION_MAX_S, IDEM_SIZE_MAX, idem_add, idem_clear, idem_count, idem_expire, idem_find,
    idem_forget, idem_new,
)
from carnelian.encodings.table cimport table_count
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport INTERNAL, PRIMARY
from carnelian.keyspace.database cimport KeyRef, key_noted
from carnelian.keyspace.entry cimport TYPE_STREAM
from carnelian.resp.reply cimport reply_bulk, reply_int, reply_ok

from carnelian.engine.command import family
from carnelian.engine.errors import NO_SUCH_KEY, SYNTAX, error
from carnelian.declare.flags import KEYS_UPDATED

TWICE = error("IDMP/IDMPAUTO specified multiple times")
OWN_ID = error("IDMP/IDMPAUTO can be used only with auto-generated IDs")
NO_PARAMETER = error("At least one parameter must be specified")
BAD_DURATION = error("IDMP-DURATION must be between 1 and 86400 seconds")
BAD_SIZE = error("IDMP-MAXSIZE must be between 1 and 10000 entries")
EMPTY_ID = error("Producer ID and idempotent ID must not be empty")
NO_ENTRY = error("The stream has no entry with this ID")
OTHER_ENTRY = error("The idempotent ID belongs to another entry")

command = family("stream")


def attach(Engine engine, config):
    def follow():
        engine.limits.producer_duration_s = config.stream_idmp_duration
        engine.limits.producer_size_max = config.stream_idmp_maxsize

    config.on_any_change(("stream-idmp-duration", "stream-idmp-maxsize"), follow)


cdef int idem_parse(Call call, int i, IdemOptions *o) except -1:
    cdef bint automatic = call.is_word(i, b"idmpauto")
    if not automatic and not call.is_word(i, b"idmp"):
        return 0
    if i + (1 if automatic else 2) >= call.argc:
        return 0
    if o.at:
        raise TWICE
    o.at = i
    o.automatic = automatic
    o.producer = call.argv[i + 1]
    if o.producer.len == 0:
        raise error(("IDMPAUTO" if automatic else "IDMP") + " requires a non-empty producer ID")
    if automatic:
        return i + 1
    o.message = call.argv[i + 2]
    if o.message.len == 0:
        raise error("IDMP requires a non-empty idempotent ID")
    return i + 2


cdef inline uint64_t stir(uint64_t x) noexcept nogil:
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef void digest_fields(Call call, int first, IdemOptions *o) noexcept:
    """The same on every server, whatever the order of the fields: sums over field and value."""
    cdef uint64_t field
    cdef uint64_t value
    cdef int i = first
    o.digest[0] = o.digest[1] = <uint64_t>(call.argc - first)
    while i + 1 < call.argc:
        field = xxh3_64(call.argv[i].ptr, call.argv[i].len)
        value = xxh3_64(call.argv[i + 1].ptr, call.argv[i + 1].len)
        o.digest[0] += stir(field * 3 + stir(value))
        o.digest[1] += stir(stir(field + <uint64_t>0x9E3779B97F4A7C15) * 5 ^ value)
        i += 2
    o.message = slice_of(<const char *>o.digest, sizeof(o.digest))


cdef int idem_check(Call call, int id_at, bint auto_id, IdemOptions *o) except -1:
    if not o.at:
        return 0
    # A primary's stream and the append-only file tell the ID that was chosen.
    if not auto_id and not call.session.flags & (PRIMARY | INTERNAL):
        raise OWN_ID
    if o.automatic:
        digest_fields(call, id_at + 1, o)
    return 0


cdef bint idem_known(Call call, Stream *s, IdemOptions *o, StreamId *id) noexcept:
    if not o.at or s.idempotency == NULL:
        return False
    if call.session.flags & (PRIMARY | INTERNAL):
        # What is replayed was no repetition where it came from: what we know is out of date.
        idem_expire(s.idempotency, <int64_t>min(id.ms, <uint64_t>INT64_MAX))
        idem_forget(s.idempotency, o.producer, o.message)
        return False
    idem_expire(s.idempotency, call.engine.now_ms)
    if not idem_find(s.idempotency, o.producer, o.message, id):
        return False
    s.idempotency.duplicates += 1
    return True


cdef void begin_records(KeyRef *ref, Stream *s) noexcept:
    """Only newer files hold a stream that has any."""
    if s.idempotency == NULL:
        s.idempotency = idem_new(
            ref.db.limits.producer_duration_s, ref.db.limits.producer_size_max)
        key_noted(ref)


cdef void idem_record(KeyRef *ref, Stream *s, IdemOptions *o, StreamId id) noexcept:
    if not o.at:
        return
    begin_records(ref, s)
    idem_add(s.idempotency, o.producer, o.message, id)


# --- XINFO STREAM ---

cdef int idem_info_count(Stream *s) noexcept:
    return 6 if s.idempotency != NULL else 0


cdef void tell(Call call, bytes name, uint64_t value):
    reply_bulk(call.reply, name, len(name))
    reply_int(call.reply, <int64_t>value)


cdef void idem_info(Call call, Stream *s):
    if s.idempotency == NULL:
        return
    idem_expire(s.idempotency, call.engine.now_ms)
    tell(call, b"idmp-duration", <uint64_t>s.idempotency.duration_s)
    tell(call, b"idmp-maxsize", <uint64_t>s.idempotency.size_max)
    tell(call, b"pids-tracked", table_count(s.idempotency.producers))
    tell(call, b"iids-tracked", idem_count(s.idempotency))
    tell(call, b"iids-added", s.idempotency.added)
    tell(call, b"iids-duplicates", s.idempotency.duplicates)


# --- XCFGSET, XIDMPRECORD ---

cdef Stream *stream_to_change(Call call, KeyRef *ref) except NULL:
    if not call.find_typed_to_write(1, TYPE_STREAM, ref):
        raise NO_SUCH_KEY
    return stream_at(ref)


cdef int xcfgset(Call call) except -1:
    cdef KeyRef ref
    cdef Stream *s
    cdef int64_t duration_s = 0
    cdef int64_t size_max = 0
    cdef int i = 2
    if call.argc == 2:
        raise NO_PARAMETER
    while i < call.argc:
        if i + 1 < call.argc and call.is_word(i, b"idmp-duration"):
            duration_s = call.int(i + 1)
            if not 1 <= duration_s <= IDEM_DURATION_MAX_S:
                raise BAD_DURATION
        elif i + 1 < call.argc and call.is_word(i, b"idmp-maxsize"):
            size_max = call.int(i + 1)
            if not 1 <= size_max <= IDEM_SIZE_MAX:
                raise BAD_SIZE
        else:
            raise SYNTAX
        i += 2
    s = stream_to_change(call, &ref)
    begin_records(&ref, s)
    duration_s = duration_s or s.idempotency.duration_s
    size_max = size_max or s.idempotency.size_max
    if duration_s != s.idempotency.duration_s or size_max != s.idempotency.size_max:
        idem_clear(s.idempotency)
        s.idempotency.duration_s = duration_s
        s.idempotency.size_max = size_max
    call.modified(&ref)
    reply_ok(call.reply)
    return 0


command(handler(xcfgset), "XCFGSET key [IDMP-DURATION idmp-duration] [IDMP-MAXSIZE idmp-maxsize]",
        WRITES | FAST, key_flags=KEYS_UPDATED, since="8.6.0", cost="O(1)",
        about="Set how long and how many messages of producers a stream remembers.")


cdef int xidmprecord(Call call) except -1:
    cdef KeyRef ref
    cdef Stream *s
    cdef StreamId id
    cdef StreamId had
    if call.argv[2].len == 0 or call.argv[3].len == 0:
        raise EMPTY_ID
    strict_id(call, 4, &id)
    s = stream_to_change(call, &ref)
    if not stream_contains(s, id):
        raise NO_ENTRY
    begin_records(&ref, s)
    if not idem_find(s.idempotency, call.argv[2], call.argv[3], &had):
        idem_add(s.idempotency, call.argv[2], call.argv[3], id)
        call.modified(&ref)
    elif not stream_id_equal(had, id):
        raise OTHER_ENTRY
    reply_ok(call.reply)
    return 0


command(handler(xidmprecord), "XIDMPRECORD key pid iid stream-id", WRITES | DENY_OOM | FAST,
        key_flags=KEYS_UPDATED, since="8.8.0", cost="O(1)",
        about="Note which message of a producer an entry is; the append-only file needs it.")
