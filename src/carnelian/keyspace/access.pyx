"""The LFU counter: grows with a probability that falls as it grows, decays with time, as Redis
describes it."""

from libc.stdint cimport uint32_t

from carnelian.base.random cimport random64


cdef enum:
    LFU_START = 5
    LFU_MAX = 255

cdef int lfu_log_factor = 10
cdef int lfu_decay_minutes = 1


cdef void access_configure(int log_factor, int decay_minutes) noexcept nogil:
    global lfu_log_factor, lfu_decay_minutes
    lfu_log_factor = log_factor
    lfu_decay_minutes = decay_minutes


cdef uint32_t access_pack_lfu(uint32_t now_s, uint32_t counter) noexcept nogil:
    return (now_s // 60 & 0xFFFF) << 8 | counter


cdef uint32_t access_fresh_lfu(uint32_t now_s) noexcept nogil:
    return access_pack_lfu(now_s, LFU_START)


cdef uint32_t access_frequency(uint32_t access, uint32_t now_s) noexcept nogil:
    """The counter after the decay due by now."""
    cdef uint32_t counter = access & 255
    cdef uint32_t idle = ((now_s // 60) - (access >> 8)) & 0xFFFF
    cdef uint32_t periods = idle // lfu_decay_minutes if lfu_decay_minutes else 0
    return counter - periods if counter > periods else 0


cdef uint32_t access_lfu_touched(uint32_t access, uint32_t now_s) noexcept nogil:
    cdef uint32_t counter = access_frequency(access, now_s)
    cdef double base
    if counter < LFU_MAX:
        base = <double>counter - LFU_START if counter > LFU_START else 0
        if (random64() >> 11) * (1.0 / 9007199254740992.0) < 1.0 / (base * lfu_log_factor + 1):
            counter += 1
    return access_pack_lfu(now_s, counter)
