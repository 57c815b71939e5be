"""The LFU counter: grows with a probability that falls as it grows, decays with time, as Redis
describes it."""

from libc.stdint cimport uint32_t

from carnelian.base.random cimport random64


cdef enum:
    LFU_START = 5
    LFU_MAX = 255


cdef uint32_t access_pack_lfu(uint32_t now_s, uint32_t counter) noexcept nogil:
    return (now_s // 60 & 0xFFFF) << 8 | counter


cdef uint32_t access_fresh_lfu(uint32_t now_s) noexcept nogil:
    return access_pack_lfu(now_s, LFU_START)


cdef uint32_t access_frequency(
    uint32_t access, uint32_t now_s, const Limits *limits
) noexcept nogil:
    """The counter after the decay due by now."""
    cdef uint32_t counter = access & 255
    cdef uint32_t idle = ((now_s // 60) - (access >> 8)) & 0xFFFF
    cdef uint32_t periods = 0
    if limits.lfu_decay_minutes:
        periods = idle // <uint32_t>limits.lfu_decay_minutes
    return counter - periods if counter > periods else 0


cdef uint32_t access_lfu_touched(
    uint32_t access, uint32_t now_s, const Limits *limits
) noexcept nogil:
    cdef uint32_t counter = access_frequency(access, now_s, limits)
    cdef double base
    if counter < LFU_MAX:
        base = <double>counter - LFU_START if counter > LFU_START else 0
        base = 1.0 / (base * limits.lfu_log_factor + 1)
        if (random64() >> 11) * (1.0 / 9007199254740992.0) < base:
            counter += 1
    return access_pack_lfu(now_s, counter)
