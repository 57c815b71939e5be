"""HRANDFIELD and HSCAN: some fields of a hash."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.random cimport random_below
from carnelian.commands.hashes.values cimport find_hash, is_live, reply_value
from carnelian.encodings.field_map cimport HashField, field_read
from carnelian.encodings.member_set cimport SetMember, member_of_text
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport READS
from carnelian.engine.scanning cimport (
    SCAN_NOVALUES, Scan, scan_begin, scan_cursor, scan_end, scan_matches, scan_options,
    scan_reply, scan_table,
)
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport Entry
from carnelian.types.hash.value cimport (
    HashIter, hash_count, hash_iter_init, hash_iter_next, hash_map, hash_may_expire, hash_random,
)
from carnelian.types.set.value cimport set_add, set_entry_new
from carnelian.keyspace.value cimport entry_free
from carnelian.resp.reply cimport (
    reply_array, reply_empty_array, reply_null, reply_slice,
)

from carnelian.engine.command import family
from carnelian.engine.errors import OUT_OF_RANGE, SYNTAX, error

command = family("hash")

cdef enum:
    REPEATED_MAX = 1 << 26     # fields in one HRANDFIELD reply with repetition
    SAMPLING_FACTOR = 3        # below a third of the hash fields are drawn, above they are sifted
    TRIES_MAX = 1000           # to meet a live field at random

cdef int64_t INT64_LARGEST = 0x7FFFFFFFFFFFFFFF
NOT_IN_RANGE = error(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807")


# --- HRANDFIELD ---

cdef void reply_field(Call call, const HashField *field, bint with_values) noexcept:
    if with_values and call.reply.resp == 3:
        reply_array(call.reply, 2)
    reply_slice(call.reply, field.name)
    if with_values:
        reply_value(call.reply, field)


cdef void reply_header(Call call, int64_t fields, bint with_values) noexcept:
    reply_array(call.reply, fields * 2 if with_values and call.reply.resp == 2 else fields)


cdef int64_t live_count(Call call, Entry *e) noexcept:
    cdef HashIter it
    cdef HashField field
    cdef int64_t n = 0
    if not hash_may_expire(e):
        return <int64_t>hash_count(e)
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        n += is_live(call, &field)
    return n


cdef void random_live(Call call, Entry *e, HashField *field) noexcept:
    """Some live field; the hash has one. By chance alone it takes too long if nearly all are
    past their time."""
    cdef HashIter it
    cdef int _i
    for _i in range(TRIES_MAX):
        hash_random(e, field)
        if is_live(call, field):
            return
    hash_iter_init(&it, e)
    while hash_iter_next(&it, field):
        if is_live(call, field):
            return


cdef void sift_fields(
    Call call, Entry *e, int64_t size, int64_t count, bint with_values
) noexcept:
    """So many different fields in one pass, each choice equally likely."""
    cdef HashIter it
    cdef HashField field
    hash_iter_init(&it, e)
    while count and hash_iter_next(&it, &field):
        if not is_live(call, &field):
            continue
        if <int64_t>random_below(<uint64_t>size) < count:
            reply_field(call, &field, with_values)
            count -= 1
        size -= 1


cdef void draw_fields(Call call, Entry *e, int64_t count, bint with_values) noexcept:
    """So many different fields of a hash that is much larger."""
    cdef Entry *drawn = NULL
    cdef KeyRef target
    cdef HashField field
    cdef SetMember m
    target.db = call.db
    while count:
        random_live(call, e, &field)
        member_of_text(field.name, &m)
        if drawn == NULL:
            drawn = set_entry_new(b"", 0, &m, <size_t>count, call.db.limits)
            target.slot = &drawn
        if set_add(&target, &m):
            reply_field(call, &field, with_values)
            count -= 1
    entry_free(drawn)


cdef int random_fields(Call call, Entry *e, int64_t count, bint with_values) except -1:
    cdef HashField field
    cdef int64_t size = live_count(call, e)
    if size == 0:
        reply_empty_array(call.reply)
        return 0
    if count < 0:
        if count < -REPEATED_MAX:
            raise OUT_OF_RANGE
        reply_header(call, -count, with_values)
        while count:
            random_live(call, e, &field)
            reply_field(call, &field, with_values)
            count += 1
        return 0
    if count > size:
        count = size
    reply_header(call, count, with_values)
    if count * SAMPLING_FACTOR > size or hash_map(e) == NULL:
        sift_fields(call, e, size, count, with_values)
    else:
        draw_fields(call, e, count, with_values)
    return 0


cdef int hrandfield(Call call) except -1:
    cdef KeyRef ref
    cdef HashField field
    cdef int64_t count
    cdef bint with_values = call.argc > 3
    if call.argc == 2:
        if find_hash(call, &ref) and live_count(call, ref.slot[0]):
            random_live(call, ref.slot[0], &field)
            reply_slice(call.reply, field.name)
        else:
            reply_null(call.reply)
        return 0
    count = call.int(2)
    if count < -INT64_LARGEST:
        raise NOT_IN_RANGE
    if call.argc > 4 or (with_values and not call.is_word(3, b"withvalues")):
        raise SYNTAX
    if with_values and not -(INT64_LARGEST >> 1) <= count <= INT64_LARGEST >> 1:
        raise OUT_OF_RANGE
    if not find_hash(call, &ref) or count == 0:
        reply_empty_array(call.reply)
        return 0
    return random_fields(call, ref.slot[0], count, with_values)


command(handler(hrandfield), "HRANDFIELD key [count [WITHVALUES]]", READS, since="6.2.0",
        cost="O(N) where N is how many fields are asked for",
        about="Return random fields of a hash, with repetition when the count is negative.",
        tips=("nondeterministic_output",))


# --- HSCAN ---

cdef inline void reply_scanned(Call call, const Scan *scan, const HashField *field) noexcept:
    reply_slice(call.reply, field.name)
    if not scan.bare:
        reply_value(call.reply, field)


cdef void scan_small(Call call, Scan *scan, Entry *e) noexcept:
    """A small hash is answered at once."""
    cdef HashIter it
    cdef HashField field
    cdef int64_t matching = 0
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        matching += is_live(call, &field) and scan_matches(scan, field.name)
    scan.cursor = 0
    scan_reply(scan, call.reply, matching if scan.bare else 2 * matching)
    hash_iter_init(&it, e)
    while hash_iter_next(&it, &field):
        if is_live(call, &field) and scan_matches(scan, field.name):
            reply_scanned(call, scan, &field)


cdef void scan_big(Call call, Scan *scan, Entry *e) noexcept:
    cdef HashField field
    cdef int64_t live = 0
    cdef size_t i
    scan_table(scan, hash_map(e).table)
    for i in range(scan.count):
        field_read(scan.found[i], &field)
        if is_live(call, &field):
            scan.found[live] = scan.found[i]
            live += 1
    scan_reply(scan, call.reply, live if scan.bare else 2 * live)
    for i in range(<size_t>live):
        field_read(scan.found[i], &field)
        reply_scanned(call, scan, &field)


cdef int hscan(Call call) except -1:
    cdef KeyRef ref
    cdef Scan scan
    scan_begin(&scan, scan_cursor(call, 2))
    if not find_hash(call, &ref):
        scan.cursor = 0            # the options are not even looked at
        scan_reply(&scan, call.reply, 0)
        return 0
    scan_options(call, 3, SCAN_NOVALUES, &scan)
    if hash_map(ref.slot[0]) == NULL:
        scan_small(call, &scan, ref.slot[0])
    else:
        scan_big(call, &scan, ref.slot[0])
    scan_end(&scan)
    return 0


command(handler(hscan), "HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]", READS,
        since="2.8.0", cost="O(1) for each call, O(N) for a whole iteration",
        about="Iterate over the fields of a hash.", tips=("nondeterministic_output",))
