"""LCS: the longest common subsequence of two strings.

    lengths: one row of second.len + 1 cells per prefix of the first string; cell (i, j) is the
    length of the longest subsequence that the first i and the first j bytes have in common
"""

from libc.stdint cimport UINT32_MAX, int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from carnelian.base.slice cimport Slice, slice_of
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport READS
from carnelian.keyspace.database cimport KeyRef, key_again
from carnelian.keyspace.entry cimport TYPE_STRING, entry_type
from carnelian.types.string.value cimport text_value
from carnelian.resp.reply cimport (
    Reply, ReplyMark, reply_array, reply_bulk, reply_bulk_text, reply_defer, reply_int, reply_map,
    reply_set_array,
)

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error

command = family("string")


cdef struct Problem:
    Slice first
    Slice second
    uint32_t *lengths
    bint wants_length
    bint wants_matches
    bint wants_match_lengths
    int64_t match_length_min


cdef int parse(Call call, Problem *problem) except -1:
    cdef int i = 3
    problem.wants_length = problem.wants_matches = problem.wants_match_lengths = False
    problem.match_length_min = 0
    while i < call.argc:
        if call.is_word(i, b"idx"):
            problem.wants_matches = True
        elif call.is_word(i, b"len"):
            problem.wants_length = True
        elif call.is_word(i, b"withmatchlen"):
            problem.wants_match_lengths = True
        elif call.is_word(i, b"minmatchlen") and i + 1 < call.argc:
            i += 1
            problem.match_length_min = max(call.int(i), 0)
        else:
            raise SYNTAX
        i += 1
    if problem.wants_length and problem.wants_matches:
        raise error("If you want both the length and indexes, please just use IDX.")
    return 0


cdef int find_strings(Call call, Problem *problem) except -1:
    cdef KeyRef refs[2]
    cdef Slice values[2]
    cdef int i
    call.find(1, &refs[0])
    call.find(2, &refs[1])
    if refs[0].slot != NULL:
        key_again(&refs[0])        # the second may have been an expired key
    for i in range(2):
        values[i] = slice_of(b"", 0)
        if refs[i].slot != NULL:
            if entry_type(refs[i].slot[0]) != TYPE_STRING:
                raise error("The specified keys must contain string values")
            values[i] = text_value(refs[i].slot[0])
    problem.first = values[0]
    problem.second = values[1]
    return 0


cdef int allocate(Call call, Problem *problem) except -1:
    cdef size_t cells
    if problem.first.len >= UINT32_MAX - 1 or problem.second.len >= UINT32_MAX - 1:
        raise error("String too long for LCS")
    cells = (problem.first.len + 1) * (problem.second.len + 1)
    if cells > <size_t>call.engine.host.configuration.proto_max_bulk_len // sizeof(uint32_t):
        raise error(
            "Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    problem.lengths = <uint32_t *>malloc(cells * sizeof(uint32_t))
    if problem.lengths == NULL:
        raise error("Insufficient memory, failed allocating transient memory for LCS")
    return 0


cdef void solve(Problem *problem) noexcept nogil:
    cdef size_t width = problem.second.len + 1
    cdef const char *second = problem.second.ptr
    cdef uint32_t *above = problem.lengths
    cdef uint32_t *row
    cdef size_t i
    cdef size_t j
    cdef char byte
    memset(above, 0, width * sizeof(uint32_t))
    for i in range(problem.first.len):
        byte = problem.first.ptr[i]
        row = above + width
        row[0] = 0
        for j in range(problem.second.len):
            if second[j] == byte:
                row[j + 1] = above[j] + 1
            else:
                row[j + 1] = above[j + 1] if above[j + 1] > row[j] else row[j]
        above = row


cdef inline uint32_t cell(Problem *problem, size_t i, size_t j) noexcept nogil:
    return problem.lengths[i * (problem.second.len + 1) + j]


cdef bint reply_match(Reply *reply, Problem *problem, size_t i, size_t j,
                      size_t length) noexcept nogil:
    if <int64_t>length < problem.match_length_min:
        return False
    reply_array(reply, 3 if problem.wants_match_lengths else 2)
    reply_array(reply, 2)
    reply_int(reply, <int64_t>i)
    reply_int(reply, <int64_t>(i + length - 1))
    reply_array(reply, 2)
    reply_int(reply, <int64_t>j)
    reply_int(reply, <int64_t>(j + length - 1))
    if problem.wants_match_lengths:
        reply_int(reply, <int64_t>length)
    return True


cdef void reply_matches(Reply *reply, Problem *problem) noexcept nogil:
    """Runs that are contiguous in both strings, from the last to the first."""
    cdef size_t i = problem.first.len
    cdef size_t j = problem.second.len
    cdef size_t run = 0            # length of the run that begins at (i, j)
    cdef int64_t count = 0
    cdef ReplyMark mark
    reply_map(reply, 2)
    reply_bulk_text(reply, b"matches")
    mark = reply_defer(reply)
    while i > 0 and j > 0:
        if problem.first.ptr[i - 1] == problem.second.ptr[j - 1]:
            i -= 1
            j -= 1
            run += 1
            continue
        if run:
            count += reply_match(reply, problem, i, j, run)
            run = 0
        if cell(problem, i - 1, j) > cell(problem, i, j - 1):
            i -= 1
        else:
            j -= 1
    if run:
        count += reply_match(reply, problem, i, j, run)
    reply_set_array(reply, mark, count)
    reply_bulk_text(reply, b"len")
    reply_int(reply, cell(problem, problem.first.len, problem.second.len))


cdef int reply_subsequence(Reply *reply, Problem *problem) except -1:
    cdef size_t i = problem.first.len
    cdef size_t j = problem.second.len
    cdef size_t length = cell(problem, i, j)
    cdef size_t left = length
    cdef char *text = <char *>malloc(length + 1)
    if text == NULL:
        raise error("Insufficient memory, failed allocating transient memory for LCS")
    while left > 0:
        if problem.first.ptr[i - 1] == problem.second.ptr[j - 1]:
            i -= 1
            j -= 1
            left -= 1
            text[left] = problem.first.ptr[i]
        elif cell(problem, i - 1, j) > cell(problem, i, j - 1):
            i -= 1
        else:
            j -= 1
    reply_bulk(reply, text, length)
    free(text)
    return 0


cdef int lcs(Call call) except -1:
    cdef Problem problem
    find_strings(call, &problem)
    parse(call, &problem)
    allocate(call, &problem)
    try:
        solve(&problem)
        if problem.wants_matches:
            reply_matches(call.reply, &problem)
        elif problem.wants_length:
            reply_int(call.reply, cell(&problem, problem.first.len, problem.second.len))
        else:
            reply_subsequence(call.reply, &problem)
    finally:
        free(problem.lengths)
    return 0


command(handler(lcs), "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
        READS, since="7.0.0", cost="O(N*M) where N and M are the lengths of the strings",
        about="Return the longest common subsequence of two strings.")
