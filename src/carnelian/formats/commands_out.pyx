"""Values as commands; see commands_out.pxd."""

from carnelian.base.numbers cimport INT64_CHARS_MAX, format_uint64
from carnelian.resp.command_writer cimport command_put_head


cdef enum:
    PIECE = 64


cdef void commands_head(CommandsOut *w, size_t words, const char *command) noexcept nogil:
    if w.out.used >= COMMANDS_FULL:
        w.full(w.owner)
    command_put_head(&w.out, words)
    command_put_text(&w.out, command)


cdef void commands_begin(
    CommandsOut *w, const char *command, Slice key, size_t count
) noexcept nogil:
    w.command = command
    w.key = key
    w.left = count
    w.piece_left = 0


cdef void commands_piece(CommandsOut *w, size_t words) noexcept nogil:
    if w.piece_left == 0:
        w.piece_left = min(w.left, <size_t>PIECE)
        w.left -= w.piece_left
        commands_head(w, 2 + w.piece_left * words, w.command)
        commands_put(w, w.key)
    w.piece_left -= 1


cdef void commands_put_id(CommandsOut *w, StreamId id) noexcept nogil:
    cdef char text[2 * INT64_CHARS_MAX + 1]
    cdef int n = format_uint64(text, id.ms)
    text[n] = c'-'
    n += 1
    n += format_uint64(text + n, id.seq)
    command_put_word(&w.out, text, n)
