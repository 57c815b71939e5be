"""GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS family: what lies in a circle, box or polygon.

All are one search: `read_search` understands the arguments of every form, `collect` finds the
members, and the result is replied or stored.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport qsort
from libc.string cimport memset

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.slice cimport Slice
from carnelian.commands.geo.values cimport (
    read_position, reply_distance, reply_position, unit_m,
)
from carnelian.commands.sorted_sets.values cimport store_result
from carnelian.encodings.geohash cimport (
    GEO_BOX, GEO_CIRCLE, GEO_POLYGON, GEO_RANGES_MAX, GeoRange, GeoShape, GeoShapeKind,
    geo_contains, geo_decode, geo_search_ranges,
)
from carnelian.encodings.member cimport Cut, cut_score
from carnelian.encodings.sorted_set cimport (
    SortedSet, sorted_set_add, sorted_set_find, sorted_set_new,
)
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport DENY_OOM, READS, WRITES
from carnelian.keyspace.database cimport KeyRef
from carnelian.keyspace.entry cimport TYPE_ZSET, Entry
from carnelian.types.sorted_set.value cimport (
    ZsetIter, zset_cut, zset_iter, zset_iter_end, zset_next, zset_score,
)
from carnelian.resp.reply cimport reply_array, reply_bulk, reply_empty_array, reply_int

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error

command = family("geo")

NO_MEMBER = error("could not decode requested zset member")
NO_RADIUS = error("need numeric radius")
NEGATIVE_RADIUS = error("radius cannot be negative")
NO_WIDTH = error("need numeric width")
NO_HEIGHT = error("need numeric height")
NEGATIVE_SIDE = error("height or width cannot be negative")
NO_VERTICES = error("invalid number of vertices")
FEW_VERTICES = error("GEOSEARCH BYPOLYGON must have at least 3 vertices")
COUNT_POSITIVE = error("COUNT must be > 0")
ANY_NEEDS_COUNT = error("the ANY argument requires COUNT argument")
STORE_ALONE = error("STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
                    "WITHCOORD options")
SEARCH_STORE_ALONE = error("GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and "
                           "WITHCOORD options")

cdef enum Form:
    RADIUS                     # GEORADIUS: around a position
    RADIUS_BY_MEMBER
    SEARCH
    SEARCH_STORE

cdef enum Order:
    UNORDERED
    ASCENDING
    DESCENDING

cdef struct Search:
    Form form
    bint read_only             # GEORADIUS_RO and its like: no STORE
    Entry *e                   # NULL: no such key
    GeoShape shape
    double *vertices           # owned
    bint from_member
    bint from_position
    bint has_shape
    bint with_distance
    bint with_hash
    bint with_position
    bint any
    bint store_distance
    int destination            # index of the key to store in, or 0
    Order order
    int64_t count              # 0: all

cdef struct Point:
    double score
    double longitude
    double latitude
    double distance_m
    Slice member               # lies in the sorted set

cdef struct Points:
    Point *items
    size_t count
    size_t capacity


# ---------------------------------------------------------------------------------------- arguments

cdef double number_or(Call call, int i, otherwise) except? -1:
    try:
        return call.float(i)
    except CommandError:
        raise otherwise from None


cdef int read_circle(Call call, Search *search, int i) except -1:
    """`radius unit`"""
    search.shape.kind = GEO_CIRCLE
    search.shape.radius = number_or(call, i, NO_RADIUS)
    if search.shape.radius < 0:
        raise NEGATIVE_RADIUS
    search.shape.unit_m = unit_m(call, i + 1)
    search.has_shape = True
    return 0


cdef int read_box(Call call, Search *search, int i) except -1:
    """`width height unit`"""
    search.shape.kind = GEO_BOX
    search.shape.width = number_or(call, i, NO_WIDTH)
    search.shape.height = number_or(call, i + 1, NO_HEIGHT)
    if search.shape.width < 0 or search.shape.height < 0:
        raise NEGATIVE_SIDE
    search.shape.unit_m = unit_m(call, i + 2)
    search.has_shape = True
    return 0


cdef int read_polygon(Call call, Search *search, int i) except -1:
    """`count longitude latitude ...`; how many arguments that were."""
    cdef int64_t count
    cdef int j
    try:
        count = call.int(i)
    except CommandError:
        raise NO_VERTICES from None
    if count < 3 or count > (call.argc - i - 1) // 2:
        raise FEW_VERTICES
    mem_free(search.vertices)
    search.vertices = <double *>mem_alloc(count * 2 * sizeof(double))
    for j in range(<int>count):
        read_position(
            call, i + 1 + 2 * j, &search.vertices[2 * j], &search.vertices[2 * j + 1])
    search.shape.kind = GEO_POLYGON
    search.shape.unit_m = 1
    search.shape.vertices = search.vertices
    search.shape.vertex_count = count
    search.has_shape = True
    return 1 + 2 * <int>count


cdef int read_member(Call call, Search *search, int i) except -1:
    """The centre is where this member is. Without a key there will be no result anyway."""
    cdef double score = 0
    search.from_member = True
    if search.e == NULL:
        return 0
    if not zset_score(search.e, call.argv[i], &score):
        raise NO_MEMBER
    geo_decode(score, &search.shape.longitude, &search.shape.latitude)
    return 0


cdef int read_result_option(Call call, Search *search, int i) except -1:
    """An option all forms have; how many arguments it took, 0 if it is none."""
    if call.is_word(i, b"withdist"):
        search.with_distance = True
    elif call.is_word(i, b"withhash"):
        search.with_hash = True
    elif call.is_word(i, b"withcoord"):
        search.with_position = True
    elif call.is_word(i, b"any"):
        search.any = True
    elif call.is_word(i, b"asc"):
        search.order = ASCENDING
    elif call.is_word(i, b"desc"):
        search.order = DESCENDING
    elif call.is_word(i, b"count") and i + 1 < call.argc:
        search.count = call.int(i + 1)
        if search.count <= 0:
            raise COUNT_POSITIVE
        return 2
    else:
        return 0
    return 1


cdef int read_radius_option(Call call, Search *search, int i) except -1:
    """STORE and STOREDIST of the GEORADIUS family."""
    if search.read_only or i + 1 >= call.argc:
        return 0
    if call.is_word(i, b"store"):
        search.store_distance = False
    elif call.is_word(i, b"storedist"):
        search.store_distance = True
    else:
        return 0
    search.destination = i + 1
    return 2


cdef inline bint may_be(const Search *search, GeoShapeKind kind) noexcept:
    """A shape may be given again, but not another kind of shape."""
    return not search.has_shape or search.shape.kind == kind


cdef int read_centre_option(Call call, Search *search, int i) except -1:
    """FROMMEMBER or FROMLONLAT; a polygon has its own centre and takes none."""
    cdef int left = call.argc - i - 1
    if search.has_shape and search.shape.kind == GEO_POLYGON:
        return 0
    if left >= 1 and not search.from_position and call.is_word(i, b"frommember"):
        read_member(call, search, i + 1)
        return 2
    if left >= 2 and not search.from_member and call.is_word(i, b"fromlonlat"):
        read_position(call, i + 1, &search.shape.longitude, &search.shape.latitude)
        search.from_position = True
        return 3
    return 0


cdef int read_shape_option(Call call, Search *search, int i) except -1:
    cdef int left = call.argc - i - 1
    if left >= 2 and call.is_word(i, b"byradius") and may_be(search, GEO_CIRCLE):
        read_circle(call, search, i + 1)
        return 3
    if left >= 3 and call.is_word(i, b"bybox") and may_be(search, GEO_BOX):
        read_box(call, search, i + 1)
        return 4
    if left >= 1 and call.is_word(i, b"bypolygon") and may_be(search, GEO_POLYGON) and not (
        search.from_member or search.from_position
    ):
        return 1 + read_polygon(call, search, i + 1)
    return 0


cdef int read_search_option(Call call, Search *search, int i) except -1:
    """What only GEOSEARCH and GEOSEARCHSTORE have."""
    cdef int taken
    if search.form == SEARCH_STORE and call.is_word(i, b"storedist"):
        search.store_distance = True
        return 1
    taken = read_centre_option(call, search, i)
    return taken if taken else read_shape_option(call, search, i)


cdef int read_options(Call call, Search *search, int i) except -1:
    cdef int taken
    while i < call.argc:
        taken = read_result_option(call, search, i)
        if not taken and search.form <= RADIUS_BY_MEMBER:
            taken = read_radius_option(call, search, i)
        elif not taken:
            taken = read_search_option(call, search, i)
        if not taken:
            raise SYNTAX
        i += taken
    return 0


cdef int check(Call call, Search *search) except -1:
    """What only all options together tell."""
    if search.destination and (
        search.with_distance or search.with_hash or search.with_position
    ):
        raise SEARCH_STORE_ALONE if search.form == SEARCH_STORE else STORE_ALONE
    if search.form >= SEARCH:
        if not search.from_member and not search.from_position and not (
            search.has_shape and search.shape.kind == GEO_POLYGON
        ):
            raise error(b"exactly one of FROMMEMBER or FROMLONLAT can be specified for "
                        + call.bytes(0))
        if not search.has_shape:
            raise error(b"exactly one of BYRADIUS and BYBOX can be specified for " + call.bytes(0))
    if search.any and not search.count:
        raise ANY_NEEDS_COUNT
    if search.count and search.order == UNORDERED and not search.any:
        search.order = ASCENDING
    return 0


cdef int read_search(Call call, Search *search) except -1:
    cdef KeyRef ref
    cdef int source = 2 if search.form == SEARCH_STORE else 1
    cdef int options = source + 1
    if call.find_typed(source, TYPE_ZSET, &ref):
        search.e = ref.slot[0]
    if search.form == RADIUS:
        read_position(call, 2, &search.shape.longitude, &search.shape.latitude)
        read_circle(call, search, 4)
        options = 6
    elif search.form == RADIUS_BY_MEMBER:
        read_member(call, search, 2)
        if search.e != NULL:       # else Redis does not look at the radius either
            read_circle(call, search, 3)
        options = 5
    elif search.form == SEARCH_STORE:
        search.destination = 1
    read_options(call, search, options)
    return check(call, search)


# ---------------------------------------------------------------------------------------- searching

cdef void add_point(Points *points, const Point *point) noexcept nogil:
    if points.count == points.capacity:
        points.capacity = points.capacity * 2 if points.capacity else 32
        points.items = <Point *>mem_realloc(points.items, points.capacity * sizeof(Point))
    points.items[points.count] = point[0]
    points.count += 1


cdef void collect_range(
    Entry *e, const GeoShape *shape, const GeoRange *scores, Points *points, size_t limit
) noexcept nogil:
    cdef Cut cut = cut_score(<double>scores.min, False)
    cdef double end = <double>scores.max
    cdef ZsetIter it
    cdef Point point
    zset_iter(&it, e, zset_cut(e, &cut), False)
    while zset_next(&it) and it.score < end:
        if geo_contains(
                shape, it.score, &point.longitude, &point.latitude, &point.distance_m):
            point.score = it.score
            point.member = it.member
            add_point(points, &point)
            if points.count == limit:
                break
    zset_iter_end(&it)


cdef void collect(Search *search, Points *points) noexcept nogil:
    cdef GeoRange ranges[GEO_RANGES_MAX]
    cdef int count = geo_search_ranges(&search.shape, ranges)
    cdef size_t limit = search.count if search.any else 0
    cdef int i
    for i in range(count):
        collect_range(search.e, &search.shape, &ranges[i], points, limit)
        if limit and points.count == limit:
            return


cdef int nearest_first(const void *a, const void *b) noexcept nogil:
    cdef double left = (<const Point *>a).distance_m
    cdef double right = (<const Point *>b).distance_m
    return (left > right) - (left < right)


cdef int farthest_first(const void *a, const void *b) noexcept nogil:
    return nearest_first(b, a)


# ------------------------------------------------------------------------------------------ results

cdef int reply_points(Call call, const Search *search, const Points *points) except -1:
    cdef int extras = search.with_distance + search.with_hash + search.with_position
    cdef Point *point
    cdef size_t i
    reply_array(call.reply, <int64_t>points.count)
    for i in range(points.count):
        point = &points.items[i]
        if extras:
            reply_array(call.reply, 1 + extras)
        reply_bulk(call.reply, point.member.ptr, point.member.len)
        if search.with_distance:
            reply_distance(call, point.distance_m / search.shape.unit_m)
        if search.with_hash:
            reply_int(call.reply, <int64_t>point.score)
        if search.with_position:
            reply_position(call, point.longitude, point.latitude)
    return 0


cdef int store_points(Call call, const Search *search, const Points *points) except -1:
    cdef SortedSet *z = sorted_set_new()
    cdef Point *point
    cdef double score
    cdef size_t i
    for i in range(points.count):
        point = &points.items[i]
        score = point.score
        if search.store_distance:
            score = point.distance_m / search.shape.unit_m
        if sorted_set_find(z, point.member.ptr, point.member.len) == NULL:
            sorted_set_add(z, score, point.member.ptr, point.member.len)
    store_result(
        call, search.destination, z,
        b"geosearchstore" if search.form == SEARCH_STORE else b"georadiusstore",
        <int64_t>points.count)
    return 0


cdef int run(Call call, Search *search, Points *points) except -1:
    read_search(call, search)
    if search.e != NULL:
        collect(search, points)
    elif not search.destination:
        reply_empty_array(call.reply)
        return 0
    if search.order != UNORDERED and points.count:
        qsort(points.items, points.count, sizeof(Point),
              nearest_first if search.order == ASCENDING else farthest_first)
    if search.count and <size_t>search.count < points.count:
        points.count = search.count
    if search.destination:
        return store_points(call, search, points)
    return reply_points(call, search, points)


cdef int look_around(Call call, Form form, bint read_only) except -1:
    cdef Search search
    cdef Points points
    memset(&search, 0, sizeof(search))
    memset(&points, 0, sizeof(points))
    search.form = form
    search.read_only = read_only
    try:
        run(call, &search, &points)
    finally:
        mem_free(search.vertices)
        mem_free(points.items)
    return 0


# ----------------------------------------------------------------------------------------- commands

UNIT = "<M | KM | FT | MI>"
RESULT = "[WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]"
STORE = "[STORE key | STOREDIST key]"
AROUND = (f"<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius {UNIT} |"
          f" BYBOX width height {UNIT}> [ASC | DESC] [COUNT count [ANY]]")
RADIUS_COST = ("O(N+log(M)) where N is the number of elements inside the bounding box of the"
               " circular area delimited by center and radius and M is the number of items inside"
               " the index.")
SEARCH_COST = ("O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area"
               " around the shape provided as the filter and M is the number of items inside the"
               " shape")


cdef int geosearch(Call call) except -1:
    return look_around(call, SEARCH, False)


command(handler(geosearch), f"GEOSEARCH key {AROUND} [WITHCOORD] [WITHDIST] [WITHHASH]", READS,
        since="6.2.0", cost=SEARCH_COST,
        about="Return the members of a geospatial index inside a circle, box or polygon.",
        history=(("7.0.0", "Added support for uppercase unit names."),))


cdef int geosearchstore(Call call) except -1:
    return look_around(call, SEARCH_STORE, False)


command(handler(geosearchstore), f"GEOSEARCHSTORE destination source {AROUND} [STOREDIST]",
        WRITES | DENY_OOM, since="6.2.0", cost=SEARCH_COST,
        about="Store the members of a geospatial index inside a circle, box or polygon.",
        history=(("7.0.0", "Added support for uppercase unit names."),))


cdef int georadius(Call call) except -1:
    return look_around(call, RADIUS, False)


command(handler(georadius),
        f"GEORADIUS key longitude latitude radius {UNIT} {RESULT} {STORE}", WRITES | DENY_OOM,
        since="3.2.0", cost=RADIUS_COST,
        about="Return or store the members of a geospatial index around a position.",
        deprecated_since="6.2.0",
        replaced_by="`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
        history=(("6.2.0", "Added the `ANY` option for `COUNT`."),
                 ("7.0.0", "Added support for uppercase unit names.")))


cdef int georadius_ro(Call call) except -1:
    return look_around(call, RADIUS, True)


command(handler(georadius_ro), f"GEORADIUS_RO key longitude latitude radius {UNIT} {RESULT}",
        READS, since="3.2.10", cost=RADIUS_COST,
        about="Return the members of a geospatial index around a position.",
        deprecated_since="6.2.0", replaced_by="`GEOSEARCH` with the `BYRADIUS` argument",
        history=(("6.2.0", "Added the `ANY` option for `COUNT`."),
                 ("7.0.0", "Added support for uppercase unit names.")))


cdef int georadiusbymember(Call call) except -1:
    return look_around(call, RADIUS_BY_MEMBER, False)


command(handler(georadiusbymember),
        f"GEORADIUSBYMEMBER key member radius {UNIT} {RESULT} {STORE}", WRITES | DENY_OOM,
        since="3.2.0", cost=RADIUS_COST,
        about="Return or store the members of a geospatial index around one of them.",
        deprecated_since="6.2.0",
        replaced_by="`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER`"
                    " arguments",
        history=(("6.2.0", "Added the `ANY` option for `COUNT`."),
                 ("7.0.0", "Added support for uppercase unit names.")))


cdef int georadiusbymember_ro(Call call) except -1:
    return look_around(call, RADIUS_BY_MEMBER, True)


command(handler(georadiusbymember_ro),
        f"GEORADIUSBYMEMBER_RO key member radius {UNIT} {RESULT}", READS, since="3.2.10",
        cost=RADIUS_COST, about="Return the members of a geospatial index around one of them.",
        deprecated_since="6.2.0",
        replaced_by="`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
        history=(("6.2.0", "Added the `ANY` option for `COUNT`."),
                 ("7.0.0", "Added support for uppercase unit names.")))
