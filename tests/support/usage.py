"""Which names the product declares and never uses: by name alone, over all of src/.

A name counts as used where it stands outside the statement that declares it, outside its own body
and outside imports; also within the braces of an f-string. Two things of one name hide each other,
so this finds no false alarms, and not everything.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support import cython_source
from tests.support.cython_source import FUNCTION, NOT_A_FUNCTION, STRING_OR_COMMENT, Line, blank
from tests.support.house import SOURCE, product_files, text

# A setting is declared for users; tests/services/test_config_effects.py looks for its reader.
SETTINGS = SOURCE / "carnelian" / "services" / "config" / "declared"
WORD = re.compile(r"[A-Za-z_]\w*")
BRACES = re.compile(r"\{([^{}]*)\}")
CLASS = re.compile(r"(?:cdef\s+|cpdef\s+)?class\s+(\w+)")
RECORD = re.compile(
    r"(?:ctypedef\s+)?(?:cdef\s+|cpdef\s+)?(?:packed\s+)?(enum|struct|union)\b\s*(\w*).*:"
)
EXTERN = re.compile(r"cdef\s+extern\b")
GROUP = re.compile(r"cdef\s*(?:nogil|inline)?\s*:")
CONSTANT = re.compile(r"([A-Za-z_]\w*)\s*(?::[^=]*)?=[^=]")
LAST_WORD = re.compile(r"(\w+)\s*$")
ARRAY = re.compile(r"\[[^\]]*\]")
FUNCTION_NAME = re.compile(r"(\w+)\s*\(")
IMPORT = re.compile(r"(?:from\s+\S+\s+)?c?import\b")


class Declared(NamedTuple):
    name: str
    path: Path
    first: int
    last: int


def words(source: str) -> Iterator[tuple[str, int]]:
    """Each identifier with its line; of strings only what an f-string computes."""

    def keep_computed(match: re.Match[str]) -> str:
        prefix = source[max(0, match.start() - 2) : match.start()].lower()
        computed = " ".join(BRACES.findall(match.group()))
        if computed and prefix.endswith(("f", "fr", "rf")):
            return f" {' '.join(computed.split())} " + "\n" * match.group().count("\n")
        return blank(match)

    for number, line in enumerate(STRING_OR_COMMENT.sub(keep_computed, source).split("\n"), 1):
        for word in WORD.findall(line):
            yield word, number


def body_end(lines: list[Line], position: int) -> int:
    last = lines[position].last
    for later in lines[position + 1 :]:
        if later.indent <= lines[position].indent:
            break
        last = later.last
    return last


def names_of(line: Line, inside: str) -> list[str]:
    """What one statement declares, given the kind of block it stands in; no class or function."""
    left = ARRAY.sub("", line.text.split("=")[0])
    if inside == "enum":
        return [word[0] for part in line.text.split(",") if (word := WORD.search(part))]
    if inside == "extern":
        found = FUNCTION_NAME.search(line.text) or LAST_WORD.search(left)
        return [found[1]] if found else []
    if inside in ("struct", "union") or (inside == "class" and line.text.startswith("cdef")):
        return [found[1] for part in left.split(",") if (found := LAST_WORD.search(part))]
    if (inside == "class" or not line.indent) and (found := CONSTANT.match(line.text)):
        return [found[1]]
    if not line.indent and line.text.startswith("cdef") and (found := LAST_WORD.search(left)):
        return [found[1]]
    return []


def declared(path: Path) -> Iterator[Declared]:
    """Functions, classes, fields, enum members, module variables and what is declared of C."""
    lines = cython_source.logical_lines(text(path))
    around: list[tuple[int, str]] = []  # the blocks this line stands in: indent and kind
    for position, line in enumerate(lines):
        while around and around[-1][0] >= line.indent:
            around.pop()
        inside = around[-1][1] if around else ""
        names, last, opens = [], line.last, ""
        if found := CLASS.match(line.text):
            names, opens = [found[1]], "class"
        elif found := RECORD.match(line.text):
            names, opens = [found[2]], found[1]
        elif EXTERN.match(line.text):
            opens = "extern"
        elif GROUP.match(line.text):
            opens = inside
        elif (found := FUNCTION.match(line.text)) and not NOT_A_FUNCTION.match(line.text):
            names, opens = [found[1] or found[2]], "function"
            last = body_end(lines, position)
        else:
            names = names_of(line, inside)
        if opens:
            around.append((line.indent, opens))
        for name in filter(None, names):
            yield Declared(name, path, line.first, last)


def import_lines(path: Path) -> Iterator[int]:
    for line in cython_source.logical_lines(text(path)):
        if IMPORT.match(line.text):
            yield from range(line.first, line.last + 1)


def unused() -> list[Declared]:
    """The declarations whose name stands nowhere else. Special methods are called by Python."""
    declarations: dict[str, list[Declared]] = defaultdict(list)
    uses: dict[str, set[tuple[Path, int]]] = defaultdict(set)
    for path in product_files():
        if path.parent != SETTINGS:
            for one in declared(path):
                declarations[one.name].append(one)
        imports = set(import_lines(path))
        for word, line in words(text(path)):
            if line not in imports:
                uses[word].add((path, line))
    found = []
    for name, places in declarations.items():
        own = {(one.path, line) for one in places for line in range(one.first, one.last + 1)}
        if not uses[name] - own and not (name.startswith("__") and name.endswith("__")):
            found.append(places[0])
    return found
