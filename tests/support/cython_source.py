"""Reads just enough of a .pyx or .pxd: its logical lines, functions and imports.

Strings and comments are blanked out first, so that brackets and keywords inside them do not count;
then lines are joined over brackets and backslashes, and indentation tells where blocks end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'"
    r"|\#[^\n]*",
    re.DOTALL,
)
FUNCTION = re.compile(r"(?:async\s+)?def\s+(\w+)\s*\(|cp?def\s+(?:\([^)]*\)\s*)?[^(=]*?(\w+)\s*\(")
NOT_A_FUNCTION = re.compile(r"cdef\s+(?:extern|class|packed|struct|union|enum|cppclass)\b|cdef\s*:")
FROM_IMPORT = re.compile(r"from\s+(\.*[\w.]*)\s+c?import\s+(.*)")
IMPORT = re.compile(r"c?import\s+(.*)")
INCLUDE = re.compile(r"include\b\s*\"\"")


class Line(NamedTuple):
    """A logical line: physical lines `first` to `last`, its text without strings and comments."""

    first: int
    last: int
    indent: int
    text: str


class Function(NamedTuple):
    name: str
    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class Import(NamedTuple):
    """`from module import names`, or `import module` with no names; dots of a relative one stay."""

    line: int
    module: str
    names: list[str]


def blank(match: re.Match[str]) -> str:
    text = match.group()
    return "" if text.startswith("#") else '""' + "\n" * text.count("\n")


def logical_lines(source: str) -> list[Line]:
    lines: list[Line] = []
    parts: list[str] = []
    first = depth = 0
    # A string of several lines leaves its newlines behind; they count, but end no statement.
    blanked = STRING_OR_COMMENT.sub(lambda match: blank(match).replace("\n", "\0"), source)
    number = 0
    for raw in blanked.split("\n"):
        number += 1
        text = raw.replace("\0", "")
        if not parts:
            first = number
        number += raw.count("\0")
        if not parts and not text.strip():
            continue
        parts.append(text)
        depth += sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))
        if depth > 0 or text.endswith("\\"):
            continue
        indent = len(parts[0]) - len(parts[0].lstrip())
        joined = " ".join(part.rstrip("\\").strip() for part in parts)
        lines.append(Line(first, number, indent, joined))
        parts, depth = [], 0
    return lines


def has_body(text: str) -> bool:
    """Whether a function's first line has the colon of a definition, outside its brackets."""
    return ":" in re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", re.sub(r"\([^()]*\)", "", text))


def functions(source: str) -> list[Function]:
    """Every function, nested ones and methods too, from its `def` to its last statement."""
    lines = logical_lines(source)
    found = []
    for position, line in enumerate(lines):
        match = FUNCTION.match(line.text)
        if match is None or NOT_A_FUNCTION.match(line.text):
            continue
        last = line.last
        for later in lines[position + 1 :]:
            if later.indent <= line.indent:
                break
            last = later.last
        if has_body(line.text):
            found.append(Function(match.group(1) or match.group(2), line.first, last))
    return found


def split_names(text: str) -> list[str]:
    names = (name.split(" as ")[0].strip() for name in text.strip("() ").split(","))
    return [name for name in names if name]


def imports(source: str) -> Iterator[Import]:
    """Imports and cimports, those inside functions too."""
    for line in logical_lines(source):
        if match := FROM_IMPORT.match(line.text):
            yield Import(line.first, match.group(1), split_names(match.group(2)))
        elif match := IMPORT.match(line.text):
            for module in split_names(match.group(1)):
                yield Import(line.first, module, [])


def includes(source: str) -> list[int]:
    """The lines of textual includes."""
    return [line.first for line in logical_lines(source) if INCLUDE.match(line.text)]


def opens_with_docstring(source: str) -> bool:
    lines = source.splitlines()
    code = [line for line in lines if line.strip() and not line.startswith("#")]
    return bool(code) and code[0].lstrip("rR").startswith(('"""', "'''"))
