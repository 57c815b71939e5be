"""Declaring commands, one statement each, and the table an engine makes of the declarations:

    command = family("string")
    command(handler(get), "GET key", READS | FAST, since="1.0.0", cost="O(1)", about="...")

The usage line is the single source of name, arity, key positions and COMMAND INFO / DOCS
(declaration.py); keyword arguments carry what it cannot say. A container of subcommands is declared
before them, with handler 0. Families declare on import, from commands/__init__.py.
"""

from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from carnelian.base.native cimport unlikely
from carnelian.base.slice cimport Slice, slice_is, slice_of
from carnelian.declare.flags cimport SHOWN_FLAGS
from carnelian.engine.keys cimport KeyPlan, KeysFound, keys_find_by_plan

from carnelian.declare.declaration import Declaration


cdef enum:
    NAME_LEN_MAX = 255
    SLOTS_MIN = 64
    LOWER_BITS = 0x2020202020202020
    HASH_FACTOR = 0x9E3779B97F4A7C15

# (handler's address, declaration, flags) of every command, in the order of declaration
DECLARED = []
CONTAINERS = {}                     # declarations of top-level commands, to add subcommands to


cdef class Command:
    """Metadata and counters of one command or subcommand in one engine."""

    def __init__(self, size_t handler_address, declaration, uint32_t flags):
        self.handler = <void *>handler_address
        self.declaration = declaration
        self.name = declaration.full_name
        self.flags = flags
        self.arity = declaration.arity

    cdef bint arity_fits(self, int argc) noexcept:
        return argc == self.arity if self.arity > 0 else argc >= -self.arity

    def with_subcommands(self):
        return [self, *(self.subcommands or {}).values()]

    def reset_figures(self):
        self.calls = self.ticks = self.rejected = self.failed = 0
        self.histogram = None


cdef void keys_find(
    Command command, const Slice *argv, int argc, KeysFound *found
) noexcept nogil:
    if unlikely(command.key_plan is None):
        with gil:
            command.key_plan = KeyPlan(command.declaration)
    if command.key_plan is not None:
        keys_find_by_plan(command.key_plan, argv, argc, found)


cdef inline uint64_t hash_of(const char *name, size_t n) noexcept nogil:
    """The same for a name in upper and in lower case."""
    cdef uint64_t word
    cdef uint64_t h = n
    while n > 8:
        memcpy(&word, name, 8)
        h = (h ^ (word | <uint64_t>LOWER_BITS)) * <uint64_t>HASH_FACTOR
        h ^= h >> 32
        name += 8
        n -= 8
    word = 0
    memcpy(&word, name, n)
    h = (h ^ (word | <uint64_t>LOWER_BITS)) * <uint64_t>HASH_FACTOR
    return h ^ h >> 32


cdef class CommandTable:
    """The commands of one engine by name."""

    def __init__(self):
        cdef Command made
        cdef Command parent
        self.declared = {}
        for address, declaration, flags in DECLARED:
            made = Command(address, declaration, flags)
            if declaration.subcommand is None:
                self.declared[declaration.name.lower().encode()] = made
                continue
            parent = <Command>self.declared[declaration.name.lower().encode()]
            if parent.subcommands is None:
                parent.subcommands = {}
            parent.subcommands[declaration.subcommand.lower().encode()] = made
        self.by_name = self.declared.copy()
        self.index()

    def __dealloc__(self):
        PyMem_Free(self.slots)

    cdef int index(self) except -1:
        """Build the slots anew after `by_name` has changed."""
        cdef size_t count = SLOTS_MIN
        cdef size_t at
        cdef uint64_t h
        cdef bytes name
        while count < 2 * <size_t>len(self.by_name):
            count *= 2
        PyMem_Free(self.slots)
        self.slots = NULL
        self.slots = <NameSlot *>PyMem_Calloc(count, sizeof(NameSlot))
        if self.slots == NULL:
            raise MemoryError
        self.slot_count = count
        self.last = None
        self.last_len = 0
        for item, command in self.by_name.items():
            name = <bytes>item
            h = hash_of(name, <size_t>len(name))
            at = h & (count - 1)
            while self.slots[at].name != NULL:
                at = (at + 1) & (count - 1)
            self.slots[at].hash = h
            self.slots[at].name = name
            self.slots[at].len = <size_t>len(name)
            self.slots[at].command = <void *>command
        return 0

    cdef Command look_up(self, const char *name, size_t n):
        cdef uint64_t h
        cdef size_t at
        if n > NAME_LEN_MAX:
            return None
        h = hash_of(name, n)
        at = h & (self.slot_count - 1)
        while self.slots[at].name != NULL:
            if self.slots[at].hash == h and self.slots[at].len == n and (
                    slice_is(slice_of(name, n), self.slots[at].name)):
                return <Command>self.slots[at].command
            at = (at + 1) & (self.slot_count - 1)
        return None

    cdef Command find(self, const char *name, size_t n):
        """The command of that name in any case, or None."""
        cdef Command found
        if n == self.last_len and memcmp(name, self.last_name, n) == 0:
            return self.last
        found = self.look_up(name, n)
        if found is not None and n < sizeof(self.last_name):
            memcpy(self.last_name, name, n)
            self.last_len = n
            self.last = found
        return found

    cdef Command find_declared(self, const char *name, size_t n):
        """The command of that name here, else the one declared with it."""
        cdef Command found = self.find(name, n)
        return found if found is not None else self.declared.get(name[:n].lower())

    def named(self, bytes name):
        """The command of that name in any case, `container|subcommand` for a subcommand; None."""
        cdef Command found
        first, bar, second = name.lower().partition(b"|")
        found = self.by_name.get(first)
        if found is None or not bar:
            return found
        return (found.subcommands or {}).get(second)

    def rename(self, bytes old, bytes new):
        """rename-command: from now on clients find a command by another name only; by none if that
        is empty. LookupError says why not."""
        found = self.by_name.pop(old.lower(), None)
        if found is None:
            raise LookupError("No such command in rename-command")
        if new.lower() in self.by_name:
            raise LookupError("Target command name already exists")
        if new:
            self.by_name[new.lower()] = found
        self.index()

    def every(self):
        """All commands and their subcommands."""
        return [one for found in self.by_name.values() for one in found.with_subcommands()]

    def reset_figures(self):
        for one in self.every():
            one.reset_figures()


def family(str group):
    """The `command` function of a family module; see docs/ADDING_A_COMMAND.md for its keywords."""

    def command(size_t handler_address, str usage, uint32_t flags=0, **facts):
        declaration = Declaration(usage, flags & SHOWN_FLAGS, group=group, **facts)
        if declaration.subcommand is not None:
            CONTAINERS[declaration.name].subcommands[declaration.subcommand.lower()] = declaration
        else:
            CONTAINERS[declaration.name] = declaration
        DECLARED.append((handler_address, declaration, flags))

    return command
