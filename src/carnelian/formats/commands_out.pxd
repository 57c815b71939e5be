"""A data set as commands, as types write their values: pieces of collections, IDs of streams.

    commands_begin(&w, b"RPUSH", key, list_count(e))
    for each element:  commands_piece(&w, 1);  commands_put(&w, element)

Collections go in pieces of 64 elements, as Redis writes them, so that no command is huge. Whoever
writes the data set owns the CommandsOut and takes what it holds when `full` is called.
"""

from libc.stdint cimport int64_t

from carnelian.base.slice cimport Slice
from carnelian.encodings.stream_id cimport StreamId
from carnelian.resp.command_writer cimport (
    CommandBuffer, command_put_int, command_put_text, command_put_word,
)


cdef enum:
    COMMANDS_FULL = 1 << 18    # bytes at which `full` is called, between commands

cdef struct CommandsOut:
    CommandBuffer out
    void (*full)(void *owner) noexcept nogil
    void *owner
    const char *command        # of the pieces
    Slice key
    size_t left                # elements of the collection not yet written
    size_t piece_left          # ... of the command that is being written

# A collection of so many elements, each of which begins with commands_piece.
cdef void commands_begin(
    CommandsOut *w, const char *command, Slice key, size_t count) noexcept nogil
# The head of another command, if it is time; an element takes so many words.
cdef void commands_piece(CommandsOut *w, size_t words) noexcept nogil
# A command of so many words, with the first: the rest is put by the caller.
cdef void commands_head(CommandsOut *w, size_t words, const char *command) noexcept nogil
cdef void commands_put_id(CommandsOut *w, StreamId id) noexcept nogil


cdef inline void commands_put(CommandsOut *w, Slice word) noexcept nogil:
    command_put_word(&w.out, word.ptr, word.len)


cdef inline void commands_put_text(CommandsOut *w, const char *word) noexcept nogil:
    command_put_text(&w.out, word)


cdef inline void commands_put_int(CommandsOut *w, int64_t value) noexcept nogil:
    command_put_int(&w.out, value)
