"""Which arguments of a given call are keys, and what the call does to them: the plain way.

What engine/keys.pyx does natively is compared with these functions.

A *finder* replaces the specs of the few commands whose keys no spec can describe.
"""

from __future__ import annotations

from carnelian.declare.flags import (
    KEY_ACCESS,
    KEY_INCOMPLETE,
    KEY_NOT_KEY,
    KEY_RO,
    KEY_VARIABLE_FLAGS,
    KEYS_CHANGED,
    KEYS_REPLACED,
    KEYS_TAKEN,
)
from carnelian.declare.keyspec import KeySpec

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Finder = Callable[[Sequence[bytes]], "list[tuple[int, int]]"]

_COUNT_DIGITS_MAX = 18


def keys_of(
    specs: list[KeySpec], argv: Sequence[bytes], finder: Finder | None = None
) -> list[tuple[int, int]]:
    """Index and key flags of every key in the call; empty if the arguments make no sense.

    The specs come first, as in Redis; the finder is asked when they cannot tell the keys, or when
    what is done to a key depends on the arguments.
    """
    real = [spec for spec in specs if not spec.flags & KEY_NOT_KEY]
    if real and not any(spec.flags & KEY_VARIABLE_FLAGS for spec in real):
        found = keys_by_specs(real, argv)
        if found is not None:
            return found
    return finder(argv) if finder is not None else []


def keys_by_specs(specs: list[KeySpec], argv: Sequence[bytes]) -> list[tuple[int, int]] | None:
    """The keys that the specs find; None if one of them cannot tell or the call is malformed."""
    found: list[tuple[int, int]] = []
    for spec in specs:
        if spec.unknown:
            return None
        begin = _sought(spec, argv) if spec.keyword else spec.index
        if begin is None:
            continue  # an optional keyword that is not there
        bounds = _counted_range(spec, argv, begin) if spec.counted else _range(spec, argv, begin)
        if bounds is None:
            return None
        first, last = bounds
        if not 0 < first <= last < len(argv):
            return None
        found += [(index, spec.flags) for index in range(first, last + 1, spec.step)]
        if spec.flags & KEY_INCOMPLETE:
            return None
    return found


def _sought(spec: KeySpec, argv: Sequence[bytes]) -> int | None:
    """The index after the spec's keyword, or None."""
    argc = len(argv)
    # The last argument cannot be the keyword: nothing would follow it.
    forward = range(spec.index, argc - 1)
    places = forward if spec.index > 0 else range(argc + spec.index, 1, -1)
    keyword = spec.keyword.encode()
    for index in places:
        if 0 < index < argc and argv[index].upper() == keyword:
            return index + 1
    return None


def _range(spec: KeySpec, argv: Sequence[bytes], first: int) -> tuple[int, int] | None:
    if spec.last >= 0:
        return first, first + spec.last
    if spec.limit:
        return first, first + (len(argv) - first) // spec.limit + spec.last
    return first, len(argv) + spec.last


def _counted_range(spec: KeySpec, argv: Sequence[bytes], begin: int) -> tuple[int, int] | None:
    at = begin + spec.count_at
    if not 0 < at < len(argv):
        return None
    text = argv[at]
    if not text.isdigit() or len(text) > _COUNT_DIGITS_MAX or (text[0] == 48 and len(text) > 1):
        return None
    first = begin + spec.first
    return first, first + (int(text) - 1) * spec.step


# --- commands whose keys depend on their options -----------------------------------------------
def set_keys(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """SET: the old value is read only if GET asks for it."""
    if len(argv) < 2:
        return []
    reads = any(argument.upper() == b"GET" for argument in argv[3:])
    return [(1, KEYS_CHANGED if reads else KEYS_REPLACED)]


_BITFIELD_OPERANDS = {b"GET": 2, b"OVERFLOW": 1}


def bitfield_keys(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """BITFIELD: a read if there is nothing but GET."""
    if len(argv) < 2:
        return []
    at = 2
    while at < len(argv):
        operands = _BITFIELD_OPERANDS.get(argv[at].upper())
        if operands is None or at + operands >= len(argv):
            return [(1, KEYS_CHANGED)]
        at += operands + 1
    return [(1, KEY_RO | KEY_ACCESS)]


_SORT_OPERANDS = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


def sort_keys(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """SORT: the key and the last STORE; what BY and GET name is known only by sorting."""
    found = sort_ro_keys(argv)
    store = 0
    at = 2
    while at < len(argv):
        word = argv[at].upper()
        if word == b"STORE" and at + 1 < len(argv):
            store = at + 1
        at += 1 + _SORT_OPERANDS.get(word, 0)
    if store:
        found.append((store, KEYS_REPLACED))
    return found


def sort_ro_keys(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """SORT_RO: only the key that is sorted."""
    return [(1, KEY_RO | KEY_ACCESS)] if len(argv) > 1 else []


_MIGRATE_OPERANDS = {b"AUTH": 1, b"AUTH2": 2}


def migrate_keys(argv: Sequence[bytes]) -> list[tuple[int, int]]:
    """MIGRATE: the third argument, or if that is empty all that follows KEYS."""
    at = 6
    while at < len(argv):
        word = argv[at].upper()
        if word == b"KEYS":
            # A key in both places is an error that the command itself reports.
            places = range(at + 1, len(argv)) if not argv[3] else range(0)
            return [(index, KEYS_TAKEN) for index in places]
        at += 1 + _MIGRATE_OPERANDS.get(word, 0)
    return [(3, KEYS_TAKEN)] if len(argv) > 3 else []


FINDERS: dict[str, Finder] = {
    "bitfield": bitfield_keys,
    "migrate": migrate_keys,
    "set": set_keys,
    "sort": sort_keys,
    "sort_ro": sort_ro_keys,
}
