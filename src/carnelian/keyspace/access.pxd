"""When, or how often, a key was used: LRU seconds, or LFU minutes and a logarithmic counter.

    LRU: | unix time in seconds : 32 |        LFU: | unused : 8 | minutes : 16 | counter : 8 |
"""

from libc.stdint cimport uint32_t

from carnelian.base.native cimport likely
from carnelian.keyspace.entry cimport Entry
from carnelian.keyspace.limits cimport Limits


cdef uint32_t access_lfu_touched(
    uint32_t access, uint32_t now_s, const Limits *limits) noexcept nogil
cdef uint32_t access_fresh_lfu(uint32_t now_s) noexcept nogil
cdef uint32_t access_frequency(
    uint32_t access, uint32_t now_s, const Limits *limits) noexcept nogil
cdef uint32_t access_pack_lfu(uint32_t now_s, uint32_t counter) noexcept nogil


cdef inline void access_touch(
    Entry *e, uint32_t now_s, bint lfu, const Limits *limits
) noexcept nogil:
    if likely(not lfu):
        if e.access != now_s:
            e.access = now_s
    else:
        e.access = access_lfu_touched(e.access, now_s, limits)
