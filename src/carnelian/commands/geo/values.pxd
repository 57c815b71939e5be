"""What the geo handlers share: positions, units, and how they are printed."""

from carnelian.engine.call cimport Call


cdef int read_position(Call call, int i, double *longitude, double *latitude) except -1
cdef double unit_m(Call call, int i) except -1           # metres per M, KM, FT or MI
cdef void reply_position(Call call, double longitude, double latitude) noexcept
cdef void reply_distance(Call call, double distance) noexcept
