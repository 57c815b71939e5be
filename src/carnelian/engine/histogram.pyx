"""Reading a histogram of run times; see histogram.pxd."""

from libc.stdint cimport int64_t, uint64_t

from carnelian.engine.timing cimport ticks_per_us


cdef enum:
    FIRST_NS = 1024
    DOUBLINGS = 31


cdef double upper_ns(int at, double rate) noexcept:
    """The end of a bucket, at so many ticks a microsecond."""
    cdef uint64_t base = <uint64_t>1 << ((at >> SUB_BITS) + FIRST_SHIFT - SUB_BITS)
    cdef int sub = (at & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS) + 1
    return <double>(base * <uint64_t>sub) * 1000.0 / rate


cdef class Histogram:
    """Counts by bucket; zeroed when made."""

    def percentile_us(self, double percent):
        """The time within which so many percent of the runs ended."""
        cdef double wanted = self.calls * percent / 100.0
        cdef int64_t seen = 0
        cdef int at
        for at in range(HISTOGRAM_BUCKETS):
            seen += self.counts[at]
            if self.counts[at] and seen >= wanted:
                return upper_ns(at, ticks_per_us()) / 1000.0
        return 0.0

    def doublings_us(self):
        """[(microseconds, runs that took no longer)], as LATENCY HISTOGRAM shows them: for the
        doublings of 1024 ns where the number grows."""
        cdef int64_t seen = 0
        cdef int64_t shown = 0
        cdef int at = 0
        cdef int i
        cdef uint64_t limit
        cdef double rate = ticks_per_us()
        found = []
        for i in range(DOUBLINGS):
            limit = <uint64_t>FIRST_NS << i
            while at < HISTOGRAM_BUCKETS and upper_ns(at, rate) <= limit:
                seen += self.counts[at]
                at += 1
            if i == DOUBLINGS - 1:
                seen = self.calls
            if seen > shown:
                # Redis names the end of its own, finer bucket there.
                found.append(((limit + (limit >> 7) - 1) // 1000, seen))
                shown = seen
        return found

    @property
    def runs(self):
        return self.calls
