"""What the geo handlers share; see geo_values.pxd."""

from carnelian.base.numbers cimport LONG_DOUBLE_CHARS_MAX, format_long_double
from carnelian.encodings.geohash cimport (
    GEO_DISTANCE_LEN_MAX, geo_format_distance, geo_valid,
)
from carnelian.engine.call cimport Call
from carnelian.resp.reply cimport Reply, reply_array, reply_bulk, reply_literal, reply_raw

from carnelian.engine.errors import error

UNKNOWN_UNIT = error("unsupported unit provided. please use M, KM, FT, MI")


cdef int read_position(Call call, int i, double *longitude, double *latitude) except -1:
    longitude[0] = call.float(i)
    latitude[0] = call.float(i + 1)
    if not geo_valid(longitude[0], latitude[0]):
        raise error("invalid longitude,latitude pair %f,%f" % (longitude[0], latitude[0]))
    return 0


cdef double unit_m(Call call, int i) except -1:
    if call.is_word(i, b"m"):
        return 1
    if call.is_word(i, b"km"):
        return 1000
    if call.is_word(i, b"ft"):
        return 0.3048
    if call.is_word(i, b"mi"):
        return 1609.34
    raise UNKNOWN_UNIT


cdef void reply_coordinate(Reply *reply, double value) noexcept:
    """With 17 decimals, as Redis up to 7.4 prints coordinates and nothing else."""
    cdef char text[LONG_DOUBLE_CHARS_MAX]
    cdef int n = format_long_double(text, value)
    if reply.resp == 2:
        reply_bulk(reply, text, n)
        return
    reply_literal(reply, b",")
    reply_raw(reply, text, n)
    reply_literal(reply, b"\r\n")


cdef void reply_position(Call call, double longitude, double latitude) noexcept:
    reply_array(call.reply, 2)
    reply_coordinate(call.reply, longitude)
    reply_coordinate(call.reply, latitude)


cdef void reply_distance(Call call, double distance) noexcept:
    cdef char text[GEO_DISTANCE_LEN_MAX]
    reply_bulk(call.reply, text, geo_format_distance(text, distance))
