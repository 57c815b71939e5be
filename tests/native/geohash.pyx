"""Geohashes with Python numbers, and a search over a plain list of scores."""

from carnelian.base.memory cimport mem_alloc, mem_free
from carnelian.encodings.geohash cimport (
    GEO_BOX, GEO_CIRCLE, GEO_DISTANCE_LEN_MAX, GEO_POLYGON, GEO_RANGES_MAX, GEO_STRING_LEN,
    GeoRange, GeoShape, geo_contains, geo_decode, geo_distance_m, geo_encode, geo_format_distance,
    geo_search_ranges, geo_string, geo_valid,
)


def valid(double longitude, double latitude):
    return geo_valid(longitude, latitude)


def encode(double longitude, double latitude):
    return geo_encode(longitude, latitude)


def decode(double score):
    cdef double longitude
    cdef double latitude
    geo_decode(score, &longitude, &latitude)
    return longitude, latitude


def string(double score):
    cdef char out[GEO_STRING_LEN]
    geo_string(score, out)
    return out[:GEO_STRING_LEN].decode()


def distance_m(double longitude1, double latitude1, double longitude2, double latitude2):
    return geo_distance_m(longitude1, latitude1, longitude2, latitude2)


def format_distance(double distance):
    cdef char out[GEO_DISTANCE_LEN_MAX]
    cdef int n = geo_format_distance(out, distance)
    return out[:n].decode()


def search(list members, *, tuple at=(0.0, 0.0), radius=None, box=None, polygon=None,
           double unit_m=1.0):
    """Members of [(score, name)] in the shape as [(name, distance in metres)], in Redis's order."""
    cdef GeoShape shape
    cdef GeoRange ranges[GEO_RANGES_MAX]
    cdef double *vertices = NULL
    cdef double longitude
    cdef double latitude
    cdef double distance
    cdef int i
    shape.longitude, shape.latitude = at
    shape.unit_m = unit_m
    shape.radius = radius or 0
    shape.width, shape.height = box or (0, 0)
    shape.kind = GEO_CIRCLE if radius is not None else GEO_BOX if box is not None else GEO_POLYGON
    if polygon is not None:
        vertices = <double *>mem_alloc(16 * len(polygon) + 8)
        for i in range(len(polygon)):
            vertices[2 * i], vertices[2 * i + 1] = polygon[i]
        shape.vertices = vertices
        shape.vertex_count = len(polygon)
    found = []
    members = sorted(members)
    for i in range(geo_search_ranges(&shape, ranges)):
        for score, name in members:
            if ranges[i].min <= score < ranges[i].max and geo_contains(
                &shape, score, &longitude, &latitude, &distance
            ):
                found.append((name, distance))
    mem_free(vertices)
    return found
