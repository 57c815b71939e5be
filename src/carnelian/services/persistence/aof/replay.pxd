"""Replays a file of logged commands into an engine, in steps.

    reader = LogReader(engine, data)
    while not reader.load_some(1 << 20): ...        # LogDamage: data that is no log
    if reader.torn: ...                              # cut `data` at reader.good, or refuse it

Owner: who loads. `data` (usually an mmap) is only read. With engine None the commands are checked
for their form and not executed: that is check-aof.
"""

from libc.stdint cimport int64_t, uint64_t

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport CommandTable
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport Session


cdef enum:
    AHEAD_MAX = 16                 # commands read ahead of the one that runs

cdef struct ReadAhead:             # a command whose words lie in `argv`
    int first
    int argc
    uint64_t hash                  # of the first key, if there is one
    const char *end

cdef class ReplaySession(Session):
    """The client in whose name commands are replayed."""


cdef class LogReader:
    cdef Engine engine
    cdef CommandTable known_table       # by which it is told whether something is a command
    cdef ReplaySession session
    cdef object mapping            # what keeps the bytes alive
    cdef const char *start
    cdef const char *at
    cdef const char *end
    cdef const char *record        # where the command being read began
    cdef Slice *argv
    cdef int argc                  # of the command, which begins at argv[first]
    cdef int first
    cdef int capacity
    cdef ReadAhead ahead[AHEAD_MAX]
    cdef int ahead_count
    cdef int ahead_next
    cdef readonly int64_t good     # offset behind the last command that needs no more to follow
    cdef readonly int64_t commands
    cdef readonly int64_t errors   # commands that were answered with an error
    cdef readonly bint torn        # the data ended in the middle of a command or a transaction
    cdef readonly bint in_multi
    cdef readonly int64_t stamp_s  # of the last #TS: annotation, 0 for none
    cdef readonly int64_t stop_s   # end before the first annotation of a later time; 0: never
    cdef readonly bint stopped
    cdef public int key_delay_us   # after each command, for tests: key-load-delay

    cdef int read_number(self, char mark, int64_t *value) except -1
    cdef int read_command(self) except -1
    cdef int next_command(self) except -1
    cdef int look_ahead(self) except -1
    cdef int read_annotation(self) except -1
    cdef int refuse_swallowed(self) except -1
    cdef CommandTable known_commands(self)
    cdef bint is_command_at(self, const char *p) except -1
    cdef int add_word(self, const char *p, size_t n) except -1
    cdef int run(self) except -1
    cdef int follow_transaction(self) except -1
    cdef int fail(self, text) except -1
