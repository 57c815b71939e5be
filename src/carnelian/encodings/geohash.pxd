"""Positions as 52-bit geohashes, distances on Redis's sphere, and the score ranges of a search.

A position is stored as a sorted-set score: 26 bits of longitude and 26 of latitude, interleaved,
longitude in the odd (higher) places. Nothing here owns or allocates memory; any thread may call it.
"""

from libc.stdint cimport uint64_t


cdef enum GeoShapeKind:
    GEO_CIRCLE
    GEO_BOX
    GEO_POLYGON

cdef struct GeoShape:
    GeoShapeKind kind
    double longitude            # of the centre; geo_search_ranges sets it for a polygon
    double latitude
    double unit_m               # metres per unit of the lengths below; 1 for a polygon
    double radius               # of a circle
    double width                # of a box
    double height
    const double *vertices      # of a polygon: longitude, latitude, longitude, ...
    size_t vertex_count

cdef struct GeoRange:           # scores, min <= score < max
    uint64_t min
    uint64_t max

cdef enum:
    GEO_RANGES_MAX = 9
    GEO_STRING_LEN = 11
    GEO_DISTANCE_LEN_MAX = 32


# Whether the pair is one GEOADD takes: |longitude| <= 180, |latitude| <= 85.05112878.
cdef bint geo_valid(double longitude, double latitude) noexcept nogil

# The score of a valid position, and the centre of the cell a score stands for (any score will do).
cdef uint64_t geo_encode(double longitude, double latitude) noexcept nogil
cdef void geo_decode(double score, double *longitude, double *latitude) noexcept nogil

# GEOHASH's 11 characters, not NUL-terminated.
cdef void geo_string(double score, char *out) noexcept nogil

cdef double geo_distance_m(
    double longitude1, double latitude1, double longitude2, double latitude2
) noexcept nogil
# As GEODIST and WITHDIST print it, with 4 decimals; returns the length.
cdef int geo_format_distance(char *out, double distance) noexcept nogil

# The score ranges, in the order Redis reads them, that together hold every point of the shape
# (and others: ask geo_contains). Returns how many; sets a polygon's centre.
cdef int geo_search_ranges(GeoShape *shape, GeoRange *ranges) noexcept nogil

# Whether the position a score stands for lies in the shape; sets the position, and if it does
# the distance in metres from the centre.
cdef bint geo_contains(
    const GeoShape *shape, double score, double *longitude, double *latitude, double *distance_m
) noexcept nogil
