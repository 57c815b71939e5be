"""A pass that takes entries out, and one that closes ranks; see table_sweep.pxd."""

from libc.stdint cimport uint32_t, uint64_t

from carnelian.base.memory cimport mem_free
from carnelian.base.native cimport load64, mul_high
from carnelian.base.random cimport random64
from carnelian.encodings.table cimport (
    Bucket, Segment, Table, segment_at, segment_is_sparse, table_shrink,
)


cdef enum:
    SLOTS = 7

cdef uint64_t TAG_BYTES = 0x00FFFFFFFFFFFFFFULL

cdef struct Draw:                  # selection sampling: each of `left` entries is one of `wanted`
    uint64_t left
    uint64_t wanted
    void **out


cdef uint32_t draw_from(Bucket *b, Draw *draw) noexcept nogil:
    cdef uint32_t taken = 0
    cdef int k
    for k in range(SLOTS):
        if b.tags[k]:
            if mul_high(random64(), draw.left) < draw.wanted:
                draw.out[0] = b.slots[k]
                draw.out += 1
                draw.wanted -= 1
                b.tags[k] = 0
                b.slots[k] = NULL
                taken += 1
            draw.left -= 1
    return taken


cdef uint32_t draw_from_chain(Table *t, Bucket *b, Draw *draw) noexcept nogil:
    cdef uint32_t taken = draw_from(b, draw)
    cdef Bucket *parent = b
    while b.chained:
        parent = b
        b = <Bucket *>b.slots[SLOTS - 1]
        taken += draw_from(b, draw)
    if b != parent and load64(b.tags) & TAG_BYTES == 0:
        parent.chained = 0
        parent.slots[SLOTS - 1] = NULL
        mem_free(b)
        t.bytes -= sizeof(Bucket)
    return taken


cdef uint32_t draw_from_segment(Table *t, Segment *s, Draw *draw) noexcept nogil:
    cdef uint32_t taken = 0
    cdef uint64_t i
    for i in range(<uint64_t>1 << s.bucket_bits):
        if not draw.wanted:
            break
        taken += draw_from_chain(t, &s.buckets[i], draw)
    return taken


cdef void close_ranks(Table *t) noexcept nogil:
    """Merge segments that have become sparse."""
    cdef uint64_t hash = 0
    cdef Segment *s
    while True:
        s = segment_at(t, hash)
        if segment_is_sparse(s):
            table_shrink(t, s, hash)
        if segment_at(t, hash) != s:
            s = segment_at(t, hash)
            # what it has become may be sparse, too
            hash = hash >> (64 - s.depth) << (64 - s.depth) if s.depth else 0
            continue
        if s.depth == 0:
            return
        hash += <uint64_t>1 << (64 - s.depth)
        if hash == 0:
            return


cdef void table_take_random(Table *t, uint64_t count, void **out) noexcept nogil:
    cdef Draw draw
    cdef Segment *s
    cdef uint64_t i = 0
    cdef uint32_t taken
    draw.left = t.count
    draw.wanted = count
    draw.out = out
    while draw.wanted:
        s = t.directory[i]
        taken = draw_from_segment(t, s, &draw)
        s.count -= taken
        t.count -= taken
        i += <uint64_t>1 << (t.depth - s.depth)
    close_ranks(t)
