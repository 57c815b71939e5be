"""Glob matching, byte by byte. Keeps no state and allocates nothing; anyone may call it.

    *    any run of bytes, also none          [abc]  [a-z]  [^abc]    one byte of (not of) a set
    ?    any one byte                         \\x                     x itself, also inside a set

Each byte of the text is matched by one element of the pattern except for stars, so on a mismatch
only the last star needs to take one byte more: what an earlier one could still reach, the last one
reaches too.

Quirks that are Redis's: an empty text matches only the empty pattern (not even `*`), a set that is
never closed ends with the pattern, ranges compare signed bytes and may be written backwards, an
escaped byte in a set ignores `nocase`, and a pattern of over 1000 runs of stars matches nothing.
"""

from libc.string cimport memchr

cdef enum:
    STARS_MAX = 1000


cdef inline int lower(int c) noexcept nogil:
    return c + 32 if c'A' <= c <= c'Z' else c


cdef inline bint same(char a, char b, bint nocase) noexcept nogil:
    return a == b or (nocase and lower(a) == lower(b))


cdef inline bint in_range(int first, int last, int c, bint nocase) noexcept nogil:
    if first > last:
        first, last = last, first
    if nocase:    # after the swap: [Z-a] is empty then
        return lower(first) <= lower(c) <= lower(last)
    return first <= c <= last


cdef const char *match_set(const char *p, const char *end, char c, bint nocase,
                           bint *matches) noexcept nogil:
    """`p` is behind the bracket. Returns the end of the set, behind its closing bracket."""
    cdef bint negated = p < end and p[0] == c'^'
    cdef bint found = False
    if negated:
        p += 1
    while p < end and p[0] != c']':
        if p[0] == c'\\' and end - p >= 2:
            found |= p[1] == c
            p += 2
        elif end - p >= 3 and p[1] == c'-':
            found |= in_range(<signed char>p[0], <signed char>p[2], <signed char>c, nocase)
            p += 3
        else:
            found |= same(p[0], c, nocase)
            p += 1
    matches[0] = found != negated
    return p + 1 if p < end else end


cdef inline const char *match_one(const char *p, const char *end, char c,
                                  bint nocase) noexcept nogil:
    """The pattern behind the element at `p` (not a star) if that matches `c`, else NULL."""
    cdef bint matches
    if p[0] == c'?':
        return p + 1
    if p[0] == c'[':
        p = match_set(p + 1, end, c, nocase, &matches)
        return p if matches else NULL
    if p[0] == c'\\' and end - p >= 2:
        p += 1
    return p + 1 if same(p[0], c, nocase) else NULL


cdef inline bint is_plain(char c) noexcept nogil:
    return c != c'?' and c != c'[' and c != c'\\'


cdef bint glob_match(const char *pattern, size_t plen, const char *text, size_t tlen,
                     bint nocase) noexcept nogil:
    cdef const char *p = pattern
    cdef const char *end = pattern + plen
    cdef const char *t = text
    cdef const char *text_end = text + tlen
    cdef const char *after_star = NULL
    cdef const char *resume = NULL       # where in the text the last star ends at present
    cdef const char *next
    cdef int stars = 0
    if tlen == 0:
        return plen == 0
    while t < text_end:
        if p < end and p[0] == c'*':
            while p < end and p[0] == c'*':
                p += 1
            if p == end:
                return True
            stars += 1
            if stars > STARS_MAX:
                return False
            after_star = p
            resume = t - 1
            next = NULL
        elif p < end:
            next = match_one(p, end, t[0], nocase)
        else:
            next = NULL
        if next != NULL:
            p = next
            t += 1
            continue
        if after_star == NULL:
            return False
        resume += 1
        if is_plain(after_star[0]) and not nocase:
            resume = <const char *>memchr(resume, after_star[0], text_end - resume)
            if resume == NULL:
                return False
        p = after_star
        t = resume
    while p < end and p[0] == c'*':
        p += 1
    return p == end


def matches(bytes pattern not None, bytes text not None, bint nocase=False):
    """glob_match for Python: configuration names, ACL patterns and the like."""
    return glob_match(pattern, len(pattern), text, len(text), nocase) != 0
