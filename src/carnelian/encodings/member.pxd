"""A member of a big sorted set with its score, and cuts: places in the order of members.

Order is by score, then by member as unsigned bytes; a prefix comes before what it is a prefix of.

    Member, one block of `carnelian.base.memory`, owned by the sorted set
    0       8                9                   9 + n
    +-------+----------------+-- ... --+
    | score | n, below 254   | bytes   |
    +-------+----------------+-- ... --+
    0       8     9          13                  13 + n
    +-------+-----+----------+-- ... --+
    | score | 254 | n        | bytes   |
    +-------+-----+----------+-- ... --+

A range of either encoding is the run between two cuts, so both ends, inclusive or exclusive, by
score or lexicographic, are one thing: from `cut_score(min, exclusive)` to
`cut_score(max, not exclusive)`.
"""

from libc.math cimport INFINITY
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcmp

from carnelian.base.native cimport likely, load32
from carnelian.base.slice cimport Slice

cdef enum:
    LENGTH_LONG = 254          # first length byte of members that do not fit one

cdef struct Member:
    double score
    uint8_t body[1]

cdef enum CutBy:
    CUT_BY_SCORE
    CUT_BY_MEMBER              # lexicographic, for sets whose scores are all equal
    CUT_BY_BOTH

# The place just before everything equal to the score/member named, or just after it.
cdef struct Cut:
    CutBy by
    bint after
    double score
    Slice member


cdef inline Slice member_slice(const Member *m) noexcept nogil:
    cdef Slice s
    if likely(m.body[0] < LENGTH_LONG):
        s.ptr = <const char *>&m.body[1]
        s.len = m.body[0]
    else:
        s.ptr = <const char *>&m.body[5]
        s.len = load32(&m.body[1])
    return s


cdef inline int member_compare(Slice a, Slice b) noexcept nogil:
    cdef size_t n = a.len if a.len < b.len else b.len
    cdef int order = memcmp(a.ptr, b.ptr, n) if n else 0
    return order if order else (a.len > b.len) - (a.len < b.len)


cdef inline Cut cut_score(double score, bint after) noexcept nogil:
    cdef Cut cut
    cut.by = CUT_BY_SCORE
    cut.after = after
    cut.score = score
    cut.member.ptr = NULL
    cut.member.len = 0
    return cut


cdef inline Cut cut_both(double score, Slice member, bint after) noexcept nogil:
    cdef Cut cut = cut_score(score, after)
    cut.by = CUT_BY_BOTH
    cut.member = member
    return cut


cdef inline Cut cut_lex(Slice member, bint after) noexcept nogil:
    cdef Cut cut = cut_both(0, member, after)
    cut.by = CUT_BY_MEMBER
    return cut


cdef inline Cut cut_first() noexcept nogil:
    """Before everything: rank 0, and the lexicographic bound `-`."""
    return cut_score(-INFINITY, False)


cdef inline Cut cut_last() noexcept nogil:
    """After everything: also the lexicographic bound `+`."""
    return cut_score(INFINITY, True)


cdef inline bint before_cut(double score, Slice member, const Cut *cut) noexcept nogil:
    """Whether a member lies before the cut."""
    cdef int order
    if cut.by != CUT_BY_MEMBER and score != cut.score:
        return score < cut.score
    if cut.by != CUT_BY_SCORE:
        order = member_compare(member, cut.member)
        if order:
            return order < 0
    return cut.after
