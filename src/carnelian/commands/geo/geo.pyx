"""The geo commands that add and look up positions; geo_search has those that look around."""

from libc.stdint cimport int64_t

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.commands.geo.values cimport (
    read_position, reply_distance, reply_position, unit_m,
)
from carnelian.commands.sorted_sets.values cimport add_scores
from carnelian.encodings.geohash cimport (
    GEO_STRING_LEN, geo_decode, geo_distance_m, geo_encode, geo_string,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET
from carnelian.types.sorted_set.value cimport ZSET_NX, ZSET_XX, zset_score
from carnelian.resp.reply cimport reply_array, reply_bulk, reply_null, reply_null_array

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX

command = family("geo")


cdef int read_scores(Call call, int first, double *scores, int count) except -1:
    cdef double longitude = 0
    cdef double latitude = 0
    cdef int i
    for i in range(count):
        read_position(call, first + 3 * i, &longitude, &latitude)
        scores[i] = <double>geo_encode(longitude, latitude)
    return 0


cdef int propagate_as_zadd(Call call, int first, const double *scores, int count) except -1:
    """As in Redis: who follows need not compute the same hashes."""
    cdef list line
    cdef int i
    if not call.propagates():
        return 0
    line = [b"ZADD", *call.words(1)[:first - 1]]
    for i in range(count):
        line += [b"%d" % <int64_t>scores[i], call.bytes(first + 3 * i + 2)]
    call.propagate_as(line)
    return 0


cdef int geoadd(Call call) except -1:
    cdef int conditions = 0
    cdef bint count_changes = False
    cdef int first = 2
    cdef int count
    cdef double *scores
    while first < call.argc:
        if call.is_word(first, b"nx"):
            conditions |= ZSET_NX
        elif call.is_word(first, b"xx"):
            conditions |= ZSET_XX
        elif call.is_word(first, b"ch"):
            count_changes = True
        else:
            break
        first += 1
    count = (call.argc - first) // 3
    if (call.argc - first) % 3 or count == 0 or conditions == ZSET_NX | ZSET_XX:
        raise SYNTAX
    scores = <double *>mem_alloc(count * sizeof(double))
    try:
        read_scores(call, first, scores, count)
        add_scores(call, conditions, count_changes, first + 2, scores, count, 3)
        if call.dirty:
            propagate_as_zadd(call, first, scores, count)
    finally:
        mem_free(scores)
    return 0


command(handler(geoadd),
        "GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
        WRITES | DENY_OOM, since="3.2.0",
        cost="O(log(N)) for each item added, where N is the number of elements in the sorted set.",
        about="Add members with positions to a geospatial index, which is a sorted set.",
        history=(("6.2.0", "Added the `CH`, `NX` and `XX` options."),))


cdef int geodist(Call call) except -1:
    cdef KeyRef ref
    cdef double scores[2]
    cdef double from_position[2]
    cdef double to_position[2]
    cdef double unit = 1
    if call.argc > 5:
        raise SYNTAX
    if call.argc == 5:
        unit = unit_m(call, 4)
    if not call.find_typed(1, TYPE_ZSET, &ref) or not (
        zset_score(ref.slot[0], call.argv[2], &scores[0])
        and zset_score(ref.slot[0], call.argv[3], &scores[1])
    ):
        reply_null(call.reply)
        return 0
    geo_decode(scores[0], &from_position[0], &from_position[1])
    geo_decode(scores[1], &to_position[0], &to_position[1])
    reply_distance(call, geo_distance_m(
        from_position[0], from_position[1], to_position[0], to_position[1]) / unit)
    return 0


command(handler(geodist), "GEODIST key member1 member2 [M | KM | FT | MI]", READS, since="3.2.0",
        cost="O(1)", about="Return how far two members of a geospatial index are apart.")


cdef int geohash(Call call) except -1:
    cdef KeyRef ref
    cdef char text[GEO_STRING_LEN]
    cdef double score = 0
    cdef bint found = call.find_typed(1, TYPE_ZSET, &ref)
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        if found and zset_score(ref.slot[0], call.argv[i], &score):
            geo_string(score, text)
            reply_bulk(call.reply, text, GEO_STRING_LEN)
        else:
            reply_null(call.reply)
    return 0


command(handler(geohash), "GEOHASH key [member [member ...]]", READS, since="3.2.0",
        cost="O(1) for each member requested.",
        about="Return positions in a geospatial index as standard geohash strings.")


cdef int geopos(Call call) except -1:
    cdef KeyRef ref
    cdef double longitude = 0
    cdef double latitude = 0
    cdef double score = 0
    cdef bint found = call.find_typed(1, TYPE_ZSET, &ref)
    cdef int i
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        if found and zset_score(ref.slot[0], call.argv[i], &score):
            geo_decode(score, &longitude, &latitude)
            reply_position(call, longitude, latitude)
        else:
            reply_null_array(call.reply)
    return 0


command(handler(geopos), "GEOPOS key [member [member ...]]", READS, since="3.2.0",
        cost="O(1) for each member requested.",
        about="Return positions in a geospatial index as longitude and latitude.")
