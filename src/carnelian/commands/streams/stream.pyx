"""The stream commands about entries: adding, ranges, deleting, trimming.

Reading for and by consumers is in stream_read, groups in stream_group and stream_claim, XINFO in
stream_info.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.commands.streams.idempotency cimport (
    IdemOptions, idem_check, idem_known, idem_parse, idem_record,
)
from carnelian.commands.streams.support cimport (
    ids_block, interval_end, interval_start, id_text, refs_word, reply_entry,
    reply_stream_id, stream_at, strict_id,
)
from carnelian.encodings.stream cimport (
    STREAM_APPENDED, STREAM_TOO_LARGE, Stream, StreamAppend, StreamCursor, stream_append,
    stream_cursor_next, stream_cursor_open, stream_delete, stream_free, stream_last_live_id,
    stream_new, stream_next_id, stream_next_seq,
)
from carnelian.encodings.stream_id cimport (
    StreamId, stream_id, stream_id_equal, stream_id_is_zero, stream_id_less, stream_id_max,
    stream_id_parse,
)
from carnelian.encodings.stream_trim cimport (
    REFS_KEEP, StreamRefs, StreamTrim, stream_delete_referenced, stream_trim,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, FAST, READS, WRITES
from carnelian.engine.engine cimport Engine
from carnelian.engine.events cimport NOTIFY_STREAM
from carnelian.engine.session cimport INTERNAL, PRIMARY
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport ENC_STREAM, TYPE_STREAM
from carnelian.resp.reply cimport (
    ReplyMark, reply_array, reply_defer, reply_empty_array, reply_int, reply_null,
    reply_null_array, reply_ok, reply_set_array,
)

from carnelian.commands.streams.support import INVALID_ID
from carnelian.engine.command import family
from carnelian.engine.errors import NO_SUCH_KEY, SYNTAX, error
from carnelian.declare.flags import KEYS_INSPECTED, KEYS_UPDATED

TWO_STRATEGIES = error("syntax error, MAXLEN and MINID options at the same time are not compatible")
NEGATIVE_MAXLEN = error("The MAXLEN argument must be >= 0.")
NEGATIVE_LIMIT = error("The LIMIT argument must be >= 0.")
LIMIT_WITHOUT_STRATEGY = error(
    "syntax error, LIMIT cannot be used without specifying a trimming strategy")
LIMIT_WITHOUT_TILDE = error("syntax error, LIMIT cannot be used without the special ~ option")
NO_STRATEGY = error("syntax error, XTRIM must be called with a trimming strategy")
ID_NOT_POSITIVE = error("The ID specified in XADD must be greater than 0-0")
ID_NOT_LARGER = error(
    "The ID specified in XADD is equal or smaller than the target stream top item")
EXHAUSTED = error("The stream has exhausted the last possible ID, unable to add more items")
TOO_LARGE = error("Elements are too large to be stored")

command = family("stream")


def attach(Engine engine, config):
    def follow():
        engine.limits.stream.node_bytes_max = config.stream_node_max_bytes
        engine.limits.stream.node_entries_max = config.stream_node_max_entries

    config.on_any_change(("stream-node-max-bytes", "stream-node-max-entries"), follow)


# --- options of XADD and XTRIM ----------------------------------------------------------------

cdef struct Options:
    StreamTrim trim
    int strategy            # argument with the threshold; 0: no trimming
    bint limit_given
    bint make               # the stream if it is not there
    int id_at               # XADD's ID argument
    bint auto_id            # "*"
    bint seq_given
    StreamId id
    IdemOptions idem


cdef int trim_strategy(Call call, int i, Options *o) except -1:
    """MAXLEN or MINID at argument i; returns where its threshold is."""
    cdef int64_t length
    if o.strategy:
        raise TWO_STRATEGIES
    o.trim.by_id = call.is_word(i, b"minid")
    i += 1
    o.trim.approximate = False
    if i + 1 < call.argc and call.argv[i].len == 1 and call.argv[i].ptr[0] in (61, 126):    # = ~
        o.trim.approximate = call.argv[i].ptr[0] == 126
        i += 1
    if o.trim.by_id:
        strict_id(call, i, &o.trim.id_min)
    else:
        length = call.int(i)
        if length < 0:
            raise NEGATIVE_MAXLEN
        o.trim.length_max = <uint64_t>length
    o.strategy = i
    return i


cdef int check_options(Call call, Options *o) except -1:
    """What can be said only when all options are known."""
    if o.trim.limit and not o.strategy:
        raise LIMIT_WITHOUT_STRATEGY
    if not o.id_at and not o.strategy:
        raise NO_STRATEGY
    if call.session.flags & (PRIMARY | INTERNAL):
        o.trim.limit = 0        # the primary has written down what it really trimmed to
    elif o.limit_given:
        if not o.trim.approximate:
            raise LIMIT_WITHOUT_TILDE
    elif o.trim.approximate:
        # no more than a hundred nodes at a time
        o.trim.limit = 10000
        if call.db.limits.stream.node_entries_max:
            o.trim.limit = min(call.db.limits.stream.node_entries_max, <uint64_t>10000) * 100
    return 0


cdef int parse_options(Call call, Options *o, bint adding) except -1:
    cdef int i = 2
    cdef int last
    cdef int64_t limit
    o.idem.at = 0
    o.trim.refs = REFS_KEEP
    o.trim.limit = 0
    o.trim.approximate = False
    o.strategy = 0
    o.limit_given = False
    o.make = True
    o.id_at = 0
    o.auto_id = False
    o.seq_given = True
    while i < call.argc:
        if adding and call.argv[i].len == 1 and call.argv[i].ptr[0] == 42:      # *
            o.auto_id = True
            o.id_at = i
            break
        if i + 1 < call.argc and (call.is_word(i, b"maxlen") or call.is_word(i, b"minid")):
            i = trim_strategy(call, i, o)
        elif i + 1 < call.argc and call.is_word(i, b"limit"):
            i += 1
            limit = call.int(i)
            if limit < 0:
                raise NEGATIVE_LIMIT
            o.trim.limit = <uint64_t>limit
            o.limit_given = True
        elif refs_word(call, i, &o.trim.refs):
            pass
        elif adding and call.is_word(i, b"nomkstream"):
            o.make = False
        elif adding:
            last = idem_parse(call, i, &o.idem)
            if last:
                i = last + 1
                continue
            if not stream_id_parse(call.argv[i], 0, True, &o.id, &o.seq_given):
                raise INVALID_ID
            o.id_at = i
            break
        else:
            raise SYNTAX
        i += 1
    return check_options(call, o)


# --- XADD -------------------------------------------------------------------------------------

cdef int choose_id(Call call, const Stream *s, Options *o) except -1:
    if stream_id_equal(s.last_id, stream_id_max()):
        raise EXHAUSTED
    if o.auto_id:
        stream_next_id(s, <uint64_t>call.engine.now_ms, &o.id)
    elif not o.seq_given and not stream_next_seq(s, o.id.ms, &o.id):
        raise ID_NOT_LARGER
    return 0


cdef int append(Call call, Stream *s, Options *o) except -1:
    cdef StreamAppend outcome
    choose_id(call, s, o)
    outcome = stream_append(s, o.id, call.argv + o.id_at + 1, (call.argc - o.id_at - 1) // 2,
                            &call.db.limits.stream)
    if outcome != STREAM_APPENDED:
        raise TOO_LARGE if outcome == STREAM_TOO_LARGE else ID_NOT_LARGER
    return 0


cdef int append_to_new(Call call, KeyRef *ref, Options *o) except -1:
    cdef Stream *s = stream_new()
    try:
        append(call, s, o)
    except BaseException:
        stream_free(s)
        raise
    call.create_pointer(ref, TYPE_STREAM, ENC_STREAM, s)
    return 0


cdef list as_done(Call call, const Stream *s, Options *o):
    """The command with the ID it chose and, for "~", with what it really trimmed to."""
    cdef StreamId first
    cdef list words = call.words(0)
    if o.id_at:
        words[o.id_at] = id_text(o.id)
    if o.strategy and o.trim.approximate:
        words[o.strategy - 1] = b"="
        first = s.first_id if s.length else stream_id_max()
        words[o.strategy] = id_text(first) if o.trim.by_id else b"%d" % s.length
    if o.idem.at and o.idem.automatic:
        words[o.idem.at:o.idem.at + 2] = [
            b"IDMP", words[o.idem.at + 1], o.idem.message.ptr[:o.idem.message.len]]
    return words


cdef int xadd(Call call) except -1:
    cdef Options o
    cdef KeyRef ref
    cdef Stream *s
    cdef int fields
    parse_options(call, &o, True)
    fields = call.argc - o.id_at - 1
    if not o.id_at or fields < 2 or fields % 2:
        raise error("wrong number of arguments for 'xadd' command")
    if not o.auto_id and o.seq_given and stream_id_is_zero(o.id):
        raise ID_NOT_POSITIVE
    idem_check(call, o.id_at, o.auto_id, &o.idem)
    if call.find_typed_to_write(1, TYPE_STREAM, &ref):
        if idem_known(call, stream_at(&ref), &o.idem, &o.id):
            reply_stream_id(call.reply, o.id)
            return 0
        append(call, stream_at(&ref), &o)
    elif o.make:
        append_to_new(call, &ref, &o)
    else:
        reply_null(call.reply)
        return 0
    call.changed(&ref, NOTIFY_STREAM, b"xadd")
    s = stream_at(&ref)
    idem_record(&ref, s, &o.idem, o.id)
    if o.strategy and stream_trim(s, &o.trim):
        call.notify(NOTIFY_STREAM, b"xtrim", &ref)
    if call.propagates() and (o.auto_id or not o.seq_given or o.strategy and o.trim.approximate):
        call.propagate_as(as_done(call, s, &o))
    reply_stream_id(call.reply, o.id)
    return 0


command(handler(xadd),
        "XADD key [NOMKSTREAM] [KEEPREF | DELREF | ACKED]"
        " [IDMPAUTO producer-id | IDMP producer-id idempotent-id]"
        " [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value"
        " [field value ...]",
        WRITES | DENY_OOM | FAST, key_flags=KEYS_UPDATED, since="5.0.0",
        tips=("nondeterministic_output",),
        cost="O(1), and O(N) for N entries trimmed.",
        about="Append an entry to a stream, which is made if it does not exist.",
        since_of={"nomkstream": "6.2.0", "idmp": "8.6.0"},
        history=(
            ("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT`"
             " option."),
            ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ),
        key_notes=("UPDATE instead of INSERT because of the optional trimming feature",))


cdef int xtrim(Call call) except -1:
    cdef Options o
    cdef KeyRef ref
    cdef uint64_t removed = 0
    parse_options(call, &o, False)
    if call.find_typed_to_write(1, TYPE_STREAM, &ref):
        removed = stream_trim(stream_at(&ref), &o.trim)
    if removed:
        call.changed(&ref, NOTIFY_STREAM, b"xtrim")
        call.dirty += <int64_t>removed - 1
        if o.trim.approximate and call.propagates():
            call.propagate_as(as_done(call, stream_at(&ref), &o))
    reply_int(call.reply, <int64_t>removed)
    return 0


command(handler(xtrim),
        "XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count] [KEEPREF | DELREF | ACKED]",
        WRITES, since="5.0.0", tips=("nondeterministic_output",),
        cost="O(N) for N entries removed; nodes that go as a whole cost next to nothing.",
        about="Remove the oldest entries of a stream.",
        history=(("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option."),))


# --- reading ----------------------------------------------------------------------------------

cdef int xlen(Call call) except -1:
    cdef KeyRef ref
    if call.find_typed(1, TYPE_STREAM, &ref):
        reply_int(call.reply, <int64_t>stream_at(&ref).length)
    else:
        reply_int(call.reply, 0)
    return 0


command(handler(xlen), "XLEN key", READS | FAST, key_flags=KEYS_INSPECTED, since="5.0.0",
        cost="O(1)", about="Return the number of entries of a stream.")


cdef int range_of(Call call, bint reverse) except -1:
    cdef StreamId start
    cdef StreamId end
    cdef StreamCursor cursor
    cdef ReplyMark mark
    cdef KeyRef ref
    cdef int64_t count = -1
    cdef int64_t found = 0
    cdef int i
    interval_start(call, 3 if reverse else 2, &start)
    interval_end(call, 2 if reverse else 3, &end)
    for i in range(4, call.argc, 2):
        if i + 1 == call.argc or not call.is_word(i, b"count"):
            raise SYNTAX
        count = max(call.int(i + 1), <int64_t>0)
    if not call.find_typed(1, TYPE_STREAM, &ref):
        reply_empty_array(call.reply)
    elif count == 0:
        reply_null_array(call.reply)
    else:
        mark = reply_defer(call.reply)
        stream_cursor_open(&cursor, stream_at(&ref), start, end, reverse)
        while found != count and stream_cursor_next(&cursor):
            reply_entry(call.reply, &cursor)
            found += 1
        reply_set_array(call.reply, mark, found)
    return 0


cdef int xrange_(Call call) except -1:
    return range_of(call, False)


command(handler(xrange_), "XRANGE key start end [COUNT count]", READS, since="5.0.0",
        cost="O(N) for N entries returned.",
        about="Return the entries of a stream within a range of IDs.",
        types={"start": "string", "end": "string"},
        history=(("6.2.0", "Added exclusive ranges."),))


cdef int xrevrange(Call call) except -1:
    return range_of(call, True)


command(handler(xrevrange), "XREVRANGE key end start [COUNT count]", READS, since="5.0.0",
        cost="O(N) for N entries returned.",
        about="Return the entries of a stream within a range of IDs, the newest first.",
        types={"start": "string", "end": "string"},
        history=(("6.2.0", "Added exclusive ranges."),))


# --- deleting ---------------------------------------------------------------------------------

cdef int xdel(Call call) except -1:
    cdef KeyRef ref
    cdef StreamId id
    cdef int64_t deleted = 0
    cdef int i
    if not call.find_typed_to_write(1, TYPE_STREAM, &ref):
        reply_int(call.reply, 0)
        return 0
    for i in range(2, call.argc):
        strict_id(call, i, &id)
    for i in range(2, call.argc):
        strict_id(call, i, &id)
        deleted += stream_delete(stream_at(&ref), id)
    if deleted:
        call.changed(&ref, NOTIFY_STREAM, b"xdel")
        call.dirty += deleted - 1
    reply_int(call.reply, deleted)
    return 0


command(handler(xdel), "XDEL key id [id ...]", WRITES | FAST, since="5.0.0",
        cost="O(1) for each entry, however long the stream is.",
        about="Delete entries of a stream by their IDs.")


cdef int xdelex(Call call) except -1:
    cdef StreamRefs refs = REFS_KEEP
    cdef KeyRef ref
    cdef StreamId id
    cdef int64_t deleted = 0
    cdef int first = 2
    cdef int count
    cdef int outcome
    cdef int i
    if refs_word(call, first, &refs):
        first += 1
    count = ids_block(call, first, False)
    call.find_typed_to_write(1, TYPE_STREAM, &ref)
    reply_array(call.reply, count)
    for i in range(first + 2, first + 2 + count):
        outcome = -1
        if ref.slot != NULL:
            strict_id(call, i, &id)
            outcome = stream_delete_referenced(stream_at(&ref), id, refs)
        deleted += outcome == 1
        reply_int(call.reply, outcome)
    if deleted:
        call.changed(&ref, NOTIFY_STREAM, b"xdel")
        call.dirty += deleted - 1
    return 0


command(handler(xdelex), "XDELEX key [KEEPREF | DELREF | ACKED] IDS numids id [id ...]",
        WRITES | FAST, since="8.2.0", cost="O(1) for each entry, however long the stream is.",
        about="Delete entries of a stream, heeding the consumer groups that refer to them.")


# --- XSETID -----------------------------------------------------------------------------------

cdef int xsetid(Call call) except -1:
    cdef StreamId id
    cdef StreamId max_deleted = stream_id(0, 0)
    cdef StreamId top
    cdef int64_t entries_added = -1
    cdef KeyRef ref
    cdef Stream *s
    cdef int i
    strict_id(call, 2, &id)
    for i in range(3, call.argc, 2):
        if i + 1 < call.argc and call.is_word(i, b"entriesadded"):
            entries_added = call.int(i + 1)
            if entries_added < 0:
                raise error("entries_added must be positive")
        elif i + 1 < call.argc and call.is_word(i, b"maxdeletedid"):
            strict_id(call, i + 1, &max_deleted)
            if stream_id_less(id, max_deleted):
                raise error(
                    "The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
        else:
            raise SYNTAX
    if not call.find_typed_to_write(1, TYPE_STREAM, &ref):
        raise NO_SUCH_KEY
    s = stream_at(&ref)
    if stream_id_less(id, s.max_deleted_id):
        raise error("The ID specified in XSETID is smaller than current max_deleted_entry_id")
    if s.length:
        if stream_last_live_id(s, &top) and stream_id_less(id, top):
            raise error("The ID specified in XSETID is smaller than the target stream top item")
        if entries_added != -1 and s.length > <uint64_t>entries_added:
            raise error(
                "The entries_added specified in XSETID is smaller than the target stream length")
    s.last_id = id
    if entries_added != -1:
        s.entries_added = <uint64_t>entries_added
    if not stream_id_is_zero(max_deleted):
        s.max_deleted_id = max_deleted
    call.dirty += 1
    call.notify(NOTIFY_STREAM, b"xsetid", &ref)
    reply_ok(call.reply)
    return 0


command(handler(xsetid),
        "XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
        WRITES | DENY_OOM | FAST, key_flags=KEYS_UPDATED, since="5.0.0", cost="O(1)",
        about="Set the last ID and the counters of a stream; for replication.",
        since_of={"entries-added": "7.0.0", "max-deleted-id": "7.0.0"},
        history=(("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments."),))
