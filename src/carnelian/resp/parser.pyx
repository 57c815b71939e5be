"""The scanner behind parse_command.

A command that has arrived in part is kept as little as possible: with up to SAVE_MIN arguments
nothing is saved and the next call starts over, which costs that many headers and no look at the
arguments' bytes; with more, the arguments seen are saved as offsets and the next call goes on
behind them. Header lines and inline requests remember how far they were searched. So no arrival
pattern costs more than O(bytes + pieces).
"""

from libc.limits cimport INT_MAX
from libc.stdint cimport int64_t, uintptr_t
from libc.string cimport memchr, memcpy, memset, strlen

from carnelian.base.memory cimport mem_alloc, mem_free, mem_realloc
from carnelian.base.native cimport likely, unlikely
from carnelian.base.numbers cimport parse_int64
from carnelian.base.slice cimport Slice


cdef enum:
    SAVE_MIN = 16
    ARGV_INITIAL = 64
    ARGV_KEEP = 4096              # slices (64 KiB): more is given back by parser_reset
    SCRATCH_KEEP = 65536
    BULK_MAX_DEFAULT = 512 << 20
    FAST_DIGITS = 10


cdef void parser_init(Parser *p) noexcept nogil:
    memset(p, 0, sizeof(Parser))
    p.authenticated = True
    p.bulk_max = BULK_MAX_DEFAULT


cdef void parser_free(Parser *p) noexcept nogil:
    mem_free(p.argv)
    mem_free(p.scratch)
    p.argv = NULL
    p.scratch = NULL
    p.argc = p.capacity = 0
    p.scratch_capacity = 0


cdef void parser_reset(Parser *p) noexcept nogil:
    p.argc = 0
    if p.capacity > ARGV_KEEP:
        mem_free(p.argv)
        p.argv = NULL
        p.capacity = 0
    if p.scratch_capacity > SCRATCH_KEEP:
        mem_free(p.scratch)
        p.scratch = NULL
        p.scratch_capacity = 0


cdef void parse_state_free(ParseState *s) noexcept nogil:
    mem_free(s.saved)
    memset(s, 0, sizeof(ParseState))


cdef void grow_argv(Parser *p) noexcept nogil:
    if p.capacity == 0:
        p.capacity = ARGV_INITIAL
    else:
        p.capacity = p.capacity * 2 if p.capacity <= INT_MAX // 2 else INT_MAX
    p.argv = <Slice *>mem_realloc(p.argv, <size_t>p.capacity * sizeof(Slice))


cdef int fail(Parser *p, ParseState *s, const char *text) noexcept nogil:
    p.error_len = strlen(text)
    memcpy(p.error, text, p.error_len + 1)
    p.argc = 0
    parse_state_free(s)
    return PARSE_BAD


cdef int fail_dollar(Parser *p, ParseState *s, char got) noexcept nogil:
    cdef const char *text = b"Protocol error: expected '$', got ' '"
    fail(p, s, text)
    if got != 13 and got != 10:       # these would end the error reply: Redis too sends a space
        p.error[p.error_len - 2] = got
    return PARSE_BAD


cdef int find_line_end(
    ParseState *s, const char *buf, const char *line, const char *end, char last, const char **found
) noexcept nogil:
    """Search the line that starts at `line` for its `last` byte: DONE, MORE or BAD (too long).

    As in Redis, whose search is strchr, nothing behind a NUL is seen: such a line never ends, it
    only grows too long.
    """
    cdef const char *start = line
    cdef const char *stop
    cdef const char *nul
    if s.offset == <size_t>(line - buf) and s.offset < s.scanned <= <size_t>(end - buf):
        start = buf + s.scanned
    stop = <const char *>memchr(start, last, end - start)
    nul = <const char *>memchr(start, 0, (stop if stop != NULL else end) - start)
    if likely(stop != NULL and nul == NULL):
        found[0] = stop
        if last == 10 or stop + 1 < end:       # after CR any byte will do, as in Redis
            return PARSE_DONE
    elif end - line > INLINE_MAX:
        return PARSE_BAD
    else:
        stop = nul if nul != NULL else end
    s.offset = line - buf
    s.scanned = stop - buf
    return PARSE_MORE


cdef int read_count(
    Parser *p, ParseState *s, const char *buf, const char *end, int64_t *count, const char **after
) noexcept nogil:
    """The `*<count>` line, by the book."""
    cdef const char *stop
    cdef int found = find_line_end(s, buf, buf, end, 13, &stop)
    if found == PARSE_MORE:
        return PARSE_MORE
    if found == PARSE_BAD:
        return fail(p, s, b"Protocol error: too big mbulk count string")
    if not parse_int64(buf + 1, stop - buf - 1, count) or count[0] > INT_MAX:
        return fail(p, s, b"Protocol error: invalid multibulk length")
    if count[0] > UNAUTHENTICATED_ARGS_MAX and not p.authenticated:
        return fail(p, s, b"Protocol error: unauthenticated multibulk length")
    after[0] = stop + 2
    return PARSE_DONE


cdef int read_bulk_header(
    Parser *p, ParseState *s, const char *buf, const char *line, const char *end,
    size_t *n, const char **data
) noexcept nogil:
    """The `$<length>` line, by the book."""
    cdef const char *stop
    cdef int64_t value
    cdef int found = find_line_end(s, buf, line, end, 13, &stop)
    if found == PARSE_MORE:
        return PARSE_MORE
    if found == PARSE_BAD:
        return fail(p, s, b"Protocol error: too big bulk count string")
    if line[0] != 36:
        return fail_dollar(p, s, line[0])
    if not parse_int64(line + 1, stop - line - 1, &value) or value < 0 or value > p.bulk_max:
        return fail(p, s, b"Protocol error: invalid bulk length")
    if value > UNAUTHENTICATED_BULK_MAX and not p.authenticated:
        return fail(p, s, b"Protocol error: unauthenticated bulk length")
    n[0] = <size_t>value
    data[0] = stop + 2
    return PARSE_DONE


cdef inline const char *fast_bulk_header(
    const char *line, const char *end, size_t limit, size_t *length
) noexcept nogil:
    """Where the data behind a complete, well-formed `$<length>` line starts; NULL: look closely."""
    cdef const char *q = line + 2
    cdef const char *stop
    cdef size_t n
    cdef unsigned int digit
    if unlikely(end - line < 4 or line[0] != 36):
        return NULL
    n = <unsigned char>line[1] - <size_t>48
    if unlikely(n > 9 or (n == 0 and q[0] != 13)):
        return NULL
    stop = line + FAST_DIGITS if end - line > FAST_DIGITS + 1 else end - 1
    while q < stop:
        digit = <unsigned char>q[0] - 48
        if digit > 9:
            break
        n = n * 10 + digit
        q += 1
    if unlikely(q + 1 >= end or q[0] != 13 or n > limit):
        return NULL
    length[0] = n
    return q + 2


cdef void resume(Parser *p, ParseState *s) noexcept nogil:
    """Work on the saved arguments; the parser's own array waits in their place."""
    cdef Slice *spare = p.argv
    cdef int spare_capacity = p.capacity
    p.argv = s.saved
    p.capacity = s.saved_capacity
    s.saved = spare
    s.saved_capacity = spare_capacity


cdef void save(
    Parser *p, ParseState *s, bint resumed, int argc, int remaining, uintptr_t buf
) noexcept nogil:
    """Keep the arguments so far for the next piece; s.offset and s.needed are set already."""
    cdef int i
    if resumed:
        resume(p, s)
    elif argc <= SAVE_MIN:
        return
    else:
        s.saved_capacity = argc + ARGV_INITIAL
        s.saved = <Slice *>mem_alloc(<size_t>s.saved_capacity * sizeof(Slice))
        for i in range(argc):
            s.saved[i].ptr = <const char *>(<uintptr_t>p.argv[i].ptr - buf)
            s.saved[i].len = p.argv[i].len
    s.saved_count = argc
    s.remaining = remaining


cdef void finish(Parser *p, ParseState *s, bint resumed, int argc, uintptr_t buf) noexcept nogil:
    cdef int i
    if resumed:
        for i in range(argc):
            p.argv[i].ptr = <const char *>(<uintptr_t>p.argv[i].ptr + buf)
        mem_free(s.saved)
        memset(s, 0, sizeof(ParseState))


cdef inline int parse_multibulk(
    Parser *p, ParseState *s, const char *buf, size_t length, size_t *consumed
) noexcept nogil:
    cdef const char *q = buf + 4
    cdef const char *end = buf + length
    cdef const char *data = NULL
    cdef uintptr_t base = 0            # subtracted from addresses: saved arguments are offsets
    cdef size_t limit = <size_t>p.bulk_max
    cdef size_t n = 0
    cdef int64_t count
    cdef int argc = 0
    cdef int result = PARSE_DONE
    if unlikely(not p.authenticated) and limit > UNAUTHENTICATED_BULK_MAX:
        limit = UNAUTHENTICATED_BULK_MAX
    if unlikely(s.saved != NULL):
        argc = s.saved_count
        count = s.remaining
        q = buf + s.offset
        base = <uintptr_t>buf
        resume(p, s)
    elif likely(length >= 4 and 49 <= buf[1] <= 57 and buf[2] == 13):
        count = buf[1] - 48
    else:
        result = read_count(p, s, buf, end, &count, &q)
        if result != PARSE_DONE:
            return result
    while count > 0:
        data = fast_bulk_header(q, end, limit, &n)
        if unlikely(data == NULL):
            result = read_bulk_header(p, s, buf, q, end, &n, &data)
            if result != PARSE_DONE:
                break
        if unlikely(<size_t>(end - data) < n + 2):
            s.offset = q - buf
            s.needed = <size_t>(data - buf) + n + 2
            p.wanted = s.needed - length
            result = PARSE_MORE
            break
        if unlikely(argc == p.capacity):
            grow_argv(p)
        p.argv[argc].ptr = <const char *>(<uintptr_t>data - base)
        p.argv[argc].len = n
        argc += 1
        count -= 1
        q = data + n + 2               # Redis does not look at these two bytes either
    if likely(result == PARSE_DONE):
        finish(p, s, base != 0, argc, base)
        s.needed = s.scanned = s.offset = 0
        p.argc = argc
        consumed[0] = q - buf
    elif result == PARSE_MORE:
        save(p, s, base != 0, argc, <int>count, <uintptr_t>buf)
    return result


cdef int parse_inline(
    Parser *p, ParseState *s, const char *buf, size_t length, size_t *consumed
) noexcept nogil:
    cdef const char *stop
    cdef size_t n
    cdef int found = find_line_end(s, buf, buf, buf + length, 10, &stop)
    if found == PARSE_MORE:
        return PARSE_MORE
    if found == PARSE_BAD:
        return fail(p, s, b"Protocol error: too big inline request")
    n = stop - buf
    if n and buf[n - 1] == 13:
        n -= 1
    if parse_words(p, buf, n) < 0:
        return fail(p, s, b"Protocol error: unbalanced quotes in request")
    p.is_inline = True
    s.needed = s.scanned = s.offset = 0
    consumed[0] = <size_t>(stop - buf) + 1
    return PARSE_DONE


cdef int parse_command(
    Parser *p, ParseState *s, const char *buf, size_t length, size_t *consumed
) noexcept nogil:
    consumed[0] = 0
    p.argc = 0
    p.wanted = 0
    p.is_inline = False
    if unlikely(length < s.needed):
        p.wanted = s.needed - length
        return PARSE_MORE
    if unlikely(length == 0):
        return PARSE_MORE
    if likely(buf[0] == 42):
        return parse_multibulk(p, s, buf, length, consumed)
    return parse_inline(p, s, buf, length, consumed)


cdef inline bint is_space(char c) noexcept nogil:
    return c == 32 or 9 <= c <= 13


cdef inline bint ends_word(char c) noexcept nogil:
    return c == 32 or c == 10 or c == 13 or c == 9      # \v and \f are only skipped between words


cdef inline int hex_digit(char c) noexcept nogil:
    if 48 <= c <= 57:
        return c - 48
    c |= 32
    return c - 87 if 97 <= c <= 102 else -1


cdef inline int hex_pair(const char *p) noexcept nogil:
    cdef int high = hex_digit(p[0])
    cdef int low = hex_digit(p[1])
    return high << 4 | low if high >= 0 and low >= 0 else -1


cdef inline char unescape(char c) noexcept nogil:
    if c == 110:
        return 10
    if c == 114:
        return 13
    if c == 116:
        return 9
    if c == 98:
        return 8
    return 7 if c == 97 else c


cdef size_t copy_quoted(
    const char *line, size_t n, size_t i, char *out, size_t *written
) noexcept nogil:
    """Copy the quoted run that opens at line[i]; where it ends, 0 if unbalanced."""
    cdef char quote = line[i]
    cdef char c
    cdef size_t w = written[0]
    i += 1
    while i < n:
        c = line[i]
        i += 1
        if c == quote:
            written[0] = w
            return i if i == n or is_space(line[i]) else 0
        if c == 92 and i < n:
            if quote == 39:
                if line[i] == 39:
                    c = 39
                    i += 1
            elif line[i] == 120 and i + 2 < n and hex_pair(line + i + 1) >= 0:
                c = <char>hex_pair(line + i + 1)
                i += 3
            else:
                c = unescape(line[i])
                i += 1
        out[w] = c
        w += 1
    return 0


cdef size_t add_quoted_word(
    Parser *p, const char *line, size_t n, size_t start, size_t i, size_t *used
) noexcept nogil:
    """Copy the word from `start`, its first quote at `i`, to the scratch space; its end, 0: bad."""
    cdef char *out
    cdef size_t w = i - start
    if p.scratch_capacity < n:          # before the line's first quoted word: all fit in n
        mem_free(p.scratch)
        p.scratch = <char *>mem_alloc(n)
        p.scratch_capacity = n
    out = p.scratch + used[0]
    memcpy(out, line + start, w)
    while i < n and not ends_word(line[i]):
        if line[i] == 34 or line[i] == 39:
            i = copy_quoted(line, n, i, out, &w)
            if i == 0:
                return 0
            break                       # a closing quote ends the word
        out[w] = line[i]
        w += 1
        i += 1
    p.argv[p.argc].ptr = out
    p.argv[p.argc].len = w
    used[0] += w
    return i


cdef int parse_words(Parser *p, const char *line, size_t length) noexcept nogil:
    cdef const char *nul = <const char *>memchr(line, 0, length)
    cdef size_t n = length if nul == NULL else <size_t>(nul - line)
    cdef size_t used = 0
    cdef size_t start
    cdef size_t i = 0
    p.argc = 0
    while True:
        while i < n and is_space(line[i]):
            i += 1
        if i == n:
            return 0
        if p.argc == p.capacity:
            grow_argv(p)
        start = i
        while i < n and not ends_word(line[i]) and line[i] != 34 and line[i] != 39:
            i += 1
        if i == n or ends_word(line[i]):
            p.argv[p.argc].ptr = line + start
            p.argv[p.argc].len = i - start
        else:
            i = add_quoted_word(p, line, n, start, i, &used)
            if i == 0:
                p.argc = 0
                return -1
        p.argc += 1


def split_args(bytes line not None):
    """The words of a line by the quoting rules of inline requests and configuration files.

    Words are separated by blanks. "double quotes" know \\n \\r \\t \\b \\a \\xHH, 'single quotes'
    only \\'; a closing quote must be followed by a blank. None if the quotes are not balanced.
    """
    cdef Parser p
    cdef int i
    parser_init(&p)
    try:
        if parse_words(&p, line, len(line)) < 0:
            return None
        return [p.argv[i].ptr[:p.argv[i].len] for i in range(p.argc)]
    finally:
        parser_free(&p)
