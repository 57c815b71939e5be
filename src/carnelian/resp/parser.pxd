"""Commands out of a query buffer: RESP multibulk and inline, without copying an argument.

One `Parser` (the argv array and scratch space) serves every connection of a thread; each
connection has a `ParseState`, which stays all zeros unless a command has arrived in part. The
caller keeps the bytes of a partial command and passes them again, from the command's first byte,
at whatever address they then have.

    parser_init(&p)                       once; then per connection and read, while bytes are left:
    p.authenticated = ...
    result = parse_command(&p, &connection.parse, buf, len, &consumed)
    PARSE_DONE  p.argv[0 .. p.argc) point into buf (quoted inline words: p.scratch), valid until
                the next parse_command on `p`. argc 0 (empty line, `*0`, `*-1`): skip it silently.
                consumed = bytes of this command.
    PARSE_MORE  consumed = 0; p.wanted = bytes the bulk now arriving still lacks, 0 if unknown.
    PARSE_BAD   p.error holds Redis's text without "ERR "; reply it and close the connection.

Limits are Redis's: header lines and unfinished inline requests 64 KiB, INT_MAX arguments,
`bulk_max` bytes per argument, and 10 arguments of 16384 bytes for a client that still has to
authenticate.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice


cdef enum:
    PARSE_MORE = 0
    PARSE_DONE = 1
    PARSE_BAD = 2

cdef enum:
    INLINE_MAX = 65536
    UNAUTHENTICATED_ARGS_MAX = 10
    UNAUTHENTICATED_BULK_MAX = 16384
    PARSE_ERROR_SIZE = 64

cdef struct ParseState:      # per connection; zeroed memory is a valid fresh state
    size_t needed            # the command cannot be complete with fewer bytes than this
    size_t scanned           # bytes searched in vain for the end of the line that is arriving
    size_t offset            # of the first byte after the saved arguments
    Slice *saved             # arguments parsed so far, `ptr` being an offset; NULL: start over
    int saved_count
    int saved_capacity
    int remaining            # arguments still to come after the saved ones

cdef struct Parser:
    Slice *argv              # the command just parsed
    int argc
    int capacity             # of argv
    bint authenticated       # set by the caller
    bint is_inline           # the command just parsed was an inline one
    int64_t bulk_max         # proto-max-bulk-len, set by the caller; INT64_MAX for a master
    size_t wanted
    char *scratch            # unquoted inline words
    size_t scratch_capacity
    size_t error_len
    char error[PARSE_ERROR_SIZE]


cdef void parser_init(Parser *p) noexcept nogil     # authenticated, 512 MiB bulks, no memory held
cdef void parser_free(Parser *p) noexcept nogil
cdef void parser_reset(Parser *p) noexcept nogil    # when idle: gives big argv and scratch back

cdef void parse_state_free(ParseState *s) noexcept nogil    # forgets a partial command

cdef int parse_command(
    Parser *p, ParseState *s, const char *buf, size_t length, size_t *consumed
) noexcept nogil

# Redis's quoting rules applied to a line: the words in p.argv. 0, or -1 for unbalanced quotes.
cdef int parse_words(Parser *p, const char *line, size_t length) noexcept nogil
