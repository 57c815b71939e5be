"""Declaring commands: `command(handler(get), "GET key", READS | FAST, ...)`, one statement each.

The usage line is the single source of name, arity, key positions and COMMAND INFO / DOCS (grammar.py).
Keyword arguments carry what the grammar cannot say. Families register on import, in commands/__init__.py.
"""

from libc.string cimport memcmp, memcpy

from carnelian.engine.grammar import quick_arity, quick_name


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

    def usage_tree(self):
        """The parsed usage line (grammar.Usage), made once."""
        if self.parsed is None:
            from carnelian.engine.grammar import parse_usage

            self.parsed = parse_usage(self.usage)
        return self.parsed


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


def command(size_t handler_address, str usage, uint32_t flags, *, str since, str cost, str about,
            str group=None, arity=None, **extra):
    """Register a command; see docs/ADDING_A_COMMAND.md for the keywords."""
    cdef Command made = Command()
    cdef Command parent
    name, subcommand = quick_name(usage)
    made.usage = usage
    made.handler = <void *>handler_address
    made.flags = flags
    made.arity = quick_arity(usage) if arity is None else arity
    made.since = since
    made.cost = cost
    made.about = about
    made.group = group
    made.extra = extra
    if subcommand is None:
        made.name = name.lower()
        registry.by_name[made.name.encode()] = made
        return made
    parent = registry.by_name[name.lower().encode()]
    made.name = f"{parent.name}|{subcommand.lower()}"
    made.parent = parent
    if made.group is None:
        made.group = parent.group
    if parent.subcommands is None:
        parent.subcommands = {}
    parent.subcommands[subcommand.lower().encode()] = made
    return made
