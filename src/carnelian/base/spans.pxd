"""Pages for heaps: two reserved ranges of addresses, handed out in spans and taken back empty.

Owner: the process. Callers: `base/memory` only, from any thread; each call takes the pool's lock,
so it is made once for many blocks. A range is reserved as a whole at the start, so that comparing
an address tells its kind and masking it finds its span.
"""


cdef enum:
    SMALL = 0
    MEDIUM = 1
    KIND_COUNT = 2
    SMALL_SHIFT = 16               # spans of 64 KiB
    MEDIUM_SHIFT = 20              # ... and of 1 MiB


cdef char *spans_base(int kind) noexcept nogil           # NULL: no range to be had
cdef size_t spans_reserved(int kind) noexcept nogil      # bytes from there
cdef void *span_take(int kind) noexcept nogil            # undefined content; NULL: out of memory
cdef void span_give(int kind, void *span, size_t touched) noexcept nogil   # `touched` of its bytes
