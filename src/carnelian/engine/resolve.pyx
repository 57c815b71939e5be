"""The command that a line of arguments names; see resolve.pxd."""

from carnelian.base.slice cimport Slice
from carnelian.engine.command cimport Command
from carnelian.engine.engine cimport Engine
from carnelian.engine.session cimport INTERNAL, PRIMARY, Session

import carnelian.engine.errors as errors


cdef enum:
    ERROR_ARGS_MAX = 128


cdef Command resolve(Engine engine, Session session, const Slice *argv, int argc):
    """The command or subcommand argv names; CommandError if there is none or the arity does not
    fit."""
    cdef Command command = engine.commands.find(argv[0].ptr, argv[0].len)
    cdef Command found
    cdef bytes name = argv[0].ptr[:min(argv[0].len, <size_t>ERROR_ARGS_MAX)]
    if command is None and session.flags & (PRIMARY | INTERNAL):
        command = engine.commands.find_declared(argv[0].ptr, argv[0].len)
    if command is None:
        raise errors.error(
            b"unknown command '%b', with args beginning with: %b" % (name, quoted_args(argv, argc)))
    if command.subcommands is not None and argc > 1:
        found = command.subcommands.get(argv[1].ptr[:argv[1].len].lower())
        if found is None:
            raise errors.error(b"unknown subcommand '%b'. Try %b HELP." % (
                argv[1].ptr[:min(argv[1].len, <size_t>ERROR_ARGS_MAX)], name.upper()))
        command = found
    elif command.handler == NULL:
        raise errors.error(f"wrong number of arguments for '{command.name}' command")
    if not command.arity_fits(argc):
        command.rejected += 1
        raise errors.error(f"wrong number of arguments for '{command.name}' command")
    return command


cdef bytes quoted_args(const Slice *argv, int argc):
    cdef list parts = []
    cdef size_t used = 0
    cdef size_t room
    cdef int i
    for i in range(1, argc):
        if used >= ERROR_ARGS_MAX:
            break
        room = min(argv[i].len, ERROR_ARGS_MAX - used)
        parts.append(b"'%b' " % argv[i].ptr[:room])
        used += room + 3
    return b"".join(parts)
