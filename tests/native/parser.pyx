"""Python's view of the parser: a connection that is fed bytes in pieces."""

from libc.string cimport memcpy, memset
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from carnelian.resp.parser cimport (
    PARSE_BAD, PARSE_DONE, ParseState, Parser, parse_command, parse_state_free, parser_free,
    parser_init, parser_reset,
)


class ProtocolError(Exception):
    """The text the server would reply, and the commands before it in the same piece."""

    def __init__(self, text, commands):
        super().__init__(text)
        self.text = text
        self.commands = commands


cdef class SharedParser:
    """One parser for many connections."""
    cdef Parser p

    def __cinit__(self):
        parser_init(&self.p)

    def __dealloc__(self):
        parser_free(&self.p)

    def limits(self, bint authenticated=True, int64_t bulk_max=512 << 20):
        self.p.authenticated = authenticated
        self.p.bulk_max = bulk_max

    def reset(self):
        parser_reset(&self.p)

    @property
    def wanted(self):
        return self.p.wanted

    @property
    def is_inline(self):
        return bool(self.p.is_inline)

    @property
    def capacity(self):
        return self.p.capacity


cdef class Connection:
    """Keeps unconsumed bytes as a server would, at a fresh address for every call."""
    cdef ParseState state
    cdef SharedParser parser
    cdef bytes pending

    def __cinit__(self, SharedParser parser not None):
        self.parser = parser
        self.pending = b""

    def __dealloc__(self):
        parse_state_free(&self.state)

    def feed(self, bytes data not None):
        """Every command that is complete now, as lists of arguments. Raises ProtocolError."""
        cdef Parser *p = &self.parser.p
        cdef size_t length
        cdef size_t consumed = 0
        cdef int result = PARSE_DONE
        cdef int i
        cdef char *copy
        commands = []
        self.pending += data
        while self.pending and result == PARSE_DONE:
            length = len(self.pending)
            copy = <char *>malloc(length)      # no longer: a sanitizer sees overruns
            memcpy(copy, <char *>self.pending, length)
            result = parse_command(p, &self.state, copy, length, &consumed)
            if result == PARSE_DONE:
                assert 0 < consumed <= length
                commands.append([p.argv[i].ptr[:p.argv[i].len] for i in range(p.argc)])
                assert self.is_fresh, "state left behind by a complete command"
            else:
                assert consumed == 0 and p.argc == 0
            memset(copy, 0xEE, length)
            free(copy)
            self.pending = self.pending[consumed:]
        if result == PARSE_BAD:
            raise ProtocolError(p.error[:p.error_len], commands)
        return commands

    @property
    def is_fresh(self):
        s = self.state
        return s.needed == s.scanned == s.offset == 0 and self.state.saved == NULL

    @property
    def saved_count(self):
        return self.state.saved_count if self.state.saved != NULL else 0

    @staticmethod
    def state_size():
        return sizeof(ParseState)


def drain(SharedParser parser not None, bytes data not None, int rounds=1):
    """How many commands and arguments `data` holds, parsed in place `rounds` times."""
    cdef ParseState state
    cdef const char *buf = data
    cdef size_t length = len(data)
    cdef size_t at
    cdef size_t consumed = 0
    cdef size_t commands = 0
    cdef size_t arguments = 0
    cdef int _round
    memset(&state, 0, sizeof(state))
    with nogil:
        for _round in range(rounds):
            at = 0
            while at < length and parse_command(
                &parser.p, &state, buf + at, length - at, &consumed
            ) == PARSE_DONE:
                commands += 1
                arguments += parser.p.argc
                at += consumed
    return commands, arguments
