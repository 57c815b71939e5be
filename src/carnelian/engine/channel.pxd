"""Who an event loop calls: the owner of a descriptor, and whoever has output to be sent.

Sessions are channels, and so is what a service watches. The engine itself never calls `handle`: it
only says, by its `pending` list, whose output is to be flushed when the turn ends.
"""

from libc.stdint cimport uint64_t


cdef class Channel:
    # a turn that runs inside a command (a busy script's) serves it, too
    cdef bint served_in_commands
    # it came in that turn of its loop: events found earlier are not its own
    cdef uint64_t since_turn

    # something has happened to its descriptor; `mask` as in net/poller
    cdef int handle(self, int mask) except -1
    # the end of a turn: send what waits to be sent, end what is to end
    cdef int flush(self) except -1
