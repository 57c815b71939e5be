"""Where the keys of a command are: key specifications, as COMMAND INFO shows them.

A KeySpec is a small immutable record owned by its command's Declaration. `derive_specs` reads them
off a usage line; `parse_spec` reads an override, for what a usage line cannot say:

    "1 RO access"                one key, at index 1 of the argument vector
    "1..-1/2 OW update"          keys from index 1 to the last argument, every second one
    "2#/1 RW access update"      a count at index 2, then so many keys, every one
    "STREAMS@4..-1:2 RO access"  after the word STREAMS, sought from index 4 on; the keys are the
                                 first half of what follows
    "KEYS@-2..-1 RW delete"      sought backwards from the second last argument
    "? OW update"                somewhere: only the command's own finder knows
"""

from __future__ import annotations

from carnelian.declare.argument import Argument
from carnelian.declare.flags import (
    BLOCKING,
    DENY_OOM,
    KEY_ACCESS,
    KEY_FLAG_NAMES,
    KEY_INCOMPLETE,
    KEY_NOT_KEY,
    KEY_RO,
    KEYS_CHANGED,
    KEYS_EXTENDED,
    KEYS_REDUCED,
    KEYS_REPLACED,
    KEYS_TAKEN,
    KEYS_UPDATED,
    READS,
    WRITES,
    bits_of,
)

_DESTINATIONS = frozenset(("destination", "destkey", "dst", "newkey"))
_STORE_TOKENS = frozenset(("STORE", "STOREDIST"))
# A shard channel is routed like a key by cluster clients.
_CHANNEL = "shardchannel"


class KeySpec:
    """One way to find keys: where the search begins, and which arguments from there are keys."""

    __slots__ = (
        "count_at",
        "first",
        "flags",
        "index",
        "keyword",
        "last",
        "limit",
        "notes",
        "optional",
        "step",
        "unknown",
    )

    def __init__(self, index: int = 0, flags: int = 0) -> None:
        self.index = index  # of the first key or of the count; where to seek the keyword from
        self.flags = flags
        self.keyword = ""
        self.unknown = False
        self.optional = False  # the keys may be absent from a well-formed call
        self.last = 0  # relative to the first key; negative: to the end of the arguments
        self.step = 1
        self.limit = 0  # the keys are the first 1/limit of the arguments (0: all of them)
        self.count_at = -1  # where the count of keys is, relative to the beginning; -1: no count
        self.first = 0  # with a count: where the keys begin, relative to the beginning
        self.notes = ""

    @property
    def counted(self) -> bool:
        """Whether an argument tells the number of keys."""
        return self.count_at >= 0

    @property
    def plain(self) -> bool:
        """Whether the legacy first/last/step triple could say it."""
        return not (self.unknown or self.keyword or self.counted)


def parse_spec(text: str) -> KeySpec:
    """A key spec from its override text, see the module's head."""
    where, _, names = text.partition(" ")
    spec = KeySpec(flags=bits_of(names, KEY_FLAG_NAMES))
    if where == "?":
        spec.unknown = True
        return spec
    spec.keyword, _, where = where.rpartition("@")
    where, _, limit = where.partition(":")
    where, _, step = where.partition("/")
    where, ranged, last = where.partition("..")
    if where.endswith("#"):
        where = where[:-1]
        spec.count_at = 0
        spec.first = 1
    spec.index = int(where)
    spec.limit = int(limit or 0)
    spec.step = int(step or 1)
    if ranged:
        # Written as an index, kept relative to the first key as Redis does.
        spec.last = int(last)
        if spec.last >= 0 and not spec.keyword:
            spec.last -= spec.index
    if spec.index == 0 or spec.step < 1 or spec.limit < 0:
        raise ValueError(f"bad key spec {text!r}")
    return spec


def derive_specs(arguments: list[Argument], head_words: int, command_flags: int) -> list[KeySpec]:
    """The key specs that the arguments tell, in order; marks each key argument with its spec."""
    finder = _Finder()
    finder.visit(arguments, _Place(head_words, True, []))
    for spec, role in zip(finder.specs, finder.roles(), strict=True):
        if not spec.flags:
            spec.flags = _default_flags(command_flags, role, spec.counted)
    return finder.specs


def legacy_range(specs: list[KeySpec]) -> tuple[int, int, int, bool]:
    """First key, last key and step as COMMAND INFO shows them, and whether keys are movable."""
    if not specs:
        return 0, 0, 0, False
    if len(specs) == 1 and specs[0].plain:
        only = specs[0]
        last = only.last if only.last < 0 else only.index + only.last
        return only.index, last, only.step, bool(only.flags & KEY_INCOMPLETE)
    first = last = previous = 0
    movable = False
    for spec in specs:
        # Only specs that continue each other make up the range.
        if not spec.plain or spec.step != 1 or (previous and previous != spec.index - 1):
            movable = True
            continue
        if spec.flags & KEY_INCOMPLETE:
            movable = True
        first = min(first, spec.index) if first else spec.index
        end = spec.last if spec.last < 0 else spec.index + spec.last
        last = end if end < 0 or (last >= 0 and end > last) else last
        previous = last
    if not first:
        return 0, 0, 0, True
    return first, last, 1, movable


class _Place:
    """Where in a usage line an argument stands."""

    __slots__ = ("after", "at", "exact", "previous", "unsure")

    def __init__(self, at: int, exact: bool, after: list[Argument], unsure: bool = False) -> None:
        self.at = at  # index in the argument vector; the least one unless exact
        self.exact = exact
        self.after = after  # what follows it on the line
        self.unsure = unsure  # it may be absent
        self.previous: Argument | None = None  # what stands just before it


class _Finder:
    """Walks the arguments of a command and collects the key specs."""

    def __init__(self) -> None:
        self.specs: list[KeySpec] = []
        self.keys: list[Argument] = []  # of each spec: the argument it was read from

    def visit(self, arguments: list[Argument], start: _Place) -> None:
        """Look for keys in arguments of which the first stands at `start`."""
        at, exact = start.at, start.exact
        for number, argument in enumerate(arguments):
            after = arguments[number + 1 :] + start.after
            place = _Place(at, exact, after, start.unsure or argument.optional)
            place.previous = arguments[number - 1] if number else None
            self._visit_one(argument, place)
            least, fixed = argument.words()
            at += least
            exact = exact and fixed

    def _visit_one(self, argument: Argument, place: _Place) -> None:
        if argument.type == "key" or argument.name == _CHANNEL:
            self._add(argument, argument, place)
        elif argument.type == "oneof":
            inside = place.at + (1 if argument.token else 0)
            for choice in argument.arguments:
                self.visit([choice], _Place(inside, place.exact, place.after, True))
        elif argument.type == "block" and argument.multiple:
            self._visit_repeated(argument, place)
        elif argument.arguments:
            inside = place.at + (1 if argument.token else 0)
            before = len(self.specs)
            self.visit(argument.arguments, _Place(inside, place.exact, place.after, place.unsure))
            if argument.token and (place.unsure or not place.exact):
                # Only the token of the block says where its keys are.
                for spec in self.specs[before:]:
                    _seek(spec, argument.token, inside, place.at)

    def _visit_repeated(self, block: Argument, place: _Place) -> None:
        """`key value [key value ...]`: keys at regular distances."""
        at = place.at + (1 if block.token else 0)
        for argument in block.arguments:
            if argument.type == "key" and not argument.multiple:
                inside = _Place(at, place.exact, place.after, place.unsure)
                inside.previous = place.previous
                self._add(argument, block, inside)
            at += argument.words()[0]

    def _add(self, key: Argument, repeated: Argument, place: _Place) -> None:
        """Add the spec of one key argument; `repeated` is what carries its repetition."""
        if self._extends_pair(key):
            key.key_spec = len(self.specs) - 1
            self.specs[-1].last += 1
            return
        if key.name != _CHANNEL:
            key.key_spec = len(self.specs)
        inside = place.at + (1 if key.token else 0)
        spec = KeySpec(inside, KEY_NOT_KEY if key.name == _CHANNEL else 0)
        spec.optional = place.unsure
        if not place.exact:
            spec.unknown = True
        if repeated.multiple:
            spec.step = repeated.unit_words()[0] if repeated is not key else 1
            if place.previous is not None and place.previous.name == "numkeys":
                spec.index = place.at - 1
                spec.count_at = 0
                spec.first = 1
            else:
                _reach_to_end(spec, place.after)
        if key.token and (place.unsure or not place.exact):
            _seek(spec, key.token, inside, place.at)
        self.specs.append(spec)
        self.keys.append(key)

    def _extends_pair(self, key: Argument) -> bool:
        """`key1 key2`: numbered names make one range."""
        if not self.keys:
            return False
        stem = key.name.rstrip("0123456789")
        before = self.keys[-1]
        if before.multiple or key.name in (before.name, stem):
            return False
        return before.name.rstrip("0123456789") == stem

    def roles(self) -> list[str]:
        """What each key is to the command: a destination, the source of a move, or just a key."""
        stores = [k.name in _DESTINATIONS or k.token in _STORE_TOKENS for k in self.keys]
        names = [key.name for key in self.keys]
        if names == ["source", "destination"]:
            return ["moved from", "moved to"]
        if names == ["key", "newkey"]:
            return ["moved from", "destination"]
        other = "source" if any(stores) else "key"
        return ["destination" if store else other for store in stores]


def _reach_to_end(spec: KeySpec, after: list[Argument]) -> None:
    """Repeated keys reach to the end of the line, less what must follow them."""
    spec.last = -1
    parallel = [argument for argument in after if argument.multiple]
    if parallel:
        spec.limit = 1 + len(parallel)
        return
    for argument in after:
        least, fixed = argument.words()
        spec.last -= least
        if not fixed:
            spec.unknown = True


def _seek(spec: KeySpec, keyword: str, inside: int, start: int) -> None:
    """Turn a spec relative to the first word after a token into a search for the token."""
    if not spec.keyword and spec.index == inside:
        spec.keyword = keyword
        spec.index = start
        spec.unknown = False


def _default_flags(command_flags: int, role: str, counted: bool) -> int:
    """What a command does to a key, as far as its flags and the key's role tell."""
    found: int
    if command_flags & READS:
        found = KEY_RO | KEY_ACCESS
    elif not command_flags & WRITES:
        # A script may do anything to its keys; nothing else neither reads nor writes them.
        found = KEYS_CHANGED if counted else KEY_RO
    elif role in _ROLE_FLAGS:
        found = _ROLE_FLAGS[role]
    elif command_flags & DENY_OOM:
        found = KEYS_UPDATED
    else:
        # A write that needs no memory removes something; one that waits for data takes it.
        found = KEYS_TAKEN if command_flags & BLOCKING else KEYS_REDUCED
    return found


_ROLE_FLAGS = {
    "destination": KEYS_REPLACED,
    "source": KEY_RO | KEY_ACCESS,
    "moved from": KEYS_TAKEN,
    "moved to": KEYS_EXTENDED,
}


def spec_reply(spec: KeySpec) -> tuple[tuple[str, dict[str, int | str]], ...]:
    """`begin_search` and `find_keys`: their type and their fields in the order of Redis."""
    if spec.unknown:
        return ("unknown", {}), ("unknown", {})
    begin: tuple[str, dict[str, int | str]]
    if spec.keyword:
        begin = "keyword", {"keyword": spec.keyword, "startfrom": spec.index}
    else:
        begin = "index", {"index": spec.index}
    find: tuple[str, dict[str, int | str]]
    if spec.counted:
        find = (
            "keynum",
            {"keynumidx": spec.count_at, "firstkey": spec.first, "keystep": spec.step},
        )
    else:
        find = "range", {"lastkey": spec.last, "keystep": spec.step, "limit": spec.limit}
    return begin, find
