"""Geohashes and geographic search. Contracts are in the .pxd.

The arithmetic follows Redis operation by operation, for the last bit of a double decides what
GEOPOS prints and which points on an edge are found. A search covers its shape with the cell of the
centre and the eight around it, on the finest grid whose cells are large enough:

    +----+----+----+
    | NW | N  | NE |      a cell at `step` is the 2 * step high bits of a 52-bit hash, and so
    +----+----+----+      one range of scores; cells off the shape's bounding box are left out
    | W  | *  | E  |
    +----+----+----+
    | SW | S  | SE |
    +----+----+----+
"""

from libc.math cimport M_PI, asin, atan2, cos, fabs, llrint, sin, sqrt
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef enum:
    STEP_MAX = 26
    HASH_BITS = 52

cdef double LONGITUDE_MAX = 180.0
cdef double LATITUDE_MAX = 85.05112878          # of the Mercator square, not the pole
cdef double EARTH_RADIUS_M = 6372797.560856
cdef double MERCATOR_MAX_M = 20037726.37
cdef double RADIANS_PER_DEGREE = M_PI / 180.0
cdef double SAME_LONGITUDE = 1e-15              # half a sine: about 6 nanometres
cdef const char *ALPHABET = b"0123456789bcdefghjkmnpqrstuvwxyz"

cdef struct Cell:
    uint64_t bits
    int step                    # 0: no cell

cdef struct Area:
    double longitude_min
    double longitude_max
    double latitude_min
    double latitude_max


cdef inline uint64_t spread(uint64_t x) noexcept nogil:
    """The low 32 bits, moved to the even places."""
    x = (x | x << 16) & <uint64_t>0x0000FFFF0000FFFF
    x = (x | x << 8) & <uint64_t>0x00FF00FF00FF00FF
    x = (x | x << 4) & <uint64_t>0x0F0F0F0F0F0F0F0F
    x = (x | x << 2) & <uint64_t>0x3333333333333333
    return (x | x << 1) & <uint64_t>0x5555555555555555


cdef inline uint32_t gather(uint64_t x) noexcept nogil:
    """The bits in the even places."""
    x &= <uint64_t>0x5555555555555555
    x = (x | x >> 1) & <uint64_t>0x3333333333333333
    x = (x | x >> 2) & <uint64_t>0x0F0F0F0F0F0F0F0F
    x = (x | x >> 4) & <uint64_t>0x00FF00FF00FF00FF
    x = (x | x >> 8) & <uint64_t>0x0000FFFF0000FFFF
    return <uint32_t>(x | x >> 16)


cdef inline double radians(double degrees) noexcept nogil:
    return degrees * RADIANS_PER_DEGREE


cdef inline double degrees(double radians) noexcept nogil:
    return radians / RADIANS_PER_DEGREE


cdef inline double clamp(double x, double limit) noexcept nogil:
    return limit if x > limit else (-limit if x < -limit else x)


cdef uint64_t interleave(double longitude, double latitude, int step,
                         double latitude_max) noexcept nogil:
    cdef double x = (longitude + LONGITUDE_MAX) / (LONGITUDE_MAX + LONGITUDE_MAX)
    cdef double y = (latitude + latitude_max) / (latitude_max + latitude_max)
    cdef double scale = <double>(<uint64_t>1 << step)
    return spread(<uint64_t>(y * scale)) | spread(<uint64_t>(x * scale)) << 1


cdef Area area_of(Cell cell) noexcept nogil:
    cdef Area area
    cdef double scale = <double>(<uint64_t>1 << cell.step)
    cdef uint32_t y = gather(cell.bits)
    cdef uint32_t x = gather(cell.bits >> 1)
    cdef double height = LATITUDE_MAX + LATITUDE_MAX
    cdef double width = LONGITUDE_MAX + LONGITUDE_MAX
    area.latitude_min = -LATITUDE_MAX + (y * 1.0 / scale) * height
    area.latitude_max = -LATITUDE_MAX + (<uint32_t>(y + 1) * 1.0 / scale) * height
    area.longitude_min = -LONGITUDE_MAX + (x * 1.0 / scale) * width
    area.longitude_max = -LONGITUDE_MAX + (<uint32_t>(x + 1) * 1.0 / scale) * width
    return area


cdef uint64_t bits_of_score(double score) noexcept nogil:
    """A score that GEOADD never made may be anything; what it decodes to only has to be safe."""
    if 0 <= score < 18446744073709551616.0:
        return <uint64_t>score
    if -9223372036854775808.0 <= score < 0:
        return <uint64_t><int64_t>score
    return 0


cdef bint geo_valid(double longitude, double latitude) noexcept nogil:
    return (-LONGITUDE_MAX <= longitude <= LONGITUDE_MAX
            and -LATITUDE_MAX <= latitude <= LATITUDE_MAX)


cdef uint64_t geo_encode(double longitude, double latitude) noexcept nogil:
    return interleave(longitude, latitude, STEP_MAX, LATITUDE_MAX)


cdef void geo_decode(double score, double *longitude, double *latitude) noexcept nogil:
    cdef Cell cell
    cdef Area area
    cell.bits = bits_of_score(score)
    cell.step = STEP_MAX
    area = area_of(cell)
    longitude[0] = clamp((area.longitude_min + area.longitude_max) / 2, LONGITUDE_MAX)
    latitude[0] = clamp((area.latitude_min + area.latitude_max) / 2, LATITUDE_MAX)


cdef void geo_string(double score, char *out) noexcept nogil:
    cdef double longitude
    cdef double latitude
    cdef uint64_t bits
    cdef int i
    geo_decode(score, &longitude, &latitude)
    bits = interleave(longitude, latitude, STEP_MAX, 90.0)      # the standard reaches the poles
    for i in range(10):
        out[i] = ALPHABET[bits >> (HASH_BITS - 5 * (i + 1)) & 31]
    out[10] = ALPHABET[0]                                       # Redis has no bits left for it


cdef inline double latitude_distance_m(double latitude1, double latitude2) noexcept nogil:
    return EARTH_RADIUS_M * fabs(radians(latitude2) - radians(latitude1))


cdef double geo_distance_m(
    double longitude1, double latitude1, double longitude2, double latitude2
) noexcept nogil:
    cdef double v = sin((radians(longitude2) - radians(longitude1)) / 2)
    cdef double y1
    cdef double y2
    cdef double u
    cdef double a
    if fabs(v) <= SAME_LONGITUDE:
        return latitude_distance_m(latitude1, latitude2)
    y1 = radians(latitude1)
    y2 = radians(latitude2)
    u = sin((y2 - y1) / 2)
    a = u * u + cos(y1) * cos(y2) * v * v
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(a))


cdef int geo_format_distance(char *out, double distance) noexcept nogil:
    cdef int64_t scaled = llrint(distance * 10000.0)
    cdef uint64_t rest = <uint64_t>scaled if scaled >= 0 else <uint64_t>0 - <uint64_t>scaled
    cdef char digits[GEO_DISTANCE_LEN_MAX]
    cdef int count = 0
    cdef int n = 0
    while rest or count < 5:
        digits[count] = <char>(48 + rest % 10)
        rest //= 10
        count += 1
    if scaled < 0:
        out[n] = 45
        n += 1
    while count:
        if count == 4:
            out[n] = 46
            n += 1
        count -= 1
        out[n] = digits[count]
        n += 1
    return n


cdef int step_for_radius(double radius_m, double latitude) noexcept nogil:
    """The finest grid on which a cell and its neighbours are likely to cover the radius."""
    cdef int step = 1
    if radius_m == 0:
        return STEP_MAX
    while radius_m < MERCATOR_MAX_M:
        radius_m *= 2
        step += 1
    step -= 2
    if fabs(latitude) > 66:         # cells are narrower towards the poles
        step -= 1
        if fabs(latitude) > 80:
            step -= 1
    return max(1, min(step, <int>STEP_MAX))


cdef void polygon_bounds(GeoShape *shape, Area *bounds) noexcept nogil:
    """Also the centre: where the sum of the vertices, as vectors from the earth's, points."""
    cdef double x = 0
    cdef double y = 0
    cdef double z = 0
    cdef double longitude
    cdef double latitude
    cdef size_t i
    bounds.longitude_min = LONGITUDE_MAX
    bounds.longitude_max = -LONGITUDE_MAX
    bounds.latitude_min = LATITUDE_MAX
    bounds.latitude_max = -LATITUDE_MAX
    for i in range(shape.vertex_count):
        longitude = shape.vertices[2 * i]
        latitude = shape.vertices[2 * i + 1]
        bounds.longitude_min = min(bounds.longitude_min, longitude)
        bounds.longitude_max = max(bounds.longitude_max, longitude)
        bounds.latitude_min = min(bounds.latitude_min, latitude)
        bounds.latitude_max = max(bounds.latitude_max, latitude)
        x += cos(radians(latitude)) * cos(radians(longitude))
        y += cos(radians(latitude)) * sin(radians(longitude))
        z += sin(radians(latitude))
    shape.longitude = degrees(atan2(y, x))
    shape.latitude = degrees(atan2(z, sqrt(x * x + y * y)))


cdef void shape_bounds(GeoShape *shape, Area *bounds) noexcept nogil:
    cdef double height = shape.unit_m * shape.radius
    cdef double width = height
    cdef double dy
    cdef double edge
    cdef double dx
    if shape.kind == GEO_POLYGON:
        polygon_bounds(shape, bounds)
        return
    if shape.kind == GEO_BOX:
        height = shape.unit_m * (shape.height / 2)
        width = shape.unit_m * (shape.width / 2)
    dy = degrees(height / EARTH_RADIUS_M)
    # Redis takes the edge nearer the pole, where a degree of longitude is shortest
    edge = shape.latitude - dy if shape.latitude < 0 else shape.latitude + dy
    dx = degrees(width / EARTH_RADIUS_M / cos(radians(edge)))
    bounds.longitude_min = shape.longitude - dx
    bounds.longitude_max = shape.longitude + dx
    bounds.latitude_min = shape.latitude - dy
    bounds.latitude_max = shape.latitude + dy


cdef double covering_radius_m(const GeoShape *shape, const Area *bounds) noexcept nogil:
    cdef double x = shape.longitude
    cdef double y = shape.latitude
    if shape.kind == GEO_CIRCLE:
        return shape.radius * shape.unit_m
    if shape.kind == GEO_BOX:
        return sqrt((shape.width / 2) * (shape.width / 2)
                    + (shape.height / 2) * (shape.height / 2)) * shape.unit_m
    return max(
        max(geo_distance_m(x, y, bounds.longitude_min, bounds.latitude_max),
            geo_distance_m(x, y, bounds.longitude_max, bounds.latitude_max)),
        max(geo_distance_m(x, y, bounds.longitude_min, bounds.latitude_min),
            geo_distance_m(x, y, bounds.longitude_max, bounds.latitude_min)),
    )


cdef Cell neighbour(Cell cell, int east, int north) noexcept nogil:
    """The cell so many to the east and north (-1, 0 or 1), around the edges of the square."""
    cdef uint64_t mask = (<uint64_t>1 << cell.step) - 1
    cdef uint64_t x = gather(cell.bits >> 1)
    cdef uint64_t y = gather(cell.bits)
    if east:        # the upper limits themselves encode one past the grid: left so when not moved
        x = (x + <uint64_t><int64_t>east) & mask
    if north:
        y = (y + <uint64_t><int64_t>north) & mask
    cell.bits = spread(x) << 1 | spread(y)
    return cell


cdef bint too_fine(Cell cell, const Area *bounds) noexcept nogil:
    """Whether the shape reaches beyond the ring of neighbours."""
    return (area_of(neighbour(cell, 0, 1)).latitude_max < bounds.latitude_max
            or area_of(neighbour(cell, 0, -1)).latitude_min > bounds.latitude_min
            or area_of(neighbour(cell, 1, 0)).longitude_max < bounds.longitude_max
            or area_of(neighbour(cell, -1, 0)).longitude_min > bounds.longitude_min)


cdef bint useful(Cell cell, const Area *area, const Area *bounds, int east,
                 int north) noexcept nogil:
    """Whether the shape reaches out of the central cell's area towards that neighbour."""
    if cell.step < 2:
        return True
    return not (north < 0 and area.latitude_min < bounds.latitude_min
                or north > 0 and area.latitude_max > bounds.latitude_max
                or east < 0 and area.longitude_min < bounds.longitude_min
                or east > 0 and area.longitude_max > bounds.longitude_max)


cdef int geo_search_ranges(GeoShape *shape, GeoRange *ranges) noexcept nogil:
    # the centre, N, S, E, W, NE, NW, SE, SW: unsorted replies come in this order
    cdef int[9] easts = [0, 0, 0, 1, -1, 1, -1, 1, -1]
    cdef int[9] norths = [0, 1, -1, 0, 0, 1, 1, -1, -1]
    cdef Area bounds
    cdef Area area
    cdef Cell cell
    cdef Cell other
    cdef double latitude
    cdef uint64_t latest = 0
    cdef int count = 0
    cdef int shift
    cdef int i
    shape_bounds(shape, &bounds)
    latitude = clamp(shape.latitude, LATITUDE_MAX)      # a polygon's centre may be nearer the pole
    cell.step = step_for_radius(covering_radius_m(shape, &bounds), shape.latitude)
    cell.bits = interleave(shape.longitude, latitude, cell.step, LATITUDE_MAX)
    if cell.step > 1 and too_fine(cell, &bounds):
        cell.step -= 1
        cell.bits = interleave(shape.longitude, latitude, cell.step, LATITUDE_MAX)
    area = area_of(cell)
    shift = HASH_BITS - 2 * cell.step
    for i in range(9):
        other = neighbour(cell, easts[i], norths[i]) if i else cell
        if i and not useful(cell, &area, &bounds, easts[i], norths[i]):
            continue
        # on the coarsest grids neighbours coincide; Redis compares with the last one read, but
        # never with the central cell
        if count > 1 and other.bits == latest:
            continue
        ranges[count].min = other.bits << shift
        ranges[count].max = (other.bits + 1) << shift
        count += 1
        latest = other.bits
    return count


cdef bint in_polygon(const GeoShape *shape, double x, double y) noexcept nogil:
    """Ray casting (W. R. Franklin's PNPOLY): an odd number of edges lies east of a point inside."""
    cdef const double *a
    cdef const double *b
    cdef bint inside = False
    cdef size_t i
    if shape.vertex_count == 0:
        return False
    b = shape.vertices + 2 * (shape.vertex_count - 1)
    for i in range(shape.vertex_count):
        a = shape.vertices + 2 * i
        if (a[1] > y) != (b[1] > y) and x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]:
            inside = not inside
        b = a
    return inside


cdef bint geo_contains(
    const GeoShape *shape, double score, double *longitude, double *latitude, double *distance_m
) noexcept nogil:
    cdef double x
    cdef double y
    geo_decode(score, &x, &y)
    longitude[0] = x
    latitude[0] = y
    if shape.kind == GEO_BOX:
        if latitude_distance_m(y, shape.latitude) > shape.height * shape.unit_m / 2:
            return False
        if geo_distance_m(x, y, shape.longitude, y) > shape.width * shape.unit_m / 2:
            return False
    elif shape.kind == GEO_POLYGON and not in_polygon(shape, x, y):
        return False
    distance_m[0] = geo_distance_m(shape.longitude, shape.latitude, x, y)
    return shape.kind != GEO_CIRCLE or not distance_m[0] > shape.radius * shape.unit_m
