"""Cursors, options and steps of the SCAN family; see scanning.pxd."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from carnelian.base.glob cimport glob_match
from carnelian.base.hashing cimport hash_bytes
from carnelian.base.memory cimport mem_free, mem_realloc
from carnelian.base.native cimport prefetch
from carnelian.base.numbers cimport INT64_CHARS_MAX, format_uint64, parse_uint64_lenient
from carnelian.base.slice cimport slice_equal
from carnelian.encodings.table cimport table_find, table_scan
from carnelian.keyspace.value cimport type_named
from carnelian.resp.reply cimport reply_array, reply_bulk

from carnelian.engine.errors import INVALID_CURSOR, SYNTAX, error


cdef enum:
    DEFAULT_WANTED = 10
    FIRST_CAPACITY = 32
    SIFT_MIN = 32              # entries to have prefetched before the first of them is looked at
    BUCKETS_PER_WANTED = 10

cdef int64_t WANTED_MAX = <int64_t>1 << 48     # more than any table holds


cdef uint64_t scan_cursor(Call call, int i) except? 0xFFFFFFFFFFFFFFFF:
    cdef uint64_t cursor = 0
    if not parse_uint64_lenient(call.argv[i].ptr, call.argv[i].len, &cursor):
        raise INVALID_CURSOR
    return cursor


cdef void scan_begin(Scan *scan, uint64_t cursor) noexcept nogil:
    memset(scan, 0, sizeof(Scan))
    scan.cursor = cursor
    scan.wanted = DEFAULT_WANTED
    scan.type = -1


cdef int scan_options(Call call, int start, int allowed, Scan *scan) except -1:
    cdef int i = start
    while i < call.argc:
        if i + 1 < call.argc and call.is_word(i, b"count"):
            scan.wanted = call.int(i + 1)
            if scan.wanted < 1:
                raise SYNTAX
            scan.wanted = min(scan.wanted, WANTED_MAX)
            i += 2
        elif i + 1 < call.argc and call.is_word(i, b"match"):
            scan_pattern(scan, call.argv[i + 1])
            i += 2
        elif allowed & SCAN_TYPE and i + 1 < call.argc and call.is_word(i, b"type"):
            scan.type = type_named(call.argv[i + 1])
            if scan.type < 0:
                raise error(b"unknown type name '%b'" % call.bytes(i + 1))
            i += 2
        elif call.is_word(i, b"novalues"):
            if not allowed & SCAN_NOVALUES:
                raise error("NOVALUES option can only be used in HSCAN")
            scan.bare = True
            i += 1
        elif call.is_word(i, b"noscores"):
            if not allowed & SCAN_NOSCORES:
                raise error("NOSCORES option can only be used in ZSCAN")
            scan.bare = True
            i += 1
        else:
            raise SYNTAX
    return 0


cdef void scan_pattern(Scan *scan, Slice pattern) noexcept nogil:
    # A lone star is no filter at all: unlike glob_match it lets an empty name through.
    scan.pattern = pattern
    scan.literal = glob_is_literal(pattern)
    if pattern.len == 1 and pattern.ptr[0] == c'*':
        scan.pattern.ptr = NULL


cdef bint glob_is_literal(Slice pattern) noexcept nogil:
    cdef size_t i
    for i in range(pattern.len):
        if pattern.ptr[i] in (c'*', c'?', c'[', c'\\'):
            return False
    return True


cdef bint scan_matches(const Scan *scan, Slice text) noexcept nogil:
    if scan.pattern.ptr == NULL:
        return True
    if scan.literal:
        return slice_equal(scan.pattern, text)
    return glob_match(scan.pattern.ptr, scan.pattern.len, text.ptr, text.len, False)


cdef void collect(void *entry, void *context) noexcept nogil:
    cdef Scan *scan = <Scan *>context
    if scan.count == scan.capacity:
        scan.capacity = scan.capacity * 2 if scan.capacity else FIRST_CAPACITY
        scan.found = <void **>mem_realloc(scan.found, scan.capacity * sizeof(void *))
    prefetch(entry)
    scan.found[scan.count] = entry
    scan.count += 1


cdef size_t sift(Scan *scan, Table *t, size_t start) noexcept nogil:
    """Keep what matches of the entries found from `start` on; where the next ones will begin."""
    cdef size_t i
    if scan.pattern.ptr == NULL:
        return scan.count
    for i in range(start, scan.count):
        if scan_matches(scan, t.key(scan.found[i])):
            scan.found[start] = scan.found[i]
            start += 1
    scan.count = start
    return start


cdef void look_up(Scan *scan, Table *t) noexcept nogil:
    cdef Slice name = scan.pattern
    cdef void **slot = table_find(t, hash_bytes(name.ptr, name.len), name.ptr, name.len)
    scan.cursor = 0
    if slot != NULL:
        collect(slot[0], scan)


cdef void scan_table(Scan *scan, Table *t) noexcept nogil:
    cdef size_t sifted = 0
    cdef size_t before
    cdef int64_t seen = 0
    cdef int64_t buckets_left = scan.wanted * BUCKETS_PER_WANTED
    if scan.pattern.ptr != NULL and scan.literal:
        look_up(scan, t)
        return
    while True:
        before = scan.count
        scan.cursor = table_scan(t, scan.cursor, collect, scan)
        seen += <int64_t>(scan.count - before)
        buckets_left -= 1
        if scan.cursor == 0 or seen >= scan.wanted or buckets_left <= 0:
            break
        if scan.count - sifted >= SIFT_MIN:
            sifted = sift(scan, t, sifted)
    sift(scan, t, sifted)


cdef void scan_reply(const Scan *scan, Reply *reply, int64_t elements) noexcept nogil:
    cdef char text[INT64_CHARS_MAX]
    reply_array(reply, 2)
    reply_bulk(reply, text, format_uint64(text, scan.cursor))
    reply_array(reply, elements)


cdef void scan_end(Scan *scan) noexcept nogil:
    mem_free(scan.found)
    scan.found = NULL
