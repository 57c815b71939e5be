"""Declaring commands, one statement each:

    command = family("string")
    command(handler(get), "GET key", READS | FAST, since="1.0.0", cost="O(1)", about="...")

The usage line is the single source of name, arity, key positions and COMMAND INFO / DOCS
(declaration.py); keyword arguments carry what it cannot say. A container of subcommands is declared
before them, with handler 0. Families register on import, from commands/__init__.py.
"""

from libc.string cimport memcmp, memcpy

from carnelian.declare.declaration import Declaration


cdef class Command:
    """Metadata and counters of one command or subcommand."""

    cdef bint arity_fits(self, int argc) noexcept:
        return argc == self.arity if self.arity > 0 else argc >= -self.arity

    @property
    def figures(self):
        """calls, ticks, rejected, failed."""
        return self.calls, self.ticks, self.rejected, self.failed

    def reset_figures(self):
        self.calls = self.ticks = self.rejected = self.failed = 0
        self.histogram = None


cdef class Registry:
    """All commands by name."""

    def __cinit__(self):
        self.by_name = {}

    cdef Command find(self, const char *name, size_t n):
        """The command of that name in any case, or None."""
        cdef Command found
        if n == self.last_len and memcmp(name, self.last_name, n) == 0:
            return self.last
        found = self.by_name.get(name[:n].lower())
        if found is not None and n < sizeof(self.last_name):
            memcpy(self.last_name, name, n)
            self.last_len = n
            self.last = found
        return found


registry = Registry()


def commands():
    """Every top-level command by lower-case name."""
    return registry.by_name


def _register(made):
    cdef Command command = made
    cdef Command parent
    declaration = command.declaration
    command.name = declaration.full_name
    if declaration.subcommand is None:
        registry.by_name[command.name.encode()] = command
        return
    parent = registry.by_name[declaration.name.lower().encode()]
    command.parent = parent
    if parent.subcommands is None:
        parent.subcommands = {}
    parent.subcommands[declaration.subcommand.lower().encode()] = command
    parent.declaration.subcommands[declaration.subcommand.lower()] = declaration


def family(str group):
    """The `command` function of a family module; see docs/ADDING_A_COMMAND.md for its keywords."""

    def command(size_t handler_address, str usage, uint32_t flags=0, **facts):
        cdef Command made = Command()
        made.declaration = Declaration(usage, flags & SHOWN_FLAGS, group=group, **facts)
        made.handler = <void *>handler_address
        made.flags = flags
        made.arity = made.declaration.arity
        _register(made)
        return made

    return command
