"""How long the runs of one command took: a histogram of 16 buckets for each doubling.

A Histogram belongs to its Command, which makes it with its first run; dispatch notes the ticks.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.native cimport clz64

cdef enum:
    FIRST_SHIFT = 7                # below 128 ticks all is one bucket
    SUB_BITS = 4
    HISTOGRAM_BUCKETS = 36 << SUB_BITS


cdef class Histogram:
    cdef int64_t calls
    cdef uint64_t counts[HISTOGRAM_BUCKETS]


cdef inline void histogram_note(Histogram histogram, int64_t ticks) noexcept:
    cdef uint64_t value = <uint64_t>ticks | 1 << FIRST_SHIFT
    cdef int top = 63 - clz64(value)
    cdef uint64_t at = (<uint64_t>(top - FIRST_SHIFT) << SUB_BITS) | (
        value >> (top - SUB_BITS) & ((1 << SUB_BITS) - 1))
    histogram.calls += 1
    histogram.counts[min(at, <uint64_t>HISTOGRAM_BUCKETS - 1)] += 1
