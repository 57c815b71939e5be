"""What one turn of the loop fills: events, the bytes read last, the commands parsed from them.

A turn may run inside a command of another turn (a script that takes long lets the others hear
BUSY), so each has a frame of its own; `NetContext` keeps them for the next turn as deep. The
arguments of a command point into its turn's frame, or into its connection's `query`.

    frames   [0: the loop's turn] [1: a turn inside one of its commands] ...
"""

from libc.stdint cimport uint64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.table cimport Table
from carnelian.net.poller cimport EVENTS_MAX, Event
from carnelian.resp.parser cimport ParseState, Parser


cdef enum:
    READ_SIZE = 65536

cdef enum:
    BATCH_MAX = 16             # commands parsed ahead of their execution
    BATCH_ARGS_MAX = 256

# A command parsed ahead, its arguments in `args`. While a few are parsed, the memory their keys lie
# in is fetched: waiting for it would be half the cost of a command.
cdef struct Planned:
    int first                  # index in args
    int argc
    size_t end                 # offset behind the command
    uint64_t hash              # of its first argument

cdef struct Batch:
    Planned commands[BATCH_MAX]
    Slice args[BATCH_ARGS_MAX]
    int count
    int used                   # of args


# Parse a batch of commands from p[at:n] and start fetching their keys from `keys`; moves `at`. An
# inline command, or one with more arguments than fit, ends a batch or is one by itself, left in the
# parser's own argv (first is -1). The result is the parser's.
cdef int plan_batch(
    Batch *batch, Parser *parser, ParseState *parse, Table *keys, const char *p, size_t n,
    size_t *at
) noexcept nogil


cdef class Frame:
    cdef int depth
    cdef uint64_t number       # of the turn; a channel that came later has no event in it
    cdef Event events[EVENTS_MAX]
    cdef char *read_buffer     # READ_SIZE bytes, used only within one read
    cdef Parser parser
    cdef Batch batch
