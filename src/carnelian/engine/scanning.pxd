"""What SCAN, HSCAN, SSCAN and ZSCAN share: cursor, options, one step over a table, the reply.

    scan_begin(&scan, scan_cursor(call, 2))            the cursor is checked before the key
    scan_options(call, 3, SCAN_NOVALUES, &scan)
    scan_table(&scan, table)                           scan.found[0 .. scan.count] match
    scan_reply(&scan, call.reply, scan.count)          [cursor, [ ... elements follow
    ...
    scan_end(&scan)

A small encoding answers everything at once: no scan_table, `scan_matches` on each element, and the
cursor set to 0. The entries found belong to the table: good until it changes.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport Table
from carnelian.engine.call cimport Call
from carnelian.resp.reply cimport Reply


cdef enum:                     # options beside MATCH and COUNT
    SCAN_NOVALUES = 1          # HSCAN
    SCAN_NOSCORES = 2          # ZSCAN
    SCAN_TYPE = 4              # SCAN

cdef struct Scan:
    uint64_t cursor            # where to go on; after scan_table the next one, 0 at the end
    int64_t wanted             # COUNT
    Slice pattern              # ptr NULL: everything matches
    bint literal               # the pattern has no special byte: at most one element matches
    bint bare                  # NOVALUES or NOSCORES was given
    int type                   # -1: any
    void **found
    size_t count
    size_t capacity

# The cursor in that argument; "invalid cursor" otherwise.
cdef uint64_t scan_cursor(Call call, int i) except? 0xFFFFFFFFFFFFFFFF
cdef void scan_begin(Scan *scan, uint64_t cursor) noexcept nogil
# Options from argument `start` on. `allowed`: SCAN_NOVALUES and the like. The Scan borrows the
# arguments' bytes.
cdef int scan_options(Call call, int start, int allowed, Scan *scan) except -1
cdef void scan_pattern(Scan *scan, Slice pattern) noexcept nogil
# Whether a pattern is only a name.
cdef bint glob_is_literal(Slice pattern) noexcept nogil
cdef bint scan_matches(const Scan *scan, Slice text) noexcept nogil
# Collect what matches from about COUNT entries on; with a literal pattern, look it up.
cdef void scan_table(Scan *scan, Table *t) noexcept nogil
# Both headers: the next cursor, and an array of so many elements.
cdef void scan_reply(const Scan *scan, Reply *reply, int64_t elements) noexcept nogil
cdef void scan_end(Scan *scan) noexcept nogil
